"""Inputs that the dependency file does not show. Each test changes one: it must be noticed, and unchanged it must hit."""

import os

import pytest

import hpcc
from compare import Check, write
from hpcc import SOAK, Cache


@pytest.fixture
def cache(tmp_path):
    with Cache(tmp_path) as c:
        yield c


@pytest.fixture(params=["gcc", "clang"])
def project(cache, tmp_path, request):
    hpcc.require_program(request.param)
    p = Check(cache, os.path.join(tmp_path, "proj"))
    p.cc = request.param
    for name in ("inc", "early", "out"):
        os.makedirs(os.path.join(p.root, name))
    return p


GCC_ONLY = pytest.mark.parametrize("project", ["gcc"], indirect=True)
CLANG_ONLY = pytest.mark.parametrize("project", ["clang"], indirect=True)


def path(project, name):
    return os.path.join(project.root, name)


def run(project, *argv, runner=None):
    """Not compared with anything, and what it makes stays."""
    done = (runner or project.cache.run)([project.cc, *argv], project.root)
    assert done.rc == 0, done
    return done


def miss_then_hit(project, argv, miss="miss"):
    project.step(argv, miss)
    project.step(argv, "hit")


# ---- precompiled headers


def make_pch(project, value, out):
    """A precompiled header that has another PRE than the header itself, so that its use shows in the object."""
    write(path(project, "other/pre.h"), f"#define PRE {value}\n")
    run(project, "-x", "c-header", "-c", "other/pre.h", "-o", out)


@GCC_ONLY
def test_a_precompiled_header_of_gcc_that_appears_changes_and_goes_is_noticed(project):
    project.write("src/main.c", '#include "pre.h"\nint x = PRE;\n')
    project.write("inc/pre.h", "#define PRE 1\n")
    argv = ["gcc", "-Iearly", "-Iinc", "-c", "src/main.c", "-o", "out/main.o", "-MD"]
    miss_then_hit(project, argv)
    for place in ("inc/pre.h.gch", "early/pre.h.gch", "src/pre.h.gch"):
        make_pch(project, 2, place)
        miss_then_hit(project, argv, "miss:header-appeared")
        make_pch(project, 3, place)
        miss_then_hit(project, argv)
        project.write(place, "no precompiled header")
        miss_then_hit(project, argv)
        os.unlink(path(project, place))
        project.step(argv, "hit")
    # A header in front of the place where the precompiled one was found.
    make_pch(project, 4, "inc/pre.h.gch")
    miss_then_hit(project, argv)
    project.write("early/pre.h", "#define PRE 5\n")
    miss_then_hit(project, argv)


@GCC_ONLY
def test_a_directory_of_precompiled_headers_is_left_to_gcc(project):
    project.write("src/main.c", '#include "pre.h"\nint x = PRE;\n')
    project.write("inc/pre.h", "#define PRE 1\n")
    argv = ["gcc", "-Iinc", "-c", "src/main.c", "-o", "out/main.o"]
    miss_then_hit(project, argv)
    os.mkdir(path(project, "inc/pre.h.gch"))
    make_pch(project, 2, "inc/pre.h.gch/c")
    project.step(argv, "uncached:pch")
    make_pch(project, 3, "inc/pre.h.gch/c")
    project.step(argv, "uncached:pch")


@GCC_ONLY
@pytest.mark.parametrize("source", ['#if __has_include("pre.h")\nint x;\n#endif\n',
                                    '#define NAME "pre.h"\n#include NAME\nint x = PRE;\n'])
def test_a_precompiled_header_of_gcc_counts_however_it_is_asked_for(project, source):
    project.write("src/main.c", source)
    if "PRE" in source:
        project.write("inc/pre.h", "#define PRE 1\n")
    argv = ["gcc", "-Iearly", "-Iinc", "-c", "src/main.c", "-o", "out/main.o"]
    miss_then_hit(project, argv)
    make_pch(project, 2, "early/pre.h.gch")
    project.step(argv, "uncached:pch" if "PRE" in source else "miss:header-appeared")
    os.unlink(path(project, "early/pre.h.gch"))
    project.step(argv, "hit")


