#!/usr/bin/env python3
"""Writes a Hugging Face directory of random packed ternary weights in the shape of a real model, to measure conversions.

usage: tools/make_random_checkpoint.py OUT_DIR [--shape 2b4t|tiny] [--seed N]      (needs numpy; one tensor is in memory at a time)
"""
import argparse
import json
import pathlib
import struct

import numpy as np

SHAPES = {  # layers, width, feed-forward, heads, key-value heads, head dimension, vocabulary
    "2b4t": (30, 2560, 6912, 20, 5, 128, 128256),
    "tiny": (2, 256, 512, 4, 2, 64, 512),
}


def plan(shape):
    """Names, types and shapes in file order: wider elements first."""
    layers, width, ff, heads, kv_heads, head_dim, vocab = SHAPES[shape]
    projections = {"self_attn.q_proj": (heads * head_dim, width), "self_attn.k_proj": (kv_heads * head_dim, width),
                   "self_attn.v_proj": (kv_heads * head_dim, width), "self_attn.o_proj": (width, heads * head_dim),
                   "mlp.gate_proj": (ff, width), "mlp.up_proj": (ff, width), "mlp.down_proj": (width, ff)}  # fmt: skip
    yield "model.embed_tokens.weight", "BF16", (vocab, width)
    yield "model.norm.weight", "BF16", (width,)
    for layer in range(layers):
        base = f"model.layers.{layer}."
        for norm, size in (("input_layernorm", width), ("post_attention_layernorm", width),
                           ("self_attn.attn_sub_norm", heads * head_dim), ("mlp.ffn_sub_norm", ff)):  # fmt: skip
            yield base + norm + ".weight", "BF16", (size,)
        for name in projections:
            yield base + name + ".weight_scale", "BF16", (1,)
    for layer in range(layers):
        for name, (rows, cols) in projections.items():
            yield f"model.layers.{layer}.{name}.weight", "U8", (rows // 4, cols)


def values(name, kind, shape, rng):
    if kind == "U8":
        codes = rng.integers(0, 3, size=(4, *shape), dtype=np.uint8)
        return codes[0] | codes[1] << 2 | codes[2] << 4 | codes[3] << 6
    if name.endswith("weight_scale"):
        numbers = rng.uniform(0.5, 2, size=shape).astype(np.float32)
    elif len(shape) == 1:
        numbers = np.ones(shape, np.float32)
    else:
        numbers = rng.standard_normal(shape, dtype=np.float32)
    return (numbers.view(np.uint32) >> 16).astype(np.uint16)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--shape", default="2b4t", choices=SHAPES)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    layers, width, ff, heads, kv_heads, head_dim, vocab = SHAPES[arguments.shape]
    arguments.out.mkdir(parents=True, exist_ok=True)
    config = {"architectures": ["BitNetForCausalLM"], "model_type": "bitnet", "hidden_size": width, "intermediate_size": ff,
              "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": kv_heads, "head_dim": head_dim,
              "vocab_size": vocab, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "hidden_act": "relu2",
              "tie_word_embeddings": True, "torch_dtype": "bfloat16",
              "quantization_config": {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline"}}  # fmt: skip
    (arguments.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    header, at = {}, 0
    for name, kind, shape in plan(arguments.shape):
        end = at + int(np.prod(shape)) * (1 if kind == "U8" else 2)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    rng = np.random.default_rng(arguments.seed)
    with open(arguments.out / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, kind, shape in plan(arguments.shape):
            file.write(values(name, kind, shape, rng).tobytes())


if __name__ == "__main__":
    main()
