"""`sterna tokenize --train` beside the trainer of the Hugging Face `tokenizers` package: the files they write must be the same bytes.

Texts are this repository's own documents, sources and fixtures, and made ones that hold what is rare there. Skipped, with exit status
77, where the package is absent; tests of the room text/training compare with stored results then.
"""

import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
STERNA = ""  # set by main()

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # threads only wait for each other on a busy machine
try:
    import tokenizers
    from tokenizers import ByteLevelBPETokenizer, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
except ImportError:
    print("the Python package tokenizers is absent; `pip install tokenizers` in the environment that runs the tests")
    sys.exit(77)


def repository_texts(*patterns: str) -> list[pathlib.Path]:
    return sorted(path for pattern in patterns for path in REPOSITORY.glob(pattern) if is_text(path))


def is_text(path: pathlib.Path) -> bool:
    try:
        path.read_bytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def few_letters(seed: int, letters: str, size: int) -> str:
    """Long words of few letters: many ties, runs that overlap themselves, and several ways to the same token."""
    generator = random.Random(seed)
    words = ["".join(generator.choices(letters, k=generator.randint(1, 24))) for _ in range(size)]
    return " ".join(words)


ANY_CHARACTERS = (
    "It's we'll they've I'M 'tis ''s' 'r 're\r\n\r\n\ttabs  and   runs of    spaces \n \n"
    "Größe naïve façade żółw Ελλάδα Москва العربية עברית हिन्दी ไทย 日本語 中文 한국어 🦅🪶👩‍👩‍👧 e\u0301 \u00a0\u2003\u3000x\u2028y\u0085z "
    "½ ² Ⅷ ٣٤ 1234567890 3.14e-10 \u0000\u0001\u001f\u007f\ufeff\ufffd <s></s><|end|> \\ \" / \x0b\x0c end"
)


