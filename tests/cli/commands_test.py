"""What every command does where all is well: results against goldens, the promised JSON shapes, interruption."""

import json
import os
import statistics
import struct
import subprocess
import unittest

import command_testing
from command_testing import CHAT_TEMPLATE, FIXTURES, GOLDEN_MODELS, MODELS, CommandTest, floats, golden, read_safetensors

COMMANDS = ("run", "inspect", "convert", "logits", "tokenize", "template", "bench", "doctor")
MAX_ERROR_IN_STD = 1e-4  # as in tests/golden/golden_test.cc
VOCAB = 512


class Help(CommandTest):
    def test_version(self):
        self.assertRegex(self.succeed("--version"), r"^sterna \d+\.\d+\.\d+\n$")

    def test_every_command_is_listed_and_has_help(self):
        overview = self.succeed("--help")
        for command in COMMANDS:
            self.assertRegex(overview, rf"\n  {command} +\w")
            self.assertRegex(self.succeed(command, "--help"), rf"Usage: sterna {command} \[OPTIONS\]")


class Logits(CommandTest):
    def logits(self, model, tokens, *arguments, environment=None) -> bytes:
        """The bytes of the file."""
        output = self.folder / "logits.safetensors"
        tokens = ",".join(map(str, tokens))
        self.assertEqual(self.succeed("logits", model, "--tokens", tokens, "-o", output, *arguments, environment=environment), "")
        shape, _ = read_safetensors(output)["logits"]
        self.assertEqual(shape, [tokens.count(",") + 1, VOCAB])
        return output.read_bytes()

    def test_equal_goldens(self):
        for name in GOLDEN_MODELS:
            with self.subTest(name):
                expected = floats(read_safetensors(MODELS / name / "golden.safetensors")["logits.0"][1])
                self.logits(MODELS / name, golden(name)["cases"][0]["tokens"])
                found = floats(read_safetensors(self.folder / "logits.safetensors")["logits"][1])
                self.assertEqual(len(found), len(expected))
                worst = max(abs(a - b) for a, b in zip(found, expected))
                self.assertLessEqual(worst, MAX_ERROR_IN_STD * statistics.pstdev(expected))

    def test_every_instruction_set_writes_the_same_file(self):
        isas = json.loads(self.succeed("doctor", "--json"))["machine"]["isas"]
        self.assertEqual(isas[0], "ref")
        for name in ("bitnet-packed", "qwen3-dense"):
            tokens = [token for case in golden(name)["cases"] for token in case["tokens"]]
            files = {isa: self.logits(MODELS / name, tokens, environment={"STERNA_ISA": isa}) for isa in isas}
            for isa in isas:
                self.assertTrue(files[isa] == files["ref"], f"{name}: {isa} differs from ref")

    def test_chunks_and_threads_do_not_matter(self):
        tokens = [token for case in golden("bitnet-packed")["cases"] for token in case["tokens"]]
        expected = self.logits(MODELS / "bitnet-packed", tokens)
        for arguments in (("--chunk", "1"), ("--chunk", "7"), ("-t", "1"), ("-t", "3")):
            self.assertTrue(self.logits(MODELS / "bitnet-packed", tokens, *arguments) == expected, arguments)

    def test_spaces_between_ids_and_an_existing_output(self):
        self.assertEqual(self.logits(MODELS / "bitnet-packed", [1, 2]), self.logits(MODELS / "bitnet-packed", [" 1", " 2 "]))


