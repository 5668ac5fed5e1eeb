#!/usr/bin/env python3
"""Writes the seeds of the file-format fuzzers: small valid files and one malformed file per row of the catalogue of hostile files
(src/formats/README.md). Standard library only; the same files every time.

usage: tools/make_fuzz_corpus.py [FOLDER]      default: fuzz/corpus beside this script's parent
"""
import json
import pathlib
import struct
import sys
import zlib

U64 = (1 << 64) - 1
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, GGUF_U64, GGUF_I64, F64 = range(13)
ID_F32, ID_Q6_K, ID_I8, ID_TQ1_0, ID_TQ2_0, ID_I2_S = 0, 14, 24, 34, 35, 36
SCALARS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", GGUF_U64: "Q", GGUF_I64: "q", F64: "d"}


def number(code, value):
    return struct.pack("<" + code, value)


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return number("Q", len(data)) + data


def header(tensors, key_values, version=3):
    return b"GGUF" + number("I", version) + number("Q", tensors) + number("Q", key_values)


def scalar(key, kind, value):
    return text(key) + number("I", kind) + (text(value) if kind == STRING else number(SCALARS[kind], value))


def array(key, kind, values):
    body = b"".join(text(v) if kind == STRING else number(SCALARS[kind], v) for v in values)
    return text(key) + number("I", ARRAY) + number("I", kind) + number("Q", len(values)) + body


def tensor(name, dimensions, kind, offset):
    return text(name) + number("I", len(dimensions)) + b"".join(number("Q", d) for d in dimensions) + number("I", kind) + number("Q", offset)


def pad(data, alignment=32):
    return data + bytes(-len(data) % alignment)


def one_tensor(name="t", dimensions=(8,), kind=ID_F32, offset=0, data_bytes=64):
    return pad(header(1, 0) + tensor(name, dimensions, kind, offset)) + bytes(data_bytes)


def two_tensors(first, second, first_floats=8, names=("a", "b")):
    return pad(header(2, 0) + tensor(names[0], [first_floats], ID_F32, first) + tensor(names[1], [8], ID_F32, second)) + bytes(128)


def with_value(key_value, count=1, tail=32):
    return header(0, count) + key_value + bytes(tail)


