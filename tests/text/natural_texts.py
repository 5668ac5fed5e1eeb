"""Texts that people wrote, from what lies on this machine: translated messages, documentation, source code, names of characters."""
import gettext
import gzip
import itertools
import os
import pathlib
import random
import unicodedata

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
MAX_CHARACTERS = 600


def files(rng, folder, *patterns):
    found = [path for pattern in patterns for path in sorted(pathlib.Path(folder).glob(pattern))]
    rng.shuffle(found)
    return found


def catalogues(rng):
    """Message catalogues of gettext hold the interfaces of programs in most of the world's languages."""
    for path in files(rng, "/usr/share", "locale/*/LC_MESSAGES/*.mo", "vim/vim*/lang/*/LC_MESSAGES/*.mo"):
        try:
            with path.open("rb") as stream:
                messages = list(gettext.GNUTranslations(stream)._catalog.values())
        except (OSError, UnicodeError, LookupError, ValueError):
            continue
        yield from (text for text in rng.sample(messages, min(len(messages), 60)) if isinstance(text, str))


def paragraphs(rng, paths):
    for path in paths:
        try:
            with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as stream:
                text = stream.read(1 << 18).decode()
        except (OSError, EOFError, UnicodeError):
            continue
        parts = text.split("\n\n") if rng.random() < 0.7 else text.splitlines(keepends=True)
        yield from rng.sample(parts, min(len(parts), 40))


def documents(rng):
    return paragraphs(rng, [*files(rng, REPOSITORY, "**/*.md"), *files(rng, "/usr/share/doc", "*/*.gz", "*/copyright", "*/README*", "*/*.txt", "*/*.html")])


def code(rng):
    return paragraphs(rng, [*files(rng, REPOSITORY / "src", "*/*.cc", "*/*.h"), *files(rng, pathlib.Path(os.__file__).parent, "*.py", "*/*.py", "test/*/*.txt")])


def character_names(rng):
    while True:
        names = (unicodedata.name(chr(rng.randrange(0x20000)), "") for _ in range(6))
        yield " ".join(name.title() if rng.random() < 0.5 else name for name in names if name)


def natural_texts(count, seed):
    """As many different ones, drawn from each source in turn; fewer, and a word on it, where the machine has no more."""
    rng = random.Random(seed)
    sources = [catalogues(rng), documents(rng), catalogues(rng), code(rng)]
    out = {}
    for turn in itertools.count():
        if len(out) >= count or not sources:
            break
        source = sources[turn % len(sources)]
        text = next(source, None)
        if text is None:
            sources.remove(source)
        elif text.strip():
            out[text[:MAX_CHARACTERS]] = None
    missing = count - len(out)
    if missing > 0:
        print(f"this machine has {len(out)} natural texts; {missing} more are names of characters")
        for name in itertools.islice(character_names(rng), missing):
            out[name] = None
    return list(out)
