"""Real builds through hpcc: a configure script, CMake with Ninja, and compilers that are links to hpcc.

Each project is built three times at the same place from a fresh tree: plainly, through an empty cache, and through the
filled one. All objects and programs must be the same bytes, what the configure steps found must be the same, and the
third build must take its objects from the cache. (The kernel's tinyconfig is too long for a test: bench/run compares
its objects.)
"""

import os
import re
import shutil
import subprocess
import sys

import pytest

import hpcc
from compare import write

sys.path.insert(0, os.path.join(hpcc.ROOT, "bench"))
from hpbench import sources, work  # noqa: E402

BUILD_TIMEOUT_S = 600
LINK_NAMES = ("cc", "gcc", "g++", "c++")


class Build:
    """One project at one place: `fresh` makes its tree there, `steps` are the command lines that build it."""

    def __init__(self, folder, fresh, steps, path=None):
        self.folder, self.fresh, self.steps = str(folder), fresh, steps
        self.path = path  # a PATH for this build only

    def run(self, cache):
        """Builds from a fresh tree; returns {relative path: bytes} of everything that the build made."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.fresh(self.folder)
        before = set(files(self.folder))
        env = {"PATH": self.path} if self.path else {}
        for step in self.steps:
            done = cache.run(step, self.folder, env=env, timeout_s=BUILD_TIMEOUT_S)
            assert done.rc == 0, f"{step}:\n{(done.out + done.err)[-4000:].decode(errors='replace')}"
        made = {}
        for name in set(files(self.folder)) - before:
            with open(os.path.join(self.folder, name), "rb") as f:
                made[name] = f.read()
        return made


def files(folder):
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield os.path.relpath(path, folder)


def compiled(made):
    """Those files that compilers, archivers and linkers made; configure checks of CMake's are in folders with random
    names and are left out."""
    magic = (b"\x7fELF", b"!<arch>")
    return {n: d for n, d in made.items() if d.startswith(magic) and "CMakeScratch" not in n}


def dependency_files(made):
    return {n: d for n, d in made.items() if n.endswith((".d", ".Po"))}


def gained(cache, before, kind):
    now = cache.stats()
    parts = sum(v - before[k] for k, v in now.items() if k.startswith(kind + "."))
    return max(parts, now[kind] - before[kind])


def check_three_builds(plain, cached, cache, units, same=(), objects=None):
    """Plain = cold = warm. `units` compiles at least must be hits in the warm build, of which `objects` make objects; `same` are further files that the
    builds must agree on (what the configure steps found)."""
    reference = plain.run(cache)
    assert len([n for n in reference if n.endswith(".o")]) >= (objects or units)

    stats = {}
    for name in ("cold", "warm"):
        before = cache.stats()
        made = cached.run(cache)
        if not hpcc.PASSTHROUGH:
            cache.counted(before, at_least=units)
        stats[name] = {k: gained(cache, before, k) for k in ("hit", "miss", "bypass")}

        assert compiled(made).keys() == compiled(reference).keys(), name
        different = [n for n, data in compiled(reference).items() if made[n] != data]
        assert not different, f"{name}: {different}"
        different = [n for n, data in dependency_files(reference).items() if made[n] != data]
        assert not different, f"{name}: {different}"
        for path in same:
            assert made[path] == reference[path], f"{name}: {path}"

    if not hpcc.PASSTHROUGH:
        assert stats["cold"]["miss"] >= units, stats
        assert stats["warm"]["hit"] >= units, stats
        # What missed again are compiles in folders with random names, as CMake's checks are: none of the project's own.
        assert stats["warm"]["hit"] >= stats["cold"]["hit"] + units * 0.9, stats


@pytest.fixture
def cache(tmp_path):
    with hpcc.Cache(tmp_path) as running:
        yield running


# ---- a configure script

def unpack_hello(folder):
    shutil.copytree(hello_source(), folder, symlinks=True)


def hello_source():
    """GNU hello as Debian has it: a configure script of the usual length and gnulib's odd corners."""
    try:
        work.prepare_folders()
        folder, _ = sources.unpack("hello")
    except (work.Unavailable, work.Failed, OSError, subprocess.TimeoutExpired) as failure:
        hpcc.missing("sources", str(failure))
    return folder



