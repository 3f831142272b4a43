"""Projects with a marker: two checkouts at paths of different length share results, and each gets what its compiler makes
there when it is given the options that hpcc adds."""

import os
import subprocess

import pytest

import hpcc
from compare import expectation, observe, same, wait_stored, write
from hpcc import Cache, require_program

pytestmark = pytest.mark.skipif(hpcc.PASSTHROUGH, reason="hpcc: a pass-through knows no marker")

FILES = {
    "src/main.c": '''#include "app.h"
#include <assert.h>
#include <gen.h>
const char *file(void) { return __FILE__; }
const char *builtin(void) { return __builtin_FILE(); }
int main(int argc, char **argv) { assert(argc + (argv != 0) < GEN); return helper(argc); }
''',
    "inc/app.h": "static inline const char *header(void) { return __FILE__; }\n"
                 "static inline int helper(int x) { return header()[0] + x; }\n",
    "build/gen/gen.h": "#define GEN 1000\n",
}
COMPILERS = ("gcc", "g++", "clang", "clang++")

# Where the compile runs, and its arguments; {root} and {build} are absolute.
LAYOUTS = {
    "in the tree": ("{root}", "-Iinc -Ibuild/gen -c src/{src} -o src/main.o"),
    "below": ("{root}/build", "-I../inc -Igen -c ../src/{src} -o main.o"),
    "absolute": ("{build}", "-I{root}/inc -I{build}/gen -c {root}/src/{src} -o main.o"),
    "system": ("{build}", "-isystem {root}/inc -isystem {build}/gen -c {root}/src/{src} -o {build}/main.o"),
}


class Tree:
    """One checkout. `build` beside the root, or inside it when None."""

    def __init__(self, cache, root, compiler, marker="", build=None, files=FILES):
        self.cache = cache
        self.root = os.path.realpath(root)
        self.build = os.path.realpath(build) if build else os.path.join(self.root, "build")
        self.compiler = compiler
        for name, text in files.items():
            if compiler.endswith("++") and name == "src/main.c":
                name = "src/main.cc"
            at = os.path.join(self.build, name[6:]) if name.startswith("build/") else os.path.join(self.root, name)
            write(at, text)
        os.makedirs(self.build, exist_ok=True)
        if marker is not None:
            write(os.path.join(self.root, ".hpcc"), marker)

    def fill(self, text):
        return text.format(root=self.root, build=self.build, src="main.cc" if self.compiler.endswith("++") else "main.c")

    def argv(self, args):
        return [self.compiler, *self.fill(args).split()]

    def added(self, argv, cwd, **run):
        """What hpcc puts in front. Clang gets no seed, so what it gets can be told; and asking about Clang takes a second."""
        if self.compiler.startswith("clang") and not any("prefix-map" in arg for arg in argv) and self.root == os.path.realpath(self.root):
            roots = [(self.root, ".", "/proc/self/cwd")]
            if not self.build.startswith(self.root + "/"):
                roots.append((self.build, "./../objects", "/proc/self/cwd/../objects"))
            return [f"-f{kind}-prefix-map={path}={to}" for path, macro, debug in roots
                    for kind, to in (("debug", debug), ("macro", macro))]
        told = self.cache.run([self.cache.bin, "inspect", "--", *argv], cwd, **run)
        assert told.rc == 0, told
        lines = told.out.decode().split("\n")
        start = next((i for i, line in enumerate(lines) if line.startswith("  added ")), None)
        flags = []
        while start is not None and (lines[start].startswith("  added ") or lines[start].startswith(" " * 15)):
            flags.append(lines[start][15:])
            start += 1
        return flags

    def compile(self, args, expect, cwd="{root}", **run):
        """Through hpcc and plainly with the added options; everything must agree. Returns the object's bytes."""
        cwd = self.fill(cwd)
        argv = self.argv(args)
        base = os.path.dirname(os.path.commonpath([self.root, self.build]) + "/")
        before = self.cache.settled_stats()
        stored = len(self.cache.entries())
        got = observe(base, lambda: self.cache.compile(argv, cwd, **run))
        flags = self.added(argv, cwd, **run)
        plain = observe(base, lambda: self.cache.run([argv[0], *flags, *argv[1:]], cwd, **run))
        same(plain, got, f"{' '.join(argv)} in {cwd} (expected: {expect})")
        gained = self.cache.counted(before, until=lambda g: expectation(expect, g) is None)
        wrong = expectation(expect, gained)
        assert not wrong, f"{' '.join(argv)}: {wrong}; counters gained {gained}"
        if expect.startswith("miss"):
            assert wait_stored(self.cache, stored)
        assert plain.rc == 0, plain
        (obj,) = (node.data for name, node in got.tree.items() if name.endswith(b".o") and node.fresh)
        return obj


