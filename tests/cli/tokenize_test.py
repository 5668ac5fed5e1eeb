"""`sterna tokenize`: special tokens, the vocabulary cache, other vocabulary files, and what training refuses."""

import json
import struct
import unittest

import command_testing
from command_testing import FIXTURES, CommandTest, byte_tokenizer

SMOLLM = FIXTURES / "tokenizers" / "smollm" / "tokenizer.json"  # large enough for the cache


def sentencepiece_model() -> bytes:
    """Four pieces, as sentencepiece's protobuf writes them."""

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def piece(text: str, score: float, kind: int) -> bytes:
        return field(1, field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + bytes([3 << 3, kind]))

    return piece("<unk>", 0, 2) + piece("▁", -1, 1) + piece("a", -2, 1) + piece("▁a", -0.5, 1) + field(2, b"\x18\x02")


class Special(CommandTest):
    def listed(self, *arguments) -> dict:
        code, out, error = self.run_sterna("tokenize", *arguments, "--list-special", "--json")
        self.assertEqual(code, 0, error)
        return {token["text"]: token for token in json.loads(out)["tokens"]}

    def test_list(self):
        model = self.talking_model()
        lines = self.succeed("tokenize", model, "--list-special").splitlines()
        self.assertEqual([line.split() for line in lines], [["id", "roles", "flags", "text"], ["258", "bos", "control", '"<|begin|>"'],
                                                            ["259", "eos", "control,end", '"<|end|>"']])  # fmt: skip
        tokens = self.listed(model)
        self.assertEqual(tokens["<|end|>"], {"id": 259, "text": "<|end|>", "roles": ["eos"], "control": True, "ends_generation": True,
                                             "single_word": False, "lstrip": False, "rstrip": False, "normalized": False})  # fmt: skip

    def test_list_of_a_gguf_vocabulary(self):
        self.assertIs(self.listed(FIXTURES / "gguf" / "bitnet.llama_cpp.Q8_0.gguf")["<extra_248>"]["control"], True)

    def test_text_of_control_tokens(self):
        model = self.talking_model()
        plain = " ".join(map(str, b"<|end|>")) + "\n"
        self.assertEqual(self.succeed("tokenize", model, text="<|end|>"), "259\n")
        self.assertEqual(self.succeed("tokenize", model, "--special", "parse", text="<|end|>"), "259\n")
        self.assertEqual(self.succeed("tokenize", model, "--special", "text", text="<|end|>"), plain)
        self.assertEqual(json.loads(self.succeed("tokenize", model, "--json", text="he")), {"ids": [256], "decoded": "he"})

    def test_add_for_one_call(self):
        model = self.talking_model()
        before = (model / "tokenizer.json").read_bytes()
        add = ("--add-special-token", "<|tool|>", "--add-token", "ell", "--map-special", "eot=<|tool|>", "--map-special", "pad=<|end|>")
        self.assertEqual(self.succeed("tokenize", model, *add, text="h<|tool|>ello"), "104 261 260 111\n")
        self.assertEqual(self.succeed("tokenize", model, *add, "--special", "text", text="<|tool|>"), " ".join(map(str, b"<|tool|>")) + "\n")
        tokens = self.listed(model, *add)
        self.assertEqual((tokens["<|tool|>"]["roles"], tokens["<|tool|>"]["ends_generation"]), (["eot"], True))
        self.assertEqual((tokens["<|end|>"]["roles"], tokens["ell"]["control"]), (["eos", "pad"], False))
        self.assertEqual((model / "tokenizer.json").read_bytes(), before)
        gguf = FIXTURES / "gguf" / "bitnet.llama_cpp.Q8_0.gguf"  # a vocabulary with a warning
        self.assertEqual(self.listed(gguf, "--add-special-token", "<|tool|>")["<|tool|>"]["id"], 512)

    def test_write_a_directory(self):
        model = self.talking_model()
        out = self.folder / "edited"
        add = ("--add-special-token", "<|tool|>", "--map-special", "eos=<|tool|>", "-o", out)
        self.assertEqual(self.succeed("tokenize", model, *add), f"{out}: 1 tokens added, 1 roles mapped\n")
        self.assertEqual(self.succeed("tokenize", out, text="he<|tool|>"), "256 260\n")
        self.assertEqual(self.listed(out)["<|tool|>"]["roles"], ["eos"])
        config = json.loads((out / "tokenizer_config.json").read_text())
        self.assertEqual(config, json.loads((model / "tokenizer_config.json").read_text()) | {"eos_token": "<|tool|>"})
        edited = json.loads((out / "tokenizer.json").read_text())
        added = edited.pop("added_tokens")
        original = byte_tokenizer()
        self.assertEqual(added[:2], original.pop("added_tokens"))
        self.assertEqual(edited, original)
        self.assertEqual((added[2]["id"], added[2]["content"], added[2]["special"]), (260, "<|tool|>", True))
        self.refuse("tokenize", model, *add, says="--force")
        self.assertEqual(json.loads(self.succeed("tokenize", model, *add, "--force", "--json")),
                         {"output": str(out), "added_tokens": 1, "mapped_roles": 1})  # fmt: skip

    def test_write_a_file(self):
        model, out = self.talking_model(), self.folder / "edited.json"
        self.succeed("tokenize", model, "--add-token", "hello", "-o", out)
        self.assertEqual(self.succeed("tokenize", out, text="hello!"), "260 33\n")
        self.refuse("tokenize", model, "--map-special", "eos=<|begin|>", "-o", self.folder / "b.json", says="must be a directory")

    def test_mistakes(self):
        model = self.talking_model()
        for arguments, says in (
            (("--special", "perhaps"), "expected parse or text"),
            (("--special", "parse", "--no-parse-special"), "contradict"),
            (("--map-special", "eos"), "expected ROLE=TEXT"),
            (("-o", "out"), "--output goes with"),
            (("--force",), "--force goes with"),
            (("--add-token", "x", "-o", ""), "the name is empty"),
        ):
            self.refuse("tokenize", model, *arguments, code=2, says=says)
        self.refuse("tokenize", "--special", "parse", model, code=2, says="PATH is required")
        for arguments, says in (
            (("--map-special", "boss=<|end|>"), "unknown role 'boss': expected one of bos, eos"),
            (("--map-special", "eos=<|none|>"), "'<|none|>' is not a token"),
            (("--add-token", ""), "0 bytes"),
            (("--add-special-token", "<|end|>"), "already, with the id 259"),
            (("--add-token", "x", "-o", self.folder / "missing" / "out"), "missing"),
        ):
            self.refuse("tokenize", model, *arguments, says=says)
        self.refuse("tokenize", FIXTURES / "gguf" / "bitnet.llama_cpp.Q8_0.gguf", "--add-token", "x", "-o", self.folder / "out",
                    says="holds no tokenizer.json")  # fmt: skip


