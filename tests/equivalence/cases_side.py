"""Rows for cases.py: options that write side files. What a compiler writes beside the object is compared byte for byte."""

import os

from case import C_ONLY, CXX_ONLY, GNU_ONLY, LLVM_ONLY, Case, old_output

# What clang and gcc both know; each makes a file of its own.
COMMON = {
    "-gsplit-dwarf": "-g -gsplit-dwarf",
    "-fstack-usage": "-fstack-usage",
    "--coverage": "--coverage -frandom-seed=1",
    "-fsave-optimization-record": "-O2 -fsave-optimization-record",
}


def _sub(root):
    os.mkdir(os.path.join(root, "sub"))


def side_cases():
    for name, options in COMMON.items():
        only = C_ONLY + CXX_ONLY if name == "-gsplit-dwarf" else C_ONLY
        # GCC's optimisation record is compressed with a time in it.
        unstable = ("sub/out.c.opt-record.json.gz",) if name == "-fsave-optimization-record" else ()
        yield Case(f"side file of {name}", f"-c {{src}} -o sub/out.o -MD {options}", prepare=_sub, only=only, unstable=unstable)
    every = "-g -gsplit-dwarf -fstack-usage --coverage -frandom-seed=1"
    for output in ("", "-o out", "-o out.x.y", "-o .out", "-o sub/.out.o", "-o {dir}/out.o", "-o {src}.o", "-o sub/out."):
        yield Case(f"side files, output {output or 'by default'}", f"-c {{src}} {output} {every}", prepare=_sub, only=C_ONLY)
    yield Case("side files of an assembler source", f"-c a.S -o out.o {every}", files={"a.S": ".globl f\nf: ret\n"}, only=C_ONLY)
    yield Case("side files of preprocessed text", f"-c p.i -o out.o {every}", files={"p.i": '# 1 "o.c"\nint x;\n'}, only=C_ONLY,
               expect=None)
    yield Case("side files asked for and taken back", only=C_ONLY, args="-c {src} -o out.o -frandom-seed=1 -g -gsplit-dwarf "
               "-gno-split-dwarf -ftest-coverage -fno-test-coverage")
    yield Case("--coverage cannot be taken back", "-c {src} -o out.o -frandom-seed=1 --coverage -fno-test-coverage", only=C_ONLY)
    yield Case("-fprofile-arcs alone", "-c {src} -o out.o -frandom-seed=1 -fprofile-arcs", only=C_ONLY)
    yield Case("-ftest-coverage alone", "-c {src} -o out.o -frandom-seed=1 -ftest-coverage", only=C_ONLY)
    yield Case("-gsplit-dwarf without -g", "-c {src} -o out.o -gsplit-dwarf", only=C_ONLY)
    yield Case("-gsplit-dwarf with -flto", "-c {src} -o out.o -g -gsplit-dwarf -flto -frandom-seed=1", only=C_ONLY)
    yield Case("-gsplit-dwarf=single", "-c {src} -o out.o -g -gsplit-dwarf=single", only=("clang",))
    yield Case("-gsplit-dwarf=split", "-c {src} -o out.o -g -gsplit-dwarf=split", only=("clang",))
    yield Case("-fcallgraph-info=su,da", "-c {src} -o out.o -fcallgraph-info=su,da", only=GNU_ONLY)
    yield Case("-fcallgraph-info", "-c {src} -o out.o -fcallgraph-info", only=("gcc",))
    yield Case("-ftime-trace", "-c {src} -o sub/out.o -ftime-trace", prepare=_sub, only=LLVM_ONLY, unstable=("sub/out.json",))
    yield Case("side file in a missing directory", f"-c {{src}} -o missing/out.o {every}", only=("gcc",), expect="uncached")
    # An old file that the compile writes anew, and one that it leaves alone.
    yield Case("side file is there already", f"-c {{src}} -o out.o {every}", prepare=old_output("out.su", 0o644), only=C_ONLY)
    yield Case("side file is there and not made", "-c {src} -o out.o -fstack-usage", prepare=old_output("out.gcno", 0o644), only=C_ONLY)
    for mode in (0o600, 0o444):
        yield Case(f"side file is there with mode {mode:o}", f"-c {{src}} -o out.o {every}", prepare=old_output("out.gcno", mode),
                   expect=None, only=C_ONLY)

    def linked(root):
        old_output("out.su", 0o644)(root)
        os.link(os.path.join(root, "out.su"), os.path.join(root, "twin.su"))

    yield Case("side file is a hard link", f"-c {{src}} -o out.o {every}", prepare=linked, expect=None, only=C_ONLY)

    def dangling(root):
        os.symlink("elsewhere.su", os.path.join(root, "out.su"))

    yield Case("side file is a symbolic link", f"-c {{src}} -o out.o {every}", prepare=dangling, expect=None, only=("gcc",))
