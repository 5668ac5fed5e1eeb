"""Files that Sterna writes, read by the packages that define the formats, and the other way round: gguf, safetensors, onnx.

Each part is skipped, saying so, where its package (or numpy) is absent; where all are, the exit status is 77.
"""

import importlib.util
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = REPOSITORY / "tests" / "fixtures"
STERNA = ""  # set by main()


def has(*packages: str) -> bool:
    return all(importlib.util.find_spec(package) is not None for package in ("numpy", *packages))


class Interop(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sterna-interop-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def sterna(self, *arguments) -> str:
        done = subprocess.run([STERNA, *map(str, arguments)], capture_output=True, timeout=300, check=False)
        self.assertEqual(done.returncode, 0, (arguments, done.stderr.decode(errors="replace")))
        return done.stdout.decode()

    def logits(self, model) -> bytes:
        """The numbers alone: the header of the file does not depend on the model."""
        output = self.folder / "logits.safetensors"
        self.sterna("logits", model, "--tokens", "1,2,3,4,5,6,7,8", "-o", output)
        return output.read_bytes()

    @staticmethod
    def unpacked(packed, rows):
        """Hugging Face packed bytes [rows / 4, cols] as -1, 0, +1 (transformers integrations/bitnet.py)."""
        import numpy as np

        return np.concatenate([(packed >> shift & 3).astype(np.int8) - 1 for shift in (0, 2, 4, 6)])[:rows]


@unittest.skipUnless(has("gguf"), "the Python package gguf or numpy is absent")
class Gguf(Interop):
    def test_package_reads_every_type_it_knows(self):
        import numpy as np
        from gguf import GGUFReader
        from gguf.quants import dequantize

        self.sterna("convert", FIXTURES / "models" / "bitnet-packed", "-o", self.folder / "f32.gguf", "--type", "F32", "--embedding-type", "F32")
        expected = {t.name: t.data for t in GGUFReader(self.folder / "f32.gguf").tensors}
        bounds = {"TQ1_0": 1e-3, "TQ2_0": 1e-3, "F16": 1e-3, "BF16": 1e-2, "Q8_0": 1e-2, "Q6_K": 0.1, "Q5_0": 0.2, "Q4_0": 0.2, "Q4_K": 0.2}
        for kind, bound in bounds.items():
            with self.subTest(kind):
                path = self.folder / f"{kind}.gguf"
                self.sterna("convert", FIXTURES / "models" / "bitnet-packed", "-o", path, "--type", kind, "--embedding-type", "F32")
                reader = GGUFReader(path)
                self.assertEqual(reader.fields["general.architecture"].contents(), "bitnet-b1.58")
                self.assertEqual({t.name for t in reader.tensors}, set(expected))
                for tensor in reader.tensors:
                    found = dequantize(tensor.data, tensor.tensor_type).reshape(expected[tensor.name].shape)
                    scale = np.abs(expected[tensor.name]).max()
                    self.assertLessEqual(np.abs(found - expected[tensor.name]).max(), bound * scale, tensor.name)

    def test_package_reads_a_series(self):
        from gguf import GGUFReader

        source = FIXTURES / "gguf" / "bitnet.llama_cpp.TQ2_0.gguf"
        self.sterna("convert", source, "-o", self.folder / "part.gguf", "--type", "COPY", "--split-max-tensors", "9")
        original = {t.name: t.data.tobytes() for t in GGUFReader(source).tensors}
        found = {}
        for part in sorted(self.folder.glob("part-*.gguf")):
            reader = GGUFReader(part)
            self.assertEqual(reader.fields["split.tensors.count"].contents(), len(original))
            found |= {t.name: t.data.tobytes() for t in reader.tensors}
        self.assertEqual(found, original)

    def test_files_of_the_package_load(self):
        import numpy as np
        from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
        from gguf.quants import quantize

        source = FIXTURES / "gguf" / "bitnet.llama_cpp.TQ2_0.gguf"
        writer = GGUFWriter(self.folder / "package.gguf", "bitnet")
        reader = GGUFReader(source)
        for key, field in reader.fields.items():
            if key.startswith(("bitnet.", "tokenizer.")):
                kind = field.types[0]
                writer.add_key_value(key, field.contents(), kind, sub_type=field.types[-1] if len(field.types) > 1 else None)
        for tensor in reader.tensors:
            if tensor.tensor_type == GGMLQuantizationType.TQ2_0:
                from gguf.quants import dequantize

                values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
                writer.add_tensor(tensor.name, quantize(values, GGMLQuantizationType.TQ1_0), raw_dtype=GGMLQuantizationType.TQ1_0)
            else:
                writer.add_tensor(tensor.name, np.array(tensor.data), raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        self.assertEqual(self.logits(self.folder / "package.gguf"), self.logits(source))


@unittest.skipUnless(has("safetensors"), "the Python package safetensors or numpy is absent")
class Safetensors(Interop):
    def test_package_reads_both_forms(self):
        import numpy as np
        from safetensors.numpy import load_file

        self.sterna("convert", FIXTURES / "models" / "bitnet-packed", "--to", "safetensors", "-o", self.folder / "packed", "--embedding-type", "F32")
        self.sterna("convert", FIXTURES / "models" / "bitnet-packed", "--to", "safetensors", "-o", self.folder / "f32", "--type", "F32", "--embedding-type", "F32")
        packed, unpacked = load_file(self.folder / "packed" / "model.safetensors"), load_file(self.folder / "f32" / "model.safetensors")
        original = dict(read_checkpoint(FIXTURES / "models" / "bitnet-packed" / "model.safetensors"))
        names = [name for name, tensor in packed.items() if tensor.dtype == np.uint8]
        self.assertEqual(len(names), 14)
        for name in names:
            codes = self.unpacked(packed[name], len(unpacked[name]))
            self.assertTrue((codes == unpacked[name]).all(), name)
            self.assertTrue((packed[name] == original[name]).all(), name)
            self.assertEqual(float(packed[name + "_scale"][0]), float(unpacked[name + "_scale"][0]))
        config = json.loads((self.folder / "packed" / "config.json").read_text())
        self.assertEqual(config["quantization_config"]["linear_class"], "autobitlinear")
        self.assertEqual(self.logits(self.folder / "packed"), self.logits(FIXTURES / "models" / "bitnet-packed"))

    def test_files_of_the_package_load(self):
        from safetensors.numpy import load_file, save_file

        # numpy has no bfloat16, so the package gets the same model in F32.
        source = self.folder / "f32"
        self.sterna("convert", FIXTURES / "models" / "bitnet-packed", "--to", "safetensors", "-o", source, "--embedding-type", "F32")
        folder = self.folder / "package"
        folder.mkdir()
        (folder / "config.json").write_bytes((source / "config.json").read_bytes())
        save_file(load_file(source / "model.safetensors"), folder / "model.safetensors", metadata={"format": "pt"})
        self.assertEqual(self.logits(folder), self.logits(source))

    def test_package_reads_shards_by_their_index(self):
        from safetensors import safe_open

        self.sterna("convert", FIXTURES / "models" / "qwen3-dense", "--to", "safetensors", "-o", self.folder / "s", "--split-max-tensors", "7")
        index = json.loads((self.folder / "s" / "model.safetensors.index.json").read_text())
        for name, file in index["weight_map"].items():
            with safe_open(self.folder / "s" / file, framework="np") as shard:
                self.assertIn(name, shard.keys())
        self.assertEqual(self.logits(self.folder / "s"), self.logits(FIXTURES / "models" / "qwen3-dense"))


def read_checkpoint(path):
    """Tensors of a safetensors file as f32; bfloat16 is no numpy type."""
    import numpy as np

    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = data[8 + size + begin:8 + size + end]
        values = {"BF16": lambda: (np.frombuffer(raw, np.uint16).astype(np.uint32) << 16).view(np.float32),
                  "U8": lambda: np.frombuffer(raw, np.uint8), "F32": lambda: np.frombuffer(raw, np.float32)}[entry["dtype"]]()  # fmt: skip
        yield name, values.reshape(entry["shape"])


@unittest.skipUnless(has("onnx"), "the Python package onnx or numpy is absent")
class Onnx(Interop):
    def export(self, source, external: bool):
        """The weights of a decoder as exporters of torch write them: MatMul from the right, named by the node."""
        import numpy as np
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        nodes, tensors, previous = [], [], "x"
        for number, (name, values) in enumerate(read_checkpoint(source / "model.safetensors")):
            stem = name.removesuffix(".weight")
            if values.ndim == 2 and "embed_tokens" not in name:
                tensors.append(numpy_helper.from_array(np.ascontiguousarray(values.T), f"onnx::MatMul_{number}"))
                nodes.append(helper.make_node("MatMul", [previous, f"onnx::MatMul_{number}"], [f"y{number}"], name="/" + stem.replace(".", "/").replace("layers/", "layers.") + "/MatMul"))
            elif values.ndim == 2:
                tensors.append(numpy_helper.from_array(values, name))
                nodes.append(helper.make_node("Gather", [name, "x"], [f"y{number}"], name="/" + stem.replace(".", "/") + "/Gather"))
            else:
                tensors.append(numpy_helper.from_array(values, name))
                nodes.append(helper.make_node("Mul", [previous, name], [f"y{number}"]))
            previous = f"y{number}"
        graph = helper.make_graph(nodes, "decoder", [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
                                  [helper.make_tensor_value_info(previous, TensorProto.FLOAT, None)], tensors)  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        folder = self.folder / ("external" if external else "inline")
        folder.mkdir()
        (folder / "config.json").write_bytes((source / "config.json").read_bytes())
        options = {"save_as_external_data": True, "location": "model.onnx_data", "size_threshold": 64} if external else {}
        onnx.save_model(model, folder / "model.onnx", **options)
        return folder

    def test_files_of_the_package_give_the_model_back(self):
        for name in ("qwen3-dense", "llama-dense-rope3", "bitnet-master"):
            for external in (False, True):
                with self.subTest(name, external=external):
                    folder = self.export(FIXTURES / "models" / name, external)
                    self.assertEqual(self.logits(folder), self.logits(FIXTURES / "models" / name))
                    self.sterna("convert", folder / "model.onnx", "-o", self.folder / "out.gguf", "--force")
                    for file in folder.iterdir():
                        file.unlink()
                    folder.rmdir()


def main() -> None:
    global STERNA
    if "--sterna" in sys.argv:
        at = sys.argv.index("--sterna")
        STERNA = sys.argv[at + 1]
        del sys.argv[at:at + 2]
    if not any(has(package) for package in ("gguf", "safetensors", "onnx")):
        print("the Python packages gguf, safetensors and onnx are absent; `pip install numpy gguf safetensors onnx` where tests run")
        sys.exit(77)
    unittest.main()


if __name__ == "__main__":
    main()
