#!/usr/bin/env python3
"""Every part of tokenizer.json alone, and the four models, against the package `tokenizers`: ids, spans, decoded text.

usage: huggingface.py DRIVER [--random COUNT] [--natural COUNT] [--seed SEED] [--tokenizer FILE]...
DRIVER is the built program sterna_tokenize_lines. With --tokenizer, that tokenizer.json alone (repeatable) is compared: ids and decoded
text of every text, spans of every tenth, and the decoding of random ids. Exit status 77: the package is not installed.
"""
import argparse
import itertools
import json
import random
import subprocess
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])
from natural_texts import natural_texts
from texts import SCRIPTS, random_text, texts

try:
    from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers as norm, pre_tokenizers as pre,
                            processors, trainers)
except ImportError as missing:
    print(f"SKIPPED: {missing}; `{sys.executable} -m pip install tokenizers` makes this comparison run")
    sys.exit(77)


def read_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--random", type=int, default=150)
    parser.add_argument("--natural", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokenizer", action="append", default=[], metavar="FILE")
    return parser.parse_args()


ARGUMENTS = read_arguments()
CASES, SEED = ARGUMENTS.random, ARGUMENTS.seed
TEXTS = [*natural_texts(ARGUMENTS.natural, SEED), *texts(CASES, SEED)] if not ARGUMENTS.tokenizer else []
TRAINING = [*SCRIPTS.values()] * 2 + texts(60, 99)
LETTERS = sorted({c for t in TRAINING for c in t})


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, questions):
        """Questions go out in batches that fit a pipe, so that neither side waits for the other to read."""
        answers = []
        batch, size = [], 0
        for question in questions:
            line = json.dumps(question) + "\n"
            if batch and size + len(line) > 30000:
                answers += self.exchange(batch)
                batch, size = [], 0
            batch.append(line)
            size += len(line)
        return answers + self.exchange(batch)

    def exchange(self, lines):
        self.process.stdin.write("".join(lines))
        self.process.stdin.flush()
        return [json.loads(self.process.stdout.readline()) for _ in lines]


def word_level(pieces=(), unk="[UNK]"):
    vocab = {unk: 0}
    for piece in pieces:
        vocab.setdefault(piece, len(vocab))
    return models.WordLevel(vocab, unk)


def character_model():
    """One token for every character, so that the spans of single characters show what a step did."""
    vocab = {"<unk>": 0}
    for c in LETTERS:
        vocab.setdefault(c, len(vocab))
    return models.BPE(vocab, [], unk_token="<unk>")


def with_parts(model=None, normalizer=None, pre_tokenizer=None, post_processor=None, decoder=None):
    tokenizer = Tokenizer(model or character_model())
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    if post_processor:
        tokenizer.post_processor = post_processor
    if decoder:
        tokenizer.decoder = decoder
    return tokenizer


def trained(kind, normalizer=None, pre_tokenizer=None, decoder=None, special=(), size=900, **options):
    model = {"bpe": models.BPE, "wordpiece": models.WordPiece, "unigram": models.Unigram}[kind]
    trainer = {"bpe": trainers.BpeTrainer, "wordpiece": trainers.WordPieceTrainer, "unigram": trainers.UnigramTrainer}[kind]
    trainer_options = {k: options.pop(k) for k in ("continuing_subword_prefix", "end_of_word_suffix", "initial_alphabet") if k in options}
    if kind == "unigram":
        trainer_options["unk_token"] = options.pop("unk_token", "<unk>")
    tokenizer = with_parts(model(**options), normalizer, pre_tokenizer, None, decoder)
    tokenizer.train_from_iterator(TRAINING, trainer(vocab_size=size, show_progress=False, special_tokens=list(special), **trainer_options))
    return tokenizer


def edited(tokenizer, edit):
    state = json.loads(tokenizer.to_str())
    edit(state)
    return Tokenizer.from_str(json.dumps(state))


