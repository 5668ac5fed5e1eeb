"""Fails on text that has no place in tracked files: paths of one machine, and unfinished-work marks."""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

# Written in pieces, so that this file passes its own check.
MACHINE_PATH = re.compile(r"(?<![\w.}/])/(?:work|root|home/(?!\$)[a-z_][\w-]*|tmp/[\w.]+|Users/\w+)(?=[/\s\"'`):,;.]|$)")
UNFINISHED = re.compile("|".join(rf"\b{first}{second}\b" for first, second in (("TO", "DO"), ("FIX", "ME"), ("X", "XX"))))
# Data made by others: vocabularies and documents hold any word.
DATA_FOLDERS = ("tests/fixtures/", "fuzz/corpus/")


def tracked_files(root: pathlib.Path) -> list[str]:
    """What git tracks; without git or in a source archive, every file outside build directories and hidden folders."""
    if shutil.which("git"):
        command = ["git", "-c", f"safe.directory={root}", "-C", root, "ls-files", "-z"]
        listing = subprocess.run(command, capture_output=True, check=False)
        if listing.returncode == 0 and listing.stdout:
            return [name for name in listing.stdout.decode().split("\0") if name]
    names = (path.relative_to(root) for path in sorted(root.rglob("*")) if path.is_file())
    return [str(name) for name in names if not name.parts[0].startswith(("build", ".git")) and name.parts[0] != ".cache"]


def check(root: pathlib.Path) -> list[str]:
    problems = []
    for name in tracked_files(root):
        if name.startswith(DATA_FOLDERS) and not name.endswith("README.md"):
            continue
        path = root / name
        if not path.is_file():
            continue  # deleted in the working tree
        data = path.read_bytes()
        if b"\0" in data:
            continue  # an image
        for number, line in enumerate(data.decode(errors="replace").splitlines(), 1):
            if match := MACHINE_PATH.search(line):
                problems.append(f"{name}:{number}: path of one machine: {match.group(0)}")
            if match := UNFINISHED.search(line):
                problems.append(f"{name}:{number}: {match.group(0)}: finish it, or describe the limit in words")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[2])
    problems = check(parser.parse_args().root.resolve())
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
