"""clang-cl: plain = cold = warm, byte for byte, from two directories; and what must miss or hit after a change.

An object without /Brepro says when it was made. Two plain compiles differ in that as well, so the time is compared with
the clock and taken out before the objects are compared."""

import os
import struct
import subprocess
import time

import pytest

import hpcc
from compare import Check, wait_stored, write
from hpcc import Cache

COMPILER = "clang-cl-14"
MINGW = "/usr/x86_64-w64-mingw32/include"
COFF_MACHINES = (0x8664, 0x014C)


class ClCheck(Check):
    """Objects are compared without their time stamp; that one must be the time of the run."""

    def _observe(self, runner, argv, prepare, cwd, run):
        before = int(time.time())
        seen = super()._observe(runner, argv, prepare, cwd, run)
        after = int(time.time())
        for name, node in seen.tree.items():
            if node.data and node.fresh and name.endswith((b".obj", b".o")) and struct.unpack_from("<H", node.data)[0] in COFF_MACHINES:
                stamp = struct.unpack_from("<I", node.data, 4)[0]
                if stamp:
                    assert before <= stamp <= after, f"{name}: made at {stamp}, not within {before} and {after}"
                    seen.tree[name] = node._replace(data=node.data[:4] + b"time" + node.data[8:])
        return seen


def require_clang_cl():
    hpcc.require_program(COMPILER)
    if not os.path.isdir(MINGW):
        hpcc.missing(COMPILER, f"{MINGW} is not there")


FILES = {
    "a.c": '#include <stdio.h>\n#include "util.h"\nint f(void) { return printf("%d", UTIL + LIB); }\n',
    "p.cc": '#include "util.h"\nstruct s { int v; s(int x) : v(x) {} };\nint g() { return s(UTIL).v; }\n',
    "w.c": "int f(void) { int unused_variable; return 0; }\n",
    "deep.c": '#include "sub/one.h"\nint x = UP;\n',
    "back.c": '#include "sub\\one.h"\nint x = UP;\n',
    "bad.c": "int f(void) { return }\n",
    "date.c": "const char *d = __DATE__;\n",
    "asm.c": 'void f(void) {\n__asm .incbin "blob"\n}\n',
    "blob": b"\x90\x90",
    "util.h": '#include <lib.h>\n#define UTIL 40\n',
    "inc/lib.h": "#define LIB 2\n",
    "sub/one.h": '#include "up.h"\n',
    "up.h": "#define UP 3\n",
    "pre.h": "#define PRE 7\n",
    "args.rsp": '/W4 "/DNAME=a b"\r\n/DPATH=\\"c:\\\\x\\"',
    "wide.rsp": b"\xff\xfe" + '/DWIDE=L"\u00e4"\r\n/Iinc'.encode("utf-16-le"),
    "empty/keep": "",
}