class Sources(CommandTest):
    def test_sentencepiece(self):
        (self.folder / "tokenizer.model").write_bytes(sentencepiece_model())
        for path in ("tokenizer.model", "."):
            self.assertEqual(self.succeed("tokenize", path, text="a a"), "3 3\n")
        self.refuse("tokenize", "tokenizer.model", "--add-token", "x", says="tokenizer.json and GGUF only")
        (self.folder / "tokenizer.model").write_bytes(b"YQ== 0\n")
        self.refuse("tokenize", "tokenizer.model", says="not those of a known vocabulary")
        (self.folder / "tokenizer.model").unlink()
        self.refuse("tokenize", ".", says="neither tokenizer.json nor tokenizer.model")

    def test_special_tokens_map(self):
        model = self.talking_model()
        (model / "tokenizer_config.json").unlink()
        (model / "special_tokens_map.json").write_text(json.dumps({"bos_token": {"content": "<|begin|>"}}))
        self.assertIn("258  bos ", self.succeed("tokenize", model, "--list-special"))

    def test_merges_that_give_no_token_are_warned_of(self):
        code, out, error = self.run_sterna("tokenize", FIXTURES / "gguf" / "bitnet.llama_cpp.TQ2_0.gguf", text="hello")
        self.assertEqual(code, 0, error)
        self.assertEqual(len(out.split()), 5)
        self.assertIn(b"warning: tokenizer.ggml.merges[0]: 'h' + 'e': 'he' is not a token", error)


