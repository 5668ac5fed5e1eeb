"""Each check of this folder must fail on a planted violation in a temporary tree, name it, and pass on the tree without it."""

import contextlib
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import file_sizes  # noqa: E402
import format as format_check  # noqa: E402
import isa_objects  # noqa: E402
import rooms  # noqa: E402
import tracked_text  # noqa: E402


class PlantedTree(unittest.TestCase):
    """A temporary tree that starts clean: rooms base and model, model -> base, and text with the sub-room template."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        self.write("src/CMakeLists.txt", "".join(f"add_subdirectory({room})\n" for room in ("base", "model", "text", "engine", "tensor", "attic")))
        self.write("src/base/CMakeLists.txt", "sterna_room(base SOURCES a.cc TESTS a_test.cc)\n")
        self.write("src/base/a.h", "int A();\n")
        self.write("src/base/a_internal.h", "int AInternal();\n")
        self.write("src/base/a.cc", '#include "base/a.h"\n\n#include "base/a_internal.h"\n')
        self.write("src/base/a_test.cc", '#include "base/a.h"\n#include "base/testing/fake_a.h"\n')
        self.write("src/base/testing/fake_a.h", "int FakeA();\n")
        self.write("src/model/CMakeLists.txt", "sterna_room(model\n  SOURCES m.cc  # the model\n  DEPENDS base)\n")
        self.write("src/model/m.h", "int M();\n")
        self.write("src/model/m.cc", '#include "model/m.h"\n\n#include "base/a.h"\n')
        self.write("src/text/CMakeLists.txt", "sterna_room(text SOURCES t.cc DEPENDS base)\nadd_subdirectory(template)\n")
        self.write("src/text/t.h", "int T();\n")
        self.write("src/text/t.cc", '#include "text/t.h"\n')
        self.write("src/text/template/CMakeLists.txt", "sterna_room(template SOURCES j.cc DEPENDS base)\n")
        self.write("src/text/template/j.h", "int J();\n")
        self.write("src/text/template/j.cc", '#include "text/template/j.h"\n\n#include "base/a.h"\n')

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def assert_only_problem(self, problems: list[str], *words: str) -> None:
        self.assertEqual(len(problems), 1, problems)
        for word in words:
            self.assertIn(word, problems[0])


class Rooms(PlantedTree):
    def problems(self) -> list[str]:
        with contextlib.redirect_stdout(io.StringIO()):
            return rooms.check(self.root)

    def test_clean_tree_passes(self) -> None:
        self.assertEqual(self.problems(), [])

    def test_undeclared_edge_is_found_at_its_line(self) -> None:
        self.write("src/model/m.cc", '#include "model/m.h"\n\n#include "text/t.h"\n')
        self.assert_only_problem(self.problems(), "src/model/m.cc:3", "DEPENDS text")

    def test_edge_declared_only_through_another_room_is_undeclared(self) -> None:
        self.write("src/engine/CMakeLists.txt", "sterna_room(engine SOURCES e.cc DEPENDS model)\n")
        self.write("src/engine/e.cc", '#include "base/a.h"\n')
        self.assert_only_problem(self.problems(), "src/engine/e.cc:1", "DEPENDS base")

    def test_edge_to_a_sub_room_needs_its_own_declaration(self) -> None:
        self.write("src/text/t.cc", '#include "text/template/j.h"\n')
        self.assert_only_problem(self.problems(), "src/text/t.cc:1", "DEPENDS template")

    def test_cycle_is_found(self) -> None:
        self.write("src/text/CMakeLists.txt", "sterna_room(text SOURCES t.cc DEPENDS template)\nadd_subdirectory(template)\n")
        self.write("src/text/template/CMakeLists.txt", "sterna_room(template SOURCES j.cc DEPENDS base text)\n")
        self.assert_only_problem(self.problems(), "cycle:", "text -> template -> text")

    def test_upward_arrow_is_found(self) -> None:
        self.write("src/base/CMakeLists.txt", "sterna_room(base SOURCES a.cc DEPENDS text TESTS a_test.cc)\n")
        self.write("src/text/CMakeLists.txt", "sterna_room(text SOURCES t.cc)\nadd_subdirectory(template)\n")
        self.assert_only_problem(self.problems(), "base (level 0) -> text (level 1) does not point down")

    def test_arrow_within_a_level_is_found(self) -> None:
        self.write("src/tensor/CMakeLists.txt", "sterna_room(tensor SOURCES d.cc DEPENDS text)\n")
        self.write("src/tensor/d.cc", "")
        self.assert_only_problem(self.problems(), "tensor (level 1) -> text (level 1)")

    def test_folder_without_a_level_is_found(self) -> None:
        self.write("src/attic/CMakeLists.txt", "sterna_room(attic SOURCES x.cc)\n")
        self.write("src/attic/x.cc", "")
        self.assert_only_problem(self.problems(), "src/attic has no level")

    def test_room_that_is_not_part_of_the_build_is_found(self) -> None:
        self.write("src/text/CMakeLists.txt", "sterna_room(text SOURCES t.cc DEPENDS base)\n# add_subdirectory(template)\n")
        self.assert_only_problem(self.problems(), "src/text/template: no add_subdirectory()")

    def test_folder_without_a_room_is_found(self) -> None:
        self.write("src/hub/h.h", "int H();\n")
        self.assert_only_problem(self.problems(), "src/hub: no sterna_room()")

    def test_foreign_internal_header_is_found(self) -> None:
        self.write("src/model/m.cc", '#include "base/a_internal.h"\n')
        self.assert_only_problem(self.problems(), "src/model/m.cc:1", "internal header of room base")

    def test_testing_header_in_product_code_is_found(self) -> None:
        self.write("src/model/m.cc", '#include "base/testing/fake_a.h"\n')
        self.assert_only_problem(self.problems(), "src/model/m.cc:1", "testing/ headers")

    def test_unlisted_source_is_found(self) -> None:
        self.write("src/model/orphan.cc", "")
        self.write("src/model/README.md", "orphan.cc\n")
        self.assert_only_problem(self.problems(), "src/model/orphan.cc", "no CMakeLists.txt names")

    def test_unlisted_test_is_found(self) -> None:
        self.write("tests/golden/golden_test.cc", "")
        self.assert_only_problem(self.problems(), "tests/golden/golden_test.cc", "no CMakeLists.txt names")

    def test_included_list_names_files_from_either_folder(self) -> None:
        self.write("src/model/CMakeLists.txt", "sterna_room(model SOURCES m.cc DEPENDS base)\ninclude(arch/family.cmake)\n")
        self.write("src/model/arch/family.cmake", "add(arch a.cc)\ntarget_sources(sterna_model PRIVATE arch/b.cc)\n")
        for name in ("a.cc", "b.cc"):
            self.write(f"src/model/arch/{name}", "")
        self.assertEqual(self.problems(), [])

    def test_source_listed_only_in_a_comment_is_unlisted(self) -> None:
        self.write("src/model/CMakeLists.txt", "sterna_room(model SOURCES m.cc DEPENDS base)  # was: orphan.cc\n")
        self.write("src/model/orphan.cc", "")
        self.assert_only_problem(self.problems(), "src/model/orphan.cc")

    def test_include_of_a_missing_file_is_found(self) -> None:
        self.write("src/model/m.cc", '#include "m.h"\n')
        self.assert_only_problem(self.problems(), '"m.h" names no file')

    def test_public_header_that_includes_a_room_is_found(self) -> None:
        self.write("include/sterna/sterna.h", '#include "base/a.h"\n')
        self.assert_only_problem(self.problems(), "include/sterna/sterna.h:1", "only public headers")

    def test_public_headers_belong_to_api(self) -> None:
        self.write("include/sterna/sterna.h", "\n")
        self.write("src/model/m.cc", "#include <sterna/sterna.h>\n")
        self.assert_only_problem(self.problems(), "src/model/m.cc:1", "DEPENDS api")


class FileSizes(PlantedTree):
    def problems(self) -> list[str]:
        return file_sizes.check(self.root)[1]

    def test_limits_hold_at_their_edges(self) -> None:
        for lines, words in ((400, None), (401, "over 400"), (800, "over 400"), (801, "limit is 800")):
            self.write("src/model/m.cc", "\n" * lines)
            if words is None:
                self.assertEqual(self.problems(), [])
            else:
                self.assert_only_problem(self.problems(), "src/model/m.cc", f"{lines} lines", words)

    def test_room_readme_explains_up_to_800_lines(self) -> None:
        self.write("README.md", "m.cc is long\n")  # the readme of the whole tree does not count
        self.write("src/model/m.cc", "\n" * 500)
        self.assertEqual(len(self.problems()), 1)
        self.write("src/model/README.md", "m.cc is one table of names.\n")
        self.assertEqual(self.problems(), [])
        self.write("src/model/m.cc", "\n" * 801)
        self.assert_only_problem(self.problems(), "limit is 800")

    def test_table_has_a_row_for_each_room(self) -> None:
        table = "\n".join(file_sizes.check(self.root)[0])
        for area in ("src/base", "src/model", "src/text/template", "all"):
            self.assertIn(f"\n{area} ", table)


class TrackedText(PlantedTree):
    def test_clean_tree_passes(self) -> None:
        self.write("docs/a.md", "see /etc/hosts, https://example.org/work/x, $HOME/work and /usr/bin\n")
        self.assertEqual(tracked_text.check(self.root), [])

    def test_machine_paths_are_found(self) -> None:
        for path in ("/" + "work/main/x", "/" + "root/.cache", "/" + "home/ann/x", "/" + "tmp/build"):
            self.write("docs/a.md", f"fine\nrun {path} now\n")
            self.assert_only_problem(tracked_text.check(self.root), "docs/a.md:2", "path of one machine")

    def test_unfinished_marks_are_found_outside_data(self) -> None:
        for mark in ("TO" + "DO", "FIX" + "ME"):
            self.write("src/model/m.h", f"// {mark}: later\n")
            self.write("tests/fixtures/words.txt", f"{mark}\n")
            self.assert_only_problem(tracked_text.check(self.root), "src/model/m.h:1", mark)

    @unittest.skipUnless(shutil.which("git"), "git is not installed")
    def test_untracked_files_are_left_alone(self) -> None:
        subprocess.run(["git", "init", "-q", self.root], check=True)
        self.write("notes.txt", "TO" + "DO\n")
        tracked = self.write("tracked.txt", "TO" + "DO\n")
        subprocess.run(["git", "-C", self.root, "add", tracked], check=True)
        self.assert_only_problem(tracked_text.check(self.root), "tracked.txt:1")


@unittest.skipUnless(shutil.which("clang-format-14"), "clang-format-14 is not installed")
class Format(PlantedTree):
    def test_unformatted_file_is_found(self) -> None:
        shutil.copy(pathlib.Path(__file__).parents[2] / ".clang-format", self.root)
        self.assertEqual(format_check.check(self.root, "clang-format-14"), [])
        self.write("src/model/m.cc", "int   M( ){return 1;}\n")
        self.assert_only_problem(format_check.check(self.root, "clang-format-14"), "src/model/m.cc")


@unittest.skipUnless(shutil.which("g++") and isa_objects.can_inspect(), "needs g++ for x86-64, nm and objdump")
class IsaObjects(PlantedTree):
    def build(self, source: str, text: str, *flags: str, target: str = "sterna_kernels") -> None:
        """Compiles one file of the room kernels and records it in compile_commands.json as CMake does."""
        path = self.write(f"src/kernels/{source}", text)
        output = f"src/kernels/CMakeFiles/{target}.dir/{source}.o"
        command = ["g++", "-std=c++20", "-O2", *flags, "-c", str(path), "-o", output]
        (self.root / output).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(command, cwd=self.root, check=True)
        entry = {"directory": str(self.root), "file": str(path), "command": " ".join(command)}
        commands = self.root / "compile_commands.json"
        commands.write_text(json.dumps([entry]))

    def problems(self, which: str) -> list[str]:
        return isa_objects.check(self.root, which, require_all=True)[0]

    def test_library_template_in_an_isa_file_is_found(self) -> None:
        self.build("sort_avx2.cc", "#include <algorithm>\nvoid Sort(int* x) { std::sort(x, x + 100); }\n", "-mavx2", "-O1")
        problems = self.problems("weak")
        self.assertTrue(problems)
        self.assertTrue(all("sort_avx2.cc: symbol of type W: " in problem for problem in problems), problems)

    def test_static_of_an_inline_function_in_an_isa_file_is_found(self) -> None:
        self.build("count_avx2.cc", "inline int& Counter() { static int n = 0; return n; }\nint Next() { return ++Counter(); }\n", "-mavx2")
        self.assertTrue(any("symbol of type u" in problem for problem in self.problems("weak")))

    def test_isa_file_of_a_test_program_is_looked_at_too(self) -> None:
        self.build("sort_avx512_probe.cc", "#include <algorithm>\nvoid Sort(int* x) { std::sort(x, x + 100); }\n", "-mavx512f", "-O1",
                   target="sterna_kernels_test")  # fmt: skip
        self.assertTrue(self.problems("weak"))

    def test_intrinsics_and_anonymous_helpers_pass(self) -> None:
        self.build("add_avx2.cc",
                   "#include <immintrin.h>\nnamespace { __m256i Add(__m256i a, __m256i b) { return _mm256_add_epi8(a, b); } }\n"
                   "void F(__m256i* x) { *x = Add(*x, *x); }\n", "-mavx2")  # fmt: skip
        self.assertEqual(self.problems("weak"), [])
        self.assertEqual(self.problems("base"), [])

    def test_avx_in_a_base_object_is_found(self) -> None:
        for target, body in (("avx2", "for (int i = 0; i < 64; ++i) x[i] += 1"), ("bmi2", "x[0] = x[1] << x[2]"),
                             ("avx512f,avx512bw", "for (int i = 0; i < 512; ++i) x[i] += 1")):  # fmt: skip
            self.build("scale.cc", f'__attribute__((target("{target}"), optimize("O3"))) void F(unsigned* x) {{ {body}; }}\n')
            self.assert_only_problem(self.problems("base"), "scale.cc", "VEX/EVEX")

    def test_base_object_without_avx_passes(self) -> None:
        self.build("scale.cc", "void F(float* x) { for (int i = 0; i < 64; ++i) x[i] *= 2.0f; }\n", "-O3")
        self.assertEqual(self.problems("base"), [])

    def test_isa_flags_on_a_file_without_the_name_are_found(self) -> None:
        self.build("scale.cc", "void F(float* x) { x[0] *= 2.0f; }\n", "-mavx2")
        self.assert_only_problem(self.problems("base"), "scale.cc", "does not end in _avx2")

    def test_missing_object_is_found_where_all_are_required(self) -> None:
        self.build("scale.cc", "void F(float* x) { x[0] *= 2.0f; }\n")
        (self.root / "src/kernels/CMakeFiles/sterna_kernels.dir/scale.cc.o").unlink()
        self.assert_only_problem(self.problems("base"), "scale.cc", "not built")
        self.assertEqual(isa_objects.check(self.root, "base", require_all=False), ([], ""))


@unittest.skipUnless(shutil.which("aarch64-linux-gnu-g++"), "needs g++-aarch64-linux-gnu")
class AArch64Objects(PlantedTree):
    def problems(self, which: str, source: str, text: str, *flags: str) -> list[str]:
        path = self.write(f"src/kernels/{source}", text)
        output = f"src/kernels/CMakeFiles/sterna_kernels.dir/{source}.o"
        command = ["aarch64-linux-gnu-g++", "-std=c++20", "-O2", *flags, "-c", str(path), "-o", output]
        (self.root / output).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(command, cwd=self.root, check=True)
        entry = {"directory": str(self.root), "file": str(path), "command": " ".join(command)}
        (self.root / "compile_commands.json").write_text(json.dumps([entry]))
        tools = {"nm": "aarch64-linux-gnu-nm", "objdump": "aarch64-linux-gnu-objdump"}
        return isa_objects.check(self.root, which, require_all=True, **tools)[0]

    def test_extensions_in_a_base_object_are_found(self) -> None:
        for extension, instruction in (("dotprod", "sdot v0.4s, v1.16b, v2.16b"), ("i8mm", "smmla v0.4s, v1.16b, v2.16b"),
                                       ("sve", "add z0.s, z0.s, z1.s"), ("lse", "ldaddal w1, w2, [x0]")):  # fmt: skip
            text = f'void F() {{ __asm__(".arch armv8.2-a+{extension}\\n\\t{instruction}"); }}\n'
            self.assert_only_problem(self.problems("base", "scale.cc", text), "scale.cc", "extension")

    def test_base_object_with_neon_and_atomics_passes(self) -> None:
        text = "int n; void F(float* x) { for (int i = 0; i < 64; ++i) x[i] *= 2.0f; __atomic_fetch_add(&n, 1, 0); }\n"
        self.assertEqual(self.problems("base", "scale.cc", text, "-O3"), [])

    def test_library_template_in_an_isa_file_is_found(self) -> None:
        text = "#include <algorithm>\nvoid Sort(int* x) { std::sort(x, x + 100); }\n"
        self.assertTrue(self.problems("weak", "sort_neon_dotprod.cc", text, "-march=armv8.2-a+dotprod", "-O1"))


if __name__ == "__main__":
    unittest.main()