def gguf_seeds():
    every_scalar = b"".join(scalar(f"k{kind}", kind, "text" if kind == STRING else 1) for kind in range(13) if kind != ARRAY)
    every_array = b"".join(array(f"a{kind}", kind, ["x", ""] if kind == STRING else [1, 0]) for kind in range(13) if kind != ARRAY)
    model = (scalar("general.architecture", STRING, "bitnet-b1.58") + scalar("general.alignment", U32, 32)
             + array("tokenizer.ggml.tokens", STRING, ["a", "b"]) + scalar("tokenizer.chat_template", STRING, "{{ m }}"))
    records = tensor("w1", [256], ID_TQ2_0, 0) + tensor("w2", [128], ID_I2_S, 96) + tensor("n", [2, 2], ID_F32, 160)
    yield "valid_model", pad(header(3, 4) + model + records) + bytes(192)
    yield "valid_scalars", header(0, 12, 2) + every_scalar
    yield "valid_arrays", header(0, 12) + every_array
    yield "valid_blocks", pad(header(2, 0) + tensor("a", [256], ID_TQ1_0, 0) + tensor("b", [256], ID_Q6_K, 64)) + bytes(288)
    yield "valid_split", (header(0, 3) + scalar("split.no", U16, 0) + scalar("split.count", U16, 2) + scalar("split.tensors.count", I32, 0))
    for length in (0, 3, 4, 23):
        yield f"g01_{length}_bytes", header(0, 0)[:length]
    yield "g02_ggjt", b"tjgg" + bytes(28)
    yield "g02_zip", b"PK\x03\x04" + bytes(28)
    for version in (0, 1, 4, 0x03000000):
        yield f"g03_version_{version:x}", header(0, 0, version)
    for name, count in (("2_63", 1 << 63), ("max", U64), ("2_32", 1 << 32)):
        yield f"g04_tensors_{name}", header(count, 0) + bytes(200)
        yield f"g05_key_values_{name}", header(0, count) + bytes(200)
    yield "g06_empty_key", with_value(scalar("", U32, 1))
    yield "g06_key_length_max", header(0, 1) + number("Q", U64) + bytes(32)
    yield "g06_nul_in_key", with_value(scalar("a\0b", U32, 1))
    yield "g06_key_not_utf8", with_value(scalar(b"a\xff", U32, 1))
    yield "g07_string_length_max", with_value(text("k") + number("I", STRING) + number("Q", U64))
    yield "g07_string_one_too_long", with_value(text("k") + number("I", STRING) + number("Q", 33))
    yield "g08_repeated_key", with_value(scalar("k", U32, 1) * 2, 2)
    for kind in (13, 255, 0xFFFFFFFF):
        yield f"g09_value_type_{kind}", with_value(text("k") + number("I", kind))
    yield "g10_nested_array", with_value(text("k") + number("I", ARRAY) + (number("I", ARRAY) + number("Q", 1)) * 8)
    yield "g11_array_wraps", with_value(text("k") + number("I", ARRAY) + number("I", GGUF_U64) + number("Q", 1 << 61))
    yield "g11_array_of_bool", with_value(text("k") + number("I", ARRAY) + number("I", BOOL) + number("Q", 1 << 32))
    yield "g12_bool_2", with_value(scalar("k", BOOL, 2))
    yield "g12_bool_array", with_value(array("k", BOOL, [1, 255]))
    for alignment in (0, 1, 3, 24, 1 << 31):
        yield f"g13_alignment_{alignment}", with_value(scalar("general.alignment", U32, alignment))
    yield "g13_alignment_u64", with_value(scalar("general.alignment", GGUF_U64, 32))
    yield "g14_empty_name", one_tensor(name="")
    yield "g14_long_name", one_tensor(name="n" * 65)
    yield "g14_repeated_name", two_tensors(0, 32, names=("same", "same"))
    for count in (0, 5, 0xFFFFFFFF):
        yield f"g15_dimensions_{count}", header(1, 0) + text("t") + number("I", count) + bytes(64)
    yield "g16_dimension_0", one_tensor(dimensions=(8, 0))
    yield "g16_dimension_max", one_tensor(dimensions=(U64,))
    yield "g17_elements_wrap", one_tensor(dimensions=(1 << 32, 1 << 32))
    yield "g17_four_dimensions", one_tensor(dimensions=(1 << 21,) * 4)
    yield "g18_bytes_wrap", one_tensor(dimensions=(1 << 62,))
    yield "g18_padding_wraps", one_tensor(dimensions=((1 << 63) - 1,), kind=ID_I8)
    yield "g19_half_a_block", one_tensor(dimensions=(128, 2), kind=ID_TQ2_0)
    for kind in (4, 31, 37, 39, 42, 43, 134, 0xFFFFFFFF):
        yield f"g20_type_{kind}", one_tensor(kind=kind)
    yield "g21_offset_not_aligned", one_tensor(offset=4)
    yield "g21_offset_past_end", one_tensor(offset=4096)
    yield "g21_end_past_end", one_tensor(offset=32, data_bytes=63)
    yield "g21_end_wraps", one_tensor(offset=U64 - 31)
    yield "g22_overlap", two_tensors(0, 32, first_floats=9)
    yield "g22_same_range", two_tensors(0, 0)
    yield "g22_gap", two_tensors(0, 96)
    yield "g22_order", two_tensors(32, 0)
    yield "g25_i2_s_without_scale", one_tensor(dimensions=(256,), kind=ID_I2_S, data_bytes=64)
    yield "g38_split_count_0", header(0, 2) + scalar("split.no", U16, 0) + scalar("split.count", U16, 0)
    yield "g39_template_not_utf8", with_value(scalar("tokenizer.chat_template", STRING, b"\xff"))


