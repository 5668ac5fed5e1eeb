"""Enforces the rooms of docs/ARCHITECTURE.md on the includes below src/ and include/, and on the CMake lists.

Fails on: an include of a room that sterna_room(... DEPENDS ...) does not declare, a cycle, an arrow to a higher level, an include of
another room's `*_internal.h`, a `testing/` header in product code, an include that names no file, a source no CMake list names, and a
room no add_subdirectory() leads to.
"""

import argparse
import pathlib
import re
import sys

from source_tree import SOURCE_SUFFIXES, Room, listed_sources, reached_folders, read_rooms, room_of, source_files

# The levels of docs/ARCHITECTURE.md by top folder of src/. An arrow points to a lower level.
LEVELS = {
    "base": 0,
    "tensor": 1, "text": 1,
    "kernels": 2, "formats": 2, "hub": 2, "linalg": 2,
    "backend": 3,
    "model": 4,
    "engine": 5, "train": 5, "quant": 5, "convert": 5,
    "api": 6, "inspect": 6,
    "serve": 7, "cli": 7, "python": 7,
}  # fmt: skip
# Arrows within one level, each for a reason; rooms below one top folder (text and text/template) may also declare such arrows.
SIDEWAYS = {("inspect", "api")}  # reports open models the way users do

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<(sterna/[^>]+)>)', re.MULTILINE)


def top_folder(room: Room, root: pathlib.Path) -> str:
    return room.folder.relative_to(root / "src").parts[0]


def check_declarations(root: pathlib.Path, rooms: list[Room]) -> list[str]:
    """Unknown names, duplicate names, levels and cycles of the declared arrows."""
    problems = []
    by_name: dict[str, Room] = {}
    for room in rooms:
        where = room.folder.relative_to(root)
        if room.name in by_name:
            problems.append(f"{where}: room {room.name} is also declared in {by_name[room.name].folder.relative_to(root)}")
        by_name[room.name] = room
        if top_folder(room, root) not in LEVELS:
            problems.append(f"{where}: src/{top_folder(room, root)} has no level; add it to docs/ARCHITECTURE.md and rooms.py")
    for room in rooms:
        where = room.folder.relative_to(root)
        for name in room.depends:
            if name not in by_name:
                problems.append(f"{where}: room {room.name} depends on {name}, which no sterna_room() declares")
                continue
            here, there = top_folder(room, root), top_folder(by_name[name], root)
            if here not in LEVELS or there not in LEVELS or here == there or (here, there) in SIDEWAYS:
                continue
            if LEVELS[there] >= LEVELS[here]:
                problems.append(f"{where}: arrow {room.name} (level {LEVELS[here]}) -> {name} (level {LEVELS[there]}) does not point down")
    return problems + find_cycles({room.name: [d for d in room.depends if d in by_name] for room in rooms})


def find_cycles(graph: dict[str, list[str]]) -> list[str]:
    problems = []
    finished: set[str] = set()

    def visit(name: str, trail: list[str]) -> None:
        if name in trail:
            problems.append("cycle: " + " -> ".join([*trail[trail.index(name):], name]))
        elif name not in finished:
            for target in graph[name]:
                visit(target, [*trail, name])
            finished.add(name)

    for name in graph:
        visit(name, [])
    return problems


def resolve(root: pathlib.Path, quoted: str, public: str) -> pathlib.Path | None:
    for candidate in (root / "src" / quoted, root / "include" / quoted) if quoted else (root / "include" / public,):
        if candidate.is_file():
            return candidate
    return None


def check_include(root: pathlib.Path, rooms: list[Room], path: pathlib.Path, target: pathlib.Path) -> str | None:
    """Why the file `path` may not include the file `target`, or None where it may."""
    if root / "include" in path.parents:
        return None if root / "include" in target.parents else "a public header may include only public headers"
    here = room_of(path, rooms)
    if here is None:
        return None  # reported once for its folder
    is_test = path.stem.endswith("_test") or "testing" in path.relative_to(here.folder).parts
    if "testing" in target.relative_to(root).parts and not is_test:
        return "testing/ headers are for tests"
    if root / "include" in target.parents:
        there_name = "api"  # api implements include/sterna, so using it is an arrow to api
    else:
        there = room_of(target, rooms)
        if there is None:
            return None  # reported once for its folder
        there_name = there.name
    if there_name == here.name:
        return None
    if target.stem.endswith("_internal"):
        return f"an internal header of room {there_name}"
    if there_name in here.depends or (is_test and there_name in here.test_depends):
        return None
    return f"room {here.name} does not declare DEPENDS {there_name}"


def unlisted_sources(root: pathlib.Path) -> list[pathlib.Path]:
    """Sources that no build compiles, so that nobody notices when they break; a test among them never runs."""
    unlisted = []
    for folder in ("src", "tests", "fuzz", "bench", "examples"):
        listed = listed_sources(root / folder)
        sources = (path for path in source_files(root / folder) if path.suffix in SOURCE_SUFFIXES)
        unlisted += [path for path in sources if path not in listed and root / "tests" / "fixtures" not in path.parents]
    return unlisted


def check(root: pathlib.Path) -> list[str]:
    rooms = read_rooms(root)
    if not rooms:
        return [f"{root}/src: no sterna_room() found"]
    problems = check_declarations(root, rooms)
    unreached = {room.folder for room in rooms} - reached_folders(root)
    problems += [f"{folder.relative_to(root)}: no add_subdirectory() leads to this room" for folder in sorted(unreached)]
    problems += [f"{path.relative_to(root)}: no CMakeLists.txt names this file" for path in unlisted_sources(root)]
    files = [*source_files(root / "src"), *source_files(root / "include")]
    homeless = {path.parent for path in files if root / "src" in path.parents and room_of(path, rooms) is None}
    problems += [f"{folder.relative_to(root)}: no sterna_room() declares this folder" for folder in sorted(homeless)]
    for path in files:
        where = path.relative_to(root)
        text = path.read_text(errors="replace")
        for match in INCLUDE.finditer(text):
            quoted, public = match.group(1) or "", match.group(2) or ""
            line = text.count("\n", 0, match.start()) + 1
            target = resolve(root, quoted, public)
            if target is None:
                problems.append(f"{where}:{line}: \"{quoted or public}\" names no file of src/ or include/ (use \"room/file.h\")")
                continue
            reason = check_include(root, rooms, path, target)
            if reason:
                problems.append(f"{where}:{line}: includes {target.relative_to(root)}: {reason}")
    if not problems:
        arrows = sum(len(room.depends) for room in rooms)
        print(f"rooms: {len(rooms)} rooms, {arrows} declared arrows, {len(files)} files: no violation")
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
