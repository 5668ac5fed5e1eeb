"""Conversion must not change what a model computes: logits of the source and of the converted file, bit for bit where the type allows."""

import gzip
import json
import math
import re
import statistics
import unittest

import command_testing
from command_testing import FIXTURES, MODELS, CommandTest, floats, golden, read_safetensors

TERNARY = ("bitnet-packed", "bitnet-packed-tied", "bitnet-master", "llama-bitlinear", "llama-autobitlinear-rms")
EMBEDDING = ("qwen3-embedding", "gemma3-embedding")  # too narrow for blocks of 256
DENSE = ("llama-dense-rope3", "qwen2-dense", "qwen3-dense")
# The scales of these models are no f16 numbers, so TQ1_0 and TQ2_0 round them, by 2^-11 at most. That moves activations, and some of
# them over a rounding tie of their int8 step, which moves further ones in later layers: the root mean square of the difference, measured
# here as 0.016 to 0.021 standard deviations of the logits. A wrong scale gives about 1.
MAX_ERROR_OF_ROUNDED_SCALES_IN_STD = 0.05


def error_in_std(found, expected) -> float:
    """Root mean square of the difference in standard deviations of what is expected."""
    return math.sqrt(statistics.fmean((a - b) ** 2 for a, b in zip(found, expected, strict=True))) / statistics.pstdev(expected)