def normalizers():
    import base64
    import struct
    for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt", "StripAccents", "ByteLevel"):
        yield name, getattr(norm, name)()
    yield "Strip", norm.Strip()
    yield "Strip.left", norm.Strip(left=True, right=False)
    yield "Strip.right", norm.Strip(left=False, right=True)
    yield "Replace.literal", norm.Replace("e", "EE")
    yield "Replace.space", norm.Replace(" ", "▁")
    yield "Replace.regex", norm.Replace(Regex(r"\s+"), " ")
    yield "Replace.nothing", norm.Replace(Regex(r"[aeiou]"), "")
    yield "Prepend", norm.Prepend("▁x")
    for clean in (False, True):
        for chinese in (False, True):
            for strip in (None, False, True):
                for lower in (False, True):
                    yield f"Bert.{clean}.{chinese}.{strip}.{lower}", norm.BertNormalizer(clean, chinese, strip, lower)
    yield "Sequence", norm.Sequence([norm.NFD(), norm.StripAccents(), norm.Lowercase(), norm.Replace(" ", "▁"), norm.Prepend("▁")])
    yield "Sequence.2", norm.Sequence([norm.Strip(), norm.NFKC(), norm.Replace(Regex(" {2,}"), " "), norm.Nmt()])


def split_patterns():
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        for invert in (False, True):
            for pattern in (" ", "e", Regex(r"\p{L}+"), Regex(r"\d"), Regex(r"\s+(?!\S)|\w+")):
                yield f"Split.{behavior}.{invert}.{pattern}", pre.Split(pattern, behavior, invert)


def pre_tokenizers():
    for prefix in (False, True):
        for regex in (False, True):
            yield f"ByteLevel.{prefix}.{regex}", pre.ByteLevel(add_prefix_space=prefix, use_regex=regex)
    yield from split_patterns()
    yield "Digits", pre.Digits(False)
    yield "Digits.individual", pre.Digits(True)
    for scheme in ("always", "first", "never"):
        for split in (False, True):
            yield f"Metaspace.{scheme}.{split}", pre.Metaspace(prepend_scheme=scheme, split=split)
    yield "Metaspace.other", pre.Metaspace("_")
    yield "Whitespace", pre.Whitespace()
    yield "WhitespaceSplit", pre.WhitespaceSplit()
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        yield f"Punctuation.{behavior}", pre.Punctuation(behavior)
    yield "Bert", pre.BertPreTokenizer()
    yield "UnicodeScripts", pre.UnicodeScripts()
    yield "CharDelimiterSplit", pre.CharDelimiterSplit("e")
    yield "FixedLength", pre.FixedLength(3)
    yield "Sequence", pre.Sequence([pre.WhitespaceSplit(), pre.Punctuation(), pre.Digits(True)])
    yield "Sequence.metaspace", pre.Sequence([pre.Split("e", "isolated"), pre.Metaspace(prepend_scheme="first")])
    yield "Sequence.bytes", pre.Sequence([pre.Digits(True), pre.ByteLevel(add_prefix_space=True), pre.Punctuation()])


def post_processors():
    ends = dict(sep=("</s>", 1), cls=("<s>", 0))
    yield "ByteLevel.trim", processors.ByteLevel(trim_offsets=True)
    yield "ByteLevel.keep", processors.ByteLevel(trim_offsets=False)
    yield "Bert", processors.BertProcessing(*ends.values())
    for trim in (False, True):
        for prefix in (False, True):
            yield f"Roberta.{trim}.{prefix}", processors.RobertaProcessing(*ends.values(), trim_offsets=trim, add_prefix_space=prefix)
    template = processors.TemplateProcessing(single="<s> $A </s> </s>", pair=None, special_tokens=[("<s>", 0), ("</s>", 1)])
    yield "Template", template
    yield "Sequence", processors.Sequence([processors.ByteLevel(trim_offsets=True), template])
    yield "Sequence.2", processors.Sequence([processors.BertProcessing(*ends.values()), processors.ByteLevel(trim_offsets=True)])


def all_decoders():
    yield "none", None
    yield "ByteLevel", decoders.ByteLevel()
    yield "WordPiece", decoders.WordPiece()
    yield "WordPiece.cleanup", decoders.WordPiece("##", cleanup=False)
    yield "Metaspace", decoders.Metaspace()
    yield "Metaspace.never", decoders.Metaspace(prepend_scheme="never")
    yield "BPEDecoder", decoders.BPEDecoder("</w>")
    yield "ByteFallback", decoders.ByteFallback()
    yield "Fuse", decoders.Fuse()
    yield "Strip", decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 2, 0)])
    yield "Replace", decoders.Replace("▁", " ")
    yield "Replace.regex", decoders.Replace(Regex("[ae]"), "_")
    yield "CTC", decoders.CTC(pad_token="a", word_delimiter_token="|")
    yield "CTC.raw", decoders.CTC(pad_token="<pad>", word_delimiter_token="|", cleanup=False)
    yield "Sequence", decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])


