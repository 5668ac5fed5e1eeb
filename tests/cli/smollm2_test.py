"""A real model against llama.cpp: SmolLM2-135M-Instruct Q4_1 (tests/fixtures/smollm2/README.md). Skipped where it was not fetched."""

import json
import unittest

import command_testing
from command_testing import FIXTURES, NO_SMOLLM2, CommandTest, floats, read_safetensors, smollm2_path

TOKENS = 12
# Rounding activations to 8 bits moves these logits by 0.2 (root mean square, README.md of the fixture), and both sides round: a
# choice of llama.cpp's that loses by more than this is no matter of rounding.
NEAR_TIE = 1.0


@unittest.skipIf(smollm2_path() is None, NO_SMOLLM2)
class SmolLm2(CommandTest):
    def setUp(self):
        super().setUp()
        self.cases = json.loads((FIXTURES / "smollm2" / "golden.json").read_text())
        self.assertEqual(len(self.cases), 6)

    def test_greedy_text_begins_like_llama_cpps(self):
        different = []
        for case in self.cases:
            out = json.loads(self.succeed("run", smollm2_path(), case["prompt"], "--raw", "--temp", "0", "-n", str(TOKENS), "-t", "1", "--json"))
            self.assertEqual(out["prompt_ids"], case["prompt_ids"], case["prompt"])
            self.assertEqual(len(out["ids"]), TOKENS)
            if not case["greedy_text"].startswith(out["text"]):
                different.append((case["prompt"], out["text"], case["greedy_text"]))
        self.assertLessEqual(len(different), 2, different)

    def test_each_choice_of_llama_cpp_is_the_best_or_nearly(self):
        equal = 0
        for case in self.cases:
            line = json.dumps({"text": case["prompt"] + case["greedy_text"]}) + "\n"
            ids = json.loads(self.succeed("tokenize", smollm2_path(), "--jsonl", text=line))["ids"]
            first = len(case["prompt_ids"])
            self.assertEqual(ids[:first], case["prompt_ids"])
            tokens = ids[: first + TOKENS]
            output = self.folder / "logits.safetensors"
            self.succeed("logits", smollm2_path(), "--tokens", ",".join(map(str, tokens)), "--activations", "int8", "-o", output)
            (_, vocab), data = read_safetensors(output)["logits"]
            logits = floats(data)
            for position in range(first, len(tokens)):
                row = logits[(position - 1) * vocab : position * vocab]
                best, chosen = max(row), row[tokens[position]]
                self.assertLess(best - chosen, NEAR_TIE, (case["prompt"], position))
                equal += best == chosen
        self.assertGreaterEqual(equal, 0.9 * len(self.cases) * TOKENS)


if __name__ == "__main__":
    command_testing.main()