def safetensors(header_text, data_bytes=16, length=None):
    data = header_text.encode() if isinstance(header_text, str) else header_text
    return number("Q", len(data) if length is None else length) + data + bytes(data_bytes)


def entry(dtype="F32", shape=(4,), offsets=(0, 16)):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def one(data_bytes=16, **members):
    return safetensors(json.dumps({"t": entry(**members)}, separators=(",", ":")), data_bytes)


def safetensors_seeds():
    plain = '{"dtype":"F32","shape":[4],"data_offsets":[0,16]}'
    empty = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    yield "valid_one", one()
    yield "valid_model", safetensors(json.dumps({"__metadata__": {"format": "pt"}, "a": entry("U8", (2, 4), (0, 8)), "b": entry("BF16", (4,), (8, 16))}))
    yield "valid_scalar", one(4, shape=(), offsets=(0, 4))
    yield "valid_padded", safetensors("{}      ", 0)
    yield "valid_config", safetensors('{"a":{"b":[1,2.5,true,null]},"c":["x"],"d":18446744073709551615}', 0)
    yield "s01_short", bytes(7)
    for length in (0, 1, 1 << 63, 100_000_001, 19):
        yield f"s01_length_{length}", safetensors("{}", 16, length)
    yield "s02_array", safetensors("[]", 0)
    yield "s02_tail", safetensors("{} x", 0)
    yield "s02_leading_space", safetensors(" {}", 0)
    yield "s03_not_utf8", safetensors(b'{"a\xff":' + plain.encode() + b"}")
    yield "s03_lone_surrogate", safetensors('{"\\ud800":' + plain + "}")
    yield "s03_nul", safetensors('{"a\\u0000":' + plain + "}")
    yield "s04_repeated_name", safetensors('{"t":' + empty + ',"t":' + empty + "}", 0)
    yield "s04_repeated_key", safetensors('{"t":{"dtype":"F32",' + plain[1:] + "}")
    for dtype in ("F8_E4M3", "F4", "f32", 7):
        yield f"s05_dtype_{dtype}", one(dtype=dtype)
    for name, shape in (("negative", [-4]), ("float", [4.0]), ("1e19", [1e19]), ("nested", [[4]]), ("wraps", [1 << 32, 1 << 32]), ("many", [1] * 100)):
        yield f"s06_shape_{name}", one(shape=shape)
    for name, offsets in (("swapped", [16, 0]), ("past_end", [0, 32]), ("short", [0, 12]), ("one", [0]), ("strings", ["0", "16"])):
        yield f"s07_offsets_{name}", one(offsets=offsets)
    yield "s08_overlap", safetensors(json.dumps({"a": entry("I8", (8,), (0, 8)), "b": entry("I8", (9,), (7, 16))}))
    yield "s08_hole", safetensors(json.dumps({"a": entry("I8", (7,), (0, 7)), "b": entry("I8", (8,), (8, 16))}))
    yield "s08_tail", one(17)
    yield "s09_many_empty", safetensors("{" + ",".join(f'"{i}":{empty}' for i in range(10)) + "}", 0)
    yield "s10_nested", safetensors('{"t":' + "[" * 100 + "]" * 100 + "}", 0)
    yield "s11_number", safetensors('{"__metadata__":{"k":1}}', 0)
    yield "s11_tensor", safetensors('{"__metadata__":' + plain + "}")
    yield "s11_twice", safetensors('{"__metadata__":{},"__metadata__":{}}', 0)
    yield "s12_index", safetensors('{"metadata":{"total_size":12},"weight_map":{"a":"../../etc/passwd"}}', 0)


PROTOCOL = b"\x80\x02"
NO_HOOKS = b"ccollections\nOrderedDict\n)R"


def pickled(value):
    if isinstance(value, str):
        return b"X" + number("I", len(value.encode())) + value.encode()
    if isinstance(value, int):
        return b"J" + number("i", value)
    if isinstance(value, tuple):
        return b"(" + b"".join(map(pickled, value)) + b"t"
    return value  # opcodes already


