"""The source tree as its CMakeLists.txt files declare it: rooms, their files and the arrows between them."""

import pathlib
import re
from dataclasses import dataclass, field

SOURCE_SUFFIXES = {".cc", ".cpp", ".cu", ".c"}
HEADER_SUFFIXES = {".h", ".inc"}
KEYWORDS = {"SOURCES", "DEPENDS", "LIBRARIES", "TESTS", "TEST_LIBRARIES"}


@dataclass
class Room:
    """One sterna_room(): the folder of its CMakeLists.txt, without sub-folders that declare a room of their own."""

    name: str
    folder: pathlib.Path  # absolute
    depends: list[str] = field(default_factory=list)
    test_depends: list[str] = field(default_factory=list)  # rooms named in TEST_LIBRARIES


def strip_comments(text: str) -> str:
    return re.sub(r"#[^\n]*", "", text)


def call_arguments(text: str, function: str) -> list[list[str]]:
    """The whitespace-separated arguments of every call of `function` in CMake code without comments."""
    return [m.group(1).split() for m in re.finditer(rf"\b{function}\s*\(([^)]*)\)", text)]


def cmake_files(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted([*folder.rglob("CMakeLists.txt"), *folder.rglob("*.cmake")])


def source_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Every C++ source and header below `folder`, sorted."""
    suffixes = SOURCE_SUFFIXES | HEADER_SUFFIXES
    return sorted(p for p in folder.rglob("*") if p.suffix in suffixes and p.is_file())


def read_rooms(root: pathlib.Path) -> list[Room]:
    """The rooms declared below root/src, in the order of their folders."""
    rooms = []
    for cmake_file in cmake_files(root / "src"):
        for arguments in call_arguments(strip_comments(cmake_file.read_text()), "sterna_room"):
            room = Room(arguments[0], cmake_file.parent)
            keyword = None
            for argument in arguments[1:]:
                if argument in KEYWORDS:
                    keyword = argument
                elif keyword == "DEPENDS":
                    room.depends.append(argument)
                elif keyword == "TEST_LIBRARIES" and argument.startswith("sterna_"):
                    room.test_depends.append(argument.removeprefix("sterna_"))
            rooms.append(room)
    return rooms


def reached_folders(root: pathlib.Path) -> set[pathlib.Path]:
    """The folders of root/src that add_subdirectory() calls lead to."""
    reached: set[pathlib.Path] = set()
    waiting = [root / "src"]
    while waiting:
        folder = waiting.pop()
        if folder in reached or not (folder / "CMakeLists.txt").is_file():
            continue
        reached.add(folder)
        calls = call_arguments(strip_comments((folder / "CMakeLists.txt").read_text()), "add_subdirectory")
        waiting += [folder / arguments[0] for arguments in calls]
    return reached


def room_of(path: pathlib.Path, rooms: list[Room]) -> Room | None:
    """The room of the nearest folder above `path` that declares one."""
    owners = [room for room in rooms if room.folder in path.parents]
    return max(owners, key=lambda room: len(room.folder.parts), default=None)


def listed_sources(folder: pathlib.Path) -> set[pathlib.Path]:
    """Every source file that a CMake list below `folder` names.

    Paths in a CMakeLists.txt start at its folder; an included .cmake file may also name them from the folder that includes it."""
    listed = set()
    for cmake_file in cmake_files(folder):
        starts = {cmake_file.parent}
        if cmake_file.suffix == ".cmake":
            starts |= {above for above in cmake_file.parents if (above / "CMakeLists.txt").is_file()}
        for token in re.findall(r"[^\s()\"]+", strip_comments(cmake_file.read_text())):
            if pathlib.PurePath(token).suffix in SOURCE_SUFFIXES:
                token = token.replace("${CMAKE_CURRENT_SOURCE_DIR}/", "").replace("${CMAKE_CURRENT_LIST_DIR}/", "")
                listed |= {start / token for start in starts}
    return listed
