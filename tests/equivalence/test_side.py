"""What must and what must not be shared between compiles that write side files, and outputs that go to a stream."""

import os
import subprocess

import pytest

import hpcc
from compare import Check, same, write
from hpcc import SOAK, Cache


@pytest.fixture(params=["gcc", "clang"])
def compiler(request):
    hpcc.require_program(request.param)
    return request.param


@pytest.fixture
def cache(tmp_path):
    with Cache(tmp_path) as c:
        yield c


@pytest.fixture
def project(cache, tmp_path):
    p = Check(cache, os.path.join(tmp_path, "proj"))
    p.write("a.c", '#include "a.h"\nint f(int x) { return x > A ? x : A; }\n')
    p.write("a.h", "#define A 1\n")
    os.mkdir(os.path.join(p.root, "sub"))
    return p


COVERAGE = ["-c", "a.c", "--coverage", "-frandom-seed=1"]
SPLIT = ["-c", "a.c", "-g", "-gsplit-dwarf"]


@pytest.mark.parametrize("options", [SPLIT, COVERAGE, ["-c", "a.c", "-fprofile-arcs", "-frandom-seed=1"]], ids=["dwo", "gcno", "arcs"])
def test_an_object_that_names_its_side_file_is_for_one_output(project, compiler, options):
    project.step([compiler, *options, "-o", "one.o"], "miss")
    project.step([compiler, *options, "-o", "two.o"], "miss")
    project.step([compiler, *options, "-o", "sub/one.o"], "miss")
    project.step([compiler, *options, "-o", "one.o"], "hit")
    project.step([compiler, *options, "-o", "sub/one.o"], "hit")


@pytest.mark.parametrize("options", [SPLIT, COVERAGE], ids=["dwo", "gcno"])
def test_an_object_that_names_its_side_file_is_for_one_directory(cache, tmp_path, compiler, options):
    for name in ("one", "two"):
        p = Check(cache, os.path.join(tmp_path, name))
        p.write("a.c", "int f(int x) { return x ? 1 : 2; }\n")
        p.step([compiler, *options, "-o", "a.o"], "miss")
        p.step([compiler, *options, "-o", "a.o"], "hit")


def test_stack_usage_is_for_any_output(project, compiler):
    project.step([compiler, "-c", "a.c", "-fstack-usage", "-o", "one.o"], "miss")
    project.step([compiler, "-c", "a.c", "-fstack-usage", "-o", "sub/two.o"], "hit")
    project.step([compiler, "-S", "a.c", "-fstack-usage", "-o", "two.s"], "miss")


def test_a_hit_replaces_the_notes_of_another_build(project, compiler):
    """.gcno and object carry one stamp: those of two builds must never be mixed."""
    argv = [compiler, *COVERAGE, "-o", "a.o"]
    notes = {}
    for value in ("1", "2"):
        project.write("a.c", "\n" * int(value) + "int f(int x) { return x ? 1 : 2; }\n")
        notes[value] = project.step(argv, "miss").tree[b"a.gcno"].data
    assert notes["1"] != notes["2"]

    def other_build(root):
        write(os.path.join(root, "a.gcno"), notes["2"])
        os.chmod(os.path.join(root, "a.gcno"), 0o644)
        os.utime(os.path.join(root, "a.gcno"), (1_000_000_000, 1_000_000_000))

    project.write("a.c", "\nint f(int x) { return x ? 1 : 2; }\n")
    assert project.step(argv, "hit", prepare=other_build).tree[b"a.gcno"].data == notes["1"]


@pytest.mark.parametrize("options", [["-g"], SPLIT[2:], COVERAGE[2:], ["-S"], ["-E"]], ids=["debug", "dwo", "gcno", "S", "E"])
def test_two_worktrees_never_exchange_results(cache, tmp_path, compiler, options):
    """The same command line in two trees that differ in a header."""
    mode = [] if options[0] in ("-S", "-E") else ["-c"]
    argv = [compiler, *mode, "-I.", "src/a.c", *options, "-o", "a.out"]
    trees = []
    for name, value in (("tree-a", 1), ("tree-b", 2)):
        p = Check(cache, os.path.join(tmp_path, name))
        p.write("src/a.c", "#include <value.h>\nint value(void) { return VALUE; }\n")
        p.write("value.h", f"#define VALUE {value}\n")
        trees.append(p)
    for p in trees:
        p.step(argv, "miss")
    for p in (*trees, *trees):
        p.step(argv, "hit")
    trees[0].write("value.h", "#define VALUE 2\n")
    trees[0].step(argv, "either")