# name, arguments, what the cold compile counts as (see compare.expectation)
CASES = [
    ("an object by default name", "/c a.c /Iinc", "miss"),
    ("dashes for slashes", "-c a.c -Iinc -W3 -O2", "miss"),
    ("/Fo", "/c a.c /Iinc /Foout.obj", "miss"),
    ("/Fo without suffix", "/c a.c /Iinc /Foout", "miss"),
    ("/Fo with a directory", "/c a.c /Iinc /Foempty/", "miss"),
    ("-o", "/c a.c /Iinc -o out.o", "miss"),
    ("/Fo: is another name in each version", "/c a.c /Iinc /Fo:out.obj", "uncached:special-output"),
    ("/Tp makes C++", "/c /Iinc /Tpw.c /W4", "miss"),
    ("C++", "/c p.cc /Iinc /EHsc /std:c++17 /GR- /MD", "miss"),
    ("a warning", "/c w.c /W4", "miss"),
    ("a warning that is an error", "/c w.c /W4 /WX", "failed"),
    ("an error", "/c bad.c", "failed"),
    ("an option that has no effect is named", "/c a.c /Iinc /MP /ZI /Gm-", "miss"),
    ("an option that is not known", "/c a.c /Iinc -nonsense", "uncached:unknown-option"),
    ("/showIncludes", "/c a.c /Iinc /showIncludes", "miss"),
    ("/showIncludes:user", "/c a.c /Iinc /showIncludes:user", "uncached:depfile-option"),
    ("the includer's includer's directory", "/c deep.c /showIncludes /clang:-MD", "miss"),
    ("a backslash in a name", "/c back.c /showIncludes /clang:-MD", "miss"),
    ("/FI", "/c a.c /Iinc /FIpre.h /showIncludes", "miss"),
    ("-MD", "/c a.c /Iinc /clang:-MD", "miss"),
    ("-MD with names", "/c a.c /Iinc -clang:-MD -clang:-MTx/y.obj -clang:-MFx.d", "miss"),
    ("-MD with separate names", "/c a.c /Iinc -clang:-MD -clang:-MF -clang:x.d -clang:-MT -clang:t /Foq.obj", "miss"),
    ("-MMD", "/c p.cc /Iinc /clang:-MMD /clang:-MFx.d", "miss"),
    ("-MMD beside /showIncludes", "/c a.c /Iinc /clang:-MMD /clang:-MFx.d /showIncludes", "miss"),
    ("/Brepro", "/c a.c /Iinc /Brepro /Z7 /showIncludes", "miss"),
    ("/Z7", "/c a.c /Iinc /Z7", "uncached:command-in-object"),
    ("/Z7 and /showIncludes", "/c a.c /Iinc /Z7 /showIncludes", "miss"),
    ("/Zi /FS /Fd and -MD", "/c a.c /Iinc /Zi /FS /Fdall.pdb -clang:-MD -clang:-MFx.d", "miss"),
    ("DWARF", "/c a.c /Iinc -gdwarf", "miss"),
    ("a response file", "/c a.c @args.rsp /Iinc", "miss"),
    ("a response file in UTF-16", "/c a.c @wide.rsp", "miss"),
    ("a response file split as elsewhere", ["--rsp-quoting=posix", "/c", "a.c", "/Iinc", "@args.rsp"], "miss"),
    ("a file behind --", "/c /Iinc -- a.c", "miss"),
    ("an absolute source", "/c {dir}/w.c /W4", "miss"),
    ("-march and -Xclang", "/c w.c -march=haswell -Xclang -std=c99", "miss"),
    ("link time optimisation", "/c w.c -flto", "miss"),
    ("two sources", "/c w.c up.c", "uncached"),
    ("preprocessing", "/E w.c", "uncached:preprocess-only"),
    ("preprocessing to a file", "/P w.c", "uncached:preprocess-only"),
    ("a precompiled header", "/c a.c /Iinc /Ycutil.h", "uncached:pch"),
    ("a listing", "/c w.c /FA", "uncached:side-files"),
    ("checking only", "/Zs w.c", "uncached:syntax-only"),
    ("a date", "/c date.c", "uncached:date-time"),
    ("MSVC's assembler that reads a file", "/c asm.c", "uncached:incbin"),
    ("help", "/?", "uncached:not-a-compile"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    require_clang_cl()
    with Cache(tmp_path_factory.mktemp("world")) as cache:
        yield cache


def project(cache, root, mark):
    # Sources last: that their directives lead further is not known before the first compile, which waits out their age.
    for name, data in sorted(FILES.items(), key=lambda item: item[0].endswith((".c", ".cc"))):
        if name.endswith((".c", ".cc")):
            data += f"/* {mark} */\n"
        write(os.path.join(root, name), data)
    return ClCheck(cache, root)


def command(args, root):
    args = args.split() if isinstance(args, str) else args
    return [COMPILER, "/GS-", "/Zl", "-imsvc", MINGW, *(a.replace("{dir}", root) for a in args)]


@pytest.mark.parametrize("args, expect", [pytest.param(a, e, id=n) for n, a, e in CASES])
def test_plain_and_cold_and_warm_agree(tmp_path, world, args, expect):
    roots = [os.path.join(tmp_path, name) for name in ("one", "second/place")]
    one, two = (project(world, root, args) for root in roots)
    argv_one, argv_two = (command(args, root) for root in roots)
    plain_one, plain_two = one.plain(argv_one), two.plain(argv_two)
    assert expect.startswith("uncached") or (plain_one.rc == 0) == (expect == "miss"), f"the case is wrong: {plain_one}"
    warm = "hit" if expect == "miss" else expect
    one.step(argv_one, expect, plain_one)
    one.step(argv_one, warm, plain_one)
    two.step(argv_two, "either" if expect == "miss" else expect, plain_two)
    two.step(argv_two, warm, plain_two)
    with world.without_daemon():
        one.step(argv_one, warm, plain_one)


# ---- changes


@pytest.fixture(params=["", "/Z7"], ids=["plain", "CodeView"])
def known(tmp_path, world, request):
    """A unit that hits: a.c reads util.h beside it and <lib.h> from the second of two directories."""
    root = os.path.join(tmp_path, "proj")
    check = project(world, root, f"known {tmp_path}")
    check.argv = command(f"/c a.c /Inone /Iinc /showIncludes /Foempty/a.obj {request.param}", root)
    check.step(check.argv, "miss")
    check.step(check.argv, "hit")
    return check


def test_an_edited_header_misses_and_its_old_text_hits(known):
    known.write("inc/lib.h", "#define LIB 5\n")
    known.step(known.argv, "miss:input-differs")
    known.write("inc/lib.h", FILES["inc/lib.h"])
    known.step(known.argv, "hit")


def test_a_header_that_appears_earlier_misses(known):
    known.write("none/lib.h", "#define LIB 9\n")
    known.step(known.argv, "miss:header-appeared")
    known.step(known.argv, "hit")
    os.unlink(os.path.join(known.root, "none/lib.h"))
    known.step(known.argv, "hit")


def test_a_header_that_is_deleted_fails_as_the_compiler_does(known):
    os.unlink(os.path.join(known.root, "inc/lib.h"))
    known.step(known.argv, "failed")


def test_a_header_beside_an_includer_misses_when_a_nearer_one_appears(tmp_path, world):
    root = os.path.join(tmp_path, "proj")
    check = project(world, root, f"includer {tmp_path}")
    argv = command("/c deep.c /showIncludes", root)
    check.step(argv, "miss")
    check.step(argv, "hit")
    check.write("sub/up.h", "#define UP 4\n")
    check.step(argv, "miss:header-appeared")
    check.step(argv, "hit")


def test_a_header_on_the_path_misses_when_one_beside_the_includer_appears(tmp_path, world):
    root = os.path.join(tmp_path, "proj")
    check = project(world, root, f"path {tmp_path}")
    write(os.path.join(root, "sub/two.h"), '#include "lib.h"\n')
    write(os.path.join(root, "m.c"), '#include "sub/two.h"\nint x = LIB;\n')
    argv = command("/c m.c /Iinc", root)
    check.step(argv, "miss")
    check.step(argv, "hit")
    check.write("lib.h", "#define LIB 8\n")
    check.step(argv, "miss:header-appeared")


def test_the_environment_of_each_request_counts(tmp_path, world):
    root = os.path.join(tmp_path, "proj")
    check = project(world, root, f"environment {tmp_path}")
    argv = [COMPILER, "/GS-", "/Zl", "/c", "p.cc", "/Foempty/p.obj"]
    one, two = (os.path.join(root, name) for name in ("inc", "two"))
    write(os.path.join(two, "lib.h"), "#define LIB 77\nint two;\n")
    check.step(argv, "miss", env={"INCLUDE": one})
    check.step(argv, "miss", env={"INCLUDE": two})
    check.step(argv, "hit", env={"INCLUDE": one})
    check.step(argv, "miss", env={"INCLUDE": one, "CL": "/DMORE#1 /W4"})
    check.step(argv, "miss", env={"INCLUDE": one, "_CL_": "/DMORE=2 /clang:-MD"})
    check.step(argv, "hit", env={"INCLUDE": one, "_CL_": "/DMORE=2 /clang:-MD"})
    check.step([*argv, "/DMORE=2"], "hit", env={"INCLUDE": one})
    check.step([*argv, "/X"], "failed", env={"INCLUDE": one})


def test_a_link_called_clang_cl_or_cl_is_one(tmp_path, world):
    """The driver knows its grammar by its name, so a link to it is as good as it."""
    root = os.path.join(tmp_path, "proj")
    check = project(world, root, f"links {tmp_path}")
    bin_dir, real = os.path.join(tmp_path, "bin"), os.path.join(tmp_path, "real")
    for name in ("clang-cl", "cl"):
        write(os.path.join(bin_dir, name), ("symlink", world.bin))
        write(os.path.join(real, name), ("symlink", os.path.realpath("/usr/bin/" + COMPILER)))
        argv = [name, "/GS-", "/Zl", "/c", "w.c", "/W4", f"/Foempty/{name}.obj"]
        path = {"PATH": f"{bin_dir}:{real}:/usr/bin:/bin"}
        before = world.settled_stats()
        plain = check.plain(argv, env={"PATH": f"{real}:/usr/bin:/bin"})
        stored = len(world.entries())
        for expect in ("miss" if name == "clang-cl" else "hit", "hit"):
            got = check.plain(argv, env=path)  # the link is hpcc
            assert got.rc == plain.rc and got.err == plain.err and got.tree.keys() == plain.tree.keys()
            gained = world.counted(before)
            assert gained.get(expect) == 1, gained
            before = world.settled_stats()
            assert expect == "hit" or wait_stored(world, stored)


def test_clang_for_windows_with_debug_information_is_left_alone(tmp_path, world):
    """CodeView holds the command line of cc1: what we would add to it would be in the object."""
    root = os.path.join(tmp_path, "proj")
    check = project(world, root, f"gnu {tmp_path}")
    argv = ["clang", "--target=x86_64-pc-windows-msvc", "-c", "w.c", "-o", "w.o"]
    check.step([*argv, "-g"], "uncached:command-in-object")
    check.step(argv, "miss")
    check.step(argv, "hit")


def test_a_hit_after_a_second_is_as_if_compiled_then(tmp_path, world):
    root = os.path.join(tmp_path, "proj")
    check = project(world, root, f"time {tmp_path}")
    argv = command("/c w.c /Foempty/w.obj", root)
    check.step(argv, "miss")
    made = int(time.time())
    hpcc.poll("the clock's next second", 3, lambda: int(time.time()) > made)
    # Against a plain compile of before; each has its own time, which ClCheck looks at.
    check.step(argv, "hit")


def test_on_a_terminal_what_the_driver_adds_is_not_guessed(tmp_path, world):
    root = os.path.join(tmp_path, "proj")
    check = project(world, root, f"terminal {tmp_path}")
    argv = command("/c a.c /Iinc /Z7 /showIncludes", root)
    check.step(argv, "miss")
    before = world.settled_stats()
    env = {**world.env, "TERM": "xterm-256color"}
    leader, follower = os.openpty()
    try:
        done = subprocess.run([world.bin, *argv], cwd=root, env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=follower, check=False, timeout=60)
    finally:
        os.close(leader)
        os.close(follower)
    world.runs += 1
    assert done.returncode == 0
    assert world.counted(before).get("bypass.command-in-object") == 1