class Run(CommandTest):
    def test_json_has_every_promised_field(self):
        model = self.talking_model()
        out = json.loads(self.succeed("run", model, "hello", "-n", "5", "--ignore-eos", "--temp", "0", "--json"))
        self.assertEqual(list(out), ["model", "text", "finish_reason", "prompt_ids", "ids", "usage", "timings", "memory"])
        self.assertEqual(out["model"], str(model))
        # <|begin|>[user]hello[assistant]: nothing is merged but "he" and "ll".
        self.assertEqual(out["prompt_ids"], [258, *b"[user]", 256, 257, *b"o[assistant]"])
        self.assertEqual(len(out["ids"]), 5)
        self.assertEqual(out["usage"], {"prompt_tokens": len(out["prompt_ids"]), "completion_tokens": 5})
        self.assertEqual(out["finish_reason"], "length")
        self.assertEqual(set(out["timings"]), {"load_seconds", "prompt_seconds", "prompt_tokens_per_second", "generate_seconds",
                                               "tokens_per_second"})  # fmt: skip

    def test_greedy_ids_equal_the_golden_continuation(self):
        """The prompt's bytes are the golden prompt: a vocabulary in which every id is one character makes that possible."""
        model = self.talking_model(name="bitnet-packed-tied")
        case = golden("bitnet-packed-tied")["greedy"]
        vocab = {chr(0x4E00 + id): id for id in range(VOCAB)}
        tokenizer = command_testing.byte_tokenizer() | {"pre_tokenizer": None, "decoder": {"type": "Fuse"}, "added_tokens": []}
        tokenizer["model"] |= {"vocab": vocab, "merges": []}
        (model / "tokenizer.json").write_text(json.dumps(tokenizer))
        (model / "tokenizer_config.json").unlink()
        prompt = "".join(chr(0x4E00 + id) for id in case["prompt"])
        length = str(len(case["continuation"]))
        out = json.loads(self.succeed("run", model, prompt, "--raw", "--temp", "0", "-n", length, "--json"))
        self.assertEqual(out["prompt_ids"], case["prompt"])
        self.assertEqual(out["ids"], case["continuation"])
        self.assertEqual(out["text"], "".join(chr(0x4E00 + id) for id in case["continuation"]))

    def test_text_is_the_json_text(self):
        model = self.talking_model()
        arguments = ("run", model, "hello", "-n", "20", "--ignore-eos", "--temp", "0")
        self.assertEqual(self.succeed(*arguments), json.loads(self.succeed(*arguments, "--json"))["text"] + "\n")

    def test_prompt_from_standard_input(self):
        model = self.talking_model()
        options = ("--raw", "-n", "1", "--json")
        for arguments, text in (((model, "hello"), None), ((model,), "hello"), ((model,), "hello\n"), ((model, "-"), "hello\n")):
            out = json.loads(self.succeed("run", *arguments, *options, text=text))
            self.assertEqual(out["prompt_ids"], [258, 256, 257, *b"o"])

    def test_seed_decides_the_sampling(self):
        model = self.talking_model()
        arguments = ("run", model, "hello", "-n", "12", "--temp", "2", "--top-k", "0", "--ignore-eos", "--json")
        ids = lambda seed: json.loads(self.succeed(*arguments, "--seed", seed))["ids"]  # noqa: E731
        self.assertEqual(ids("1"), ids("1"))
        self.assertNotEqual(ids("1"), ids("2"))

    def test_stop_string_ends_the_text_before_it(self):
        model = self.talking_model()
        arguments = ("run", model, "hello", "-n", "64", "--ignore-eos", "--temp", "0", "--json")
        text = json.loads(self.succeed(*arguments))["text"]
        stop = next(c for c in text[1:] if c.isascii() and c.isprintable() and text[0] != c)
        out = json.loads(self.succeed(*arguments, "--stop", stop))
        self.assertEqual((out["text"], out["finish_reason"]), (text[: text.index(stop)], "stop"))

    def test_context_ends_the_generation(self):
        out = json.loads(self.succeed("run", self.talking_model(), "hello", "--raw", "-c", "16", "--ignore-eos", "--json"))
        self.assertEqual(out["finish_reason"], "context")
        self.assertLessEqual(len(out["prompt_ids"]) + len(out["ids"]), 17)

    def test_verbose_speaks_on_standard_error(self):
        code, out, error = self.run_sterna("run", self.talking_model(), "hello", "-n", "2", "-v")
        self.assertEqual((code, out[-1:]), (0, b"\n"))
        self.assertRegex(error.decode(), r"^chat template: the directory's own\n\[ load .* t/s \| generated \d+ tokens, .* \]\n$")