def test_an_autotools_project_configures_and_builds_the_same(tmp_path, cache):
    hello_source()
    folder = tmp_path / "hello"

    def steps(cc):
        return [["./configure", "-q", "--disable-nls", f"CC={cc}"], ["make", "-s", "-j2"]]

    check_three_builds(Build(folder, unpack_hello, steps("gcc")),
                       Build(folder, unpack_hello, steps(f"{cache.bin} gcc")), cache, units=15, same=["config.h"])


# ---- CMake and Ninja

CMAKE_PROJECT = {
    "CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.13)
project(shapes C CXX)
include(CheckIncludeFile)
include(CheckFunctionExists)
include(CheckCSourceCompiles)
include(CheckCXXCompilerFlag)
include(CheckTypeSize)
include(TestBigEndian)
check_include_file(unistd.h HAVE_UNISTD_H)
check_include_file(no/such/header.h HAVE_NO_SUCH_HEADER)
check_function_exists(strlcpy HAVE_STRLCPY)
check_c_source_compiles("int main(void) { return __builtin_popcount(3); }" HAVE_POPCOUNT)
check_cxx_compiler_flag(-Wno-such-warning HAVE_NO_SUCH_WARNING)
check_cxx_compiler_flag(-fno-exceptions HAVE_NO_EXCEPTIONS)
check_type_size("void *" POINTER_SIZE)
test_big_endian(BIG_ENDIAN)
configure_file(config.h.in config.h)
add_custom_command(OUTPUT table.h COMMAND ${CMAKE_COMMAND} -DOUT=table.h -P ${CMAKE_CURRENT_SOURCE_DIR}/table.cmake
                   DEPENDS table.cmake)
add_library(area STATIC area.c circle.c table.h)
target_include_directories(area PUBLIC ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_BINARY_DIR})
add_library(names SHARED names.cpp)
target_link_libraries(names area)
set_property(TARGET area PROPERTY POSITION_INDEPENDENT_CODE ON)
add_executable(shapes main.cpp report.cpp)
target_link_libraries(shapes area names)
set_property(TARGET shapes PROPERTY CXX_STANDARD 17)
""",
    "config.h.in": """\
#cmakedefine HAVE_UNISTD_H
#cmakedefine HAVE_NO_SUCH_HEADER
#cmakedefine HAVE_STRLCPY
#cmakedefine HAVE_POPCOUNT
#cmakedefine HAVE_NO_SUCH_WARNING
#cmakedefine HAVE_NO_EXCEPTIONS
#cmakedefine BIG_ENDIAN
#define POINTER_SIZE @POINTER_SIZE@
""",
    "table.cmake": """\
set(text "")
foreach(i RANGE 1 8)
  math(EXPR square "${i} * ${i}")
  string(APPEND text "${square},\\n")
endforeach()
file(WRITE ${OUT} "static const int squares[] = {\\n${text}};\\n")
""",
    "area.h": """\
#pragma once
#ifdef __cplusplus
extern "C" {
#endif
int area_of_square(int side);
double area_of_circle(double radius);
#ifdef __cplusplus
}
#endif
""",
    "area.c": """\
#include "area.h"
#include "config.h"
#include "table.h"

int area_of_square(int side)
{
	return side > 0 && side <= (int)(sizeof(squares) / sizeof(squares[0])) ? squares[side - 1] : side * side;
}
""",
    "circle.c": """\
#include <math.h>

#include "area.h"

double area_of_circle(double radius)
{
	return acos(-1.0) * radius * radius;
}
""",
    "names.h": "#pragma once\n#include <string>\nstd::string name_of(int corners);\n",
    "names.cpp": """\
#include "names.h"

#include <map>

std::string name_of(int corners)
{
	static const std::map<int, std::string> names = {{3, "triangle"}, {4, "square"}};
	auto found = names.find(corners);
	return found == names.end() ? "polygon" : found->second;
}
""",
    "report.cpp": """\
#include <iostream>
#include <vector>

#include "area.h"
#include "names.h"

void report(const std::vector<int> &sides)
{
	for (int side : sides)
		std::cout << name_of(4) << ' ' << area_of_square(side) << '\\n';
}
""",
    "main.cpp": """\
#include <vector>

