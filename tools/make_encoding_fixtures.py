#!/usr/bin/env python3
"""Write tests/fixtures/encodings: payloads and values of every weight encoding, by the Python package gguf.

usage: make_encoding_fixtures.py OUT_DIR        (PyPI: gguf, numpy)

pattern.TYPE.bin     4 x 256 ternary pattern as TYPE; the sha256 of each is known from other implementations and checked here
decode.TYPE.bin      8 or more random blocks, scales from denormal to large, and
decode.TYPE.f32      their values
encode.f32           3 x 512 values: random, ties and special blocks; encode.TYPE.bin their encodings
"""
import hashlib
import pathlib
import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import dequantize, quantize

PATTERN_SHA256 = {
    "I2_S": "3e720d5a787a6437e58112a58197cf07ab0182093189471a5d2f2e042d6bf769",
    "TQ1_0": "4226e79e494c7d6f322f4243d47854ee1898c24c5a856775183ed9b462950d75",
    "TQ2_0": "a3ef4c370e49ddaddfce8e8db074531169c61dd62f0b53c076b2c038aec1a84d",
    "Q8_0": "14d7ad16db95a28bd7e555eaa79acba5cabf680801c09ec2132b3f7fa2a2227d",
    "Q4_0": "b4a73054c1bf9c790c31ae1f038fdbb81bdf116078d73a7b4b697968f5c879e4",
}


def pattern(rows, cols):
    r, c = np.arange(rows)[:, None], np.arange(cols)[None, :]
    return (31 * r + 17 * c + (r * c % 7)) % 3 - 1


def i2_s(codes, scale):
    """bitnet.cpp's layout: 128 weights in 32 bytes, group l of 32 at bits 6-2l; f32 scale and 28 zero bytes behind the tensor."""
    groups = (codes.reshape(-1, 4, 32) + 1).astype(np.uint8)
    packed = groups[:, 0] << 6 | groups[:, 1] << 4 | groups[:, 2] << 2 | groups[:, 3]
    return packed.tobytes() + np.float32(scale).tobytes() + bytes(28)


def hf_packed(codes):
    """transformers' layout: rows interleaved by quarters."""
    rows, cols = codes.shape
    quarter = (rows + 3) // 4
    packed = np.zeros((quarter, cols), np.uint8)
    for row in range(rows):
        packed[row % quarter] |= ((codes[row] + 1) << (2 * (row // quarter))).astype(np.uint8)
    return packed.tobytes()


def random_blocks(rng, blocks, scale_offsets, block_bytes):
    """Random bytes with usable f16 scales: normal, denormal, negative, zero and the largest."""
    data = rng.integers(0, 256, (blocks, block_bytes), dtype=np.uint8)
    special = np.array([0.0, 6e-8, 3e-5, -0.75, 1000.0, -1.5e-6, 1.0, 60.0], np.float16)
    for n, offset in enumerate(scale_offsets):
        scales = np.roll(special, n * 3)
        scales = np.concatenate([scales, rng.normal(0, 0.02, max(0, blocks - 8)).astype(np.float16)])[:blocks]
        data[:, offset : offset + 2] = scales.view(np.uint8).reshape(blocks, 2)
    return data


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    codes = pattern(4, 256)
    weights = (codes * 0.5).astype(np.float32)
    for name, expected in PATTERN_SHA256.items():
        data = i2_s(codes, 0.5) if name == "I2_S" else quantize(weights, T[name]).tobytes()
        assert hashlib.sha256(data).hexdigest() == expected, name
        (out / f"pattern.{name}.bin").write_bytes(data)
    packed = hf_packed(pattern(8, 16))
    assert packed.hex() == "18920548aa21548649a02655980261246109854915995518a460248044008652"
    (out / "pattern.HF.bin").write_bytes(packed)

    rng = np.random.default_rng(20)
    offsets = {"Q8_0": ([0], 34, 16), "Q4_0": ([0], 18, 16), "Q4_1": ([0, 2], 20, 16), "Q6_K": ([208], 210, 9),
               "TQ1_0": ([52], 54, 9), "TQ2_0": ([64], 66, 9)}
    for name, (scale_offsets, block_bytes, blocks) in offsets.items():
        data = random_blocks(rng, blocks, scale_offsets, block_bytes)
        (out / f"decode.{name}.bin").write_bytes(data.tobytes())
        (out / f"decode.{name}.f32").write_bytes(dequantize(data.reshape(1, -1), T[name]).astype(np.float32).tobytes())

    values = rng.normal(0, 0.02, (3, 512)).astype(np.float32)
    values[1] *= 100
    values[2, :32] = 0
    values[2, 32:64] = 0.25
    values[2, 64:96] = -3
    values[2, 96:128] = np.linspace(-1, 1, 32)
    values[2, 128:160] = np.arange(32) - 16  # ties in every type
    values[2, 160:192] = np.tile([1.0, -1.0, 0.5, -0.5], 8)
    values[2, 256:] = rng.integers(-1, 2, 256) * np.float32(0.37)
    (out / "encode.f32").write_bytes(values.tobytes())
    for name in ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "TQ1_0", "TQ2_0"]:
        (out / f"encode.{name}.bin").write_bytes(quantize(values, T[name]).tobytes())
    print(f"numpy {np.__version__}")


main()
