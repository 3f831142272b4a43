"""Rows for cases.py: modes other than -c, and compiles that make no file."""

from case import C_ONLY, GNU_ONLY, LLVM_ONLY, Case, old_output

WARN = "int main(void) { int unused_variable; return 0; }\n"


def mode_cases():
    yield Case("-S", "-S {src} -o out.s -O1")
    yield Case("-S by default name", "-S {src}", only=C_ONLY)
    for options in ("-S -c", "-c -S", "-S -MD", "-S -MMD -MF x.d", "-S -MD -o y.foo", "-S -MD -MF x.d -o y.s", "-S -Wp,-MD,x.d -o y.s",
                    "-S -g", "-S -fverbose-asm", "-S -fverbose-asm -g -dA", "-S -fstack-usage --coverage -frandom-seed=1 -o y.s", "-S -flto -frandom-seed=1",
                    "-S -masm=intel"):
        yield Case(f"{options} of C", f"{options} {{src}}", only=C_ONLY, expect=None if "-dA" in options else "miss")
    yield Case("-S to stdout", "-S {src} -o -", only=C_ONLY)
    yield Case("-S to /dev/null", "-S {src} -o /dev/null -Wall -Wextra", only=C_ONLY)
    yield Case("-S with a warning", "-S -Wall w{ext} -o out.s", files={"w{ext}": WARN}, only=C_ONLY)
    yield Case("-S over an old file", "-S {src} -o out.s", prepare=old_output("out.s", 0o600), only=C_ONLY, expect=None)
    yield Case("-S over an old file as a new one", "-S {src} -o out.s", prepare=old_output("out.s", 0o644), only=C_ONLY)
    yield Case("-S with an error", "-S e{ext} -o out.s", files={"e{ext}": "int x = ;\n"}, expect="failed", only=C_ONLY)
    yield Case("-S -gsplit-dwarf", "-S -g -gsplit-dwarf {src} -o out.s", expect="uncached:split-dwarf", only=C_ONLY)
    yield Case("-S of assembler", "-S a.S -o out.s", files={"a.S": "f: ret\n"}, expect="uncached:assembly-output", only=C_ONLY)

    yield Case("-E", "-E {src}")
    yield Case("-E -o", "-E {src} -o out.i")
    for options in ("-o -", "-P", "-C", "-CC", "-dM", "-dD", "-dI", "-g", "-c", "-S", "-fsyntax-only", "-MD -MF x.d -MT goal -o y.i",
                    "-include pre.h", "-undef -DQ=3", "-traditional-cpp", "-fdirectives-only", "-frewrite-includes", "-H", "-v", "-MD", "-MMD -MF x.d",
                    "-o /dev/null"):
        usual = options in ("-o -", "-P", "-C", "-dM", "-dD", "-g", "-MD -MF x.d -MT goal -o y.i", "-include pre.h", "-o /dev/null")
        yield Case(f"-E {options}", f"-E {{src}} {options}", only=C_ONLY, expect="miss" if usual else None)
    yield Case("-E with comments and strings", "-E -C t{ext}", only=C_ONLY,
               files={"t{ext}": "/* a */ // b\nconst char *s = \"/* c */\";\n#define X(a) #a\nX( d  e )\n"})
    yield Case("-E with a warning", "-E w{ext} -o out.i", files={"w{ext}": "#warning careful\nint x;\n"}, only=C_ONLY)
    yield Case("-E of a missing header", "-E w{ext}", files={"w{ext}": '#include "gone.h"\nint x;\n'}, only=C_ONLY, expect="failed")
    yield Case("-E of __TIME__", "-E w{ext} -o out.i", files={"w{ext}": "const char *t = __TIME__;\n"}, only=C_ONLY, unstable=("out.i",),
               expect="uncached:date-time")
    yield Case("-E of assembler", "-E a.S -DV=3", files={"a.S": "#if V\nf: ret\n#endif\n"}, only=C_ONLY)
    yield Case("-E of preprocessed text", "-E p.i", files={"p.i": "int x;\n"}, only=C_ONLY, expect="uncached")
    yield Case("-E into a missing directory", "-E {src} -o gone/x.i", only=C_ONLY, expect="failed")

    yield Case("-fsyntax-only", "-fsyntax-only -Wall w{ext}", files={"w{ext}": WARN})
    yield Case("-fsyntax-only -c -o", "-c -fsyntax-only {src} -o out.o", only=C_ONLY)
    yield Case("-fsyntax-only -MD -MF -MT", "-fsyntax-only {src} -MD -MF x.d -MT goal", only=C_ONLY)
    yield Case("-fsyntax-only -MD", "-fsyntax-only {src} -MD", only=C_ONLY, expect=None)
    yield Case("-fsyntax-only --coverage", "-fsyntax-only {src} --coverage -frandom-seed=1", only=C_ONLY, expect=None)
    yield Case("-fsyntax-only with an error", "-fsyntax-only e{ext}", files={"e{ext}": "int x = ;\n"}, expect="failed", only=C_ONLY)

    yield Case("/dev/null as the source", "-c -x c /dev/null -o tmp.o -DCASE=1", only=C_ONLY, second="hit")
    yield Case("/dev/null as the source with -MD", "-c -x c /dev/null -o tmp.o -MD -DCASE=2", only=C_ONLY, second=None)
    yield Case("/dev/null as the source of -E -dM", "-E -dM -x c /dev/null", only=C_ONLY, second="hit")
    yield Case("/dev/null as the source of -S to /dev/null", "-Werror -fno-pie -S -x c /dev/null -o /dev/null", only=C_ONLY, second="hit")
    yield Case("/dev/null as C++", "-c -x c++ /dev/null -o tmp.o", only=GNU_ONLY + LLVM_ONLY)
    yield Case("/dev/null as assembler", "-c -x assembler-with-cpp /dev/null -o tmp.o", only=C_ONLY)
    yield Case("/dev/null without a language", "-c /dev/null -o tmp.o", expect="uncached", only=C_ONLY)
    yield Case("/dev/null with a refused option", "-fno-such-option -c -x c /dev/null -o tmp.o", expect="uncached", only=C_ONLY)
    yield Case("-c to stdout", "-c {src} -o -", expect="uncached:special-output", only=C_ONLY)