#include "area.h"
#include "config.h"

void report(const std::vector<int> &sides);

int main()
{
	report({1, 2, 3, 20});
	return area_of_circle(1.0) > 3.14 ? 0 : 1;
}
""",
}
CMAKE_UNITS = 5


def write_tree(files_of_tree):
    def fresh(folder):
        for name, text in files_of_tree.items():
            path = os.path.join(folder, name)
            write(path, text)
            # An hour old, as files of a checkout usually are; fresh ones are rightly distrusted for a moment.
            then = os.stat(path).st_mtime - 3600
            os.utime(path, (then, then))
    return fresh


@pytest.mark.parametrize("build_type, compilers", [
    ("Debug", ("gcc", "g++")),
    ("RelWithDebInfo", ("clang", "clang++")),
])
def test_a_cmake_project_configures_and_builds_the_same(tmp_path, cache, build_type, compilers):
    for program in ("cmake", "ninja", *compilers):
        hpcc.require_program(program)

    def steps(*launcher):
        return [["cmake", "-G", "Ninja", "-S", ".", "-B", "out", f"-DCMAKE_BUILD_TYPE={build_type}",
                 f"-DCMAKE_C_COMPILER={compilers[0]}", f"-DCMAKE_CXX_COMPILER={compilers[1]}", *launcher],
                ["ninja", "-C", "out", "-j2"], ["out/shapes"]]

    folder, fresh = tmp_path / "shapes", write_tree(CMAKE_PROJECT)
    launcher = [f"-DCMAKE_{lang}_COMPILER_LAUNCHER={cache.bin}" for lang in ("C", "CXX")]
    check_three_builds(Build(folder, fresh, steps()), Build(folder, fresh, steps(*launcher)), cache,
                       units=CMAKE_UNITS, same=["out/config.h", "out/table.h"])


PCH_PROJECT = {
    "CMakeLists.txt": """\
cmake_minimum_required(VERSION 3.16)
project(pre CXX)
add_executable(pre one.cpp two.cpp main.cpp)
target_precompile_headers(pre PRIVATE <string> <vector> "own.h")
""",
    "own.h": "#pragma once\nstd::string name_of(int);\nint sum(const std::vector<int> &);\n",
    "one.cpp": "std::string name_of(int i) { return std::to_string(i); }\n",
    "two.cpp": '#include "own.h"\nint sum(const std::vector<int> &v) { int s = 0; for (int i : v) s += i; return s; }\n',
    "main.cpp": '#include "own.h"\nint main() { return name_of(sum({1, 2})) == "3" ? 0 : 1; }\n',
}


# Clang's precompiled headers hold the times of their headers, and this tree is made anew for each build.
@pytest.mark.parametrize("compiler, flags", [("g++", ""), ("clang++", "-Xclang -fno-pch-timestamp")])
def test_a_cmake_project_with_precompiled_headers_builds_the_same(tmp_path, cache, compiler, flags):
    for program in ("cmake", "ninja", compiler):
        hpcc.require_program(program)

    def steps(*launcher):
        return [["cmake", "-G", "Ninja", "-S", ".", "-B", "out", f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_CXX_FLAGS={flags}",
                 *launcher], ["ninja", "-C", "out", "-j2"], ["out/pre"]]

    folder, fresh = tmp_path / "pre", write_tree(PCH_PROJECT)
    check_three_builds(Build(folder, fresh, steps()), Build(folder, fresh, steps(f"-DCMAKE_CXX_COMPILER_LAUNCHER={cache.bin}")),
                       cache, units=4, objects=3)


def test_ninja_rebuilds_after_a_header_changed(tmp_path, cache):
    """Ninja reads dependency files once and deletes them: those of a hit must say the same as the compiler's."""
    for program in ("cmake", "ninja"):
        hpcc.require_program(program)
    folder = tmp_path / "shapes"
    fresh = write_tree(CMAKE_PROJECT)
    steps = [["cmake", "-G", "Ninja", "-S", ".", "-B", "out", f"-DCMAKE_C_COMPILER_LAUNCHER={cache.bin}",
              f"-DCMAKE_CXX_COMPILER_LAUNCHER={cache.bin}"], ["ninja", "-C", "out", "-j2"]]
    build = Build(folder, fresh, steps)
    build.run(cache)
    build.run(cache)  # all hits now

    def rebuilt():
        done = cache.run(["ninja", "-C", "out", "-j1", "-v"], folder, timeout_s=BUILD_TIMEOUT_S)
        assert done.rc == 0, done
        return sorted(re.findall(rb"-c \S*/(\w+\.\w+)", done.out))

    assert rebuilt() == []
    write(folder / "names.h", CMAKE_PROJECT["names.h"] + "inline int names_version() { return 2; }\n")
    assert rebuilt() == [b"names.cpp", b"report.cpp"]
    assert rebuilt() == []