@pytest.fixture
def cache(tmp_path):
    with Cache(tmp_path) as c:
        yield c


@pytest.fixture
def local(tmp_path):
    with Cache(tmp_path, daemon=False) as c:
        yield c


def two_trees(cache, tmp_path, compiler, beside=False, **kwargs):
    require_program(compiler)
    if beside:
        kwargs["marker"] = '[roots]\nbuild = "../objects"\n'
    one = os.path.join(tmp_path, "a", "proj")
    two = os.path.join(tmp_path, "second", "much", "longer", "project")
    return [Tree(cache, root, compiler, build=os.path.join(root, "..", "objects") if beside else None, **kwargs)
            for root in (one, two)]


# The cases that differ in what they exercise; HPCC_SOAK=1 runs the full product.
ROWS = [(compiler, layout, beside) for compiler in COMPILERS for layout in LAYOUTS for beside in (False, True)
        if not beside or "{build}" in LAYOUTS[layout][1]]
SAMPLE = {("gcc", "in the tree", False), ("gcc", "system", True), ("g++", "absolute", True), ("clang", "absolute", False),
          ("clang++", "below", False), ("clang", "system", True)}


@pytest.mark.parametrize("compiler, layout, beside", [row for row in ROWS if hpcc.SOAK or row in SAMPLE])
def test_the_second_checkout_hits(cache, tmp_path, compiler, layout, beside):
    cwd, args = LAYOUTS[layout]
    one, two = two_trees(cache, tmp_path, compiler, beside)
    for options in ("-g -O1 -MD ", "-MMD -MP -MT all "):
        first = one.compile(options + args, "miss", cwd)
        assert two.compile(options + args, "hit", cwd) == first
        assert one.compile(options + args, "hit", cwd) == first
        assert str(tmp_path).encode() not in first


ABSOLUTE = "-g " + LAYOUTS["absolute"][1]


def test_without_a_daemon_it_is_the_same(local, tmp_path):
    one, two = two_trees(local, tmp_path, "gcc")
    first = one.compile(ABSOLUTE, "miss", "{build}")
    assert two.compile(ABSOLUTE, "hit", "{build}") == first


def test_the_options_added_are_these(cache, tmp_path):
    one, _ = two_trees(cache, tmp_path, "gcc", beside=True)
    argv = one.argv(ABSOLUTE)
    flags = one.added(argv, one.build)
    assert [f for f in flags if "seed" not in f] == [
        f"-fdebug-prefix-map={one.root}=/proc/self/cwd", f"-fmacro-prefix-map={one.root}=.",
        f"-fdebug-prefix-map={one.build}=/proc/self/cwd/../objects", f"-fmacro-prefix-map={one.build}=./../objects"]
    assert len([f for f in flags if f.startswith("-frandom-seed=")]) == 1
    assert not [f for f in one.added([*argv, "-frandom-seed=7"], one.build) if "seed" in f]
    assert not [f for f in one.added([*argv, "-ffile-prefix-map=/x=/y"], one.build) if "map" in f]


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_a_difference_in_one_tree_misses_there_alone(cache, tmp_path, compiler):
    one, two = two_trees(cache, tmp_path, compiler)
    old = one.compile(ABSOLUTE, "miss", "{build}")
    write(os.path.join(two.root, "inc/app.h"), FILES["inc/app.h"] + "int more;\n")
    new = two.compile(ABSOLUTE, "miss:input-differs", "{build}")
    assert new != old
    assert one.compile(ABSOLUTE, "hit", "{build}") == old
    write(os.path.join(one.root, "inc/app.h"), FILES["inc/app.h"] + "int more;\n")
    assert one.compile(ABSOLUTE, "hit", "{build}") == new
    # A header that appears in one tree, earlier in the search.
    write(os.path.join(two.root, "src/app.h"), "static inline int helper(int x) { return x; }\n")
    assert two.compile(ABSOLUTE, "miss:header-appeared", "{build}") != new
    assert one.compile(ABSOLUTE, "hit", "{build}") == new


