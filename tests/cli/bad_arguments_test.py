"""Arguments that are wrong (exit code 2) or that do not suit the model, the disk or the caller's descriptors (exit code 1)."""

import os
import resource
import signal
import unittest

import command_testing
from command_testing import FIXTURES, MODELS, CommandTest

MODEL = MODELS / "bitnet-packed"


def limit_file_size() -> None:
    """For preexec_fn: writing past 100,000 bytes fails with EFBIG, like a full disk with ENOSPC."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


class Usage(CommandTest):
    def test_mistakes_end_with_code_2_and_name_the_argument(self):
        logits = ("logits", MODEL, "-o", "out")
        convert = ("convert", MODEL, "-o", "out.gguf")
        for arguments, says in (
            ((), "subcommand"),
            (("walk",), "walk"),
            (("--walk",), "--walk"),
            (("run",), "MODEL"),
            (("run", MODEL, "hello", "--walk"), "--walk"),
            (("run", MODEL, "hello", "again"), "again"),
            (("run", MODEL, "hello", "-n", "many"), "many"),
            (("run", MODEL, "hello", "-n"), "--predict"),
            (("run", MODEL, "hello", "-n", "-2"), "-2"),
            (("run", MODEL, "hello", "-t", "-1"), "-1"),
            (("run", MODEL, "hello", "-c", "-5"), "-5"),
            (("run", MODEL, "hello", "--temp", "-1"), "temperature"),
            (("run", MODEL, "hello", "--top-p", "2"), "top-p"),
            (("run", MODEL, "hello", "--min-p", "nan"), "min-p"),
            (("run", MODEL, "hello", "--activations", "int3"), "int3"),
            (("logits", MODEL, "--tokens", "1"), "--output"),
            ((*logits,), "--tokens"),
            ((*logits, "--tokens", ""), "--tokens"),
            ((*logits, "--tokens", "1,,2"), "--tokens"),
            ((*logits, "--tokens", "1,x"), "'x'"),
            ((*logits, "--tokens", "1.5"), "'1.5'"),
            ((*logits, "--tokens", "4294967296"), "4294967296"),
            ((*logits, "--tokens", "1", "--chunk", "-1"), "-1"),
            (("convert", MODEL), "--output"),
            ((*convert, "--type", "Q9_K"), "Q9_K"),
            ((*convert, "--head-type", "TQ2_0"), "TQ2_0"),
            ((*convert, "--tensor-type", "ffn_down"), "REGEX=TYPE"),
            ((*convert, "--tensor-type", "(=Q8_0"), "--tensor-type"),
            ((*convert, "--override-kv", "general.name=text:x"), "int, float, bool or str"),
            ((*convert, "--split-max-size", "0G"), "--split-max-size"),
            ((*convert, "--to", "onnx"), "onnx"),
            ((*convert, "--i2s-layout", "256"), "256"),
            ((*convert, "--embedding-type", "I2_S"), "I2_S"),
            (("inspect",), "FILE"),
            (("tokenize",), "PATH"),
            (("template", MODEL), "--jsonl"),
            (("bench",), "no model given"),
            (("bench", "--shape", "round"), "round"),
            (("bench", MODEL, "--shape", "tiny"), "--shape"),
            (("bench", "--shape", "tiny", "-o", "xml"), "xml"),
            (("bench", "--shape", "tiny", "--screen-head", "maybe"), "maybe"),
            (("doctor", "extra"), "extra"),
        ):
            with self.subTest(" ".join(map(str, arguments))):
                self.refuse(*arguments, code=2, says=says)


class Values(CommandTest):
    def test_token_id_out_of_range(self):
        for tokens in ("512", "-1", "1,2,512", "2147483647"):
            self.refuse("logits", MODEL, f"--tokens={tokens}", "-o", self.folder / "out", says="expected an id from 0 to 511")

    def test_empty_prompt(self):
        model = self.talking_model()
        self.refuse("run", model, "", says="prompt is empty")
        self.refuse("run", model, says="prompt is empty", text="")
        self.refuse("run", model, "-", says="prompt is empty", text="\n")

    def test_prompt_longer_than_the_context(self):
        model = self.talking_model()
        self.refuse("run", model, "a long prompt", "-c", "4", "--raw", says="the context holds 4 tokens, but 14 are needed")
        self.refuse("logits", model, "--tokens", "1,2,3", "-c", "2", "-o", self.folder / "out", says="the context holds 2 tokens")

    def test_context_longer_than_the_models_is_the_models_own(self):
        tokens = ",".join(["1"] * 513)
        for context in ("513", "99999999999999999999"):
            self.refuse("logits", MODEL, "--tokens", tokens, "-c", context, "-o", self.folder / "out", says="holds 512 tokens")

    def test_unknown_instruction_set_lists_the_choices(self):
        for name in ("nonsense", "AVX2 ", "avx2,avx512"):
            for arguments in (("run", self.folder / "any", "hello"), ("logits", MODEL, "--tokens", "1", "-o", self.folder / "out"),
                              ("bench", "--shape", "tiny"), ("doctor",)):  # fmt: skip
                self.refuse(*arguments, environment={"STERNA_ISA": name}, says="this processor has: ref")

    def test_bench_limits(self):
        for arguments in (("-p", "-5"), ("-n", "-1"), ("-r", "0"), ("-b", "0"), ("-d", "-1"), ("-p", "0", "-n", "0"), ("-d", "999999999")):
            self.refuse("bench", "--shape", "tiny", *arguments, says="benchmark")

    def test_json_lines_name_the_line(self):
        model = self.talking_model()
        for line in ("[]", "{", "7", '{"text": 7}', "[" * 100_000):
            self.refuse("tokenize", model, "--jsonl", text=f"\n{line}\n", says="line 2")


class Outputs(CommandTest):
    def test_unwritable_output(self):
        for output in (self.folder / "missing" / "out", self.folder, "/dev/null", "/dev/full", "/proc/out", ""):
            with self.subTest(str(output)):
                self.refuse("logits", MODEL, "--tokens", "1", "-o", output)
                self.refuse("convert", MODEL, "-o", output)
                self.refuse("convert", MODEL, "-o", output, "--force")
        self.assertTrue(os.path.exists("/dev/null") and not os.path.isfile("/dev/null"))

    def test_full_disk_leaves_nothing(self):
        self.refuse("convert", MODEL, "-o", self.folder / "out.gguf", preexec_fn=limit_file_size, says="out.gguf")
        tokens = ",".join(["1"] * 200)
        self.refuse("logits", MODEL, "--tokens", tokens, "-o", self.folder / "out", preexec_fn=limit_file_size, says="out")

    def test_existing_output_is_replaced_only_with_force(self):
        output = self.folder / "out.gguf"
        output.write_bytes(b"precious")
        self.refuse("convert", MODEL, "-o", output, says="--force")
        self.assertEqual(output.read_bytes(), b"precious")
        self.succeed("convert", MODEL, "-o", output, "--force")
        self.assertEqual(output.read_bytes()[:4], b"GGUF")

    def test_source_is_not_replaced_by_its_own_conversion(self):
        model = self.folder / "model.gguf"
        self.succeed("convert", MODEL, "-o", model)
        before = model.read_bytes()
        self.refuse("convert", model, "--type", "TQ2_0", "-o", model, "--force", says="is the source")
        self.assertEqual(model.read_bytes(), before)

    def test_failed_conversion_keeps_what_was_there(self):
        output = self.folder / "out.gguf"
        output.write_bytes(b"precious")
        self.refuse("convert", MODEL, "-o", output, "--force", preexec_fn=limit_file_size)
        self.assertEqual(output.read_bytes(), b"precious")

    def commands_that_print(self):
        model = self.talking_model()
        yield ("run", model, "hello", "-n", "4", "--ignore-eos"), None
        yield ("run", model, "hello", "-n", "4", "--json"), None
        yield ("tokenize", model), "hello"
        yield ("tokenize", model, "--jsonl"), '{"text": "hello"}\n' * 1000
        yield ("template", model, "--jsonl"), '{"messages": []}\n'
        yield ("inspect", FIXTURES / "gguf" / "bitnet.llama_cpp.TQ2_0.gguf"), None
        yield ("inspect", MODEL, "--json"), None
        yield ("doctor",), None
        yield ("doctor", "--json"), None
        yield ("bench", "--shape", "tiny", "-p", "4", "-n", "2", "-r", "1"), None
        yield ("--help",), None
        yield ("run", "--help"), None
        yield ("--version",), None

    def test_full_output_is_an_error(self):
        for arguments, text in self.commands_that_print():
            with self.subTest(" ".join(map(str, arguments))), open("/dev/full", "wb") as full:
                self.refuse(*arguments, text=text, stdout=full, says="cannot write to standard output: No space left")

    def test_closed_output_is_an_error(self):
        for arguments, text in self.commands_that_print():
            with self.subTest(" ".join(map(str, arguments))):
                self.refuse(*arguments, text=text, stdout=None, preexec_fn=lambda: os.close(1), says="cannot write to standard output")

    def test_file_does_not_take_the_place_of_a_closed_output(self):
        output = self.folder / "out.gguf"
        code, _, _ = self.run_sterna("convert", MODEL, "-o", output, stdout=None, preexec_fn=lambda: os.close(1))
        self.assertEqual((code, output.read_bytes()[:4]), (1, b"GGUF"))
        expected = self.folder / "expected.gguf"
        self.succeed("convert", MODEL, "-o", expected)
        self.assertEqual(output.read_bytes(), expected.read_bytes())

    def test_reader_that_leaves_ends_the_program_quietly(self):
        """As in `sterna inspect FILE | head -1`."""
        for arguments, text in self.commands_that_print():
            read_end, write_end = os.pipe()
            os.close(read_end)
            with self.subTest(" ".join(map(str, arguments))):
                code, _, error = self.run_sterna(*arguments, text=text, stdout=write_end)
                self.assertEqual((code, error), (-signal.SIGPIPE, b""))
            os.close(write_end)

    def test_reader_that_leaves_is_an_error_where_the_signal_is_ignored(self):
        ignore = lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # noqa: E731
        for arguments, text in self.commands_that_print():
            read_end, write_end = os.pipe()
            os.close(read_end)
            with self.subTest(" ".join(map(str, arguments))):
                self.refuse(*arguments, text=text, stdout=write_end, preexec_fn=ignore, says="Broken pipe")
            os.close(write_end)


if __name__ == "__main__":
    command_testing.main()
