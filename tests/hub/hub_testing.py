"""What the tests of the hub's commands share: a fake hub, an empty cache, and running the program with both."""

import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import command_testing  # noqa: E402
from command_testing import CommandTest  # noqa: E402
from fake_hub import COMMIT, FakeHub  # noqa: E402

FORBIDDEN = ("HF_", "HUGGING", "XDG_CACHE", "TRANSFORMERS_OFFLINE", "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
             "ALL_PROXY")  # fmt: skip
TOKEN = "hf_secretSECRETsecret"
PART = ("--part-bytes", "10000")  # ten ranges for the usual file
CONFIG = b'{"model_type": "llama"}'


def content(size: int, seed=1) -> bytes:
    return random.Random(seed).randbytes(size)


class HubTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.hub = FakeHub()
        self.addCleanup(self.hub.close)
        self.cache = self.folder / "hub"
        self.hub.add("config.json", CONFIG, large=False)
        self.hub.add("tiny-Q8_0.gguf", content(100_000))
        self.hub.add("tiny-F16.gguf", content(5_000, 2))
        self.hub.add("README.md", b"# tiny\n", large=False)

    def variables(self, **more) -> dict:
        clean = {name: None for name in os.environ if name.startswith(FORBIDDEN)}
        return clean | {"HF_ENDPOINT": self.hub.endpoint, "HF_HUB_CACHE": str(self.cache), "HF_HOME": str(self.folder / "home"),
                        "STERNA_HUB_RETRY_MS": "5"} | more  # fmt: skip

    def start(self, *arguments, environment=None, **options):
        chosen = self.variables() | (environment or {})
        absent = [name for name, value in chosen.items() if value is None]
        for name in absent:
            os.environ.pop(name, None)
        return super().start(*arguments, environment={name: value for name, value in chosen.items() if value is not None}, **options)

    def pull(self, *arguments, **options):
        """Exit code, standard output, standard error."""
        code, out, error = self.run_sterna("pull", *(arguments or ("org/tiny:Q8_0",)), **options)
        self.assertNotIn(TOKEN.encode(), out + error)
        return code, out.decode(), error.decode()

    def pull_well(self, *arguments, **options) -> pathlib.Path:
        code, out, error = self.pull(*arguments, **options)
        self.assertEqual(code, 0, error)
        return pathlib.Path(out.splitlines()[-1])

    def pull_badly(self, *arguments, says="", code=1, **options) -> str:
        found, out, error = self.pull(*arguments, **options)
        lines = [line for line in error.splitlines() if line.startswith("error: ")]
        self.assertEqual((found, out, len(lines)), (code, "", 1), error)
        self.assertIn(says, lines[0])
        self.assert_nothing_is_final()
        return error

    def repo(self) -> pathlib.Path:
        return self.cache / "models--org--tiny"

    def assert_nothing_is_final(self) -> None:
        """No blob has its final name, no snapshot names one, and nothing lies outside the cache."""
        blobs = [path.name for path in self.repo().glob("blobs/*") if not path.name.endswith(".incomplete")]
        files = [path for path in self.repo().glob("snapshots/*/*") if path.name.endswith(".gguf")]
        self.assertEqual((blobs, files, list(self.repo().glob("refs/*"))), ([], [], []))
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name not in ("hub", "home")], [])

    def partials(self) -> list:
        return sorted(self.repo().glob("blobs/*.incomplete"))

    def assert_pulled(self, path: pathlib.Path, name="tiny-Q8_0.gguf") -> None:
        file = self.hub.files[name]
        self.assertEqual(path, self.repo() / "snapshots" / COMMIT / name)
        self.assertEqual(os.readlink(path), "../" * name.count("/") + f"../../blobs/{file.hash}")
        self.assertEqual(path.read_bytes(), file.data)
        self.assertEqual((self.repo() / "refs" / "main").read_text(), COMMIT)
        self.assertEqual(self.partials(), [])


main = command_testing.main