def test_a_side_file_that_cannot_be_put_in_place_leaves_all_to_the_compiler(project, compiler):
    argv = [compiler, "-c", "a.c", "-fstack-usage", "-o", "a.o"]
    project.step(argv, "miss")
    project.step(argv, "hit")
    for prepare in (lambda root: os.mkdir(os.path.join(root, "a.su")), lambda root: os.symlink("b.su", os.path.join(root, "a.su"))):
        project.step(argv, "uncached:special-output", prepare=prepare)
    project.step(argv, "hit")


@pytest.mark.parametrize("daemon", [True, False], ids=["daemon", "local"])
def test_a_full_standard_output_fails_as_the_compiler_does(tmp_path, daemon):
    with Cache(tmp_path, daemon=daemon) as cache:
        p = Check(cache, os.path.join(tmp_path, "proj"))
        p.write("a.c", "int x;\n")

        def run(argv):
            with open("/dev/full", "wb") as full:
                return subprocess.run(argv, cwd=p.root, env=cache.env, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE,
                                      timeout=60)

        plain = run(["gcc", "-E", "a.c"])
        assert plain.returncode != 0
        cold = run([cache.bin, "gcc", "-E", "a.c"])
        assert (cold.returncode, b"error" in cold.stderr) == (plain.returncode, True), cold
        p.step(["gcc", "-E", "a.c"], "either")
        warm = run([cache.bin, "gcc", "-E", "a.c"])
        assert (warm.returncode, warm.stderr) == (plain.returncode, plain.stderr), warm


SEVERAL = {
    "two": ["-c", "a.c", "sub/b.c"],
    "with options between": ["-Wall", "-c", "a.c", "-O2", "sub/b.c", "-I.", "-DX=1"],
    "dependency files": ["-c", "a.c", "sub/b.c", "-MD", "-MP"],
    "user dependency files": ["-c", "a.c", "sub/b.c", "-MMD"],
    "languages": ["-c", "a.c", "-x", "c++", "sub/b.c", "-x", "none", "s.S"],
    "one source twice": ["-c", "a.c", "a.c"],
    "one base name twice": ["-c", "a.c", "sub/a.c"],
    "a response file": ["-c", "@list"],
    "an error in the middle": ["-c", "a.c", "bad.c", "sub/b.c"],
    "a source that is not there": ["-c", "a.c", "gone.c", "sub/b.c"],
    "an object between": ["-c", "a.c", "x.o", "sub/b.c"],
    "one output": ["-c", "a.c", "sub/b.c", "-o", "x.o"],
    "assembly": ["-S", "a.c", "sub/b.c"],
    "preprocessed": ["-E", "a.c", "sub/b.c"],
    "an unknown option": ["-c", "a.c", "sub/b.c", "-fno-such-thing"],
    "an unused argument": ["-c", "a.c", "sub/b.c", "-Wl,-z,now", "-lm"],
    "one side file": ["-c", "a.c", "sub/b.c", "-fstack-usage"],
}


# Clang's commands are not split: a few of them show it.
@pytest.mark.parametrize("compiler, name", [(c, n) for c in ("gcc", "clang") for n in SEVERAL if c == "gcc" or SOAK or "an " in n])
def test_several_sources_in_one_command(project, compiler, name):
    hpcc.require_program(compiler)
    project.write("sub/b.c", "int b(void) { int unused; return 0; }\n")
    project.write("sub/a.c", "int other_a;\n")
    project.write("s.S", ".globl s\ns: ret\n")
    project.write("bad.c", "int bad( {\n")
    project.write("list", "a.c sub/b.c -g")
    argv = [compiler, *SEVERAL[name]]
    plain = project.plain(argv)
    for _ in range(2):
        same(plain, project.cached(argv), name)
    with project.cache.without_daemon():
        same(plain, project.cached(argv), name)


def test_several_sources_are_a_compile_each(project):
    hpcc.require_program("gcc")
    project.write("b.c", "int b;\n")
    project.write("bad.c", "int bad( {\n")
    argv = ["gcc", "-c", "a.c", "bad.c", "b.c"]
    plain = project.plain(argv)
    before = project.cache.stats()
    same(plain, project.cached(argv), "cold")
    gained = project.cache.counted(before, at_least=3)
    assert gained.get("miss") == 3 and gained.get("unstored.compile-failed") == 1 and "bypass" not in gained, gained
    assert hpcc.poll("two entries", 10, lambda: len(project.cache.entries()) == 2)
    before = project.cache.stats()
    same(plain, project.cached(argv), "warm")
    gained = project.cache.counted(before, at_least=3)
    assert gained.get("hit") == 2 and gained.get("miss") == 1, gained
    # One that is compiled alone is the same compile.
    project.step(["gcc", "-c", "b.c"], "hit")
