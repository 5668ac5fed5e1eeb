"""Prints how long the source files of each room are, and fails on files too long to have one subject.

Over 800 lines: always. Over 400 lines: unless the README.md of the room (the nearest one above the file) names the file and so says why.
"""

import argparse
import pathlib
import statistics
import sys

FOLDERS = ("src", "include", "tests", "fuzz", "bench", "examples", "tools", "python", ".ci")
SUFFIXES = {".cc", ".h", ".inc", ".c", ".cu", ".wgsl", ".py", ".sh", ".js", ".css", ".html"}
EXPLAIN_OVER = 400
FAIL_OVER = 800


def area_of(relative: pathlib.Path) -> str:
    """The row of the table: src/<room>, src/<room>/<folder> for families and sub-rooms, otherwise the top folder."""
    folders = relative.parts[:-1]
    return "/".join(folders[:3] if folders[0] == "src" else folders[:1])


def explained(root: pathlib.Path, path: pathlib.Path) -> bool:
    for folder in path.parents:
        if folder == root:
            return False
        readme = folder / "README.md"
        if readme.is_file():
            return path.name in readme.read_text()
    return False


def count_lines(path: pathlib.Path) -> int:
    data = path.read_bytes()
    return data.count(b"\n") + (not data.endswith(b"\n") and data != b"")


def check(root: pathlib.Path) -> tuple[list[str], list[str]]:
    """The table, and the violations."""
    areas: dict[str, list[tuple[int, pathlib.Path]]] = {}
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            relative = path.relative_to(root)
            if path.suffix in SUFFIXES and path.is_file() and relative.parts[:2] != ("tests", "fixtures"):
                areas.setdefault(area_of(relative), []).append((count_lines(path), relative))
    table = [f"{'area':<28}{'files':>6}{'lines':>8}{'median':>8}{'p90':>6}{'largest':>9}"]
    problems = []
    rows = [*sorted(areas.items()), ("all", [entry for entries in areas.values() for entry in entries])]
    for area, entries in rows:
        lengths = sorted(lines for lines, _ in entries)
        if not lengths:
            continue
        p90 = lengths[min(len(lengths) - 1, len(lengths) * 9 // 10)]
        longest, where = max(entries)
        table.append(f"{area:<28}{len(lengths):>6}{sum(lengths):>8}{statistics.median(lengths):>8.0f}{p90:>6}{longest:>9}  {where.name}")
    for entries in areas.values():
        for lines, relative in entries:
            if lines > FAIL_OVER:
                problems.append(f"{relative}: {lines} lines, the limit is {FAIL_OVER}: split it by subject")
            elif lines > EXPLAIN_OVER and not explained(root, root / relative):
                problems.append(f"{relative}: {lines} lines; over {EXPLAIN_OVER} the room's README.md says why, naming the file")
    return table, problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).parents[2])
    table, problems = check(parser.parse_args().root.resolve())
    print("\n".join(table))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
