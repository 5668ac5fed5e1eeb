#!/usr/bin/env python3
"""Speed of the packages `tokenizers`, `sentencepiece` and `tiktoken` on one thread, beside sterna_tokenizer_bench.

usage: tokenizer_peers.py --texts DIR         writes English.txt, code.txt, Chinese.txt and mixed.txt of 4 MB each
       tokenizer_peers.py VOCABULARY TEXT     median of 5 runs, in MB for every second of CPU time, and CPU time of loading; VOCABULARY: tokenizer.json, .model, or a rank file
"""
import base64
import os
import pathlib
import random
import statistics
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CHINESE = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
SYLLABLES = "ba de ing tion un re mo ka li str ent al er o sh th wo ver ment ical".split()
CODE = ["int {} = 0;\n", "for (size_t i = 0; i < {}.size(); ++i) {{\n", "    {}[i] += {};\n", "}}\n", "if ({} == nullptr) return {};\n", "// {} of the {}\n", "auto {} = std::make_unique<{}>({});\n",
        "\tself.{} = {}(x, y=12)\n", "def {}(self, {}):\n"]


def texts():
    rng = random.Random(1)
    lexicon = ["the", "of", "and", "to", "in", "a", "is", "that"] + ["".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 4))) for _ in range(20000)]
    word = lambda: lexicon[int(len(lexicon) * rng.random() ** 5)]
    sentence = lambda: " ".join(word() for _ in range(rng.randint(4, 18))).capitalize() + rng.choice([". ", ", ", ".\n", "? ", " (1998). "])
    code = lambda: rng.choice(CODE).format(word(), word(), word())
    chinese = lambda: "".join(rng.choice(CHINESE) for _ in range(rng.randint(4, 20))) + rng.choice("，。？\n")
    other = lambda: rng.choice(["Съешь же ещё этих мягких ", "naïve café Straße ", "한국어 문장 ", "すべての人間は", "العربية لغة ", "😀👍🏽 ", "12345.67 "])
    yield "English", sentence
    yield "code", code
    yield "Chinese", chinese
    yield "mixed", lambda: rng.choice([sentence, code, chinese, other])()


def write_texts(folder):
    for name, make in texts():
        out = []
        size = 0
        while size < 4 << 20:
            out.append(make())
            size += len(out[-1].encode())
        (pathlib.Path(folder) / f"{name}.txt").write_text("".join(out), encoding="utf-8")


def encoder(path):
    if path.endswith(".json"):
        import tokenizers
        tokenizer = tokenizers.Tokenizer.from_file(path)
        return f"tokenizers {tokenizers.__version__}", lambda text: tokenizer.encode_batch_fast([text])
    data = pathlib.Path(path).read_bytes()
    if data[:1] == b"\n":
        import sentencepiece
        processor = sentencepiece.SentencePieceProcessor(model_proto=data)
        return f"sentencepiece {sentencepiece.__version__}", processor.encode
    import tiktoken
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in data.splitlines() if line)}
    encoding = tiktoken.Encoding("made", pat_str=LLAMA3, mergeable_ranks=ranks, special_tokens={})
    return f"tiktoken {tiktoken.__version__}", encoding.encode_ordinary


def main():
    if sys.argv[1] == "--texts":
        return write_texts(sys.argv[2])
    loads = []
    for _ in range(5):
        begin = time.process_time()
        name, encode = encoder(sys.argv[1])
        loads.append(time.process_time() - begin)
    text = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
    speeds = []
    for _ in range(5):
        begin = time.process_time()
        encode(text)
        speeds.append(len(text.encode()) / (time.process_time() - begin) / 1e6)
    print(f"{name} {sys.argv[2]}: {statistics.median(speeds):.1f} MB/s (least {min(speeds):.1f}); loads in {statistics.median(loads) * 1000:.0f} ms")


main()
