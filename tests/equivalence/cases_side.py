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
    yield from family_cases()
    yield from named_cases()


def family_cases():
    """Files whose names the compiler chooses."""
    yield Case("-fdump-tree-optimized", "-c {src} -o sub/out.o -O1 -fdump-tree-optimized", prepare=_sub, only=GNU_ONLY)
    yield Case("-fdump-tree-optimized with -S", "-S {src} -o sub/out.s -O1 -fdump-tree-optimized", prepare=_sub, only=("gcc",))
    # Symbols are printed with their addresses: these differ in each run.
    unstable = ("out.c.000i.cgraph",)
    yield Case("all dumps", "-c {src} -o out.o -O2 -fdump-tree-all -fdump-ipa-all -da -fdump-noaddr -fdump-unnumbered", only=("gcc",),
               unstable=unstable)
    yield Case("dumps without -o", "-c {src} -g -fdump-tree-original-raw -fdump-rtl-final -dP -dA", only=("gcc",),
               unstable=("main.c.337r.final",))
    yield Case("-fdump-lang-class", "-c v.cc -o out.o -fdump-lang-class", files={"v.cc": "struct a { virtual ~a(); };\na::~a() {}\n"}, only=("g++",),
               unstable=("out.cc.001l.class",))
    yield Case("dump of a pass that does not run", "-c {src} -o out.o -O0 -fdump-tree-vect", expect=None, only=("gcc",))
    yield Case("a dump to a named file", "-c {src} -o out.o -fdump-tree-original=o.txt", expect="uncached", only=("gcc",))
    yield Case("dump of a source without suffix", "-x c -c plain -o out.o -fdump-tree-original", files={"plain": "int x;\n"}, only=("gcc",))

    def older_dumps(root):
        old_output("out.c.005t.original", 0o644)(root)
        old_output("out.c.006t.gimple", 0o644)(root)
        old_output("out.x.c.005t.original", 0o644)(root)

    yield Case("dumps of an earlier compile", "-c {src} -o out.o -fdump-tree-original", prepare=older_dumps, only=("gcc",))
    for option in ("-save-temps", "-save-temps=obj", "-save-temps=cwd", "--save-temps=obj"):
        yield Case(option, f"-c {{src}} -o sub/out.o {option} -MD -g", prepare=_sub, only=C_ONLY, expect=None if option == "--save-temps=obj" else "miss")
    yield Case("-save-temps of C++", "-c {src} -o sub/out.o -save-temps", prepare=_sub, only=CXX_ONLY)
    yield Case("-save-temps with other side files", "-c {src} -o sub/out.o -save-temps=cwd -fstack-usage -g -gsplit-dwarf -Wall -Wextra",
               prepare=_sub, only=C_ONLY)
    yield Case("-save-temps of assembler", "-c a.S -o out.o -save-temps", files={"a.S": "f: ret\n"}, expect="uncached:side-files", only=("gcc",))
    yield Case("-save-temps with -S", "-S {src} -o out.s -save-temps", expect="uncached:side-files", only=C_ONLY)


def named_cases():
    """Files that the command line names."""
    yield Case("-aux-info", "-c {src} -o out.o -aux-info sub/a.txt", prepare=_sub, only=("gcc",))
    yield Case("-fopt-info", "-c {src} -o out.o -O2 -fopt-info", only=("gcc",))
    yield Case("-fopt-info to a file", "-c {src} -o out.o -O2 -fopt-info-all=o.txt", only=("gcc",))
    # The listing names the assembler's input, a temporary file.
    yield Case("-Wa,-adhln to a file", "-c {src} -o out.o -g -Wa,-adhln=l.lst", only=("gcc",), unstable=("l.lst",))
    yield Case("-Wa,-aln to a file", "-c {src} -o out.o -Wa,--noexecstack,-aln=l.lst", only=("gcc",), unstable=("l.lst",))
    yield Case("-Wa,-ag with the time", "-c {src} -o out.o -Wa,-ag=l.lst", only=("gcc",), unstable=("l.lst",), expect="uncached:side-files")
    yield Case("-fdump-go-spec", "-c {src} -o out.o -fdump-go-spec=g.go", only=("gcc",))
    yield Case("-fdump-final-insns", "-c {src} -o out.o -fdump-final-insns=f.gkd", only=("gcc",))
    yield Case("--serialize-diagnostics", "-c -Wall w{ext} -o out.o --serialize-diagnostics d.dia", only=LLVM_ONLY,
               files={"w{ext}": "int main(void) { int unused_variable; return 0; }\n"})
    yield Case("-MJ", "-c {src} -o out.o -MJ cc.json -MMD -I inc -Iother", only=LLVM_ONLY)
    yield Case("-MJ with -Wp,-MD", "-c {src} -o out.o -MJ cc.json -Wp,-MMD,x.d", only=("clang",), expect="uncached:side-files")
    yield Case("-foptimization-record-file", "-c {src} -o out.o -O2 -foptimization-record-file=r.yaml", only=("clang",))
    yield Case("side file to a device", "-c {src} -o out.o -aux-info /dev/null", expect="uncached", only=("gcc",))
    yield Case("side file over the object", "-c {src} -o out.o -aux-info out.o", expect="uncached", only=("gcc",))
    yield Case("side file named twice", "-c {src} -o out.o -aux-info a.txt -aux-info b.txt", expect=None, only=("gcc",))