class Training(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sterna-training-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.folder / name
        path.write_bytes(text.encode())
        return path

    def ours(self, files, *flags) -> bytes:
        output = self.folder / "ours.json"
        command = [STERNA, "tokenize", "--train", *map(str, files), "-o", str(output), "--force", *map(str, flags)]
        done = subprocess.run(command, capture_output=True, timeout=300, check=False)
        self.assertEqual((done.returncode, done.stderr.decode()), (0, ""), command)
        return output.read_bytes()

    def check_defaults(self, files, vocab_size=30000, min_frequency=2, special=(), prefix_space=False) -> None:
        """The class that the package offers for this."""
        reference = ByteLevelBPETokenizer(add_prefix_space=prefix_space)
        reference.train([str(file) for file in files], vocab_size=vocab_size, min_frequency=min_frequency,
                        special_tokens=list(special), show_progress=False)  # fmt: skip
        flags = ["--vocab-size", vocab_size, "--min-frequency", min_frequency]
        flags += [f"--special={token}" for token in special] + ["--add-prefix-space"] * prefix_space
        self.compare(reference, files, flags)

    def check_trainer(self, files, flags, **options) -> None:
        """Any options of the package's trainer, beside the flags that mean them."""
        reference = Tokenizer(models.BPE())
        reference.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        reference.post_processor = processors.ByteLevel(trim_offsets=False)
        reference.decoder = decoders.ByteLevel()
        reference.train([str(file) for file in files], trainers.BpeTrainer(show_progress=False, **options))
        self.compare(reference, files, flags)

    def compare(self, reference, files, flags) -> None:
        path = self.folder / "reference.json"
        reference.save(str(path))
        expected = path.read_bytes()
        found = self.ours(files, *flags)
        if found != expected:
            for number, (theirs, mine) in enumerate(zip(expected.splitlines(), found.splitlines())):
                self.assertEqual(mine.decode(), theirs.decode(), f"line {number + 1}, {flags}")
        self.assertEqual(len(found), len(expected), flags)
        loaded = Tokenizer.from_file(str(self.folder / "ours.json"))
        self.assertEqual(loaded.get_vocab_size(), reference.get_vocab_size())

    def test_documents(self):
        files = repository_texts("docs/**/*.md", "README.md")
        for vocab_size in (256, 257, 300, 1000, 4096, 30000):
            with self.subTest(vocab_size=vocab_size):
                self.check_defaults(files, vocab_size)

    def test_source_code(self):
        files = repository_texts("src/text/**/*.cc", "src/base/*.h", "tests/cli/*.py")
        for min_frequency in (0, 2, 10, 1000000):
            with self.subTest(min_frequency=min_frequency):
                self.check_defaults(files, 3000, min_frequency)

    def test_everything_there_is_to_merge(self):
        self.check_defaults(repository_texts("docs/cli.md"), 2000000, 0)

    def test_templates_and_token_texts(self):
        self.check_defaults(repository_texts("tests/fixtures/templates/*.jinja", "tests/fixtures/tokenizers/**/*.jsonl"), 6000)

    def test_special_tokens(self):
        files = repository_texts("docs/*.md")
        # Texts that occur as characters, as merges, as both, twice, and with what JSON must escape.
        for special in (["<s>", "<pad>", "</s>", "<unk>", "<mask>"], ["the", "Ġthe", "e", "é", "é", "the"], ["a\"b\\c\n\u0001", "ü ö", "日本"]):
            with self.subTest(special=special):
                self.check_defaults(files, 1500, 2, special)

    def test_any_characters(self):
        for text in (ANY_CHARACTERS, ANY_CHARACTERS.replace("\n", " "), ANY_CHARACTERS + "\n", "\n" + ANY_CHARACTERS * 3):
            file = self.write("any.txt", text)
            self.check_defaults([file], 1000, 1)
            self.check_defaults([file], 1000, 2, prefix_space=True)

    def test_prefix_space(self):
        self.check_defaults(repository_texts("docs/*.md"), 2000, prefix_space=True)

    def test_several_ways_to_one_token(self):
        for seed in range(24):
            letters = ("a", "ab", "abc", "aé")[seed % 4]
            files = [self.write("letters.txt", few_letters(seed, letters, 30 + 10 * seed))]
            with self.subTest(seed=seed):
                self.check_defaults(files, 400 + 50 * seed, seed % 3)

    def test_max_token_length(self):
        files = [*repository_texts("docs/*.md"), self.write("letters.txt", few_letters(1, "ab", 200))]
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        for length in (1, 2, 3, 4, 7, 16):
            with self.subTest(length=length):
                self.check_trainer(files, ["--vocab-size", 2000, "--max-token-length", length], vocab_size=2000, min_frequency=2,
                                   max_token_length=length, initial_alphabet=alphabet)  # fmt: skip

    def test_limited_alphabet(self):
        # No two letters are equally frequent: which of them to keep the reference would leave to chance.
        text = "\n".join(" ".join([letter * 3, letter + "x"] * (5 + 3 * i)) for i, letter in enumerate("abcdefghijkl"))
        file = self.write("limited.txt", text)
        for limit in (3, 5, 9, 12, 256):
            with self.subTest(limit=limit):
                self.check_trainer([file], ["--vocab-size", 300, "--limit-alphabet", limit], vocab_size=300, min_frequency=2,
                                   limit_alphabet=limit)  # fmt: skip

    def test_lines_longer_than_a_piece(self):
        # The reference takes quadratic time for a very long word, so that none here is.
        words = few_letters(7, "abcdefgh'rel.,é日1", 100000)
        file = self.write("long.txt", words + "\n" + words.replace(" ", "  "))
        self.check_defaults([file], 1200)
        self.check_defaults([file], 1200, prefix_space=True)

    def test_several_files_are_not_joined(self):
        files = [self.write("first.txt", "one two thr"), self.write("second.txt", "ee four one two"), self.write("empty.txt", "")]
        self.check_defaults(files * 2, 300)


def main() -> None:
    global STERNA
    at = sys.argv.index("--sterna")
    STERNA = str(pathlib.Path(sys.argv[at + 1]).resolve())
    print(f"tokenizers {tokenizers.__version__}")
    unittest.main(argv=sys.argv[:at] + sys.argv[at + 2 :])


if __name__ == "__main__":
    main()