@GCC_ONLY
def test_a_header_that_gcc_leaves_out_for_its_precompiled_twin_counts(project):
    project.write("src/main.c", '#include "pre.h"\n#include "once.h"\nint x = ONCE;\n')
    project.write("inc/pre.h", '#include "once.h"\n')
    project.write("inc/once.h", "#pragma once\n#define ONCE 1\n")
    run(project, "-x", "c-header", "-c", "inc/pre.h", "-o", "inc/pre.h.gch")
    argv = ["gcc", "-Iinc", "-c", "src/main.c", "-o", "out/main.o"]
    miss_then_hit(project, argv)
    project.write("inc/once.h", "#pragma once\n#undef ONCE\n#define ONCE 2\n")
    miss_then_hit(project, argv)


@CLANG_ONLY
@pytest.mark.parametrize("how", ["implicit .pch", "-Xclang -include-pch"] + ["implicit .gch", "-include-pch"] * SOAK)
def test_a_precompiled_header_of_clang_that_changes_is_noticed(project, how):
    suffix = ".gch" if how == "implicit .gch" else ".pch"
    project.write("src/main.c", "int x = PRE;\n")
    project.write("pre.h", "#define PRE 1\n")
    argv = ["clang", "-c", "src/main.c", "-o", "out/main.o", "-MD"]
    if how.startswith("implicit"):
        argv += ["-include", "pre.h"]
        miss_then_hit(project, argv)
    elif how == "-include-pch":
        argv += [how, "pre.h" + suffix]
    else:
        argv += ["-Xclang", "-include-pch", "-Xclang", "pre.h" + suffix]
    make_pch(project, 2, "pre.h" + suffix)
    miss_then_hit(project, argv)
    make_pch(project, 3, "pre.h" + suffix)
    miss_then_hit(project, argv)
    # Clang refuses a precompiled header whose headers have another time, whatever they hold.
    os.utime(path(project, "other/pre.h"), (1, 1))
    assert project.step(argv, "failed").rc != 0
    run(project, "-x", "c-header", "-c", "other/pre.h", "-o", "pre.h" + suffix)
    miss_then_hit(project, argv)
    os.unlink(path(project, "pre.h" + suffix))
    project.step(argv, "hit" if how.startswith("implicit") else "failed")


@pytest.mark.parametrize("project, times", [("gcc", ""), ("clang", ""), ("clang", "-fno-pch-timestamp")],
                         indirect=["project"])
def test_making_a_precompiled_header_is_cached(project, times):
    extra = ["-Xclang", times] if times else []
    out = "out/pre.h.gch" if project.cc == "gcc" else "out/pre.h.pch"
    if project.cc == "gcc":
        project.unstable = (os.fsencode(out),)  # another one in each run
    project.write("pre.h", '#include "deep.h"\n#define PRE DEEP\n')
    project.write("deep.h", "#define DEEP 1\n")
    project.write("main.c", "int x = PRE;\n")
    make = [project.cc, "-x", "c-header", *extra, "-c", "pre.h", "-o", out, "-MD"]
    use = [project.cc, "-c", "main.c", "-o", "out/main.o"]
    use += ["-include", "out/pre.h"] if project.cc == "gcc" else ["-include-pch", out]
    for text in ("#define DEEP 1\n", "#define DEEP 2\n"):
        project.write("deep.h", text)
        miss_then_hit(project, make)
        run(project, *make[1:], runner=project.cache.compile)
        miss_then_hit(project, use)
    # A touch changes what Clang writes, unless it was told to leave the times out.
    os.utime(path(project, "deep.h"), (2, 2))
    project.step(make, "miss" if project.cc == "clang" and not extra else "hit")
    project.write("deep.h", "#define DEEP 1\n")
    os.utime(path(project, "deep.h"), (1, 1))
    project.step(make, "miss" if project.cc == "clang" and not extra else "hit")
    run(project, *make[1:], runner=project.cache.compile)
    project.step(use, "either")
    project.step(use, "hit")