DECODER_TOKENS = ["a", "##b", "##c", "▁d", "e</w>", "f", "Ġg", "Ċ", "Ã", "©", "â", "<0xE2>", "<0x96>", "<0x81>", "<0xFF>", "<pad>", "|", ".", " .", "n't", " n't", ",",
                  " do not", "'s", " '", " ", "é", "漢", "</w>", "▁", "h▁i", "</w>x", "##", "!", " ' ", " 're"]


def added(tokenizer):
    tokenizer.add_tokens([AddedToken("e\u0301", normalized=True), AddedToken("  ", normalized=False, lstrip=True), AddedToken("'s", single_word=True),
                          AddedToken("漢", single_word=True, normalized=False), AddedToken("!?", rstrip=True, lstrip=True), AddedToken("The", normalized=True),
                          AddedToken("_", lstrip=True, normalized=False)])
    tokenizer.add_special_tokens([AddedToken("<s>"), AddedToken("</s>", rstrip=True, normalized=False), AddedToken("[CLS]", lstrip=True, rstrip=True)])
    return tokenizer


def whole_tokenizers():
    bytes_ = list(pre.ByteLevel.alphabet())
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    yield "bpe.bytes", trained("bpe", pre_tokenizer=pre.ByteLevel(add_prefix_space=False), decoder=decoders.ByteLevel(), initial_alphabet=bytes_)
    yield "bpe.bytes.added", added(trained("bpe", norm.NFC(), pre.ByteLevel(), decoders.ByteLevel(), initial_alphabet=bytes_))
    yield "bpe.characters", trained("bpe", pre_tokenizer=pre.Metaspace(), decoder=decoders.Metaspace(), unk_token="<unk>", special=["<unk>"])
    yield "bpe.fuse", trained("bpe", None, pre.Whitespace(), None, ["<unk>"], 500, unk_token="<unk>", fuse_unk=True, initial_alphabet=["a"])
    yield "bpe.suffix", trained("bpe", norm.Lowercase(), pre.Whitespace(), decoders.BPEDecoder("</w>"), ["<unk>"], unk_token="<unk>", end_of_word_suffix="</w>")
    yield "bpe.prefix", edited(trained("bpe", None, pre.Whitespace(), decoders.WordPiece(), ["<unk>"], unk_token="<unk>", continuing_subword_prefix="##"),
                               lambda s: s["model"].update(continuing_subword_prefix="##"))
    yield "bpe.prefix.bytes", trained("bpe", None, pre.ByteLevel(), decoders.ByteLevel(), ["<unk>"], unk_token="<unk>", continuing_subword_prefix="##")
    yield "bpe.fallback", edited(trained("bpe", None, pre.Metaspace(), None, ["<unk>", *byte_tokens], 700, unk_token="<unk>", fuse_unk=True, byte_fallback=True),
                                 lambda s: s.update(added_tokens=s["added_tokens"][:1]))
    yield "bpe.ignore_merges", trained("bpe", None, pre.ByteLevel(), decoders.ByteLevel(), ignore_merges=True, initial_alphabet=bytes_)
    yield "bpe.no_pre_tokenizer", edited(trained("bpe", norm.Sequence([norm.Prepend("▁"), norm.Replace(" ", "▁")]), None, None, ["<unk>"], unk_token="<unk>"), lambda s: None)
    bert = trained("wordpiece", norm.BertNormalizer(), pre.BertPreTokenizer(), decoders.WordPiece(), ["[UNK]", "[CLS]", "[SEP]"], unk_token="[UNK]")
    bert.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    yield "wordpiece", bert
    yield "wordpiece.short", edited(bert, lambda s: s["model"].update(max_input_chars_per_word=6))
    yield "wordpiece.no_prefix", trained("wordpiece", None, pre.WhitespaceSplit(), None, ["[UNK]"], unk_token="[UNK]", continuing_subword_prefix="")
    yield "wordpiece.added", added(trained("wordpiece", norm.NFD(), pre.WhitespaceSplit(), decoders.WordPiece(), ["[UNK]"], unk_token="[UNK]"))
    yield "wordlevel", with_parts(word_level([w for t in TRAINING for w in t.split()]), norm.Lowercase(), pre.WhitespaceSplit())
    yield "unigram", trained("unigram", norm.NFKC(), pre.Metaspace(), decoders.Metaspace(), ["<unk>", "<s>"])
    yield "unigram.no_pre_tokenizer", trained("unigram", norm.Replace(" ", "▁"), None, None, ["<unk>"])
    yield "unigram.added", added(trained("unigram", norm.NFKC(), pre.Metaspace(prepend_scheme="first"), decoders.Metaspace(), ["<unk>"]))
    fallback = trained("unigram", None, pre.Metaspace(), None, ["<unk>"])
    yield "unigram.fallback", edited(fallback, lambda s: (s["model"]["vocab"].extend([b, -20.0 - i / 7] for i, b in enumerate(byte_tokens)),
                                                          s["model"].update(byte_fallback=True)))
    yield "metaspace.first.strip", with_parts(None, norm.Strip(), pre.Metaspace(prepend_scheme="first"))