def test_the_marker_counts_at_once(cache, tmp_path):
    one, two = two_trees(cache, tmp_path, "gcc", marker=None)
    marker = os.path.join(two.root, ".hpcc")
    plain = one.compile(ABSOLUTE, "miss", "{build}")
    assert one.root.encode() in plain
    assert two.compile(ABSOLUTE, "miss", "{build}") != plain
    write(os.path.join(one.root, ".hpcc"))
    first = one.compile(ABSOLUTE, "miss", "{build}")
    assert one.root.encode() not in first
    write(marker)
    assert two.compile(ABSOLUTE, "hit", "{build}") == first
    write(marker, '[roots]\nother = "../other"\n')
    two.compile(ABSOLUTE, "miss", "{build}")
    os.unlink(marker)
    assert two.root.encode() in two.compile(ABSOLUTE, "hit", "{build}")
    os.unlink(os.path.join(one.root, ".hpcc"))
    assert one.compile(ABSOLUTE, "hit", "{build}") == plain


def test_a_nearer_marker_wins(cache, tmp_path):
    one, two = two_trees(cache, tmp_path, "gcc")
    args = "-g -I{root}/inc -c {root}/src/{src} -o main.o -I{root}/build/gen"
    first = one.compile(args, "miss", "{build}")
    for tree in (one, two):
        write(os.path.join(tree.root, "src/.hpcc"))
    # The rest of the tree is now outside of the project, and so named by its place.
    assert one.root.encode() in one.compile(args, "miss", "{build}")
    two.compile(args, "miss", "{build}")
    for tree in (one, two):
        write(os.path.join(tree.root, "src/.hpcc"), '[roots]\ntop = ".."\n')
    again = one.compile(args, "miss", "{build}")
    assert two.compile(args, "hit", "{build}") == again
    for tree in (one, two):
        os.unlink(os.path.join(tree.root, "src/.hpcc"))
        assert tree.compile(args, "hit", "{build}") == first


@pytest.mark.parametrize("text", ["roots = 1\n", "[roots]\nroot = 'x'\n", "[else]\n", "[roots]\nx = 'a=b'\n", "\x00", "="])
def test_a_malformed_marker_is_as_none(cache, tmp_path, text):
    one, _ = two_trees(cache, tmp_path, "gcc", marker=text)
    assert one.added(one.argv(ABSOLUTE), one.build) == []
    assert one.root.encode() in one.compile(ABSOLUTE, "miss", "{build}")
    assert cache.stats()["marker.malformed"] == 1
    assert one.root.encode() + b"/.hpcc:" in cache.explain("src/main.c", one.root).out
    assert f"{one.root}/.hpcc" in cache.log_text()


# ---- what a result may hold of its place


def test_diagnostics_name_this_tree(cache, tmp_path):
    files = {**FILES, "inc/app.h": FILES["inc/app.h"] + "static int unused;\n"}
    one, two = two_trees(cache, tmp_path, "gcc", files=files)
    for args, second in (("-Wall " + LAYOUTS["in the tree"][1], "hit"), ("-Wall " + ABSOLUTE, "miss")):
        cwd = "{root}" if second == "hit" else "{build}"
        one.compile(args, "miss", cwd)
        two.compile(args, second, cwd)
        one.compile(args, "hit", cwd)
        two.compile(args, "hit", cwd)


LITERALS = {
    "line": '#line 7 "/one/gram.y"\nint y;\n',
    "line macro": '#define F "/one/gram.y"\n#line 7 F\nint y;\n',
    "string": 'const char *path = "{one}/etc";\n',
    "include": '#include "{one}/inc/more.h"\n',
    "computed": '#define MORE <{one}/inc/more.h>\n#include MORE\n',
    "has_include": '#if __has_include("{one}/inc/more.h")\nint has;\n#endif\n',
}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("what", LITERALS)
def test_a_path_in_the_text_is_no_name(cache, tmp_path, compiler, what):
    """Both trees hold the path of the first: there the options change it, or lead to this tree's files; in the other not."""
    text = LITERALS[what].replace("{one}", os.path.realpath(os.path.join(tmp_path, "a", "proj")))
    files = {**FILES, "src/main.c": text + FILES["src/main.c"], "inc/more.h": "int more = 1;\n"}
    one, two = two_trees(cache, tmp_path, compiler, files=files)
    for first, second in ((one, two), (two, one)):
        first.compile(ABSOLUTE, "either", "{build}")
        second.compile(ABSOLUTE, "either", "{build}")
        first.compile(ABSOLUTE, "hit", "{build}")
        second.compile(ABSOLUTE, "hit", "{build}")
        write(os.path.join(one.root, "inc/more.h"), "int more = 2;\n")


