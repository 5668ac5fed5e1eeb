"""`show --fit` and the named shapes of `bench`: the figures add up, and what does not fit is refused before it is allocated."""

import json
import resource
import subprocess

import command_testing
from command_testing import MODELS, CommandTest


class MemoryPlan(CommandTest):
    def plan(self, *arguments) -> dict:
        return json.loads(self.succeed("show", "--fit", *arguments, "--json"))

    def limited(self, address_space: int, *arguments) -> tuple[int, str, str]:
        done = subprocess.run([self.sterna, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space)))  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def test_figures_add_up(self):
        for arguments in (("--shape", "2b4t"), (MODELS / "bitnet-packed",), ("--shape", "llama-70b", "--head", "F16")):
            plan = self.plan(*arguments)
            fixed = plan["weight_bytes"] + plan["activation_bytes"] + plan["other_bytes"]
            for row in plan["contexts"]:
                self.assertEqual(row["total_bytes"], fixed + row["kv_bytes"] + row["rope_bytes"])
                self.assertEqual(row["fits"], row["total_bytes"] <= plan["available_bytes"])
            self.assertEqual(plan["contexts"][-1]["context"], plan["model_context"])

    def test_one_context_can_be_asked_for(self):
        plan = self.plan("--shape", "2b4t", "-c", "1000")
        self.assertEqual([row["context"] for row in plan["contexts"]], [1000])
        self.assertEqual(plan["longest_context"], 1000)

    def test_text_names_the_longest_context(self):
        text = self.succeed("show", "--fit", "--shape", "tiny")
        self.assertIn("longest context that fits: 512 (the model's own: 512)", text)

    def test_what_does_not_fit_is_refused_before_it_is_allocated(self):
        code, out, error = self.limited(2 << 30, "show", "--fit", "--shape", "llama-70b")
        if "AddressSanitizer" in error or "ThreadSanitizer" in error:
            self.skipTest("a sanitizer needs more address space than the limit of this test")
        self.assertEqual(code, 1)
        self.assertIn("no context fits", out)
        self.assertRegex(error, r"(?s)error: llama-70b: 19\.\d\d GB are needed .*the address space limit leaves.*hint: ")
        code, out, error = self.limited(2 << 30, "bench", "--shape", "llama-70b")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("error: llama-70b: 19.", error)

    def test_shapes_are_listed(self):
        shapes = json.loads(self.succeed("bench", "--list-shapes", "--json"))
        names = {shape["name"]: shape for shape in shapes}
        for name in ("2b4t", "large", "3b", "8b", "falcon3-1b", "falcon3-10b", "falcon-e-1b", "falcon-e-3b", "trilm-99m", "trilm-3.9b",
                     "embedding-0.6b", "embedding-270m", "bonsai-1.7b", "bonsai-4b", "bonsai-8b", "smollm2-135m", "smollm2-360m",
                     "smollm2-1.7b", "llama-1b", "llama-70b", "qwen2-0.5b", "qwen2-72b", "qwen3-0.6b", "qwen3-32b", "gemma3-270m",
                     "gemma3-1b"):  # fmt: skip
            self.assertIn(name, names)
        self.assertEqual((names["3b"]["head_dim"], names["3b"]["d_ff"]), (100, 8640))
        self.assertEqual(len(self.succeed("bench", "--list-shapes").splitlines()), len(shapes) + 1)

    def test_mistakes_are_usage_errors(self):
        for arguments in (("show", "--fit"), ("show", "--fit", "--shape", "falcon"), ("show", "--fit", "x/y", "--shape", "2b4t"),
                          ("show", "x/y", "-c", "5"), ("bench", "--shape", "90b")):  # fmt: skip
            done = subprocess.run([self.sterna, *arguments], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertTrue(done.stderr.startswith("error: "), done.stderr)


if __name__ == "__main__":
    command_testing.main()