def compare(driver, name, tokenizer, cases, add_special=False):
    """The number of cases that differ; the first two are printed."""
    answer = driver.ask([{"load": "json", "tokenizer": tokenizer.to_str()}])[0]
    if "error" in answer:
        print(f"{name}: {answer['error']}")
        return 1
    wrong = 0
    encodings = []
    for text in cases:
        try:
            encodings.append((text, tokenizer.encode(text, add_special_tokens=add_special)))
        except BaseException as panic:  # the package's own: it has nothing to compare with
            if not type(panic).__name__.startswith("Panic"):
                raise
    cases = [text for text, _ in encodings]
    encodings = [encoding for _, encoding in encodings]
    answers = driver.ask({"text": text, "add_special": add_special} for text in cases)
    decoded = driver.ask({"decode": e.ids, "skip_special": i % 2 == 1} for i, e in enumerate(encodings))
    for i, (text, encoding, answer, back) in enumerate(zip(cases, encodings, answers, decoded)):
        expected = {"ids": encoding.ids, "spans": [list(o) for o in encoding.offsets]}
        expected_text = tokenizer.decode(encoding.ids, skip_special_tokens=i % 2 == 1)
        if answer == expected and back.get("decoded") == expected_text:
            continue
        wrong += 1
        if wrong <= 2:
            print(f"{name}: {text!r}\n  expected {expected} {encoding.tokens}\n  found    {answer}")
            if back.get("decoded") != expected_text:
                print(f"  decoded expected {expected_text!r}\n          found    {back}")
    return wrong


