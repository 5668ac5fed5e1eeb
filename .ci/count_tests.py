"""Adds up JUnit reports, of ctest and of GoogleTest, and prints "PASSED FAILED SKIPPED"."""

import sys
import xml.etree.ElementTree as ElementTree


def outcome(case: ElementTree.Element) -> str:
    """passed, failed, skipped, or nothing for a test that is disabled or filtered out."""
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    if case.find("skipped") is not None or case.get("result") == "skipped":
        # ctest also writes <skipped> for a test whose program is missing: that one failed to run.
        missing = case.get("status") == "notrun" and "Unable to find executable" in ElementTree.tostring(case, encoding="unicode")
        return "failed" if missing else "skipped"
    if case.get("status") in ("disabled", "notrun"):
        return ""
    return "passed"


def count(reports: list[str]) -> dict[str, int]:
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for report in reports:
        for case in ElementTree.parse(report).iter("testcase"):
            if result := outcome(case):
                totals[result] += 1
    return totals


if __name__ == "__main__":
    print(*count(sys.argv[1:]).values())