class Processors(CommandTest):
    def test_threads_can_be_put_on_processors(self):
        model = self.talking_model()
        cpus = sorted(os.sched_getaffinity(0))
        plain = self.succeed("run", model, "hello", "--raw", "-n", "4", "--temp", "0")
        for flags in (["--cpu-range", f"{cpus[0]}"], ["--cpu-mask", hex(1 << cpus[-1])], ["--cpu-strict", "1", "-t", "3"],
                      ["-C", f"{1 << cpus[0]:x}", "--cpu-range", f"{cpus[-1]}-{cpus[-1]}", "--cpu-strict", "1"]):  # fmt: skip
            with self.subTest(flags):
                self.assertEqual(self.succeed("run", model, "hello", "--raw", "-n", "4", "--temp", "0", *flags), plain)
        out = json.loads(self.succeed("bench", "--shape", "tiny", "-p", "0", "-n", "2", "-r", "1", "--json", "--cpu-range", f"{cpus[0]}"))
        self.assertEqual(out["machine"]["threads"], 1)

    def test_wrong_processors_are_refused(self):
        model = self.talking_model()
        for flags in (["--cpu-mask", "zz"], ["--cpu-mask", "0"], ["--cpu-range", "3-1"], ["--cpu-range", ""], ["--cpu-strict", "2"]):
            with self.subTest(flags):
                self.refuse("run", model, "hello", *flags, code=2, says=flags[0])
        self.refuse("run", model, "hello", "--cpu-range", "60000,60001", says="processor 60000, 60001: this process may not use it")


class Memory(CommandTest):
    def check(self, memory: dict) -> None:
        resident = memory["resident"]
        parts = sum(resident[name] for name in ("tagged_bytes", "other_heap_bytes", "file_bytes", "rest_bytes"))
        self.assertEqual(parts, resident["bytes"])
        self.assertEqual([use["tag"] for use in memory["tags"]], ["weights", "activations", "kv", "tokenizer", "other"])
        for use in memory["tags"][:3]:
            self.assertGreater(use["live_bytes"], 0)
            self.assertGreaterEqual(use["peak_bytes"], use["live_bytes"])
        self.assertGreaterEqual(memory["kv_pool"]["blocks"], 1)
        self.assertGreater(memory["system"]["limit_bytes"], 0)

    def test_reports_of_run_and_bench(self):
        model = self.talking_model()
        self.check(json.loads(self.succeed("run", model, "hello", "-n", "2", "--json"))["memory"])
        bench = ("bench", "--shape", "tiny", "-p", "0", "-n", "2", "-r", "1")
        self.check(json.loads(self.succeed(*bench, "--json"))["memory"])
        self.assertRegex(self.succeed(*bench, "--memory-report"), r"(?s)\nweights .*\nkv .*\ncache blocks .*\nresident .*\navailable ")
        code, out, error = self.run_sterna("run", model, "hello", "-n", "2", "--memory-report")
        self.assertEqual((code, out[-1:]), (0, b"\n"))
        self.assertIn(b"\nresident ", error)


class Interruption(CommandTest):
    def test_generation_ends_with_130(self):
        model = self.talking_model()
        settings = json.loads((model / "config.json").read_text()) | {"max_position_embeddings": 65536}
        (model / "config.json").unlink()
        (model / "config.json").write_text(json.dumps(settings))
        for options in ((), ("--json",)):
            with self.subTest(options):
                process = self.start("run", model, "hello", "--raw", "--ignore-eos", "-v", *options)
                with process.stdout, process.stderr:
                    if options:
                        # Nothing shows that it generates; what was started before the handler exists dies of the signal itself.
                        with self.assertRaises(subprocess.TimeoutExpired):
                            process.wait(timeout=0.5)
                    else:
                        self.assertTrue(process.stdout.read(1))
                    self.assertEqual(self.interrupt(process), 130)
                    self.assertNotIn(b"error", process.stderr.read())

    def test_a_long_prompt_ends_between_two_chunks(self):
        model = self.talking_model()
        settings = json.loads((model / "config.json").read_text()) | {"max_position_embeddings": 65536}
        (model / "config.json").unlink()
        (model / "config.json").write_text(json.dumps(settings))
        (self.folder / "long.txt").write_text("x" * 65000)  # as many tokens; reading them all takes a minute
        with open(self.folder / "long.txt", "rb") as text:
            process = self.start("run", model, "--raw", stdin=text)
            with process.stdout, process.stderr:
                with self.assertRaises(subprocess.TimeoutExpired):
                    process.wait(timeout=1)
                self.assertEqual(self.interrupt(process), 130)
                # After the whole prompt there would be an answer's line.
                self.assertEqual((process.stdout.read(), process.stderr.read()), (b"", b""))

    def test_waiting_for_input_ends_with_130(self):
        process = self.start("tokenize", self.talking_model(), "--jsonl", stdin=subprocess.PIPE)
        with process.stdin, process.stdout, process.stderr:
            process.stdin.write(b'{"text": "hello"}\n')
            process.stdin.flush()
            self.assertTrue(process.stdout.readline())
            self.assertEqual(self.interrupt(process), 130)
            self.assertEqual(process.stderr.read(), b"")


