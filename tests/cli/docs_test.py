"""Runs every command that README.md and docs/cli.md show: lines of ```sh blocks that start with `sterna` or build/release/bin/sterna.

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

DOCUMENTS = ("README.md", "docs/cli.md")
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