class Cache(CommandTest):
    def tokenize(self, **environment) -> str:
        return self.succeed("tokenize", SMOLLM, text="hello", environment={"STERNA_TOKENIZER_CACHE": ""} | environment)

    def files(self, folder: str) -> list:
        return sorted((self.folder / folder).rglob("*.vocabulary"))

    def test_it_is_written_read_and_rebuilt(self):
        places = {"XDG_CACHE_HOME": str(self.folder / "cache")}
        expected = self.tokenize(**places)
        (path,) = self.files("cache")
        self.assertEqual(path.parent, self.folder / "cache" / "sterna" / "vocabularies")
        good, written = path.read_bytes(), path.stat().st_mtime_ns
        self.assertEqual(self.tokenize(**places), expected)
        self.assertEqual(path.stat().st_mtime_ns, written, "was read, not written again")
        for broken in (b"", good[: len(good) // 2], b"\xff" * len(good), good[:-1] + bytes([good[-1] ^ 1])):
            path.write_bytes(broken)
            self.assertEqual(self.tokenize(**places), expected)
            self.assertEqual(len(path.read_bytes()), len(good))

    def test_home_and_off(self):
        expected = self.tokenize(XDG_CACHE_HOME="", HOME=str(self.folder))
        self.assertEqual(len(self.files(".cache/sterna/vocabularies")), 1)
        for setting in ("off", "0"):
            self.assertEqual(self.tokenize(XDG_CACHE_HOME=str(self.folder / "none"), STERNA_TOKENIZER_CACHE=setting), expected)
        self.assertEqual(self.tokenize(XDG_CACHE_HOME="relative", HOME=""), expected)
        self.assertFalse((self.folder / "none").exists() or (self.folder / "relative").exists())

    def test_a_folder_that_cannot_be_made_is_no_error(self):
        (self.folder / "file").write_text("")
        self.tokenize(XDG_CACHE_HOME=str(self.folder / "file"))
        self.tokenize(XDG_CACHE_HOME="/proc")


class Training(CommandTest):
    def test_what_it_refuses(self):
        (self.folder / "latin1.txt").write_bytes(b"caf\xe9 au lait\n")
        (self.folder / "empty.txt").write_bytes(b"")
        (self.folder / "good.txt").write_text("hello hello\n")
        (self.folder / "there.json").write_text("precious")
        out = ("-o", self.folder / "out.json")
        for arguments, says in (
            (("latin1.txt", *out), "latin1.txt: expected UTF-8 text, byte 3"),
            (("empty.txt", *out), "no text"),
            (("missing.txt", *out), "missing.txt: no such file"),
            ((".", *out), "cannot read"),
            (("good.txt", *out, "--vocab-size", "100"), "256"),
            (("good.txt", *out, "--special", ""), "special token is empty"),
            (("good.txt", "-o", self.folder / "there.json"), "--force"),
            (("good.txt", "-o", self.folder / "missing" / "out.json"), "missing"),
        ):
            with self.subTest(says):
                self.refuse("tokenize", "--train", *arguments, says=says)
        _, _, error = self.run_sterna("tokenize", "--train", "latin1.txt", *out)
        self.assertIn(b"iconv", error)
        self.assertNotIn(b"download", error)
        self.assertEqual((self.folder / "there.json").read_text(), "precious")

    def test_usage(self):
        for arguments, says in (
            (("good.txt",), "--output is required"),
            (("good.txt", "-o", "x", "--jsonl"), "--jsonl does not go with --train"),
            (("good.txt", "-o", "x", "--list-special"), "--list-special does not go with --train"),
            (("good.txt", "-o", "x", "--add-token", "y"), "--add-token does not go with --train"),
            (("good.txt", "-o", "x", "--vocab-size", "0"), "--vocab-size"),
            (("good.txt", "-o", "x", "--limit-alphabet", "257"), "--limit-alphabet"),
        ):
            self.refuse("tokenize", "--train", *arguments, code=2, says=says)
        self.refuse("tokenize", SMOLLM, "--vocab-size", "300", code=2, says="--train")


if __name__ == "__main__":
    command_testing.main()
