"""Every command on a GGUF file of every type, all made of one golden model: the column `bitnet` of the table in docs/models.md.

The environment names the program that writes the files: STERNA_WRITE_TYPE_FILES.
"""

import json
import os
import subprocess

import command_testing
from command_testing import FIXTURES, REPOSITORY, CommandTest, read_safetensors

GOLDEN = FIXTURES / "gguf" / "bitnet-b1.58"
TOKENS = "3,141,59,265,358,97"
PROMPT = "hello"


def cells() -> dict[str, str]:
    """Row to cell of the first column."""
    lines = (REPOSITORY / "docs" / "models.md").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| type | bitnet |"))
    rows = (line.split("|") for line in lines[start + 2 :] if line.startswith("|"))
    return {row[1].strip(): row[2].strip() for row in rows}


class TypeMatrix(CommandTest):
    def logits(self, model, *flags) -> bytes:
        output = self.folder / "logits.safetensors"
        self.succeed("logits", model, "--tokens", TOKENS, "-o", output, "--activations", "f32", *flags)
        return read_safetensors(output)["logits"][1]

    def test_every_command_reads_every_type(self):
        checkpoint = self.talking_model("../gguf/bitnet-b1.58")
        (checkpoint / "tokenizer_config.json").unlink()  # the files have no template either
        done = subprocess.run([os.environ["STERNA_WRITE_TYPE_FILES"], checkpoint, self.folder], capture_output=True, check=False, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        files = [line.split("\t") for line in done.stdout.splitlines()]
        self.assertEqual(sorted(row for row, *_ in files), sorted(cells()))
        logits = self.logits(checkpoint)
        text = self.succeed("run", checkpoint, PROMPT, "-n", "6", "--temp", "0")
        vector = self.succeed("embed", checkpoint, PROMPT, "--pooling", "last")
        for row, kind, layout, path in files:
            cell = cells()[row]
            flags = () if layout == "128" else ("--i2s-layout", layout)
            with self.subTest(row, cell=cell):
                if cell == "master" or kind.startswith("TL"):
                    # The commands have no flag for a tiling, and these shapes have none of their own.
                    says = "F64" if cell == "master" else "tiling"
                    self.refuse("logits", path, "--tokens", TOKENS, "-o", self.folder / "out", says=says)
                    self.refuse("run", path, PROMPT, says=says)
                    self.refuse("embed", path, PROMPT, says=says)
                    self.refuse("convert", path, "-o", self.folder / "out", says=says)
                    continue
                self.assertIn(kind, {tensor["type"] for tensor in json.loads(self.succeed("inspect", path, "--json", *flags))["tensors"]})
                found = self.logits(path, *flags)
                self.assertEqual(found == logits, cell == "exact")
                continuation = self.succeed("run", path, PROMPT, "-n", "6", "--temp", "0", *flags)
                embedding = self.succeed("embed", path, PROMPT, "--pooling", "last", *flags)
                if cell == "exact":
                    self.assertEqual((continuation, embedding), (text, vector))
                else:
                    self.assertTrue(continuation and embedding)
                back = self.folder / "back.gguf"
                kind_back = () if cell == "decoded" else ("--type", "COPY" if cell == "rotated" else "I2_S")
                self.succeed("convert", path, "-o", back, "--force", *kind_back, *flags)
                if cell == "rotated":  # undone it is ternary no more, and floats would be masters here
                    self.refuse("convert", path, "-o", self.folder / "out", "--type", "I2_S", says="not ternary")
                    self.refuse("convert", path, "-o", self.folder / "out", "--type", "F32", says="as F32 it would be read as a master")
                self.assertTrue(self.logits(back) == found)


if __name__ == "__main__":
    if "STERNA_WRITE_TYPE_FILES" not in os.environ:
        raise SystemExit("STERNA_WRITE_TYPE_FILES must name the program of that name")
    command_testing.main()