# ---- files that options name

PROFILED = '''int f(int x) { return x > 3 ? x * 7 : x; }
int main(void) { int s = 0; for (int i = 0; i < LOOPS; i++) s += f(i); return s == 1; }
'''


def make_profile(project, loops, out):
    """A profile of src/p.c; another number of loops gives another one."""
    os.makedirs(path(project, "train"), exist_ok=True)
    flag = "-fprofile-generate" if project.cc == "gcc" else "-fprofile-instr-generate=train/raw"
    # The profile knows functions by the source's spelling.
    run(project, "-O2", flag, f"-DLOOPS={loops}", "-c", "src/p.c", "-o", "train/p.o")
    run(project, flag, "train/p.o", "-o", "train/p")
    assert project.cache.run(["train/p"], project.root).rc == 0
    if project.cc == "gcc":
        os.replace(path(project, "train/p.gcda"), path(project, out))
    else:
        done = project.cache.run(["llvm-profdata", "merge", "-o", out, "train/raw"], project.root)
        assert done.rc == 0, done


@GCC_ONLY
@pytest.mark.parametrize("options, output", [("", "out/p.o"), ("=prof", "out/p.x.o"), ("=prof", "{dir}/out/p.o"),
                                             ("=prof -fprofile-prefix-path={dir}", "./out/../out/.p.o"),
                                             (" -fprofile-dir=prof", "p.o")][:None if SOAK else 4])
def test_a_profile_of_gcc_that_appears_changes_and_goes_is_noticed(project, options, output):
    project.write("src/p.c", PROFILED)
    os.mkdir(path(project, "prof"))
    options, output = (s.replace("{dir}", project.root) for s in (options, output))
    argv = ["gcc", "-O2", *f"-fprofile-use{options}".split(), "-Wmissing-profile", "-DLOOPS=100", "-c", "src/p.c", "-o", output]
    said = project.step(argv, "miss").err.decode()
    project.step(argv, "hit")
    # GCC itself names the file that it looked for.
    profile = said.split("warning: ‘")[1].split("’")[0]
    os.makedirs(os.path.dirname(path(project, profile)), exist_ok=True)
    for i, loops in enumerate((100, 1000)):
        make_profile(project, loops, profile)
        miss_then_hit(project, argv, "miss" if i else "miss:header-appeared")
    os.unlink(path(project, profile))
    project.step(argv, "hit")


@CLANG_ONLY
@pytest.mark.parametrize("option, profile", [("-fprofile-instr-use=a.prof", "a.prof"),
                                             ("-fprofile-use=prof", "prof/default.profdata"),
                                             ("-fprofile-use", "default.profdata")][:None if SOAK else 2])
def test_a_profile_of_clang_that_changes_is_noticed(project, option, profile):
    hpcc.require_program("llvm-profdata")
    project.write("src/p.c", PROFILED)
    os.mkdir(path(project, "prof"))
    argv = ["clang", "-O2", option, "-DLOOPS=100", "-c", "src/p.c", "-o", "out/p.o"]
    for loops in (100, 1000):
        make_profile(project, loops, profile)
        miss_then_hit(project, argv)
    os.unlink(path(project, profile))
    project.step(argv, "failed")


@pytest.mark.parametrize("option", ["-fsanitize=address -fsanitize-ignorelist=", "-fxray-instrument -fxray-always-instrument=",
                                    "-fxray-instrument -fxray-attr-list=", "-O2 -fprofile-sample-use="])