class Text(CommandTest):
    def test_tokenize(self):
        model = self.talking_model()
        for path in (model, model / "tokenizer.json"):
            self.assertEqual(self.succeed("tokenize", path, text="hello<|end|>"), "256 257 111 259\n")
        self.assertEqual(self.succeed("tokenize", model, "--add-special", text="he"), "258 256\n")
        self.assertEqual(self.succeed("tokenize", model, "--no-parse-special", text="<|end|>"),
                         " ".join(map(str, b"<|end|>")) + "\n")  # fmt: skip

    def test_tokenize_json_lines(self):
        lines = ['{"text": "hell"}', "", '{"text": "\\u00e9\\u0000"}']
        out = [json.loads(line) for line in self.succeed("tokenize", self.talking_model(), "--jsonl", text="\n".join(lines)).splitlines()]
        self.assertEqual(out, [{"decoded": "hell", "ids": [256, 257]}, {"decoded": "é\0", "ids": [0xC3, 0xA9, 0]}])

    def test_tokenize_equals_the_reference(self):
        folder = FIXTURES / "tokenizers" / "smollm"
        cases = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()][:50]
        lines = "".join(json.dumps({"text": case["text"]}) + "\n" for case in cases)
        out = [json.loads(line) for line in self.succeed("tokenize", folder, "--jsonl", text=lines).splitlines()]
        self.assertEqual([line["ids"] for line in out], [case["ids"] for case in cases])

    def test_template(self):
        model = self.talking_model()
        (self.folder / "chat.jinja").write_text(CHAT_TEMPLATE)
        lines = [{"messages": [{"role": "user", "content": "hi"}], "add_generation_prompt": True, "bos_token": "<s>"},
                 {"messages": 7}]  # fmt: skip
        for path in (model, self.folder / "chat.jinja"):
            out = self.succeed("template", path, "--jsonl", text="\n".join(map(json.dumps, lines))).splitlines()
            self.assertEqual(json.loads(out[0]), {"text": "<s>[user]hi[assistant]"})
            self.assertEqual(list(json.loads(out[1])), ["error"])

    def test_template_in_the_line(self):
        lines = [{"messages": [], "template": "{{ a }}{{ messages }}", "variables": {"a": "x"}},
                 {"messages": [], "template": "{{ a }}{{ b is defined }}", "variables": {"a": "y"}},
                 {"messages": []},
                 {"messages": [], "template": "{% if %}"},
                 {"messages": [], "template": "x", "variables": {"messages": [1]}},
                 {"messages": [], "template": 7},
                 {"messages": [], "template": "x", "variables": 7}]  # fmt: skip
        text = self.succeed("template", "--jsonl", text="\n".join(map(json.dumps, lines)))
        out = [json.loads(line) for line in text.splitlines()]
        self.assertEqual(out[:2], [{"text": "x[]"}, {"text": "yFalse"}])
        for line, part in zip(out[2:], ("no PATH", "line 1", '"messages" belongs', '"template"', '"variables"'), strict=True):
            self.assertIn(part, line["error"])

    def test_built_in_template(self):
        folder = self.talking_model()
        (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|end|>"}))
        self.refuse("template", folder, "--jsonl", text="{}", says="no chat template")
        tokenizer = json.loads((folder / "tokenizer.json").read_text().replace("<|begin|>", "<|im_start|>").replace("<|end|>", "<|im_end|>"))
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
        (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>"}))
        line = json.dumps({"messages": [{"role": "user", "content": "hi"}], "add_generation_prompt": True})
        expected = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
        self.assertEqual(json.loads(self.succeed("template", folder, "--jsonl", text=line)), {"text": expected})
        report = json.loads(self.succeed("inspect", folder, "--json"))
        self.assertEqual((report["has_chat_template"], report["chat_template"]), (True, "built-in chatml"))
        ids = json.loads(self.succeed("tokenize", folder, "--jsonl", text=json.dumps({"text": expected})))["ids"]
        answer = json.loads(self.succeed("run", folder, "hi", "-n", "1", "--json"))
        self.assertEqual(answer["prompt_ids"][-len(ids):], ids)


class Convert(CommandTest):
    def test_gguf_has_the_text_parts_and_the_same_answer(self):
        model = self.talking_model()
        output = self.folder / "out.gguf"
        report = json.loads(self.succeed("convert", model, "-o", output, "--json"))
        self.assertEqual(list(report), ["output", "files", "tensors", "bytes", "max_scale_error", "verified", "dry_run", "warnings",
                                        "plan", "comparisons"])
        self.assertEqual((report["bytes"], report["max_scale_error"], report["verified"]), (output.stat().st_size, 0, True))
        answer = lambda path: json.loads(self.succeed("run", path, "hello", "-n", "8", "--ignore-eos", "--temp", "0", "--json"))  # noqa: E731
        before, after = answer(model), answer(output)
        for field in ("text", "ids", "prompt_ids"):
            self.assertEqual(after[field], before[field], field)
        self.assertEqual(self.succeed("tokenize", output, "--add-special", text="he"), "258 256\n")

    def test_text_report_and_flags(self):
        output = self.folder / "out.gguf"
        self.assertIn("largest relative scale error", self.succeed("convert", MODELS / "bitnet-packed", "-o", output, "--verify"))
        whole = output.read_bytes()
        self.assertIn("not verified", self.succeed("convert", MODELS / "bitnet-packed", "-o", output, "--no-verify", "-f"))
        self.assertEqual(output.read_bytes(), whole)

    def test_types_that_cannot_hold_the_weights_are_refused(self):
        output = self.folder / "out.gguf"
        self.refuse("convert", MODELS / "qwen3-dense", "--type", "TQ2_0", "-o", output, says="is dense, not ternary")
        self.refuse("convert", MODELS / "gemma3-dense", "-o", output, says="query_pre_attn_scalar")


class Reports(CommandTest):
    def test_inspect_text(self):
        text = self.succeed("inspect", FIXTURES / "gguf" / "bitnet.llama_cpp.TQ2_0.gguf")
        for part in ("format          GGUF", "2 layers, width 256", "TQ2_0", "metadata (21)", "tensors (24)", "blk.1.ffn_up.weight"):
            self.assertIn(part, text)

    def test_inspect_json(self):
        out = json.loads(self.succeed("inspect", self.talking_model(), "--json"))
        self.assertEqual(set(out), {"path", "format", "parameters", "bytes", "bits_per_weight", "tokenizer", "warnings", "has_chat_template", "chat_template", "model",
                                    "types", "parts", "metadata", "tensors"})  # fmt: skip
        self.assertEqual((out["format"], out["has_chat_template"], out["chat_template"]), ("safetensors", True, "the directory's own"))
        model = out["model"]
        self.assertEqual((model["layers"], model["d_model"], model["d_ff"], model["heads"], model["kv_heads"], model["vocab"]),
                         (2, 256, 512, 4, 2, VOCAB))  # fmt: skip
        # Per layer: q, k, v, o, gate, up, down, four norms; then embedding, head, final norm.
        projections = 256 * (256 + 128 + 128 + 256) + 3 * 256 * 512
        # The scale beside each matrix counts as bytes, not as a weight.
        self.assertEqual(out["parameters"], 2 * (projections + 3 * 256 + 512) + 2 * VOCAB * 256 + 256)
        self.assertEqual(out["parameters"], sum(tensor["weights"] for tensor in out["tensors"]))

    def test_inspect_scan(self):
        path = FIXTURES / "gguf" / "bitnet.llama_cpp.TQ2_0.gguf"
        self.assertNotIn("scan", json.loads(self.succeed("inspect", path, "--json")))
        out = json.loads(self.succeed("inspect", path, "--scan", "--json"))
        counts = out["scan"]["ternary"]
        weights = sum(part["weights"] for part in out["parts"] if part["part"] == "projections")
        self.assertEqual(counts["negative"] + counts["zero"] + counts["positive"], weights)
        self.assertEqual((out["scan"]["nan"], out["scan"]["infinite"], out["scan"]["unreadable_tensors"]), (0, 0, 0))
        self.assertEqual(out["scan"]["ternary_tensors"], sum("ternary" in tensor["scan"] for tensor in out["tensors"]))
        self.assertEqual(sum(part["bytes"] for part in out["parts"]), out["bytes"])
        self.assertAlmostEqual(out["bits_per_weight"], 8 * out["bytes"] / out["parameters"])
        self.assertIn("% of -1, 0, +1", self.succeed("inspect", path, "--stats"))

    def test_inspect_html(self):
        page = self.folder / "page.html"
        path = FIXTURES / "gguf" / "bitnet.llama_cpp.TQ2_0.gguf"
        self.assertEqual(self.succeed("inspect", path, "--scan", "--html", page), "")
        text = page.read_text()
        self.assertTrue(text.startswith("<!DOCTYPE html>") and text.endswith("</html>\n"))
        for part in ("<script", "http", "src="):
            self.assertNotIn(part, text.replace('http-equiv', ""))
        self.refuse("inspect", path, "--html", page, says="page.html")
        self.succeed("inspect", path, "--html", page, "--overwrite")

    def test_inspect_escapes_what_a_file_calls_itself(self):
        data = (FIXTURES / "gguf" / "bitnet.llama_cpp.TQ2_0.gguf").read_bytes()
        path = self.folder / "escape.gguf"
        path.write_bytes(data.replace(b"bitnet.vocab_size", b"bitnet\x1b[31mb_size").replace(b"blk.1.ffn_up.weight", b"blk.1.\x1b[7mup.weight"))
        self.assertNotIn("\x1b", self.succeed("inspect", path))

    def test_doctor(self):
        text = self.succeed("doctor")
        for part in ("processor", "instructions", "chosen kernels", "self-test"):
            self.assertIn(part, text)
        out = json.loads(self.succeed("doctor", "--json"))
        self.assertEqual(set(out), {"machine", "kernels", "layouts", "self_test"})
        self.assertEqual(set(out["machine"]), {"cpu", "isa", "isas", "threads", "logical_cpus", "memory_bytes", "available_bytes",
                                               "huge_pages"})  # fmt: skip
        self.assertTrue(out["kernels"] and out["self_test"])
        for isa in out["machine"]["isas"]:
            forced = json.loads(self.succeed("doctor", "--json", environment={"STERNA_ISA": isa}))
            self.assertEqual(forced["machine"]["isa"], isa)

    def test_bench(self):
        bench = ("bench", "--shape", "tiny", "-p", "8", "-n", "4", "-b", "1,2", "-r", "1", "--verify", "2")
        out = json.loads(self.succeed(*bench, "--json"))
        for field in ("machine", "limits", "results", "memory", "load_seconds", "joules_per_token", "joules_note"):
            self.assertIn(field, out)
        self.assertEqual([result["work"] for result in out["results"]], ["prefill", "decode", "batch", "verify"])
        for result in out["results"]:
            rate = result["tokens_per_second"]
            self.assertTrue(0 < rate["min"] <= rate["median"] <= rate["max"], result)
        for form, start in (("table", "work "), ("md", "| work"), ("csv", "model,cpu")):
            self.assertTrue(self.succeed(*bench, "-o", form).startswith(start), form)
        screened = json.loads(self.succeed("bench", "--shape", "tiny", "--head", "F16", "--screen-head", "on", "-p", "0", "-n", "4",
                                           "-r", "1", "--top-k", "1", "--json"))  # fmt: skip
        self.assertEqual(screened["head_type"], "F16")
        self.assertTrue(0.4 < screened["results"][0]["screened_head"]["bytes_fraction"] < 2, screened)
        model = ("bench", MODELS / "bitnet-packed", "-p", "8", "-n", "4", "-r", "1", "--json")
        self.assertEqual(len(json.loads(self.succeed(*model))["results"]), 2)


if __name__ == "__main__":
    command_testing.main()