def storage(key="0", elements=4, kind="FloatStorage"):
    return pickled(("storage", f"ctorch\n{kind}\n".encode(), key, "cpu", elements)) + b"Q"


def torch_tensor(held=None, offset=0, shape=(2, 2), strides=(2, 1), hooks=NO_HOOKS):
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + pickled((held or storage(), offset, shape, strides, b"\x89", hooks)) + b"R"


def pickled_dict(**items):
    return PROTOCOL + b"}(" + b"".join(pickled(key) + pickled(value) for key, value in items.items()) + b"u."


def pickle_seeds():
    yield "valid_one", pickled_dict(w=torch_tensor())
    yield "valid_nested", pickled_dict(epoch=3, state_dict=b"}(" + pickled("w") + torch_tensor() + b"u", rest=b"](NK\x01\x88e")
    yield "valid_metadata", PROTOCOL + NO_HOOKS + b"}" + pickled("_metadata") + NO_HOOKS + b"sb."
    yield "valid_frame", PROTOCOL + b"\x95" + number("Q", 2) + b"}."
    yield "valid_parameter", pickled_dict(w=b"ctorch._utils\n_rebuild_parameter\n" + pickled((torch_tensor(), b"\x88", NO_HOOKS)) + b"R")
    yield "valid_memo", pickled_dict(a=b"]q\x01" + pickled(7) + b"a", b=b"h\x01", c=b"j\x01\0\0\0")
    yield "p01_system", pickled_dict(w=b"cos\nsystem\n" + pickled(("id",)) + b"R")
    yield "p01_stack_global", pickled_dict(w=pickled("os") + pickled("system") + b"\x93")
    yield "p02_newobj", pickled_dict(w=b"ccollections\nOrderedDict\n)\x81")
    yield "p02_build", pickled_dict(w=storage() + b"}b")
    yield "p03_setitem", pickled_dict(w=torch_tensor() + pickled("k") + pickled(1) + b"s")
    yield "p04_outside", pickled_dict(w=torch_tensor(offset=1))
    yield "p04_wraps", pickled_dict(w=torch_tensor(shape=(1 << 30, 1 << 30, 1 << 30), strides=(0, 0, 0)))
    yield "p05_get", pickled_dict(w=b"h\x07")
    yield "p05_put", pickled_dict(w=b"Nr" + number("I", 1 << 31))
    yield "p05_itself", pickled_dict(w=b"]q\x01h\x01a")
    yield "p05_deep", pickled_dict(w=b"]" * 300 + b"a" * 299)
    yield "p06_frame", PROTOCOL + b"\x95" + number("Q", 1 << 62) + b"}."
    yield "p06_long", pickled_dict(w=b"\x8a\x09" + bytes(9))
    yield "p06_unicode8", pickled_dict(w=b"\x8d" + number("Q", 1 << 60))
    yield "p09_sparse", pickled_dict(w=b"ctorch._utils\n_rebuild_sparse_tensor\n)R")
    yield "p09_hooks", pickled_dict(w=torch_tensor(hooks=b"}" + pickled(1) + pickled(2) + b"s"))


def archive(records, method=0, prefix=b"", name_in_local=None):
    out, directory = prefix, b""
    for name, data in records:
        encoded = name.encode()
        fixed = struct.pack("<HHHHH", 0, 0x0808, method, 0, 0)
        sizes = struct.pack("<III", zlib.crc32(data), len(data), len(data))
        local = (name_in_local or name).encode()
        directory += (b"PK\x01\x02\0\0" + fixed + sizes + struct.pack("<HHHHHII", len(encoded), 0, 0, 0, 0, 0, len(out)) + encoded)
        out += b"PK\x03\x04" + fixed + bytes(12) + struct.pack("<HH", len(local), 0) + local + data + b"PK\x07\x08" + sizes
    return out + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, len(records), len(records), len(directory), len(out), 0)


