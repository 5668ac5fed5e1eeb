"""Runs every command that README.md, docs/cli.md, docs/models.md and docs/templates.md show: lines of ```sh blocks that start with
`sterna` or build/release/bin/sterna.

MODEL.gguf stands for a small model made from the fixtures, DIR for a checkpoint directory; a command that names SmolLM2.gguf needs that
model and is skipped without it. The commands of one document run in one folder, in order.
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import unittest

import command_testing
from command_testing import CHAT_TEMPLATE, NO_SMOLLM2, REPOSITORY, CommandTest, smollm2_path

# What stands for the models that docs/models.md names: a golden model, and the type of a GGUF file made of it.
STAND_INS = {
    "bitnet-b1.58-2B-4T": ("bitnet-packed", None), "bitnet-b1.58-2B-4T-bf16": ("bitnet-master", None),
    "ggml-model-i2_s.gguf": ("bitnet-packed", "I2_S"), "bitnet_b1_58-large": ("bitnet-master", None),
    "Llama3-8B-1.58-100B-tokens": ("llama-bitlinear", None), "Falcon3-7B-Instruct-1.58bit": ("llama-bitlinear", None),
    "Falcon-E-1B-Instruct": ("llama-bitlinear", None), "TriLM_390M-TQ1_0.gguf": ("llama-bitlinear", "TQ1_0"),
    "bitnet-embedding-0.6b": ("qwen3-embedding", None), "bitnet-embedding-270m": ("gemma3-embedding", None),
    "Ternary-Bonsai-8B-Q2_0.gguf": ("qwen3-dense", "Q2_0"), "SmolLM2-135M-Instruct": ("llama-dense-rope3", None),
    "Qwen2.5-0.5B-Instruct": ("qwen2-dense", None), "Qwen3-0.6B": ("qwen3-dense", None), "gemma-3-270m-it": ("gemma3-dense", None),
}  # fmt: skip
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|[|;&(]\s*|^\w+=\w+ )(?:build/release/bin/)?sterna(?=\s)")
SMOLLM2 = "SmolLM2.gguf"


def commands(text: str) -> list[str]:
    """Lines that run the program, comments removed and lines that end in a backslash joined."""
    found = []
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            line = re.sub(r"\s+#.*$", "", line).strip()
            if line and not line.startswith(("make ", "#", "git ", "cmake ", "bash ")) and COMMAND.search(line):
                found.append(line)
    return found


class Documents(CommandTest):
    def prepare(self) -> None:
        model = self.talking_model(base="DIR")
        self.succeed("convert", model, "-o", "MODEL.gguf")
        (self.folder / "chat.jinja").write_text(CHAT_TEMPLATE)
        (self.folder / "prompt.txt").write_text("hello\n")
        (self.folder / "texts.jsonl").write_text(json.dumps({"text": "hello"}) + "\n")
        (self.folder / "chats.jsonl").write_text(json.dumps({"messages": [{"role": "user", "content": "hello"}]}) + "\n")
        if smollm2_path():
            (self.folder / SMOLLM2).symlink_to(smollm2_path())

    def run_line(self, line: str) -> None:
        line = COMMAND.sub(lambda match: re.sub(r"(build/release/bin/)?sterna$", shlex.quote(self.sterna), match.group(0)), line)
        environment = {key: value for key, value in os.environ.items() if key != "STERNA_ISA"} | command_testing.NO_CACHE
        done = subprocess.run(["bash", "-eu", "-c", line], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120, check=False)  # fmt: skip
        # In `sterna … | head` the status is head's, so standard error is looked at, too.
        error = done.stderr.decode(errors="replace")
        self.assertEqual((done.returncode, error), (0, ""), line)

    def check(self, document: str) -> None:
        lines = commands((REPOSITORY / document).read_text())
        self.assertTrue(lines, "no command found")
        self.prepare()
        skipped = []
        for line in lines:
            if SMOLLM2 in line and smollm2_path() is None:
                skipped.append(line)
                continue
            with self.subTest(line):
                self.run_line(line)
        if skipped:
            print(f"{document}: {len(skipped)} commands not run, {NO_SMOLLM2}")

    def test_readme(self):
        self.check("README.md")

    def test_command_line(self):
        self.check("docs/cli.md")

    def test_models(self):
        for name, (golden, kind) in STAND_INS.items():
            if kind is None:
                self.talking_model(golden, base=name)
                continue
            source = self.talking_model(golden, base=f"{name}-source")
            if golden == "qwen3-dense":  # its masters become ternary where the configuration asks for it
                config = json.loads((source / "config.json").read_text())
                config["quantization_config"] = {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "online"}
                (source / "config.json").unlink()
                (source / "config.json").write_text(json.dumps(config))
            self.succeed("convert", source, "-o", name, "--type", kind)
        # As 1bitLLM's checkpoints describe themselves.
        large = self.folder / "bitnet_b1_58-large" / "config.json"
        config = json.loads(large.read_text())
        del config["quantization_config"]
        large.unlink()
        large.write_text(json.dumps(config | {"model_type": "llama", "architectures": ["BitnetForCausalLM"], "hidden_act": "silu"}))
        lines = commands((REPOSITORY / "docs" / "models.md").read_text())
        self.assertEqual([next(name for name in line.split() if name in STAND_INS) for line in lines], list(STAND_INS))
        for line in lines:
            with self.subTest(line):
                self.run_line(line)

    def test_every_row_of_hostile_files_has_tests_that_exist(self):
        text = (REPOSITORY / "docs" / "hostile_files.md").read_text()
        rows = dict(re.findall(r"^\| ([GSPO]\d\d) \|.*\| ([^|]+) \|$", text, re.MULTILINE))
        expected = [f"{kind}{number:02}" for kind, count in (("G", 40), ("S", 13), ("P", 10), ("O", 6)) for number in range(1, count + 1)]
        self.assertEqual(list(rows), expected)
        sources = [path.read_text() for folder in ("src", "tests") for kind in ("cc", "py")
                   for path in (REPOSITORY / folder).rglob(f"*_test.{kind}")]  # fmt: skip
        existing = {".".join(test) for source in sources for test in re.findall(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", source, re.MULTILINE)}
        for source in sources:
            for name, body in re.findall(r"^class (\w+)\(CommandTest\):\n(.*?)(?=^\S|\Z)", source, re.MULTILINE | re.DOTALL):
                existing |= {f"{name}.{test}" for test in re.findall(r"^    def (test_\w+)", body, re.MULTILINE)}
        named = re.findall(r"`(\w+\.\w+)`", text.split("## GGUF")[1])
        self.assertGreaterEqual(len(named), len(rows))
        self.assertEqual([test for test in named if test not in existing], [])

    def test_templates(self):
        self.check("docs/templates.md")

    def test_every_command_and_flag_is_documented(self):
        text = (REPOSITORY / "docs" / "cli.md").read_text()
        names = re.findall(r"^  ([a-z]+) {2,}", self.succeed("--help").split("Subcommands:")[1], re.MULTILINE)
        self.assertGreaterEqual(len(names), 8)
        for name in names:
            self.assertIn(f"## sterna {name}", text)
            section = text.split(f"## sterna {name}", 1)[1].split("\n## ", 1)[0] + text.split("## Common flags", 1)[1].split("\n## ", 1)[0]
            for flag in re.findall(r"(?<![\w-])(--?[a-z][\w-]*)(?=[ ,{\n:])", self.succeed(name, "--help").split("Options:")[1]):
                self.assertRegex(section, rf"{re.escape(flag)}(?![\w-])", f"{name} {flag}")


if __name__ == "__main__":
    command_testing.main()
