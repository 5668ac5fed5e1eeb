"""`sterna tokenize` on the vocabularies of GGUF files: the ids of the original tokenizers, text for text."""

import gzip
import json
import unittest

import command_testing
from command_testing import FIXTURES, CommandTest

FOLDER = FIXTURES / "vocabularies"
TEXTS = (FOLDER / "texts.txt").read_bytes().decode().split("\n__ggml_vocab_test__\n")


class Vocabularies(CommandTest):
    def check(self, name: str, says: str = ""):
        path = self.folder / f"{name}.gguf"
        path.write_bytes(gzip.decompress((FOLDER / f"{name}.gguf.gz").read_bytes()))
        lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)
        code, out, error = self.run_sterna("tokenize", path, "--jsonl", "--special", "text", text=lines)
        self.assertEqual(code, 0, error)
        self.assertIn(says, error.decode())
        expected = [list(map(int, line.split())) for line in (FOLDER / f"{name}.out").read_text().split("\n")[: len(TEXTS)]]
        found = [json.loads(line)["ids"] for line in out.decode().splitlines()]
        self.assertEqual(len(expected), len(TEXTS))
        self.assertEqual(len(found), len(TEXTS))
        for text, ids, wanted in zip(TEXTS, found, expected):
            with self.subTest(text):
                self.assertEqual(ids, wanted)

    def test_gpt_2(self):
        self.check("gpt-2")

    def test_llama_spm(self):
        self.check("llama-spm")

    def test_phi_3(self):
        self.check("phi-3")

    def test_deepseek_llm(self):
        self.check("deepseek-llm")

    def test_llama_bpe(self):
        self.check("llama-bpe")


if __name__ == "__main__":
    command_testing.main()
