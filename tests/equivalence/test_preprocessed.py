"""source_mode = "preprocessed": what an edit changes of the text and of the places in it decides, and nothing else of the
files; and always the object, and the diagnostics, that the compiler makes now."""

import os

import pytest

import hpcc
from compare import Check, write
from hpcc import Cache, require_program

pytestmark = pytest.mark.skipif(hpcc.PASSTHROUGH, reason="hpcc: a pass-through has no modes")

SOURCE = '''#include "near.h" /* one */
#define USED(x) ((x) + 1) /* two */
#define UNUSED 1
/* three
   lines */
int f(int x)
{
	switch (x) {
	case 1:
		x++; /* fall through */
	case 2:
		return USED(x) /* four */ + NEAR; // five
	}
	return 0;
}
'''
NEAR = "/* near */\n#define NEAR 100\n#define FAR 200\nint declared(int); /* six */\n"

# name: (old, new, what GCC may say without debug information, GCC with -g, Clang); "text": a hit by way of the text.
EDITS = {
    "a comment": ("/* three", "/* other", "text", "text", "text"),
    "its length at the end of a line": ("// five", "// five and more", "text", "text", "text"),
    "its length before code": ("/* four */", "/* and four */", "miss", "miss", "miss"),
    "a comment gone": ("/* three\n   lines */", "\n", "text", "text", "text"),
    "an unused macro": ("UNUSED 1", "UNUSED 2", "text", "text", "miss"),
    "a used macro, to the same": ("((x) + 1) /*", "((x)  +  1) /*", "text", "text", "miss"),
    "a used macro": ("((x) + 1)", "((x) + 2)", "miss", "miss", "miss"),
    "a line more": ("/* three\n", "/* three\n\n", "miss", "miss", "miss"),
    "a column": ("return 0;", "return  0;", "miss", "miss", "miss"),
    "a comment that warnings heed": ("fall through", "done", "miss", "miss", "miss"),
}


@pytest.fixture(params=["daemon", "local"])
def cache(tmp_path, request):
    with Cache(tmp_path, daemon=request.param == "daemon", config='source_mode = "preprocessed"\n') as c:
        yield c


@pytest.fixture
def one_cache(tmp_path):
    with Cache(tmp_path, config='source_mode = "preprocessed"\n') as c:
        yield c


def project_in(cache, tmp_path, compiler, options):
    require_program(compiler)
    p = Check(cache, os.path.join(tmp_path, "proj"))
    p.write("src/main.c", SOURCE)
    p.write("src/near.h", NEAR)
    os.mkdir(os.path.join(p.root, "out"))
    p.argv = [compiler, *options, "-c", "src/main.c", "-o", "out/main.o"]
    return p


def step(project, expect, **kwargs):
    """As Check.step; "text" is a hit that the preprocessor's text led to, "hit" one without it."""
    before = project.cache.stats()["hit.preprocessed"]
    plain = project.step(project.argv, "hit" if expect == "text" else expect, **kwargs)
    assert project.cache.stats()["hit.preprocessed"] - before == (1 if expect == "text" else 0)
    return plain


# What the product of compilers and edits comes to, in few daemons: all edits in a row, each from the first text.
@pytest.mark.parametrize("compiler, options, column", [
    ("gcc", ["-O1", "-Wall", "-Wextra"], 2), ("gcc", ["-O1", "-g", "-MD"], 3), ("clang", ["-O1", "-Wextra", "-MMD"], 4)])
def test_only_what_counts_of_an_edit_misses(one_cache, tmp_path, compiler, options, column):
    project = project_in(one_cache, tmp_path, compiler, options)
    step(project, "miss")
    step(project, "hit")
    for name, row in EDITS.items():
        old, new, expect = row[0], row[1], row[column]
        assert SOURCE.count(old) == 1, name
        project.write("src/main.c", SOURCE.replace(old, new))
        step(project, expect)
        step(project, "hit")
    project.write("src/main.c", SOURCE)
    step(project, "hit")
    project.write("src/near.h", NEAR.replace("/* six */", "// seven"))
    step(project, "text")
    step(project, "hit")