# ---- links in front of PATH

MAKE_PROJECT = {
    "Makefile": """\
OBJECTS = main.o list.o sub/text.o widget.o
CFLAGS = -O2 -g -Wall
CXXFLAGS = -O1 -g
program: $(OBJECTS)
	g++ -o $@ $(OBJECTS)
%.o: %.c
	gcc $(CFLAGS) -MMD -MP -c $< -o $@
main.o: main.c
	cc $(CFLAGS) -MD -c main.c
%.o: %.cpp
	g++ $(CXXFLAGS) -MD -MF $*.dep -MT $@ -c $< -o $@
-include $(OBJECTS:.o=.d)
""",
    "main.c": """\
#include <stdio.h>

#include "list.h"

extern int widget_count(void);

int main(void)
{
	return printf("%d %d\\n", list_sum(10), widget_count()) < 0;
}
""",
    "list.h": "int list_sum(int n);\nint text_length(const char *text);\n",
    "list.c": """\
#include "list.h"

int list_sum(int n)
{
	int sum = text_length("");

	for (int i = 0; i < n; i++)
		sum += i;
	return sum;
}
""",
    "sub/text.c": """\
#include <string.h>

#include "../list.h"

int text_length(const char *text)
{
	int unused_on_purpose; /* a warning to replay */

	return (int)strlen(text);
}
""",
    "widget.cpp": """\
#include <vector>

extern "C" int widget_count(void)
{
	std::vector<int> widgets(3);
	return (int)widgets.size();
}
""",
}


def make_links(cache, folder):
    os.makedirs(folder)
    for name in LINK_NAMES:
        os.symlink(cache.bin, os.path.join(folder, name))
    return folder


def test_compilers_that_are_links_to_hpcc_build_the_same(tmp_path, cache):
    links = make_links(cache, str(tmp_path / "links"))
    path = f"{links}:{cache.env['PATH']}"
    folder, fresh = tmp_path / "project", write_tree(MAKE_PROJECT)
    steps = [["make", "-j2"], ["./program"]]
    check_three_builds(Build(folder, fresh, steps), Build(folder, fresh, steps, path=path), cache, units=4, objects=3)


def test_links_twice_on_path_find_the_real_compiler(tmp_path, cache):
    """Two folders of links, one of them reached through a link itself: the search goes past all of hpcc's."""
    first = make_links(cache, str(tmp_path / "links"))
    second = make_links(cache, str(tmp_path / "more"))
    os.symlink(second, tmp_path / "alias")
    path = f"{first}:{tmp_path}/alias:{second}:{cache.env['PATH']}"
    folder, fresh = tmp_path / "project", write_tree(MAKE_PROJECT)
    check_three_builds(Build(folder, fresh, [["make", "-j2"]]), Build(folder, fresh, [["make", "-j2"]], path=path),
                       cache, units=4, objects=3)


def test_diagnostics_of_a_whole_build_are_the_same(tmp_path, cache):
    links = make_links(cache, str(tmp_path / "links"))
    folder, fresh = tmp_path / "project", write_tree(MAKE_PROJECT)
    seen = []
    for path in (cache.env["PATH"], f"{links}:{cache.env['PATH']}", f"{links}:{cache.env['PATH']}"):
        shutil.rmtree(folder, ignore_errors=True)
        fresh(str(folder))
        done = cache.run(["make", "-j1"], folder, env={"PATH": path}, timeout_s=BUILD_TIMEOUT_S)
        assert done.rc == 0
        seen.append((done.out, done.err))
    assert b"unused_on_purpose" in seen[0][1]
    assert seen[1] == seen[0]
    assert seen[2] == seen[0]
