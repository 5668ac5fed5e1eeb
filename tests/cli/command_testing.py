"""What the tests of the command line share: running the program, small models made from the fixtures, reading what it wrote.

Every test program takes --sterna PROGRAM; the rest of its arguments are unittest's.
"""

import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = REPOSITORY / "tests" / "fixtures"
MODELS = FIXTURES / "models"
GOLDEN_MODELS = ("bitnet-packed", "bitnet-packed-tied", "bitnet-master", "llama-bitlinear", "llama-autobitlinear-rms",
                 "llama-dense-rope3", "qwen3-dense")  # fmt: skip
NO_CACHE = {"STERNA_TOKENIZER_CACHE": "off"}  # tests leave no files in the caches of whoever runs them
TIMEOUT_SECONDS = 300  # for programs that hang; sanitizers on a crowded machine take a while


def smollm2_path() -> pathlib.Path | None:
    """Where tools/fetch_model.py puts the first model; None where it was not fetched."""
    sys.path.insert(0, str(REPOSITORY / "tools"))
    import fetch_model

    path = fetch_model.models_folder(dict(os.environ)) / "SmolLM2-135M-Instruct.Q4_1.gguf"
    return path if path.is_file() else None


NO_SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf is absent; tools/fetch_model.py downloads it"


def byte_characters() -> dict[int, str]:
    """GPT-2's printable character for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {byte: chr(byte) for byte in printable}
    hidden = [byte for byte in range(256) if byte not in table]
    return table | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def byte_tokenizer() -> dict:
    """A byte-level BPE of 260 tokens: 256 bytes, `he`, `ll`, and the control tokens <|begin|> and <|end|>."""
    vocab = {character: byte for byte, character in byte_characters().items()}
    vocab |= {"he": 256, "ll": 257, "<|begin|>": 258, "<|end|>": 259}
    control = [{"id": vocab[text], "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
                "special": True} for text in ("<|begin|>", "<|end|>")]  # fmt: skip
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
             "fuse_unk": False, "byte_fallback": False, "vocab": {text: id for text, id in vocab.items() if id < 258},
             "merges": ["h e", "l l"]}  # fmt: skip
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": control, "normalizer": None,
            "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level, "model": model}  # fmt: skip


TOKENIZER_CONFIG = {"add_bos_token": True, "bos_token": "<|begin|>", "eos_token": "<|end|>"}
CHAT_TEMPLATE = ("{{ bos_token }}{% for message in messages %}[{{ message.role }}]{{ message.content }}{% endfor %}"
                 "{% if add_generation_prompt %}[assistant]{% endif %}")  # fmt: skip


def golden(name: str) -> dict:
    return json.loads((MODELS / name / "golden.json").read_text())


def read_safetensors(path: pathlib.Path) -> dict[str, tuple[list[int], bytes]]:
    """Name to shape and bytes."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    return {name: (entry["shape"], body[slice(*entry["data_offsets"])]) for name, entry in header.items() if name != "__metadata__"}


def write_safetensors(path: pathlib.Path, tensors: dict[str, tuple[str, list[int], bytes]]) -> None:
    header, offset = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))


def floats(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 4}f", data)


class CommandTest(unittest.TestCase):
    sterna = ""  # set by main()

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sterna-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, *arguments, environment=None, **options) -> subprocess.Popen:
        """stdin is empty unless given."""
        settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        variables = {key: value for key, value in os.environ.items() if key != "STERNA_ISA"} | NO_CACHE | (environment or {})
        return subprocess.Popen([self.sterna, *map(os.fspath, arguments)], env=variables, cwd=self.folder, **settings)

    def run_sterna(self, *arguments, text: str | bytes | None = None, environment=None, **options):
        """Returns exit code, standard output and standard error (bytes)."""
        if text is not None:
            options["stdin"] = subprocess.PIPE
        process = self.start(*arguments, environment=environment, **options)
        data = text.encode() if isinstance(text, str) else text
        try:
            out, error = process.communicate(data, timeout=TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.fail(f"{arguments}: no end after {TIMEOUT_SECONDS} s")
        return process.returncode, out, error

    def succeed(self, *arguments, **options) -> str:
        """Standard output of a command that must succeed and say nothing on standard error."""
        code, out, error = self.run_sterna(*arguments, **options)
        self.assertEqual((code, error.decode()), (0, ""), arguments)
        return out.decode()

    def refuse(self, *arguments, code=1, says: str = "", **options) -> str:
        """A command that must fail in the promised way; returns its message."""
        before = sorted(self.folder.rglob("*"))
        found, out, error = self.run_sterna(*arguments, **options)
        lines = error.decode().splitlines()
        about = f"{arguments}: exit code {found}, standard error {lines}"
        self.assertEqual(found, code, about)
        self.assertIn(out, (b"", None), about)
        self.assertTrue(lines and lines[0].startswith("error: ") and len(lines[0]) > len("error: "), about)
        self.assertTrue(all(line.startswith("hint: ") for line in lines[1:]) and len(lines) <= 2, about)
        self.assertIn(says, lines[0], about)
        self.assertEqual(sorted(self.folder.rglob("*")), before, f"{arguments}: left a file behind")
        return lines[0]

    def interrupt(self, process: subprocess.Popen) -> int:
        process.send_signal(signal.SIGINT)
        return process.wait(timeout=TIMEOUT_SECONDS)

    def talking_model(self, name="bitnet-packed", base="model", chat_template=CHAT_TEMPLATE) -> pathlib.Path:
        """A golden model with byte_tokenizer() and a chat template, as a Hugging Face directory."""
        folder = self.folder / base
        folder.mkdir()
        for part in ("config.json", "model.safetensors"):
            (folder / part).symlink_to(MODELS / name / part)
        (folder / "tokenizer.json").write_text(json.dumps(byte_tokenizer()))
        (folder / "tokenizer_config.json").write_text(json.dumps(TOKENIZER_CONFIG | {"chat_template": chat_template}))
        return folder


def main() -> None:
    arguments = sys.argv[1:]
    if len(arguments) < 2 or arguments[0] != "--sterna":
        sys.exit(f"usage: {sys.argv[0]} --sterna PROGRAM [unittest argument...]")
    CommandTest.sterna = str(pathlib.Path(arguments[1]).resolve())
    program = unittest.main(argv=[sys.argv[0], *arguments[2:]], exit=False, verbosity=1)
    # 77 tells ctest that nothing could be tested here; unittest has printed why.
    result = program.result
    if result.wasSuccessful() and result.testsRun > 0 and len(result.skipped) == result.testsRun:
        for test, reason in result.skipped:
            print(f"SKIPPED {test}: {reason}")
        sys.exit(77)
    sys.exit(0 if result.wasSuccessful() else 1)