class Conversions(CommandTest):
    def logits(self, model, name="models/bitnet-packed") -> bytes:
        cases = json.loads((FIXTURES / name / "golden.json").read_text())["cases"]
        tokens = ",".join(str(token) for case in cases for token in case["tokens"])
        output = self.folder / "logits.safetensors"
        self.succeed("logits", model, "--tokens", tokens, "-o", output)
        return read_safetensors(output)["logits"][1]

    def convert(self, source, *arguments) -> dict:
        self.report = json.loads(self.succeed("convert", source, "-o", self.folder / "out.gguf", "--force", "--json", *arguments))
        return self.folder / "out.gguf"

    def test_i2_s_is_exact(self):
        for name in TERNARY + EMBEDDING:
            with self.subTest(name):
                expected = self.logits(MODELS / name)
                self.assertTrue(self.logits(self.convert(MODELS / name, "--type", "I2_S")) == expected)
                self.assertEqual(self.report["max_scale_error"], 0)
                # The default is the exact type.
                i2_s = (self.folder / "out.gguf").read_bytes()
                self.assertTrue(self.convert(MODELS / name).read_bytes() == i2_s)

    def test_rounded_scales_stay_near(self):
        for name in TERNARY:
            expected = floats(self.logits(MODELS / name))
            files = {}
            for kind in ("TQ1_0", "TQ2_0"):
                with self.subTest(name, kind=kind):
                    files[kind] = self.logits(self.convert(MODELS / name, "--type", kind))
                    self.assertLessEqual(self.report["max_scale_error"], 2**-11)
                    self.assertLessEqual(error_in_std(floats(files[kind]), expected), MAX_ERROR_OF_ROUNDED_SCALES_IN_STD)
            self.assertTrue(files["TQ1_0"] == files["TQ2_0"], f"{name}: both hold the same values and scales")

    def test_every_ternary_type_is_exact_where_scales_are_f16(self):
        for name in ("bitnet", "bitnet-b1.58"):
            source = FIXTURES / "gguf" / name
            expected = self.logits(source, f"gguf/{name}")
            for kind in ("I2_S", "TQ1_0", "TQ2_0"):
                with self.subTest(name, kind=kind):
                    self.assertTrue(self.logits(self.convert(source, "--type", kind), f"gguf/{name}") == expected)
                    self.assertEqual(self.report["max_scale_error"], 0)

    def test_files_of_other_engines_are_exact_in_every_ternary_type(self):
        for file in ("b158.bitnet_cpp.I2_S.gguf", "bitnet.llama_cpp.TQ1_0.gguf", "bitnet.llama_cpp.TQ2_0.gguf"):
            expected = self.logits(FIXTURES / "gguf" / file)
            for kind in ("I2_S", "TQ1_0", "TQ2_0"):
                with self.subTest(file, kind=kind):
                    self.assertTrue(self.logits(self.convert(FIXTURES / "gguf" / file, "--type", kind)) == expected)

    def test_every_other_ternary_type_and_form_is_exact_where_scales_are_f16(self):
        for name in ("bitnet", "bitnet-b1.58"):
            source = FIXTURES / "gguf" / name
            expected = self.logits(source, f"gguf/{name}")
            for kind in ("Q2_0", "PQ2_0", "PTQ1_0", "IQ1_BN", "IQ2_BN", "IQ2_BN_R4", "F32", "F16"):
                with self.subTest(name, kind=kind):
                    self.assertTrue(self.logits(self.convert(source, "--type", kind), f"gguf/{name}") == expected)
                    self.assertEqual(self.report["max_scale_error"], 0)
            for number, arguments in enumerate(((), ("--type", "BF16"), ("--type", "F32", "--split-max-tensors", "20"))):
                with self.subTest(name, arguments=arguments):
                    directory = self.folder / f"{name}-{number}"
                    self.succeed("convert", source, "--to", "safetensors", "-o", directory, *arguments)
                    self.assertTrue(self.logits(directory, f"gguf/{name}") == expected)

    def test_every_file_of_other_engines_loads(self):
        """Those with ternary values give the golden logits, Q1_0 and block types (whose values foreign_values_test compares) others."""
        folder = FIXTURES / "gguf"
        unpacked = self.folder / "bitnet.llama_cpp.BF16.gguf"
        unpacked.write_bytes(gzip.decompress((folder / f"{unpacked.name}.gz").read_bytes()))
        files = [unpacked, *sorted(folder.glob("*.gguf"))]
        self.assertEqual(len(files), 15)
        for file in files:
            with self.subTest(file.name):
                name = "bitnet-b1.58" if file.name.startswith("b158") else "bitnet"
                expected = floats(read_safetensors(folder / name / "golden.safetensors")["logits.0"][1])
                tokens = json.loads((folder / name / "golden.json").read_text())["cases"][0]["tokens"]
                output = self.folder / "logits.safetensors"
                self.succeed("logits", file, "--tokens", ",".join(map(str, tokens)), "-o", output)
                found = floats(read_safetensors(output)["logits"][1])
                self.assertTrue(all(map(math.isfinite, found)))
                is_ternary = re.search(r"\.(Q1_0|Q4_\w+|Q6_K|Q8_0)\.gguf|embQ6_K", file.name) is None
                worst = max(abs(a - b) for a, b in zip(found, expected, strict=True)) / statistics.pstdev(expected)
                self.assertEqual(worst <= 1e-4, is_ternary, worst)

    def test_i2s_layout_says_what_the_bytes_mean(self):
        """No byte is invalid in any layout: the same file is four models."""
        file = FIXTURES / "gguf" / "b158.bitnet_cpp.I2_S.gguf"
        seen = set()
        for layout in ("128", "64", "4row", "sequential"):
            output = self.folder / "logits.safetensors"
            self.succeed("logits", file, "--tokens", "1,2,3", "-o", output, "--i2s-layout", layout)
            expected = read_safetensors(output)["logits"][1]
            seen.add(bytes(expected))
            self.succeed("logits", self.convert(file, "--i2s-layout", layout), "--tokens", "1,2,3", "-o", output)
            self.assertTrue(read_safetensors(output)["logits"][1] == expected, layout)
        self.assertEqual(len(seen), 4)

    def test_dense_types_that_hold_the_source_are_exact(self):
        """The checkpoints store bfloat16. llama3's scaling becomes f32 factors of the frequencies, which round the angles."""
        for name, bound in (("qwen3-dense", 0), ("llama-dense-rope3", 1e-5)):
            expected = floats(self.logits(MODELS / name))
            for arguments in ((), ("--type", "BF16"), ("--type", "F32"), ("--type", "F32", "--embedding-type", "F32")):
                with self.subTest(name, arguments=arguments):
                    found = floats(self.logits(self.convert(MODELS / name, *arguments)))
                    self.assertLessEqual(error_in_std(found, expected), bound)

    def test_dense_types_that_round_stay_within_their_step(self):
        """Bounds are about twice what the type's rounding gives here; a wrong weight gives about 1."""
        for name in DENSE:
            expected = floats(self.logits(MODELS / name))
            for kind, bound in (("F16", 1e-5), ("Q8_0", 0.06), ("Q6_K", 0.17), ("Q4_1", 0.7), ("Q4_0", 0.7)):
                with self.subTest(name, kind=kind):
                    found = floats(self.logits(self.convert(MODELS / name, "--type", kind)))
                    self.assertLessEqual(error_in_std(found, expected), bound)

    def test_embedding_type(self):
        """BF16 embeddings are exact in F32; the head of an untied model is converted with them."""
        expected = self.logits(MODELS / "bitnet-packed")
        self.assertTrue(self.logits(self.convert(MODELS / "bitnet-packed", "--embedding-type", "F32")) == expected)
        self.assertFalse(self.logits(self.convert(MODELS / "bitnet-packed", "--embedding-type", "Q8_0")) == expected)

    def test_long_contexts_see_the_same_rotation(self):
        """llama3 scaling is kept as factors of the frequencies: at far positions a lost factor turns the heads by whole radians."""
        tokens = ",".join(str(token) for case in golden("llama-dense-rope3")["cases"] * 8 for token in case["tokens"])
        output = self.folder / "far.safetensors"
        self.succeed("logits", MODELS / "llama-dense-rope3", "--tokens", tokens, "-o", output)
        expected = floats(read_safetensors(output)["logits"][1])
        self.succeed("logits", self.convert(MODELS / "llama-dense-rope3"), "--tokens", tokens, "-o", output)
        found = floats(read_safetensors(output)["logits"][1])
        self.assertLessEqual(error_in_std(found, expected), 1e-5)

    def test_norms_biases_and_windows_come_along_to_directories(self):
        for name in ("llama-autobitlinear-rms", "qwen2-dense", "gemma3-dense"):
            with self.subTest(name):
                directory = self.folder / name
                self.succeed("convert", MODELS / name, "--to", "safetensors", "-o", directory)
                self.assertTrue(self.logits(directory) == self.logits(MODELS / name))

    def test_what_the_other_format_cannot_say_is_refused(self):
        self.refuse("convert", MODELS / "gemma3-dense", "-o", self.folder / "out.gguf", says="query_pre_attn_scalar")


if __name__ == "__main__":
    command_testing.main()
