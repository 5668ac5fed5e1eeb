"""Proves on the built objects that instruction-set flags never leak (docs/ARCHITECTURE.md, cmake/isa.cmake).

weak: an object compiled with ISA flags defines no weak, unique or ifunc symbol. The linker keeps one copy of such a symbol; were it
      the AVX copy of an inline function that every room uses, the program would stop with SIGILL on a CPU without AVX.
base: every other object contains no VEX or EVEX instruction, so that it runs on any x86-64; in AArch64 code, no instruction of the
      extensions that the kernels or the compilers' -march flags could bring in: dot and matrix products, LSE atomics, SVE.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SKIPPED = 77  # the SKIP_RETURN_CODE that tests/CMakeLists.txt declares
ISA_FLAG = re.compile(r"-m(arch=|cpu=|avx|fma|f16c|sse[34]|ssse3|bmi|popcnt|lzcnt|amx|gfni)")
ISA_NAME = re.compile(r"_(avx2|avxvnni|avx512|avx512vbmi|neon|neon_dotprod|neon_i8mm)(_[a-z0-9]+)?$")
# nm's letters: W/w and V/v weak, u unique, i indirect function.
WEAK_SYMBOL = re.compile(r"^\S+ ([WwVvui]) (\S+.*)$", re.MULTILINE)
# In 64-bit code the first opcode byte c4, c5 or 62 is always a VEX or EVEX prefix; 26..67 are prefixes that may stand before it.
VEX_INSTRUCTION = re.compile(rb"^ *[0-9a-f]+:\t(?:(?:26|2e|36|3e|64|65|67) )*(?:c4|c5|62) .*$", re.MULTILINE)
# Behind the one word of the code: a mnemonic of FEAT_DotProd, I8MM, BF16 or LSE, or any instruction on a z register.
AARCH64_EXTENSION = re.compile(
    rb"^ *[0-9a-f]+:\t[0-9a-f]{8} \t"
    rb"(?:(?:[su]dot|usdot|sudot|[su]mmla|usmmla|bfdot|bfmmla|(?:ld|st)(?:add|clr|eor|set|[su]m(?:ax|in))[alhb]*|swp[alhb]*|casp?[alhb]*)"
    rb"\t.*|[a-z0-9]+\t(?:\{)?z[0-9]+\..*)$", re.MULTILINE)  # fmt: skip


def can_inspect() -> bool:
    """Whether this machine compiles x86-64 code by default and has the tools that read it."""
    return platform.machine() == "x86_64" and all(map(shutil.which, ("nm", "objdump")))


class Object:
    """One compilation of compile_commands.json."""

    def __init__(self, entry: dict) -> None:
        command = shlex.split(entry["command"])
        output = command[command.index("-o") + 1]
        self.source = pathlib.Path(entry["file"])
        self.path = pathlib.Path(entry["directory"]) / output
        self.has_isa_flags = any(ISA_FLAG.match(argument) for argument in command)
        self.is_product = re.search(r"CMakeFiles/sterna(_\w+)?\.dir/", output) is not None and "_test.dir" not in output


def read_objects(build: pathlib.Path) -> list[Object]:
    """What goes into the libraries and the program, and the ISA files of test programs."""
    entries = json.loads((build / "compile_commands.json").read_text())
    return [item for item in map(Object, entries) if item.is_product or item.has_isa_flags]


def weak_symbols(item: Object, nm: str) -> list[str]:
    listing = subprocess.run([nm, "-C", "--defined-only", item.path], check=True, capture_output=True, text=True).stdout
    return [f"{item.source.name}: symbol of type {letter}: {name}" for letter, name in WEAK_SYMBOL.findall(listing)]


def extension_instructions(item: Object, objdump: str) -> list[str]:
    listing = subprocess.run([objdump, "-dw", item.path], check=True, capture_output=True).stdout
    is_aarch64 = b"file format elf64-littleaarch64" in listing[:500]
    found = (AARCH64_EXTENSION if is_aarch64 else VEX_INSTRUCTION).findall(listing)
    kind = "extension" if is_aarch64 else "VEX/EVEX"
    return [f"{item.source.name}: {len(found)} {kind} instructions, first: {found[0].decode().strip()}"] if found else []


def check(build: pathlib.Path, which: str, require_all: bool, nm: str = "nm", objdump: str = "objdump") -> tuple[list[str], str]:
    """The violations, and a line that says what was looked at (empty: nothing to look at)."""
    objects = read_objects(build)
    problems = [f"{item.source.name}: compiled with ISA flags, but its name does not end in _avx2, _neon or another level (and a word, if need be)"
                for item in objects if item.has_isa_flags and not ISA_NAME.search(item.source.stem)]  # fmt: skip
    wanted = [item for item in objects if item.has_isa_flags == (which == "weak")]
    built = [item for item in wanted if item.path.is_file()]
    if require_all and len(built) != len(wanted):
        problems += [f"{item.source.name}: not built: {item.path}" for item in wanted if item not in built]
    inspect = (lambda item: weak_symbols(item, nm)) if which == "weak" else (lambda item: extension_instructions(item, objdump))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(inspect, built):
            problems += found
    return problems, f"{which}: {len(built)} of {len(wanted)} objects looked at, {len(problems)} problems" if built else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("check", choices=["weak", "base"])
    parser.add_argument("build", type=pathlib.Path, help="a configured and built CMake build directory")
    parser.add_argument("--sanitize", default="", help="the build's STERNA_SANITIZE; not empty: skip")
    parser.add_argument("--nm", default="nm", help="the nm of the target's objects")
    parser.add_argument("--objdump", default="objdump", help="the objdump of the target's objects")
    arguments = parser.parse_args()
    if arguments.sanitize:
        print("SKIPPED: sanitizers add weak symbols of their own")
        return SKIPPED
    problems, summary = check(arguments.build.resolve(), arguments.check, os.environ.get("CI") == "true", arguments.nm, arguments.objdump)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 1
    print(summary or "SKIPPED: no such object is built")
    return 0 if summary else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
