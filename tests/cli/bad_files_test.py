"""Files that are missing, cut, garbled or not what they claim: every command refuses them with one clear line and exit code 1."""

import json
import os
import pathlib
import shutil
import struct
import unittest

import command_testing
from command_testing import FIXTURES, MODELS, CommandTest, read_safetensors, write_safetensors

GGUF = FIXTURES / "gguf" / "bitnet.llama_cpp.TQ2_0.gguf"
HUGE = 1 << 60


def gguf_value_string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    """The only occurrence replaced by bytes of the same length, so that no offset moves."""
    assert data.count(old) == 1 and len(old) == len(new), (data.count(old), len(old), len(new))
    return data.replace(old, new)


class BadFiles(CommandTest):
    def refuse_everywhere(self, path: pathlib.Path, says: str = "") -> None:
        """By the commands that need the weights, and by those that read only the header where it is the header that is bad."""
        self.refuse("run", path, "hello", "-n", "4", says=says)
        self.refuse("logits", path, "--tokens", "1,2", "-o", self.folder / "out.safetensors", says=says)
        self.refuse("convert", path, "-o", self.folder / "out.gguf", says=says)

    def refuse_header(self, path: pathlib.Path, says: str = "") -> None:
        self.refuse_everywhere(path, says)
        self.refuse("inspect", path, says=says)
        self.refuse("inspect", path, "--json", says=says)
        self.refuse("tokenize", path, text="hello", says=says)
        self.refuse("template", path, "--jsonl", text='{"messages": []}', says=says)
        self.refuse("bench", path, "-p", "4", "-n", "2", "-r", "1", says=says)

    def file(self, name: str, data: bytes) -> pathlib.Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def changed_model(self, config=None, tensors=None, name="bitnet-packed") -> pathlib.Path:
        """A golden model with its configuration updated, or its tensors {name: (dtype, shape, bytes)} passed through `tensors`."""
        folder = self.folder / "changed"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        settings = json.loads((MODELS / name / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(settings | (config or {})))
        source = MODELS / name / "model.safetensors"
        if tensors is None:
            (folder / "model.safetensors").symlink_to(source)
        else:
            data = source.read_bytes()
            (length,) = struct.unpack_from("<Q", data)
            dtypes = {key: entry["dtype"] for key, entry in json.loads(data[8 : 8 + length]).items() if key != "__metadata__"}
            content = {key: (dtypes[key], shape, body) for key, (shape, body) in read_safetensors(source).items()}
            write_safetensors(folder / "model.safetensors", tensors(content))
        return folder

    def test_missing_file(self):
        self.refuse_header(self.folder / "missing.gguf", says="missing.gguf")

    def test_name_with_control_characters_stays_on_one_line(self):
        message = self.refuse("inspect", self.folder / "a\nb\x1b[31m.gguf")
        self.assertIn(r"a\x0ab\x1b[31m.gguf", message)

    def test_name_that_is_not_utf8(self):
        code, out, error = self.run_sterna("inspect", os.fsencode(self.folder) + b"/\xff.gguf")
        self.assertEqual((code, out), (1, b""))
        self.assertTrue(error.startswith(b"error: "))

    def test_directory_without_a_model(self):
        self.refuse_header(self.folder, says=str(self.folder))

    def test_directory_without_config(self):
        folder = self.folder / "weights-only"
        folder.mkdir()
        (folder / "model.safetensors").symlink_to(MODELS / "bitnet-packed" / "model.safetensors")
        self.refuse_header(folder, says="weights-only")

    def test_empty_file(self):
        self.refuse_header(self.file("empty.gguf", b""), says="empty.gguf")

    def test_garbage(self):
        self.refuse_header(self.file("garbage.gguf", bytes((i * 73 + 11) % 256 for i in range(10_000))), says="garbage.gguf")

    def test_device_and_directory_of_the_system(self):
        self.refuse_header(pathlib.Path("/dev/null"), says="/dev/null")

    def test_cut_gguf(self):
        data = GGUF.read_bytes()
        for length in (1, 4, 23, 24, 100, 1000, 5000, len(data) // 2, len(data) - 1):
            with self.subTest(length=length):
                self.refuse_everywhere(self.file("cut.gguf", data[:length]), says="cut.gguf")
                self.refuse("inspect", self.folder / "cut.gguf", says="cut.gguf")

    def test_file_cut_while_it_is_mapped(self):
        """G23: the embeddings stay in the file, so reading one past the cut is a bus error, which must become a message."""
        model = self.talking_model()
        settings = json.loads((model / "config.json").read_text()) | {"max_position_embeddings": 65536}
        data = (model / "model.safetensors").read_bytes()
        for name, content in (("config.json", json.dumps(settings).encode()), ("model.safetensors", data)):
            (model / name).unlink()
            (model / name).write_bytes(content)
        with self.start("run", model, "hello", "--raw", "--ignore-eos", "--temp", "5") as process:
            self.assertTrue(process.stdout.read(1))
            os.truncate(model / "model.safetensors", 4096)
            process.stdout.read()
            error = process.stderr.read().decode()
            self.assertEqual(process.wait(timeout=command_testing.TIMEOUT_SECONDS), 1, error)
            self.assertRegex(error, "^error: a mapped file became shorter .*\nhint: .*\n$")

    def test_cut_safetensors(self):
        data = (MODELS / "bitnet-packed" / "model.safetensors").read_bytes()
        folder = self.changed_model()
        (folder / "model.safetensors").unlink()
        for length in (0, 7, 8, 100, len(data) // 2, len(data) - 1):
            with self.subTest(length=length):
                (folder / "model.safetensors").write_bytes(data[:length])
                self.refuse_everywhere(folder, says="model.safetensors")

    def test_header_that_claims_2_to_the_60(self):
        data = GGUF.read_bytes()
        for name, offset in (("tensors", 8), ("key-values", 16)):
            with self.subTest(name):
                changed = data[:offset] + struct.pack("<Q", HUGE) + data[offset + 8 :]
                self.refuse_header(self.file("huge.gguf", changed), says="huge.gguf")

    def test_safetensors_header_of_2_to_the_60(self):
        data = (MODELS / "bitnet-packed" / "model.safetensors").read_bytes()
        folder = self.changed_model()
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors").write_bytes(struct.pack("<Q", HUGE) + data[8:])
        self.refuse_everywhere(folder, says="model.safetensors")

    def test_unknown_architecture(self):
        data = GGUF.read_bytes()
        key = gguf_value_string("general.architecture") + struct.pack("<I", 8)
        changed = patched(data, key + gguf_value_string("bitnet"), key + gguf_value_string("biznet"))
        self.refuse("logits", self.file("unknown.gguf", changed), "--tokens", "1", "-o", self.folder / "out", says="biznet")
        self.refuse("convert", self.folder / "unknown.gguf", "-o", self.folder / "out", says="biznet")
        self.refuse_everywhere(self.changed_model({"architectures": ["MambaForCausalLM"], "model_type": "mamba"}), says="amba")
        # inspect shows such a file all the same.
        self.assertIn("not runnable", self.succeed("inspect", self.folder / "unknown.gguf"))

    def test_missing_tensor(self):
        changed = patched(GGUF.read_bytes(), b"blk.1.ffn_up.weight", b"blk.1.ffn_uq.weight")
        self.refuse("logits", self.file("renamed.gguf", changed), "--tokens", "1", "-o", self.folder / "out", says="blk.1.ffn_u")
        self.refuse("convert", self.folder / "renamed.gguf", "-o", self.folder / "out", says="blk.1.ffn_u")
        name = "model.layers.1.mlp.down_proj.weight"
        without = lambda tensors: {key: value for key, value in tensors.items() if key != name}  # noqa: E731
        self.refuse_everywhere(self.changed_model(tensors=without), says="layers.1.mlp.down_proj")

    def test_wrong_shape(self):
        name = b"token_embd.weight"
        shape = struct.pack("<IQQ", 2, 256, 512)
        changed = patched(GGUF.read_bytes(), name + shape, name + struct.pack("<IQQ", 2, 512, 256))
        message = self.refuse("logits", self.file("shape.gguf", changed), "--tokens", "1", "-o", self.folder / "out")
        for part in ("token_embd", "512", "256"):
            self.assertIn(part, message)
        self.refuse_everywhere(self.changed_model({"intermediate_size": 640}), says="mlp")

    def test_damaged_configuration(self):
        folder = self.changed_model()
        for text in ("", "{", "[]", '{"architectures": 7}', "[" * 100_000, '{"num_hidden_layers": 1e308}'):
            with self.subTest(text[:40]):
                (folder / "config.json").write_text(text)
                self.refuse_everywhere(folder)
        for key, value in (("num_hidden_layers", 0), ("num_hidden_layers", 1 << 40), ("hidden_size", -256), ("vocab_size", 1 << 60),
                           ("num_attention_heads", 0), ("num_key_value_heads", 3), ("rms_norm_eps", "small")):  # fmt: skip
            with self.subTest(key, value=value):
                self.refuse_everywhere(self.changed_model({key: value}))

    def test_damaged_tokenizer(self):
        folder = self.talking_model()
        for text in ("", "{", "{}", '{"model": {"type": "Nothing"}}'):
            with self.subTest(text):
                (folder / "tokenizer.json").write_text(text)
                self.refuse("run", folder, "hello", says="tokenizer.json")
                self.refuse("tokenize", folder, text="hello", says="tokenizer.json")
        # Ids need no tokenizer.
        self.succeed("logits", folder, "--tokens", "1", "-o", self.folder / "out.safetensors")

    def test_damaged_template(self):
        folder = self.talking_model(chat_template="{% for %}")
        self.refuse("run", folder, "hello", "-n", "1")
        self.refuse("template", folder, "--jsonl", text='{"messages": []}')

    def test_model_without_tokenizer(self):
        self.refuse("run", MODELS / "bitnet-packed", "hello", says="no tokenizer")


if __name__ == "__main__":
    command_testing.main()
