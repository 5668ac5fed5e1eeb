#!/usr/bin/env python3
"""SentencePiece models and tiktoken vocabularies against the packages `sentencepiece` and `tiktoken`; the compiled replacement rules
of a SentencePiece model as a Precompiled normalizer against `tokenizers`.

usage: others.py DRIVER [--random COUNT] [--natural COUNT] [--seed SEED]    exit status 77: a package is not installed
DRIVER is the built program sterna_tokenize_lines. All vocabularies are trained or made here; nothing is fetched.
"""
import base64
import io
import json
import os
import random
import sys
import tempfile

sys.path.insert(0, __file__.rsplit("/", 1)[0])
try:
    import sentencepiece
    import tiktoken
    from huggingface import ARGUMENTS, CASES, Driver, SEED, Tokenizer, character_model, compare, norm, pre, with_parts
    from natural_texts import natural_texts
    from texts import SCRIPTS, texts
except ImportError as missing:
    print(f"SKIPPED: {missing}; `{sys.executable} -m pip install tokenizers sentencepiece tiktoken` makes this comparison run")
    sys.exit(77)

TEXTS = [t for t in [*natural_texts(ARGUMENTS.natural, SEED), *texts(CASES, SEED)] if "\0" not in t]
TRAINING = [t for t in [*SCRIPTS.values()] * 3 + texts(100, 99) if "\0" not in t and t.strip()]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def models():
    """(name, bytes) of models with every option that changes what they do."""
    for algorithm in ("bpe", "unigram"):
        variants = {
            "plain": {}, "bytes": dict(byte_fallback=True), "llama": dict(byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
            "nfkc": dict(normalization_rule_name="nfkc_cf"), "no_prefix": dict(add_dummy_prefix=False), "suffix": dict(treat_whitespace_as_suffix=True),
            "user": dict(user_defined_symbols=["<sep>", "ab", "▁▁", "ﬁ"], control_symbols=["<ctrl>"]), "spaces": dict(remove_extra_whitespaces=False),
            "bytes_user": dict(byte_fallback=True, user_defined_symbols=["the", "  "], split_digits=True),
            "surface": dict(unk_surface="?", character_coverage=0.98),
        }
        for name, options in variants.items():
            out = io.BytesIO()
            sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(TRAINING), model_writer=out, model_type=algorithm, vocab_size=1500, hard_vocab_limit=False,
                                                     minloglevel=2, **options)
            yield f"sentencepiece {algorithm}.{name}", out.getvalue()


def compare_model(driver, name, model, folder):
    path = os.path.join(folder, "model")
    with open(path, "wb") as out:
        out.write(model)
    oracle = sentencepiece.SentencePieceProcessor(model_proto=model)
    loaded = driver.ask([{"load": "sentencepiece", "path": path}])[0]
    if "error" in loaded:
        print(f"{name}: {loaded['error']}")
        return 1
    wrong = 0
    encoded = [oracle.encode(text) for text in TEXTS]
    answers = driver.ask({"text": text, "parse_special": False} for text in TEXTS)
    decoded = driver.ask({"decode": ids, "skip_special": True} for ids in encoded)
    for text, expected, found, back in zip(TEXTS, encoded, answers, decoded):
        if found.get("ids") == expected and back.get("decoded") == oracle.decode(expected):
            continue
        wrong += 1
        if wrong <= 2:
            print(f"{name}: {text!r}\n  expected {expected} {oracle.encode(text, out_type=str)}\n  found    {found}\n  decoded {oracle.decode(expected)!r} {back!r}")
    return wrong


def compare_precompiled(driver, model):
    """The model's rules inside a tokenizer.json."""
    from huggingface import Tokenizer
    state = json.loads(with_parts(character_model(), norm.Strip()).to_str())
    charsmap = sentencepiece_charsmap(model)
    state["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}
    return compare(driver, "normalizer Precompiled", Tokenizer.from_str(json.dumps(state)), TEXTS)


def varint(data, at):
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = {1: 8, 5: 4}[key & 7]
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def sentencepiece_charsmap(model):
    spec = next(value for field, value in fields(model) if field == 3)
    return next(value for field, value in fields(spec) if field == 2)


def compare_tiktoken(driver, folder):
    """128,000 tokens of random bytes, some of them parts of others, in the place of Llama 3's."""
    rng = random.Random(SEED)
    corpus = " ".join(TRAINING).encode()
    ranks = {bytes([b]): b for b in range(256)}
    while len(ranks) < 128000:
        begin = rng.randrange(len(corpus))
        token = corpus[begin:begin + rng.randint(2, 8)] if rng.random() < 0.3 else bytes(rng.choice(b"abcdefgh ") for _ in range(rng.randint(2, 7)))
        ranks.setdefault(token, len(ranks))
    path = os.path.join(folder, "ranks")
    with open(path, "w") as out:
        out.writelines(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items())
    special = {"<|begin_of_text|>": 128000, "<|eot_id|>": 128009}
    oracle = tiktoken.Encoding("made", pat_str=LLAMA3, mergeable_ranks=ranks, special_tokens=special)
    loaded = driver.ask([{"load": "tiktoken", "path": path}])[0]
    if "error" in loaded:
        print(f"tiktoken: {loaded['error']}")
        return 1
    wrong = 0
    for text in [*TEXTS, *["".join(rng.choice("abcdefgh ") for _ in range(rng.randint(1, 300))) for _ in range(100)], "a<|eot_id|>b"]:
        for parse_special in (False, True):
            expected = oracle.encode(text, allowed_special="all" if parse_special else set(), disallowed_special=())
            found = driver.ask([{"text": text, "parse_special": parse_special}])[0]
            if found.get("ids") == expected and driver.ask([{"decode": expected}])[0].get("decoded") == oracle.decode(expected):
                continue
            wrong += 1
            if wrong <= 2:
                print(f"tiktoken: {text!r}\n  expected {expected}\n  found    {found}")
    return wrong


def main():
    driver = Driver(ARGUMENTS.driver)
    wrong = count = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models():
            wrong += compare_model(driver, name, model, folder) > 0
            count += 1
            if name.endswith((".plain", ".nfkc")):
                wrong += compare_precompiled(driver, model) > 0
                count += 1
        wrong += compare_tiktoken(driver, folder) > 0
    print(f"{count + 1} vocabularies on {len(TEXTS)} texts, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
