"""The totals of .ci/run count what happened: a failure, a skip or a missing program is never a pass."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import count_tests  # noqa: E402

CTEST = """<testsuite name="x" tests="5">
  <testcase name="a" status="run"/>
  <testcase name="b" status="fail"><failure message=""/></testcase>
  <testcase name="c" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>
  <testcase name="d" status="disabled"/>
  <testcase name="e" status="notrun"><skipped message="Unable to find executable"/></testcase>
</testsuite>"""
GOOGLE_TEST = """<testsuites tests="4"><testsuite name="S" tests="4">
  <testcase name="a" status="run" result="completed"/>
  <testcase name="b" status="run" result="completed"><failure message="x"/></testcase>
  <testcase name="c" status="run" result="skipped"><skipped message="no AVX-512"/></testcase>
  <testcase name="d" status="notrun" result="suppressed"/>
</testsuite></testsuites>"""


class CountTests(unittest.TestCase):
    def count(self, *reports: str) -> dict[str, int]:
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number, report in enumerate(reports):
                paths.append(str(pathlib.Path(folder) / f"{number}.xml"))
                pathlib.Path(paths[-1]).write_text(report)
            return count_tests.count(paths)

    def test_ctest_report(self) -> None:
        self.assertEqual(self.count(CTEST), {"passed": 1, "failed": 2, "skipped": 1})

    def test_google_test_report(self) -> None:
        self.assertEqual(self.count(GOOGLE_TEST), {"passed": 1, "failed": 1, "skipped": 1})

    def test_reports_add_up(self) -> None:
        self.assertEqual(self.count(CTEST, GOOGLE_TEST, CTEST), {"passed": 3, "failed": 5, "skipped": 3})

    def test_no_report_is_no_pass(self) -> None:
        self.assertEqual(self.count(), {"passed": 0, "failed": 0, "skipped": 0})


if __name__ == "__main__":
    unittest.main()