@pytest.mark.parametrize("compiler, option", [
    ("gcc", "-flto"), ("gcc", "-fsanitize=undefined"), ("clang", "-flto"), ("clang", "-fsanitize=address"),
    ("gcc", "-I{root}2/inc"), ("gcc", "-DDIR=\"{root}\""), ("clang", "-fdebug-prefix-map={root}=/elsewhere"),
    ("gcc", "-fdebug-prefix-map={root}=/elsewhere")])
def test_what_cannot_be_shared_is_right_in_both(cache, tmp_path, compiler, option):
    one, two = two_trees(cache, tmp_path, compiler)
    for tree in (one, two, one, two):
        tree.compile(option + " " + ABSOLUTE, "hit" if tree.cache.stats()["miss"] == 2 else "miss", "{build}")


def test_two_trees_from_one_directory(cache, tmp_path):
    """One working directory, so that only the roots tell the two apart."""
    one, two = two_trees(cache, tmp_path, "gcc")
    cwd = os.path.join(tmp_path, "elsewhere")
    os.mkdir(cwd)
    args = "-I{root}/inc -I{root}/build/gen -c {root}/src/{src} -o {build}/main.o"
    old = one.compile(args, "miss", cwd)
    assert two.compile(args, "hit", cwd) == old
    write(os.path.join(two.root, "inc/app.h"), FILES["inc/app.h"] + "int more;\n")
    assert two.compile(args, "miss", cwd) != old
    assert one.compile(args, "hit", cwd) == old


# ---- links


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_a_checkout_reached_through_a_link(cache, tmp_path, compiler):
    one, two = two_trees(cache, tmp_path, compiler)
    link = os.path.join(tmp_path, "link")
    os.symlink(two.root, link)
    args = "-g -I{root}/inc -I{root}/build/gen -c {root}/src/{src} -o main.o"
    first = one.compile(args, "miss", "{build}", env={"PWD": one.build})
    two.root, two.build = link, os.path.join(link, "build")
    # Named through the link, with $PWD and without.
    assert two.compile(args, "hit", "{build}", env={"PWD": two.build}) == first
    assert two.compile(args, "hit", "{build}", env={"PWD": None}) == first
    # The source through the link, the rest by its real path: two spellings of one root.
    real = os.path.realpath(link)
    mixed = f"-g -I{real}/inc -I{{root}}/build/gen -c {{root}}/src/{{src}} -o main.o"
    assert str(tmp_path).encode() not in two.compile(mixed, "miss", "{build}", env={"PWD": None})
    two.compile(mixed, "hit", "{build}", env={"PWD": two.build})


# ---- debuggers


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("layout", ["in the tree", "below", "absolute"])
def test_debuggers_find_the_sources(cache, tmp_path, compiler, layout):
    require_program("gdb")
    require_program("addr2line")
    cwd, args = LAYOUTS[layout]
    _, two = two_trees(cache, tmp_path, compiler)
    two.compile("-g " + args, "miss", cwd)
    obj = two.fill({"in the tree": "{root}/src/main.o"}.get(layout, "{build}/main.o"))
    cache.compile(two.argv("-g " + args), two.fill(cwd))
    program = os.path.join(tmp_path, "program")
    subprocess.run([compiler, obj, "-o", program], check=True)
    gdb = ["gdb", "-nx", "-q", "-batch", "-iex", "set debuginfod enabled off"]
    at_root = cache.run([*gdb, "-ex", "info line main", "-ex", "list main", program], two.root)
    assert b"src/main.c" in at_root.out and b"return helper(argc)" in at_root.out, at_root
    elsewhere = cache.run([*gdb, "-ex", f"set substitute-path /proc/self/cwd {two.root}", "-ex", "list main", program], "/")
    assert b"return helper(argc)" in elsewhere.out, elsewhere
    symbols = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    (address,) = [line.split()[0] for line in symbols.splitlines() if line.endswith(" T main")]
    said = cache.run(["addr2line", "-e", program, address], two.root).out.decode().rsplit(":", 1)[0]
    assert said.startswith("/proc/self/cwd/")
    assert os.path.samefile(os.path.join(two.root, os.path.relpath(said, "/proc/self/cwd")), os.path.join(two.root, "src/main.c"))


def test_auto_inject_needs_no_marker(tmp_path):
    with Cache(tmp_path, config="[determinism]\nauto_inject = true\n") as cache:
        one, two = two_trees(cache, tmp_path, "gcc", marker=None)
        args = "-g -I{root}/inc -I{root}/build/gen -c {root}/src/{src} -o src/main.o"
        first = one.compile(args, "miss")
        assert two.compile(args, "hit") == first
        assert str(tmp_path).encode() not in first
