"""Fails where clang-format 14 would change a C++ file of src/, include/, tests/, fuzz/, bench/ or examples/."""

import argparse
import pathlib
import shutil
import subprocess
import sys

SKIPPED = 77  # the SKIP_RETURN_CODE that tests/CMakeLists.txt declares
FOLDERS = ("src", "include", "tests", "fuzz", "bench", "examples")
SUFFIXES = {".cc", ".h", ".cu"}


def formatted_files(root: pathlib.Path) -> list[pathlib.Path]:
    """The C++ files whose layout clang-format owns, sorted."""
    paths = (path for folder in FOLDERS for path in (root / folder).rglob("*"))
    return sorted(path for path in paths if path.suffix in SUFFIXES and "fixtures" not in path.parts)


def check(root: pathlib.Path, clang_format: str) -> list[str]:
    files = formatted_files(root)
    if not files:
        return []
    run = subprocess.run([clang_format, "--dry-run", "--Werror", "--style=file", *files], cwd=root, capture_output=True, text=True)
    if run.returncode == 0:
        return []
    names = sorted({line.split(":")[0] for line in run.stderr.splitlines() if "error:" in line})
    return [f"{pathlib.Path(name).relative_to(root)}: not formatted (make format)" for name in names] or [run.stderr]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[2])
    parser.add_argument("--fix", action="store_true", help="rewrite the files instead")
    arguments = parser.parse_args()
    clang_format = shutil.which("clang-format-14")
    if clang_format is None:
        print("SKIPPED: clang-format-14 is not installed")
        return SKIPPED
    root = arguments.root.resolve()
    if arguments.fix:
        files = formatted_files(root)
        return subprocess.run([clang_format, "-i", "--style=file", *files], check=False).returncode if files else 0
    problems = check(root, clang_format)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