def pytorch_seeds():
    pickle, data = ("a/data.pkl", pickled_dict(w=torch_tensor())), ("a/data/0", bytes(16))
    yield "valid_one", archive([pickle, data, ("a/version", b"3\n"), ("a/byteorder", b"little")])
    yield "p04_record_short", archive([pickle, ("a/data/0", bytes(15))])
    yield "p07_two_names", archive([pickle, data, data])
    yield "p07_outside", archive([pickle, ("a/../b", bytes(4))])
    yield "p07_local_name", archive([("a/data.pkl", pickle[1])], name_in_local="a/data.pkk")
    yield "p07_compressed", archive([pickle, data], method=8)
    yield "p07_prefix", archive([pickle, data], prefix=b"#!/bin/sh\n")
    yield "p08_big_endian", archive([pickle, data, ("a/byteorder", b"big")])
    yield "p08_version_0", archive([pickle, data, ("a/version", b"0")])


def hub_response_seeds():
    """Answers of the hub's API, and header lines."""
    commit, git, sha = "0123456789abcdef0123456789abcdef01234567", "a" * 40, "b" * 64
    small = {"type": "file", "path": "config.json", "size": 24, "oid": git}
    large = {"type": "file", "path": "m-Q8_0.gguf", "size": 100, "oid": git, "lfs": {"oid": sha, "size": 100, "pointerSize": 134}}
    yield "valid_revision", json.dumps({"id": "org/m", "sha": commit, "gated": False, "siblings": [{"rfilename": "a"}]}).encode()
    yield "valid_tree", json.dumps([small, large, {"type": "directory", "path": "d", "oid": git, "size": 0}]).encode()
    yield "valid_split", json.dumps([large | {"path": f"x/m-F16-0000{part}-of-00002.gguf"} for part in (1, 2)]).encode()
    yield "valid_error", b'{"error": "Repository not found"}'
    yield "valid_headers", (b'HTTP/1.1 206\r\nContent-Range: bytes 0-9/100\r\nETag: W/"abc"\r\nRetry-After: 5\r\nX-Linked-Size: 7\r\n'
                            b'Link: <https://a/2>; rel="next"\r\n')  # fmt: skip
    for name, path in (("up", "../a"), ("absolute", "/a"), ("nul", "a\0b"), ("drive", "C:a"), ("device", "aux.gguf"), ("surrogate", "\ud800")):
        yield f"name_{name}", json.dumps([small | {"path": path}]).encode()
    for name, size in (("negative", -1), ("huge", 1 << 63), ("wide", 10**30), ("fraction", 1.5)):
        yield f"size_{name}", json.dumps([small | {"size": size}]).encode()
    yield "hash_short", json.dumps([large | {"lfs": {"oid": "b" * 63, "size": 100}}]).encode()
    yield "twice", json.dumps([small, small]).encode()
    yield "file_and_folder", json.dumps([small | {"path": "a"}, small | {"path": "a/b"}]).encode()
    yield "deep", b"[" * 40 + b"]" * 40
    yield "range_wraps", b"Content-Range: bytes 0-18446744073709551615/18446744073709551616\r\n"


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field_int(number_of_field, value):
    return varint(number_of_field << 3) + varint(value)