def compare_file(driver, path):
    """A tokenizer.json of any size, on as many texts as asked for. The number of texts that differ."""
    with open(path, encoding="utf-8") as stream:
        source = stream.read()
    tokenizer = Tokenizer.from_str(source)
    answer = driver.ask([{"load": "json", "tokenizer": source}])[0]
    if "error" in answer:
        print(f"{path}: {answer['error']}")
        return 1
    rng = random.Random(SEED)
    cases = itertools.chain(natural_texts(ARGUMENTS.natural, SEED), SCRIPTS.values(), (random_text(rng, "any") for _ in range(CASES)))
    wrong = done = tokens = 0
    while batch := list(itertools.islice(cases, 1000)):
        special = rng.random() < 0.5
        encodings = [tokenizer.encode(text, add_special_tokens=special) for text in batch]
        with_spans = [i % 10 == 0 for i in range(len(batch))]
        found = driver.ask({"text": text, "add_special": special, "spans": asked} for text, asked in zip(batch, with_spans))
        ids = [encoding.ids for encoding in encodings]
        shuffled = [[rng.randrange(tokenizer.get_vocab_size()) for _ in range(rng.randint(1, 12))] for _ in range(len(batch) // 10)]
        skips = rng.random() < 0.5
        decoded = driver.ask({"decode": given, "skip_special": skips} for given in [*ids, *shuffled])
        for text, encoding, answer, asked in zip(batch, encodings, found, with_spans):
            expected = {"ids": encoding.ids} | ({"spans": [list(o) for o in encoding.offsets]} if asked else {})
            if answer != expected:
                wrong += 1
                if wrong <= 5:
                    print(f"{path}: {text!r}\n  expected {expected} {encoding.tokens}\n  found    {answer}")
        for given, back in zip([*ids, *shuffled], decoded):
            if (expected := tokenizer.decode(given, skip_special_tokens=skips)) != back.get("decoded"):
                wrong += 1
                if wrong <= 5:
                    print(f"{path}: {given} decoded, expected {expected!r}\n  found {back}")
        done += len(batch)
        tokens += sum(map(len, ids))
        if done % 20000 < len(batch):
            print(f"{path}: {done} texts, {tokens} tokens, {wrong} differences", flush=True)
    print(f"{path}: {done} texts, {tokens} tokens, {wrong} differences in the end")
    return wrong


def compare_decoders(driver):
    rng = random.Random(SEED)
    wrong = 0
    for name, decoder in all_decoders():
        tokenizer = with_parts(word_level(DECODER_TOKENS, "[UNK]"), decoder=decoder)
        driver.ask([{"load": "json", "tokenizer": tokenizer.to_str()}])
        for _ in range(300):
            ids = [rng.randrange(tokenizer.get_vocab_size()) for _ in range(rng.randint(1, 8))]
            expected = tokenizer.decode(ids)
            found = driver.ask([{"decode": ids}])[0]
            if found.get("decoded") != expected:
                wrong += 1
                print(f"decoder {name}: {[tokenizer.id_to_token(i) for i in ids]} expected {expected!r} found {found}")
                break
    return wrong


def compare_every_character(driver):
    """Every code point of the planes that differ inside, between line feeds, which nothing composes with, through what depends on character data."""
    alphabet = {c: i for i, c in enumerate(sorted(pre.ByteLevel.alphabet()))}
    codes = [chr(c) for c in [*range(0xD800), *range(0xE000, 0x20000), *range(0x2F800, 0x30000), *range(0xE0000, 0xE0200)]]
    cases = ["a\n" + "\n".join(codes[i:i + 2048]) for i in range(0, len(codes), 2048)]
    bytes_ = pre.ByteLevel(add_prefix_space=False, use_regex=False)
    parts = [(name, getattr(norm, name)(), bytes_) for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Nmt", "StripAccents", "Strip", "BertNormalizer")]
    parts += [(name, None, getattr(pre, name)()) for name in ("Digits", "Punctuation", "BertPreTokenizer", "Whitespace", "WhitespaceSplit", "UnicodeScripts")]
    parts.append(("GPT-2's expression", None, pre.ByteLevel(add_prefix_space=False)))
    wrong = 0
    for name, normalizer, pre_tokenizer in parts:
        model = models.BPE(alphabet, []) if normalizer or "GPT" in name else word_level()
        wrong += compare(driver, f"every character through {name}", with_parts(model, normalizer, pre_tokenizer), cases) > 0
    return wrong


def main():
    driver = Driver(ARGUMENTS.driver)
    if ARGUMENTS.tokenizer:
        return 1 if sum(compare_file(driver, path) for path in ARGUMENTS.tokenizer) else 0
    wrong = compare_decoders(driver) + compare_every_character(driver)
    count = 0
    for name, part in normalizers():
        wrong += compare(driver, f"normalizer {name}", with_parts(normalizer=part), TEXTS) > 0
        count += 1
    for name, part in pre_tokenizers():
        wrong += compare(driver, f"pre_tokenizer {name}", with_parts(word_level(), pre_tokenizer=part), TEXTS[: len(SCRIPTS) + CASES // 2]) > 0
        wrong += compare(driver, f"pre_tokenizer {name} after NFKD", with_parts(None, norm.Sequence([norm.Strip(), norm.NFKD()]), part), TEXTS[-CASES // 3:]) > 0
        count += 2
    for name, part in post_processors():
        tokenizer = trained("bpe", pre_tokenizer=pre.ByteLevel(), special=["<s>", "</s>"], size=400, initial_alphabet=list(pre.ByteLevel.alphabet()))
        tokenizer.post_processor = part
        for add_special in (False, True):
            wrong += compare(driver, f"post_processor {name} {add_special}", tokenizer, TEXTS, add_special) > 0
            count += 1
    for name, tokenizer in whole_tokenizers():
        wrong += compare(driver, name, tokenizer, TEXTS, True) > 0
        count += 1
    print(f"{count} tokenizers on {len(TEXTS)} texts, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