@CLANG_ONLY
def test_a_list_that_an_option_names_counts(project, option):
    project.write("src/p.c", "int f(int *x) { return *x; }\n")
    texts = {"-fsanitize": ("fun:g\n", "fun:f\n"), "-fxray": ("[always]\nfun:g\n", "[always]\nfun:f\n"),
             "-O2": ("f:10:1\n 1: 1\n", "f:20:2\n 1: 2\n")}
    if option.endswith("always-instrument="):
        texts["-fxray"] = ("fun:g\n", "fun:f\n")
    argv = ["clang", *(option + "list").split(), "-c", "src/p.c", "-o", "out/p.o", "-MD"]
    for text in texts[option.split(" ")[0].split("=")[0].replace("-fxray-instrument", "-fxray")]:
        project.write("list", text)
        miss_then_hit(project, argv)


def test_what_is_instrumented_for_a_profile_is_cached_by_its_own_path(project):
    project.write("src/p.c", "int f(int x) { return x; }\n")
    argv = [project.cc, "-O2", "-fprofile-generate=prof", "-frandom-seed=1", "-c", "src/p.c", "-o"]
    miss_then_hit(project, [*argv, "out/p.o"])
    miss_then_hit(project, [*argv, "out/q.o"])


@GCC_ONLY
def test_a_plugin_that_is_rebuilt_is_noticed(project):
    """Without GCC's plugin headers: what GCC asks of a plugin is two symbols."""
    project.write("src/p.c", "int x;\n")
    argv = ["gcc", "-fplugin=./plug.so", "-c", "src/p.c", "-o", "out/p.o"]
    for text in ("int version = 1;", "int version = 2;"):
        project.write("plug.c", f"int plugin_is_GPL_compatible; {text}\nint plugin_init(void *a, void *v) {{ return 0; }}\n")
        run(project, "-shared", "-fPIC", "plug.c", "-o", "plug.so")
        miss_then_hit(project, argv)
        miss_then_hit(project, [*argv, "-fplugin-arg-plug-verbose=" + text[-2]])
    project.step([*argv, "-fplugin-arg-plug-log=out/log"], "uncached:plugin")
    project.step(["gcc", "-fplugin=plug", "-c", "src/p.c", "-o", "out/p.o"], "uncached:plugin")


# ---- what the assembler reads

ASM_SOURCES = {
    "a.s": '.include "x.inc"\n.incbin "blob"\n',
    "a.S": '#define N 1\n.macro pull\n.incbin "blob", N\n.endm\n.irp i, 1, 2\npull\n.endr\n.include "x.inc"\n',
    "a.c": 'asm(".section .rodata\\n.incbin \\"blob\\"\\n.include \\"x.inc\\"\\n.text\\n");\nint x;\n',
}


@pytest.mark.parametrize("name", list(ASM_SOURCES))
def test_what_the_assembler_reads_counts_wherever_it_looks(project, name):
    """Nested, found in a directory of -I, shadowed by one in front of it, and by the working directory."""
    project.write("src/" + name, ASM_SOURCES[name])
    project.write("inc/x.inc", '.include "deep.inc"\n')
    project.write("inc/deep.inc", ".long 1\n")
    project.write("inc/blob", "blob 1")
    argv = [project.cc, "-Iearly", "-Iinc", "-c", "src/" + name, "-o", "out/a.o"]
    miss_then_hit(project, argv)
    for changed, text in (("inc/blob", "blob 2"), ("inc/deep.inc", ".long 2\n"), ("inc/x.inc", ".long 3\n")):
        project.write(changed, text)
        miss_then_hit(project, argv, "miss:input-differs")
    for appeared, text in (("early/blob", "blob 3"), ("x.inc", ".long 4\n")):
        project.write(appeared, text)
        miss_then_hit(project, argv, "miss:header-appeared")
        os.unlink(path(project, appeared))
        project.step(argv, "hit")
    os.unlink(path(project, "inc/blob"))
    project.step(argv, "failed")


def test_the_assemblers_own_directories_count(project):
    project.write("a.s", '.incbin "blob"\n')
    project.write("inc/blob", "blob 1")
    argv = [project.cc, "-Wa,-Iearly,-I,inc", "-c", "a.s", "-o", "out/a.o"]
    miss_then_hit(project, argv)
    project.write("early/blob", "blob 2")
    miss_then_hit(project, argv, "miss:header-appeared")