def field_bytes(number_of_field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(number_of_field << 3 | 2) + varint(len(data)) + data


def onnx_tensor(name, dimensions, kind=1, raw=None, extra=b""):
    dims = b"".join(field_int(1, d & U64) for d in dimensions)
    return dims + field_int(2, kind) + field_bytes(8, name) + (field_bytes(9, raw) if raw is not None else b"") + extra


def onnx_external(location, offset="0"):
    entries = [field_bytes(1, key) + field_bytes(2, value) for key, value in (("location", location), ("offset", offset))]
    return b"".join(field_bytes(13, entry) for entry in entries) + field_int(14, 1)


def onnx_node(kind, inputs, output, name="/lm_head/MatMul", domain="", attribute=b""):
    return (b"".join(field_bytes(1, i) for i in inputs) + field_bytes(2, output) + field_bytes(3, name) + field_bytes(4, kind)
            + (field_bytes(5, attribute) if attribute else b"") + field_bytes(7, domain))


def onnx_model(nodes=(), tensors=(), opset=17, extra=b""):
    graph = (b"".join(field_bytes(1, n) for n in nodes) + b"".join(field_bytes(5, t) for t in tensors)
             + field_bytes(11, field_bytes(1, "x")) + extra)
    return (field_int(1, 8) + field_bytes(7, graph) + field_bytes(8, field_bytes(1, "") + field_int(2, opset))
            + field_bytes(14, field_bytes(1, "key") + field_bytes(2, "value")))


def onnx_seeds():
    weight = onnx_tensor("w", (2, 3), raw=bytes(24))
    product = onnx_node("MatMul", ("x", "w"), "y")
    yield "valid_matmul", onnx_model([product], [weight])
    yield "valid_gemm", onnx_model([onnx_node("Gemm", ("x", "a.weight"), "y", attribute=field_bytes(1, "transB") + field_int(3, 1))],
                                   [onnx_tensor("a.weight", (2, 3), raw=bytes(24))])
    yield "valid_gather", onnx_model([onnx_node("Gather", ("e.weight", "x"), "y")], [onnx_tensor("e.weight", (2, 3), 16, bytes(12))])
    yield "valid_float_data", onnx_model([], [onnx_tensor("n.weight", (2,), extra=field_bytes(4, bytes(8)))])
    yield "valid_packed_dims", onnx_model([], [field_bytes(1, varint(2)) + field_int(2, 10) + field_bytes(8, "n.weight") + field_bytes(9, bytes(4))])
    yield "o01_long_varint", b"\x08" + b"\xff" * 10 + b"\x01"
    yield "o01_length", b"\x3a\x7fzz"
    yield "o01_field_0", b"\x00\x01"
    yield "o01_group", b"\x0b\x0c"
    for name, location in (("parent", "../secret"), ("absolute", "/etc/passwd"), ("inside", "a/../../b"), ("drive", "C:\\x"), ("file", "data.bin")):
        yield f"o02_{name}", onnx_model([], [onnx_tensor("n.weight", (2,), extra=onnx_external(location))])
    yield "o03_offset", onnx_model([], [onnx_tensor("n.weight", (2,), extra=onnx_external("d", str(U64)))])
    yield "o03_sparse", onnx_model(extra=field_bytes(15, b""))
    yield "o03_constant", onnx_model([onnx_node("Constant", (), "y", attribute=field_bytes(1, "value") + field_bytes(5, onnx_tensor("c", (2,), extra=onnx_external("d"))))])
    yield "o04_short", onnx_model([], [onnx_tensor("w", (3,), raw=bytes(8))])
    yield "o04_two_places", onnx_model([], [onnx_tensor("w", (2,), raw=bytes(8), extra=field_bytes(4, bytes(8)))])
    yield "o04_negative", onnx_model([], [onnx_tensor("w", (-2,), raw=bytes(8))])
    yield "o05_cycle", onnx_model([onnx_node("Relu", ("b",), "a"), onnx_node("Relu", ("a",), "b")])
    yield "o05_subgraph", onnx_model([onnx_node("If", ("x",), "y", attribute=field_bytes(1, "then_branch") + field_bytes(6, b""))])
    yield "o06_domain", onnx_model([onnx_node("MatMulNBits", ("x",), "y", domain="com.microsoft")])
    yield "o06_opset", onnx_model(opset=9999)


def main():
    default = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "corpus"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    for kind, seeds in (("gguf", gguf_seeds()), ("safetensors", safetensors_seeds()), ("pickle", pickle_seeds()), ("pytorch", pytorch_seeds()),
                        ("hub_response", hub_response_seeds()), ("onnx", onnx_seeds())):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name, data in seeds:
            (folder / kind / name).write_bytes(data)


main()