def test_without_a_daemon_it_is_the_same(cache, tmp_path):
    project = project_in(cache, tmp_path, "gcc", ["-g", "-MD"])
    step(project, "miss")
    project.write("src/main.c", SOURCE.replace("/* three", "/* other"))
    step(project, "text")
    step(project, "hit")


def test_a_warning_that_an_edit_brings_is_shown(one_cache, tmp_path):
    project = project_in(one_cache, tmp_path, "gcc", ["-Wextra"])
    assert not step(project, "miss").err
    project.write("src/main.c", SOURCE.replace("fall through", "go on"))
    assert b"implicit-fallthrough" in step(project, "miss").err
    # Results with diagnostics are keyed on the files alone.
    project.write("src/main.c", SOURCE.replace("fall through", "go ahead"))
    assert b"implicit-fallthrough" in step(project, "miss").err
    step(project, "hit")


@pytest.mark.parametrize("options", [["-Wunused-macros"], ["-Wundef"], ["-Wcomment"]])
def test_the_preprocessors_own_warnings(one_cache, tmp_path, options):
    project = project_in(one_cache, tmp_path, "gcc", options)
    project.write("src/main.c", SOURCE + "#if 1 /* /* */\n#endif\n#if MISSING\n#endif\n")
    assert step(project, "miss").err
    project.write("src/main.c", SOURCE + "#if 1 /* // */\n#endif\n#if MISSING2\n#endif\n#define MORE 1\n")
    step(project, "miss")


@pytest.mark.parametrize("compiler, options, edit", [
    ("gcc", ["-g3"], ("UNUSED 1", "UNUSED 2")),
    ("clang", ["-g"], ("/* three", "/* other")),
    ("gcc", ["-fcallgraph-info"], ("/* three", "/* other")),
    ("gcc", ["-Wp,-DX"], ("/* three", "/* other")),
])
def test_what_holds_more_than_the_text_is_keyed_on_the_files(one_cache, tmp_path, compiler, options, edit):
    project = project_in(one_cache, tmp_path, compiler, options)
    project.unstable = []
    step(project, "miss")
    project.write("src/main.c", SOURCE.replace(*edit))
    step(project, "miss")


def test_what_fails_fails_as_always(one_cache, tmp_path):
    project = project_in(one_cache, tmp_path, "gcc", [])
    project.write("src/main.c", SOURCE + "syntax error\n")
    step(project, "failed")
    project.write("src/main.c", SOURCE + '#include "none.h"\n')
    step(project, "failed")
    project.write("src/main.c", SOURCE)
    step(project, "miss")


def test_a_header_that_appears_and_changes_nothing(one_cache, tmp_path):
    project = project_in(one_cache, tmp_path, "gcc", ["-Iother"])
    project.argv.insert(1, "-Isome")
    project.write("src/main.c", SOURCE + "#include <last.h>\n")
    project.write("other/last.h", "int last;\n")
    step(project, "miss")
    project.write("some/last.h", "int last;\n")
    step(project, "miss:header-appeared")
    step(project, "hit")


def test_private_files_are_removed(one_cache, tmp_path):
    project = project_in(one_cache, tmp_path, "gcc", [])
    step(project, "miss")
    project.write("src/main.c", SOURCE.replace("/* three", "/* other"))
    step(project, "text")
    left = [name for _, _, names in os.walk(one_cache.runtime) for name in names if name.endswith(".d")]
    assert left == []


def test_two_checkouts_share_by_their_text(one_cache, tmp_path):
    roots = [os.path.join(tmp_path, "a"), os.path.join(tmp_path, "much", "longer")]
    projects = []
    for i, root in enumerate(roots):
        p = Check(one_cache, root)
        p.write(".hpcc", "")
        p.write("main.c", SOURCE.replace("/* three", f"/* {i * 2 + 111}"))
        p.write("near.h", NEAR)
        p.argv = ["gcc", "-g", "-c", f"{root}/main.c", "-o", "main.o"]
        projects.append(p)
    objects = []
    for p in projects:
        before = one_cache.stats()
        assert one_cache.compile(p.argv, p.root).rc == 0
        one_cache.counted(before)
        with open(os.path.join(p.root, "main.o"), "rb") as f:
            objects.append(f.read())
    assert objects[0] == objects[1]
    assert one_cache.stats()["hit.preprocessed"] == 1
