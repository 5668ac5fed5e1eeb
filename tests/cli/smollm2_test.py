"""A real model against llama.cpp: SmolLM2-135M-Instruct Q4_1 (tests/fixtures/smollm2/README.md). Skipped where it was not fetched."""

import json
import unittest

import command_testing
from command_testing import FIXTURES, NO_SMOLLM2, CommandTest, smollm2_path

TOKENS = 12


@unittest.skipIf(smollm2_path() is None, NO_SMOLLM2)
class SmolLm2(CommandTest):
    def test_greedy_text_equals_llama_cpp(self):
        cases = json.loads((FIXTURES / "smollm2" / "golden.json").read_text())
        self.assertEqual(len(cases), 6)
        different = []
        for case in cases:
            out = json.loads(self.succeed("run", smollm2_path(), case["prompt"], "--raw", "--temp", "0", "-n", str(TOKENS), "-t", "1", "--json"))
            self.assertEqual(out["prompt_ids"], case["prompt_ids"], case["prompt"])
            self.assertEqual(len(out["ids"]), TOKENS)
            if not case["greedy_text"].startswith(out["text"]):
                different.append((case["prompt"], out["text"], case["greedy_text"]))
        self.assertLessEqual(len(different), 1, different)


if __name__ == "__main__":
    command_testing.main()