@pytest.mark.parametrize("source, define", [('#define FILE "blob"\nasm(".incbin \\"" FILE "\\"");\nint x;\n', ""),
                                            ("asm(TEXT);\nint x;\n", '-DTEXT=".incbin \\"blob\\""')])
def test_a_name_that_a_macro_makes_for_the_assembler_is_left_to_the_compiler(project, source, define):
    project.write("a.c", source)
    argv = [project.cc, *([define] if define else []), "-c", "a.c", "-o", "out/a.o"]
    for blob in ("1", "2"):
        project.write("blob", blob)
        project.step(argv, "uncached:incbin")


# ---- __has_include behind macros


def test_a_header_that_a_macro_around_has_include_asks_for_counts(project):
    """As {fmt}, GoogleTest and others have it."""
    project.write("inc/has.h", "#pragma once\n#ifdef __has_include\n#define HAS(x) __has_include(x)\n#else\n#define HAS(x) 0\n"
                               "#endif\n")
    project.write("src/a.c", '#include <has.h>\n#if HAS(<extra.h>) || HAS("near.h")\nint extra;\n#endif\nint x;\n')
    argv = [project.cc, "-Iearly", "-Iinc", "-c", "src/a.c", "-o", "out/a.o", "-MD"]
    miss_then_hit(project, argv)
    for name in ("early/extra.h", "inc/extra.h", "src/near.h"):
        project.write(name, "")
        miss_then_hit(project, argv, "miss:header-appeared")
        os.unlink(path(project, name))
        project.step(argv, "hit")
    project.write("src/a.c", '#include <has.h>\n#define NAME <extra.h>\n#if HAS(NAME)\nint extra;\n#endif\nint x;\n')
    project.step(argv, "uncached:has-include-macro")


def test_embed_behind_a_question_does_not_keep_old_compilers_from_the_cache(project):
    """To GCC 12 and Clang 14 #embed is an error where it counts, and nothing where it does not."""
    if int(project.cache.run([project.cc, "-dumpversion"], project.root).out.split(b".")[0]) >= 15:
        pytest.skip("a compiler that knows #embed")
    project.write("blob", "1")
    project.write("a.c", '#if defined(__has_embed)\n#if __has_embed("blob")\nchar b[] = {\n#embed "blob"\n};\n#endif\n#endif\nint x;\n')
    argv = [project.cc, "-c", "a.c", "-o", "out/a.o"]
    miss_then_hit(project, argv)
    project.write("a.c", 'char b[] = {\n#embed "blob"\n};\n')
    project.step(argv, "failed")


# ---- modules


@pytest.mark.parametrize("project, options", [("gcc", "-std=c++20 -fmodules-ts"), ("clang", "-std=c++20 -fmodules-ts"),
                                              ("clang", "-fmodules -fcxx-modules -fmodules-cache-path=mods"),
                                              ("clang", "-fprebuilt-module-path=.")], indirect=["project"])
def test_modules_are_left_to_the_compiler(project, options):
    project.write("a.cc", "int x;\n")
    project.step([project.cc, *options.split(), "-c", "a.cc", "-o", "out/a.o"], "uncached:modules")


@pytest.mark.parametrize("text, expect", [("", "miss"), ("-x c++\n", "miss"), ("-fmodule-mapper=a.map\n", "uncached")])
def test_a_module_map_of_cmake_in_which_there_is_nothing_spoils_nothing(project, text, expect):
    """CMake writes one for each C++20 unit; most have no modules."""
    project.write("a.cc", "int x;\n")
    project.write("a.modmap", text)
    argv = [project.cc, "-std=c++20", "-MD", "-MF", "out/a.d", "@a.modmap", "-o", "out/a.o", "-c", "a.cc"]
    project.step(argv, expect)
    project.step(argv, "hit" if expect == "miss" else expect)
