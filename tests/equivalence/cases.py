"""The cases of test_matrix.py: one row a command line, with the files it reads.

`args` and file names may say {src} (main.c or main.cc), {ext} (.c or .cc) and {dir} (the project's absolute path).
`expect` is what the cold compile must be counted as when it is not a stored miss followed by hits:
"failed", "uncached", "uncached:reason", or None where either is right.
"""

import os
import zlib

from case import C_ONLY, CXX_ONLY, GNU_ONLY, LLVM_ONLY, Case, old_output, sample
from cases_mode import mode_cases
from cases_side import side_cases
from compare import write
from hpcc import SOAK


BASE_FILES = {
    "{src}": '''#include "util.h"
#include <stddef.h>
#ifndef VALUE
#define VALUE 1
#endif
struct node { struct node *next; int v; };
int sum(struct node *n) { int s = VALUE; for (; n; n = n->next) s += util(n->v); return s; }
size_t size(void) { return sizeof(struct node); }
const char *where(void) { return __FILE__; }
''',
    "util.h": "static int util(int x) { return x * 3 + 1; }\n",
    "inc/lib.h": "#define LIB 41\nint lib(int);\n",
    "sys/lib.h": "#define LIB 42\nint lib(int);\n",
    "other/lib.h": "#define LIB 43\nint lib(int);\n",
    "pre.h": "#define PRE 7\nextern int pre_variable;\n",
}

LIB = '#include <lib.h>\nint lib_value = LIB;\n'
WARN = "int main(void) { int unused_variable; return 0; }\n"
ODD = '''#include <stddef.h>
int value = VALUE;
'''


def _each(prefix, options, **kwargs):
    return [Case(f"{prefix} {o}", f"-c {{src}} -o out.o {o}", **kwargs) for o in options]


def _output_cases():
    def hardlinked(root):
        old_output("out.o", 0o644)(root)
        os.link(os.path.join(root, "out.o"), os.path.join(root, "twin.o"))

    def symlinked(root):
        old_output("real.o", 0o644)(root)
        os.symlink("real.o", os.path.join(root, "out.o"))

    def dangling(root):
        os.symlink("nowhere.o", os.path.join(root, "out.o"))

    def to_directory(root):
        os.mkdir(os.path.join(root, "out.o"))

    def filled_directory(root):
        write(os.path.join(root, "out.o", "x"), "x")

    def linked_directory(root):
        os.mkdir(os.path.join(root, "real"))
        os.symlink("real", os.path.join(root, "link"))

    def sub(root):
        os.mkdir(os.path.join(root, "sub"))

    yield Case("output by default name", "-c {src}")
    yield Case("output joined to -o", "-c {src} -oout.o")
    yield Case("-o before the source", "-o out.o -c {src}")
    yield Case("output in a subdirectory", "-c {src} -o sub/out.o", prepare=sub)
    yield Case("output in a missing directory", "-c {src} -o missing/out.o", expect=None)
    yield Case("output without extension", "-c {src} -o out")
    yield Case("output with many dots", "-c {src} -o out.x.y.z")
    yield Case("output with a space", ["-c", "{src}", "-o", "out put.o"])
    yield Case("output by absolute path", "-c {src} -o {dir}/out.o")
    yield Case("output through ..", "-c {src} -o sub/../out.o", prepare=sub)
    yield Case("output through a linked directory", "-c {src} -o link/out.o", prepare=linked_directory)
    yield Case("output is an existing file", "-c {src} -o out.o", prepare=old_output("out.o", 0o644))
    for mode in (0o600, 0o755, 0o777, 0o4755, 0o200):
        yield Case(f"output exists with mode {mode:o}", "-c {src} -o out.o", prepare=old_output("out.o", mode))
    # What becomes of these depends on who runs the compiler and what the assembler makes of it: left to it.
    for mode in (0o444, 0o000):
        yield Case(f"output exists with mode {mode:o}", "-c {src} -o out.o", prepare=old_output("out.o", mode), expect=None)
    yield Case("output exists and is empty", "-c {src} -o out.o", prepare=old_output("out.o", 0o644, b""), expect=None)
    yield Case("output is a hard link", "-c {src} -o out.o", prepare=hardlinked)
    yield Case("output is a symbolic link", "-c {src} -o out.o", prepare=symlinked, expect=None)
    yield Case("output is a dangling link", "-c {src} -o out.o", prepare=dangling, expect=None)
    yield Case("output is a directory", "-c {src} -o out.o", prepare=to_directory, expect=None)
    yield Case("output is a filled directory", "-c {src} -o out.o", prepare=filled_directory, expect=None)
    yield Case("output is /dev/null", "-c {src} -o /dev/null")
    # Not /dev/stdout: that is a link, and as run by root the assembler would replace it for the whole machine.
    yield Case("output twice", "-c {src} -o a.o -o b.o", expect=None)
    yield Case("output is the source", "-c {src} -o {src}", expect=None)
    yield Case("output is a header that is read", "-c {src} -o util.h", expect=None)
    for umask in (0o000, 0o002, 0o077, 0o027, 0o777):
        yield Case(f"umask {umask:03o}", "-c {src} -o out.o -MD", umask=umask)
    yield Case("dependency file exists read-only", "-c {src} -o out.o -MD", prepare=old_output("out.d", 0o444))
    yield Case("dependency file exists with mode 600", "-c {src} -o out.o -MD", prepare=old_output("out.d", 0o600))

    def linked_dep(root):
        old_output("out.d", 0o644)(root)
        os.link(os.path.join(root, "out.d"), os.path.join(root, "twin.d"))

    # The dependency file is written in place, not replaced: its links see the new text.
    yield Case("dependency file is a hard link", "-c {src} -o out.o -MD", prepare=linked_dep)

    def symlinked_dep(root):
        old_output("real.d", 0o644)(root)
        os.symlink("real.d", os.path.join(root, "out.d"))

    yield Case("dependency file is a symbolic link", "-c {src} -o out.o -MD", prepare=symlinked_dep, expect=None)
    yield Case("dependency file is longer before", "-c {src} -o out.o -MD",
               prepare=old_output("out.d", 0o644, b"x" * 100_000))


def _dependency_cases():
    def sub(root):
        os.mkdir(os.path.join(root, "sub"))

    for name, args in {
            "-MD": "-c {src} -o out.o -MD",
            "-MMD": "-c {src} -o out.o -MMD",
            "-MD without -o": "-c {src} -MD",
            "-MD to a name without extension": "-c {src} -o out -MD",
            "-MD to a name with dots": "-c {src} -o out.foo.o -MD",
            "-MD -MF separate": "-c {src} -o out.o -MD -MF x.d",
            "-MD -MF joined": "-c {src} -o out.o -MD -MFx.d",
            "-MD -MF before": "-MF x.d -MD -o out.o -c {src}",
            "-MD -MF twice": "-c {src} -o out.o -MD -MF x.d -MF y.d",
            "-MD -MF null": "-c {src} -o out.o -MD -MF /dev/null",
            "-MD -MT": "-c {src} -o out.o -MD -MT target",
            "-MD -MT joined": "-c {src} -o out.o -MD -MTtarget",
            "-MD -MT twice": "-c {src} -o out.o -MD -MT one -MT two",
            "-MD -MT -MQ": "-c {src} -o out.o -MD -MT one -MQ two -MT three",
            "-MD -MP": "-c {src} -o out.o -MD -MP",
            "-MMD -MP -MF -MQ as git does": "-c {src} -o out.o -MF x.d -MQ out.o -MMD -MP",
            "-MD -MP -MF -MT as CMake does": "-MD -MT out.o -MF out.o.d -o out.o -c {src}",
            "-MMD -MD": "-c {src} -o out.o -MMD -MD",
            "-MD -MMD": "-c {src} -o out.o -MD -MMD",
            "-Wp,-MD": "-c {src} -o out.o -Wp,-MD,x.d",
            "-Wp,-MMD as the kernel does": "-c {src} -o out.o -Wp,-MMD,.out.o.d",
            "-Wp,-MD -MT": "-c {src} -o out.o -Wp,-MD,x.d -MT target",
            "-Wp,-MD,-MT": "-c {src} -o out.o -Wp,-MD,x.d,-MT,target",
            "-Wp,-MD,-MP": "-c {src} -o out.o -Wp,-MD,x.d,-MP",
            "-Wp,-MD and -MD": "-c {src} -o out.o -Wp,-MD,x.d -MD",
            "-Wp,-MD without -o": "-c {src} -Wp,-MD,x.d",
            "-Wp,-MD,-MF": "-c {src} -o out.o -Wp,-MD,-MF,x.d",
            "-MD with -include": "-c {src} -o out.o -MD -include pre.h",
            "-MD with -imacros": "-c {src} -o out.o -MD -imacros pre.h",
            "-MMD with -include": "-c {src} -o out.o -MMD -include pre.h",
            "-MD with an absolute source": "-c {dir}/{src} -o out.o -MD",
            "-MD with ./": "-c ./{src} -o ./out.o -MD -I. -I./inc",
            "-MD with an absolute output": "-c {src} -o {dir}/out.o -MD",
            "-MM with -MD": "-c {src} -o out.o -MM -MD",
            "-MV": "-c {src} -o out.o -MD -MV",
            "-MD on a source without includes": "-c plain{ext} -o out.o -MD -MP",
    }.items():
        # Which combinations hit is for the tool to say; the plain and usual ones must.
        usual = not any(odd in name for odd in ("twice", "null", "-MM with", "-MV", "-Wp,-MD,", "and -MD", "-MMD -MD",
                                               "-MD -MMD", "-MT -MQ", "-Wp,-MD -MT", "-Wp,-MD without"))
        yield Case("dependencies " + name, args, files={"plain{ext}": "int plain;\n"},
                   expect="miss" if usual else None)
    yield Case("dependencies in a subdirectory", "-c {src} -o sub/out.o -MD", prepare=sub)
    yield Case("dependencies of a source in a subdirectory without -o", "-c src/x{ext} -MD -I.",
               files={"src/x{ext}": '#include "util.h"\nint x;\n'})
    yield Case("dependencies -MD -MF into a subdirectory", "-c {src} -o out.o -MD -MF sub/x.d", prepare=sub)
    yield Case("dependencies -MD -MF into a missing directory", "-c {src} -o out.o -MD -MF missing/x.d", expect=None)
    yield Case("dependencies -MD -MF to stdout", "-c {src} -o out.o -MD -MF -", expect=None)
    yield Case("-MF without -MD", "-c {src} -o out.o -MF x.d", expect=None)
    yield Case("-MT without -MD", "-c {src} -o out.o -MT x", expect=None)
    yield Case("-MP without -MD", "-c {src} -o out.o -MP", expect=None)
    yield Case("-MD -MG", "-c {src} -o out.o -MD -MG", expect=None)
    yield Case("-MD and -MF without a value", "-c {src} -o out.o -MD -MF", expect=None)
    for quoting in ("a b", "a$b", "a#b", "a\\b", "a\\ b", "a:b", "$(x)", "a%b", "ä", "a\tb", "x\\#y", "a\\\\ b", "a'b\"c",
                    "~a", "a=b", "a,b", "&;|<>"):
        yield Case(f"dependencies -MT {quoting!r}", ["-c", "{src}", "-o", "out.o", "-MD", "-MT", quoting], expect=None)
        yield Case(f"dependencies -MQ {quoting!r}", ["-c", "{src}", "-o", "out.o", "-MD", "-MQ", quoting])
        if "/" not in quoting:
            yield Case(f"output named {quoting!r} with -MD", ["-c", "{src}", "-o", quoting + ".o", "-MD", "-MP"])
    long_names = {f"{'long' * 12}_{i}.h": f"#define H{i} {i}\n" for i in range(30)}
    yield Case("dependencies that need many lines", "-c wide{ext} -o out.o -MD -MP",
               files={**long_names, "wide{ext}": "".join(f'#include "{h}"\n' for h in long_names) + "int wide = H7;\n"})
    yield Case("dependencies spelled in two ways", "-c twice{ext} -o out.o -MD -I.",
               files={"twice{ext}": '#include "util.h"\n#include "./inc/lib.h"\n#include "inc/../inc/lib.h"\n'
                                    '#include "inc/lib.h"\nint twice = util(LIB);\n'.replace("util(LIB)", "LIB")})
    yield Case("dependencies of a header in a linked directory", "-c l{ext} -o out.o -MD -Ilinked",
               files={"l{ext}": LIB, "linked": ("symlink", "inc")})


def _mmd_cases():
    user = {"sys/outer.h": '#include "inner.h"\n', "sys/inner.h": "#define INNER 1\n",
            "m{ext}": "#include <outer.h>\nint m = INNER;\n"}
    yield Case("-MMD with a system header", "-c m{ext} -o out.o -MMD -isystem sys", files=user)
    yield Case("-MMD with a user header included by a system header", "-c m{ext} -o out.o -MMD -isystem sys -I.", expect=None,
               files={**user, "sys/outer.h": '#include "util.h"\n#include "inner.h"\n'})
    yield Case("-MMD with the same directory as -I and -isystem", "-c m{ext} -o out.o -MMD -isystem sys -Isys", files=user,
               expect=None)
    yield Case("-MMD with a header read as user and as system", "-c m{ext} -o out.o -MMD -isystem sys", expect=None,
               files={**user, "m{ext}": '#include "sys/inner.h"\n#include <outer.h>\nint m = INNER;\n'})
    yield Case("-MMD with #pragma GCC system_header", "-c p{ext} -o out.o -MMD -Iinc", expect=None,
               files={"inc/p.h": '#pragma GCC system_header\n#include "q.h"\n', "inc/q.h": "#define Q 3\n",
                      "p{ext}": '#include "p.h"\nint p = Q;\n'})
    yield Case("-MMD with -idirafter", "-c m{ext} -o out.o -MMD -idirafter sys", files=user)
    yield Case("-MMD with -I and libc headers", "-c m{ext} -o out.o -MMD -Iinc",
               files={"m{ext}": "#include <stdio.h>\n#include <string.h>\n#include <lib.h>\nint m = LIB;\n"})
    yield Case("-Wp,-MMD with a system header", "-c m{ext} -o out.o -Wp,-MMD,x.d -isystem sys", files=user)


def _name_cases():
    names = {"a space": "so urce", "two spaces": "a  b", "a quote": "it's", "a double quote": 'a"b', "a dollar": "a$b",
             "$$": "a$$b", "a hash": "a#b", "a backslash": "a\\b", "a backslash before a space": "a\\ b", "umlauts": "größe",
             "invalid UTF-8": "a\udcffb", "a colon": "a:b", "a percent sign": "a%sb", "a tab": "a\tb", "a comma": "a,b",
             "an equals sign": "a=b", "an ampersand": "a&b;c", "brackets": "a[b](c){d}", "a tilde": "~a",
             "an at sign inside": "a@b", "a question mark": "a?b*c", "emoji": "\U0001F600"}
    for what, name in names.items():
        files = {name + "{ext}": f'#include "{name}.h"\nint value = INNER;\nint f(void) {{ int unused; return 0; }}\n'
                 if '"' not in name else "int value = 3;\n",
                 name + ".h": "#define INNER 5\n"}
        # Clang does not quote backslashes in dependency files: what it wrote cannot be told from another name.
        odd = {"only": GNU_ONLY} if "\\" in name else {}
        yield Case(f"a source with {what}", ["-c", name + "{ext}", "-MD", "-Wall"], files=files, base=False, **odd)
        if odd:
            yield Case(f"a source with {what} for Clang", ["-c", name + "{ext}", "-MD", "-Wall"], files=files, base=False, only=LLVM_ONLY,
                       expect=None)
        yield Case(f"a directory with {what}", ["-c", name + "/main{ext}", "-o", name + "/main.o", "-MMD", "-MP", "-g"],
                   files={name + "/main{ext}": "int value = 3;\n"}, base=False, **odd)
    # Neither make nor the compilers can say this name in a dependency file.
    yield Case("a source with a newline", ["-c", "a\nb{ext}", "-MD"], files={"a\nb{ext}": "int x;\n"}, expect=None, base=False)
    yield Case("a source that begins with a dash", ["-c", "./-x{ext}", "-o", "out.o", "-MD"], files={"-x{ext}": "int x;\n"})
    yield Case("a very long name", ["-c", "n" * 240 + "{ext}", "-o", "out.o", "-MD"], files={"n" * 240 + "{ext}": "int x;\n"})
    yield Case("a source behind a link", "-c link{ext} -o out.o -MD -g",
               files={"deep/real{ext}": '#include "near.h"\nint x = NEAR;\n', "deep/near.h": "#define NEAR 1\n",
                      "near.h": "#define NEAR 2\n", "link{ext}": ("symlink", "deep/real{ext}")})
    yield Case("a header behind a link", "-c m{ext} -o out.o -MD -I.",
               files={"m{ext}": '#include "l.h"\nint x = NEAR;\n', "l.h": ("symlink", "deep/real.h"),
                      "deep/real.h": '#include "near.h"\n', "deep/near.h": "#define NEAR 1\n", "near.h": "#define NEAR 2\n"})
    yield Case("a source through a linked directory", "-c ln/main{ext} -o out.o -MD",
               files={"ln": ("symlink", "deep"), "deep/main{ext}": '#include "../util.h"\nint x;\n'})
    yield Case("a source that is missing", "-c nothing{ext} -o out.o", expect=None)
    yield Case("a source that is a directory", "-c inc -o out.o", expect=None)
    yield Case("a source that is a dangling link", "-c gone{ext} -o out.o", files={"gone{ext}": ("symlink", "nowhere")},
               expect=None)
    yield Case("a source that is empty", "-c empty{ext} -o out.o -MD", files={"empty{ext}": ""})
    yield Case("a source without a last newline", "-c e{ext} -o out.o -MD", files={"e{ext}": "int x;"})
    yield Case("a source with CRLF", "-c e{ext} -o out.o -Wall", files={"e{ext}": "int x;\r\n#define Y \\\r\n 3\r\nint y = Y;\r\n"})
    yield Case("a source with a NUL byte", "-c e{ext} -o out.o", files={"e{ext}": b"int x;\0\nint y;\n"})
    yield Case("a source with a BOM", "-c e{ext} -o out.o", files={"e{ext}": b"\xef\xbb\xbfint x;\n"})
    yield Case("a source with an odd extension", "-x c -c e.data -o out.o", files={"e.data": "int x;\n"}, only=C_ONLY)
    yield Case("a source that is /dev/null", "-x c -c /dev/null -o out.o", only=C_ONLY, expect=None)


def _text_cases():
    yield Case("__DATE__ in a comment", "-c d{ext} -o out.o", files={"d{ext}": "/* __DATE__ */ // __TIME__\nint x;\n"})
    yield Case("__DATE__ in a string", "-c d{ext} -o out.o", files={"d{ext}": 'const char *x = "__DATE__ __TIMESTAMP__";\n'})
    yield Case("__DATE__ in an identifier", "-c d{ext} -o out.o", files={"d{ext}": "int my__DATE__, __TIME__x;\n"})
    # Whether the scan knows raw strings depends on the language level: a bypass is right as well.
    yield Case("__DATE__ in a raw string", "-std=c++17 -c d{ext} -o out.o", only=CXX_ONLY, expect=None,
               files={"d{ext}": 'const char *x = R"(" __DATE__ ")";\n'})
    # The clock can tick between two compiles: no comparing of objects. SOURCE_DATE_EPOCH fixes it for GCC, which makes the
    # unit cacheable; Clang 14 does not read it.
    epoch = {"SOURCE_DATE_EPOCH": "1234567890"}
    ticking = {"unstable": ("out.o",)}
    for token, reason in (("__DATE__", "date-time"), ("__TIME__", "date-time"), ("__TIMESTAMP__", "timestamp")):
        direct = {"d{ext}": f"const char *x = {token};\n"}
        header = {"d{ext}": '#include "d.h"\nconst char *x = NOW;\n', "d.h": f"#define NOW {token}\n"}
        for what, files in (("for real", direct), ("in a header", header)):
            yield Case(f"{token} {what}", "-c d{ext} -o out.o", files=files, **ticking, expect=f"uncached:{reason}")
            yield Case(f"{token} {what} and SOURCE_DATE_EPOCH", "-c d{ext} -o out.o", files=files, env=epoch, only=GNU_ONLY, expect=None)
            yield Case(f"{token} {what} and SOURCE_DATE_EPOCH that is not read", "-c d{ext} -o out.o", files=files, env=epoch, **ticking,
                       only=LLVM_ONLY, expect=f"uncached:{reason}")
    yield Case("__DATE__ across a line splice", "-c d{ext} -o out.o", **ticking, expect="uncached:date-time",
               files={"d{ext}": "const char *x = __DA\\\nTE__;\n"})
    yield Case("SOURCE_DATE_EPOCH without __DATE__", "-c {src} -o out.o", env=epoch)
    yield Case("__has_include of a header that is there", "-c h{ext} -o out.o -MD -Iinc", second=None,
               files={"h{ext}": "#if __has_include(<lib.h>)\n#include <lib.h>\n#endif\nint x\n#ifdef LIB\n= LIB\n#endif\n;\n"})
    yield Case("__has_include of a header that is missing", "-c h{ext} -o out.o -MD",
               files={"h{ext}": '#if __has_include("gone.h")\n#include "gone.h"\n#endif\nint x;\n'})
    yield Case("__has_include of a header that is not then read", "-c h{ext} -o out.o -MD",
               files={"h{ext}": '#if __has_include("util.h")\nint x = 1;\n#else\nint x = 2;\n#endif\n'})
    yield Case("__has_include of a macro", "-c h{ext} -o out.o", expect="uncached:has-include-macro",
               files={"h{ext}": '#define NAME "util.h"\n#if __has_include(NAME)\nint x = 1;\n#endif\n'})
    yield Case("a computed include", "-c h{ext} -o out.o -MD -Iinc", expect=None,
               files={"h{ext}": "#define NAME <lib.h>\n#include NAME\nint x = LIB;\n"})
    yield Case("#include_next", "-c h{ext} -o out.o -MD -Iinc -Isys -Iother",
               files={"h{ext}": LIB, "inc/lib.h": "#include_next <lib.h>\n#define MORE 1\n"})
    yield Case("#import", "-c h{ext} -o out.o -MD", files={"h{ext}": '#import "util.h"\n#import "util.h"\nint x;\n'}, expect=None)
    yield Case("#line with a warning", "-Wall -c l{ext} -o out.o", expect=None,
               files={"l{ext}": f'#line 40 "elsewhere.y"\n{WARN}'})
    yield Case("#line naming a file that exists", "-Wall -c l{ext} -o out.o", expect=None,
               files={"l{ext}": f'#line 1 "grammar.y"\n{WARN}', "grammar.y": "the text that the caret line quotes\n"})
    yield Case("#line without diagnostics", "-c l{ext} -o out.o -MD -g",
               files={"l{ext}": '#line 40 "elsewhere.y"\nint x(void) { return __LINE__; }\n'})
    yield Case(".incbin in inline assembler", "-c a{ext} -o out.o",
               files={"a{ext}": 'asm(".section .rodata\\n.incbin \\"blob.bin\\"\\n.text\\n");\nint x;\n', "blob.bin": b"\1\2\3"})
    yield Case(".include in inline assembler", "-c a{ext} -o out.o -Wa,-I.",
               files={"a{ext}": 'asm(".include \\"x.inc\\"\\n");\nint x;\n', "x.inc": ".equ n, 3\n"})
    yield Case("inline assembler", "-O2 -c a{ext} -o out.o", files={"a{ext}": 'int f(void) { int x; asm("movl $3, %0" : "=r"(x)); return x; }\n'})
    yield Case("an error of the assembler", "-c a{ext} -o out.o", files={"a{ext}": 'asm("nonsense %eax");\nint x;\n'},
               expect="failed")
    yield Case("a warning of the assembler", "-pipe -c a{ext} -o out.o", expect=None,
               files={"a{ext}": 'asm(".warning \\"careful\\"");\nint x;\n'})
    yield Case("#pragma GCC dependency", "-c d{ext} -o out.o", expect="uncached:pragma-dependency", only=GNU_ONLY,
               files={"d{ext}": '#pragma GCC dependency "util.h"\nint x;\n'})
    yield Case("__COUNTER__ and __LINE__", "-c d{ext} -o out.o", files={"d{ext}": "int x = __COUNTER__, y = __COUNTER__ + __LINE__;\n"})
    yield Case("__FILE__ of a relative source", "-c {src} -o out.o", second="hit")
    yield Case("__FILE__ of an absolute source", "-c {dir}/{src} -o out.o")
    yield Case("__BASE_FILE__ and __INCLUDE_LEVEL__", "-c d{ext} -o out.o",
               files={"d{ext}": "#include \"d.h\"\nconst char *x = B;\n", "d.h": "#define B __BASE_FILE__\nint l = __INCLUDE_LEVEL__;\n"})
    yield Case("a deep chain of includes", "-c d{ext} -o out.o -MD -MP",
               files={"d{ext}": '#include "d0.h"\nint x;\n',
                      **{f"d{i}.h": f'#include "d{i + 1}.h"\n' for i in range(60)}, "d60.h": ""})
    yield Case("an include in a block that is never compiled", "-c d{ext} -o out.o -MD",
               files={"d{ext}": '#if 0\n#include "gone.h"\n#endif\nint x;\n'})
    yield Case("an include with a path upwards", "-c src/d{ext} -o out.o -MD",
               files={"src/d{ext}": '#include "../util.h"\n#include "../inc/lib.h"\nint x = LIB;\n'})
    yield Case("an include by absolute path", "-c d{ext} -o out.o -MD",
               files={"d{ext}": '#include "{dir}/inc/lib.h"\nint x = LIB;\n'})


def _diagnostic_cases():
    warn = {"w{ext}": WARN}
    yield Case("a warning", "-Wall -c w{ext} -o out.o", files=warn)
    yield Case("a warning in colour", "-Wall -c w{ext} -o out.o -fdiagnostics-color=always", files=warn)
    yield Case("a warning without colour", "-Wall -c w{ext} -o out.o -fdiagnostics-color=never", files=warn)
    yield Case("a warning in colour, clang's option", "-Wall -c w{ext} -o out.o -fcolor-diagnostics", files=warn, only=LLVM_ONLY)
    yield Case("a warning without caret", "-Wall -c w{ext} -o out.o -fno-diagnostics-show-caret", files=warn, only=GNU_ONLY)
    yield Case("a warning folded at 40 columns", "-Wall -c w{ext} -o out.o -fmessage-length=40", files=warn, expect=None)
    yield Case("a warning as JSON", "-Wall -c w{ext} -o out.o -fdiagnostics-format=json", files=warn, only=GNU_ONLY, expect=None)
    yield Case("a warning switched off", "-Wall -Wno-unused-variable -c w{ext} -o out.o", files=warn)
    yield Case("a warning silenced by -w", "-Wall -w -c w{ext} -o out.o", files=warn)
    yield Case("a warning from an absolute source", "-Wall -c {dir}/w{ext} -o out.o", files=warn)
    yield Case("a warning and a dependency file", "-Wall -c w{ext} -o out.o -MD", files=warn)
    yield Case("-Werror", "-Wall -Werror -c w{ext} -o out.o -MD", files=warn, expect="failed")
    yield Case("-Werror=unused", "-Werror=unused-variable -c w{ext} -o out.o", files=warn, expect="failed")
    yield Case("-Werror that is not hit", "-Wall -Werror -c {src} -o out.o")
    yield Case("#warning", "-c w{ext} -o out.o", files={"w{ext}": "#warning look here\nint x;\n"})
    yield Case("#pragma message", "-c w{ext} -o out.o", files={"w{ext}": '#pragma message "hello"\nint x;\n'})
    yield Case("a warning inside nested macros in a header", "-Wall -Wextra -c w{ext} -o out.o",
               files={"w{ext}": '#include "m.h"\nint f(void) { OUTER(3) return 0; }\n',
                      "m.h": "#define INNER(x) int v##x;\n#define OUTER(x) INNER(x)\n"})
    yield Case("a warning in a system header", "-Wall -isystem sys -c w{ext} -o out.o",
               files={"w{ext}": "#include <bad.h>\nint x;\n", "sys/bad.h": "static int f(void) { int u; return 0; }\n"})
    yield Case("-Wsystem-headers", "-Wall -Wsystem-headers -isystem sys -c w{ext} -o out.o",
               files={"w{ext}": "#include <bad.h>\nint x;\n", "sys/bad.h": "static int f(void) { int u; return 0; }\n"})
    yield Case("a warning from #pragma GCC system_header", "-Wall -c w{ext} -o out.o",
               files={"w{ext}": '#include "s.h"\nint x;\n', "s.h": "#pragma GCC system_header\nstatic int f(void) { int u; return 0; }\n"})
    yield Case("two thousand warnings", "-Wall -c w{ext} -o out.o",
               files={"w{ext}": "".join(f"static int f{i}(void) {{ int u{i}; return 0; }}\n" for i in range(1000))})
    yield Case("diagnostics that are not UTF-8", "-Wall -c w{ext} -o out.o",
               files={"w{ext}": b"/* \xff\xfe */ int f(void) { int u; /* \xe9 */ return 0; }\n"})
    for what, text in {"a syntax error": "int x = ;\n", "a type error": "struct s { int a; } s; int *p = s;\n",
                       "#error": "#error stop\n", "a missing header": '#include "missing.h"\nint x;\n',
                       "an error with notes": "int f(int);\nlong f(int);\n",
                       "an unterminated string": 'const char *s = "abc;\n', "an unterminated #if": "#if 1\nint x;\n",
                       "many errors": "".join(f"int x{i} = ;\n" for i in range(200))}.items():
        yield Case(what, "-c w{ext} -o out.o -MD", files={"w{ext}": text}, expect="failed")
        yield Case(f"{what} over an existing object", "-c w{ext} -o out.o", files={"w{ext}": text}, expect="failed",
                   prepare=old_output("out.o", 0o644))
    yield Case("a header that includes itself for ever", "-c w{ext} -o out.o", expect="failed",
               files={"w{ext}": '#include "r.h"\n', "r.h": '#include "r.h"\n'})
    yield Case("a template error", "-c w.cc -o out.o", only=CXX_ONLY, expect="failed",
               files={"w.cc": "#include <vector>\n#include <algorithm>\nstruct s {};\nvoid f() { std::vector<s> v; std::sort(v.begin(), v.end()); }\n"})
    yield Case("-fmax-errors", "-fmax-errors=2 -c w{ext} -o out.o", files={"w{ext}": "int a = ;\n" * 9}, only=GNU_ONLY, expect=None)
    yield Case("an unused linker option", "-c {src} -o out.o -lm -L. -Wl,-O1", expect=None)


def _define_cases():
    for what, args in {
            "-D": ["-DVALUE=7"], "-D separate": ["-D", "VALUE=7"], "-D without value": ["-DVALUE=1", "-DOTHER"],
            "-D -U": ["-DVALUE=7", "-UVALUE", "-DVALUE=9"], "-U -D": ["-UVALUE", "-DVALUE=7"],
            "-D twice the same": ["-DVALUE=7", "-DVALUE=7"],
            "-D with arguments": ["-DF(x)=x+1", "-DVALUE=F(3)"], "-D with quotes": ['-DVALUE=sizeof("a b")'],
            "-D with a backslash": ['-DVALUE=sizeof("a\\tb\\\\c")'], "-D with a dollar": ['-DVALUE=sizeof("$HOME")'],
            "-D with single quotes": ["-DVALUE='x'"], "-D with a hash": ['-DVALUE=sizeof("#")'],
            "-D with a newline": ["-DVALUE=1\n+2"], "-D that is empty": ["-DVALUE=3", "-DNOTHING="],
            "-D with umlauts": ['-DVALUE=sizeof("größe")'], "-D with a trailing space": ["-DVALUE=3 "],
            "-D with an at sign": ['-DVALUE=sizeof("@x")'], "-D with a percent sign": ['-DVALUE=sizeof("%s%n")'],
            "-U of a builtin": ["-DVALUE=__linux__", "-D__linux__=4", "-U__unix__"],
    }.items():
        yield Case(f"define {what}", ["-c", "v{ext}", "-o", "out.o", *args], files={"v{ext}": ODD}, expect=None if "builtin" in what or "newline" in what else "miss")
    yield Case("define a macro twice with another value", "-DA=1 -DA=2 -DVALUE=A -c v{ext} -o out.o", files={"v{ext}": ODD})
    yield Case("-Wp,-D", "-Wp,-DVALUE=7 -c v{ext} -o out.o", files={"v{ext}": ODD}, expect=None)
    yield Case("-Xpreprocessor -D", "-Xpreprocessor -DVALUE=7 -c v{ext} -o out.o", files={"v{ext}": ODD}, expect=None)


def _include_cases():
    lib = {"l{ext}": LIB}
    quote = {"l{ext}": '#include "lib.h"\nint lib_value = LIB;\n'}
    for what, args, files in (
            ("-I", "-Iinc", lib), ("-I separate", "-I inc", lib), ("-I with a slash", "-Iinc/", lib),
            ("-I with ./", "-I./inc", lib), ("-I through ..", "-Iinc/../inc", lib), ("-I absolute", "-I{dir}/inc", lib),
            ("-I of a missing directory", "-Igone -Iinc", lib), ("-I of a file", "-Iutil.h -Iinc", lib),
            ("two -I", "-Iinc -Isys", lib), ("two -I in the other order", "-Isys -Iinc", lib),
            ("-isystem", "-isystem sys", lib), ("-isystem joined", "-isystemsys", lib),
            ("-I before -isystem", "-isystem sys -Iinc", lib), ("-idirafter", "-idirafter other", lib),
            ("-idirafter behind -isystem", "-idirafter other -isystem sys", lib),
            ("-iquote for quotes", "-iquote inc", quote), ("-iquote not for angles", "-iquote inc -Isys", lib),
            ("-iquote before -I", "-Isys -iquote inc", quote), ("the same as -I and -isystem", "-Isys -isystem sys -Iinc", lib),
            ("-include", "-include pre.h -DVALUE=PRE", {"l{ext}": ODD}),
            ("-include twice", "-include pre.h -include inc/lib.h -DVALUE=PRE+LIB", {"l{ext}": ODD}),
            ("-include found by -I", "-Iinc -include lib.h -DVALUE=LIB", {"l{ext}": ODD}),
            ("-imacros", "-imacros pre.h -DVALUE=PRE", {"l{ext}": ODD}),
            ("-include and -imacros", "-include inc/lib.h -imacros pre.h -DVALUE=PRE+LIB", {"l{ext}": ODD}),
    ):
        yield Case(f"include {what}", f"-c l{{ext}} -o out.o -MD {args}", files=files)
    for what, args, files in (
            ("-iprefix", "-iprefix {dir}/ -iwithprefix inc", lib), ("-nostdinc", "-nostdinc -Iinc", lib),
            ("--sysroot", "--sysroot={dir} -Iinc", lib), ("-isysroot", "-isysroot {dir} -Iinc", lib),
            ("-I=", "--sysroot={dir} -I=/inc", lib), ("-include of a missing file", "-include gone.h", {"l{ext}": ODD}),
            ("-I without a value", "-I", lib), ("-I-", "-Iinc -I- -Isys", quote), ("-isystem absolute", "-isystem {dir}/sys", lib),
            ("--include-directory", "--include-directory=inc", lib),
    ):
        yield Case(f"include {what}", f"-c l{{ext}} -o out.o -MD {args}", files=files, expect=None)


def _response_cases():
    def rsp(what, text, files=None, expect="miss"):
        return Case(f"response file with {what}", ["-c", "@args.rsp", "-o", "out.o", "-MD"], expect=expect,
                    files={"v{ext}": ODD, "so urce{ext}": ODD, "args.rsp": text, **(files or {})})

    yield rsp("everything", "v{ext} -DVALUE=7 -O2 -Iinc\n")
    yield rsp("several lines", "v{ext}\n-DVALUE=7\n\t-O2\r\n-Iinc")
    yield rsp("double quotes", '"v{ext}" "-DVALUE=sizeof(\\"a b\\")"\n')
    yield rsp("single quotes", "'so urce{ext}' '-DVALUE=3'\n")
    yield rsp("backslashes", "so\\ urce{ext} -DVALUE=sizeof\\(\\\"x\\\"\\)\n")
    yield rsp("quotes inside a word", 'v{ext} -D"VALUE"=3 -D\'A B\'=x\n', expect=None)
    yield rsp("nested files", "@more.rsp v{ext}\n", {"more.rsp": "@deep.rsp -O1", "deep.rsp": "-DVALUE=11\n"})
    yield rsp("eight levels", "@r1.rsp v{ext}\n", {**{f"r{i}.rsp": f"@r{i + 1}.rsp" for i in range(1, 8)}, "r8.rsp": "-DVALUE=8"})
    yield rsp("a nested file that is missing", "@gone.rsp v{ext} -DVALUE=1\n", expect=None)
    yield rsp("itself", "@args.rsp v{ext} -DVALUE=1\n", expect=None)
    yield rsp("an open quote", 'v{ext} -DVALUE=1 "-DX\n', expect=None)
    yield rsp("nothing in it", "", expect=None)
    yield rsp("an empty argument", 'v{ext} -DVALUE=1 ""\n', expect=None)
    yield rsp("a comment sign", "v{ext} -DVALUE=1 # -DVALUE=2\n", expect=None)
    yield rsp("an @ inside a word", "v{ext} -DVALUE=1 -DX=@y\n")
    yield rsp("a NUL byte", b"v.c -DVALUE=1\0-DX\n", expect=None)
    yield rsp("dependency options", "v{ext} -DVALUE=1 -MMD -MF x.d -MQ 'a b'\n", expect=None)
    yield rsp("a bare backslash at the end", "v{ext} -DVALUE=1 \\", expect=None)
    yield rsp("a line splice", "v{ext} -DVALUE=1 \\\n-DX=2\n", expect=None)
    yield Case("response file that is missing", "-c {src} -o out.o @gone.rsp", expect=None)
    yield Case("response file that is a directory", "-c {src} -o out.o @inc", expect=None)
    yield Case("two response files", "@a.rsp @b.rsp -c {src} -o out.o", files={"a.rsp": "-DVALUE=3 -O1", "b.rsp": "-UVALUE\n-DVALUE=4\n"})
    yield Case("response file by absolute path", "@{dir}/a.rsp -c {src} -o out.o", files={"a.rsp": "-DVALUE=3 -O1"})


def _language_cases():
    asm = ".text\n.globl f\nf:\n  movl $VALUE, %eax\n  ret\n"
    yield Case(".S", "-c a.S -o out.o -DVALUE=3", files={"a.S": asm})
    yield Case(".S with an include and -MD", "-c a.S -o out.o -MD", files={"a.S": '#include "v.h"\n' + asm, "v.h": "#define VALUE 4\n"})
    yield Case(".S with -g", "-g -c a.S -o out.o -DVALUE=3", files={"a.S": asm})
    yield Case(".S that reads a text", "-c a.S -o out.o -I.", files={"a.S": '.include "x.inc"\n', "x.inc": ".equ n, 3\n"})
    yield Case(".S that reads bytes", "-c a.S -o out.o", files={"a.S": '.incbin "blob"\n', "blob": b"123"})
    yield Case(".S with .incbin behind a macro", "-c a.S -o out.o", expect="uncached",
               files={"a.S": '#define PULL .incbin\nPULL "blob"\n', "blob": b"123"})
    yield Case(".s", "-c a.s -o out.o", files={"a.s": asm.replace("VALUE", "3")}, expect=None)
    yield Case(".s that reads a text", "-c a.s -o out.o", files={"a.s": '.include "x.inc"\n', "x.inc": ".equ n, 3\n"})
    yield Case(".s with -MD", "-c a.s -o out.o -MD", files={"a.s": asm.replace("VALUE", "3")}, expect=None)
    yield Case(".s with a warning", "-c a.s -o out.o", files={"a.s": '.warning "careful"\n'}, expect=None)
    yield Case(".s with an error", "-c a.s -o out.o", files={"a.s": "nonsense\n"}, expect=None)
    yield Case("-Wa,--noexecstack", "-c {src} -o out.o -Wa,--noexecstack", expect=None)
    yield Case("-Wa,-a to stdout", "-c {src} -o out.o -Wa,-a", expect=None, only=GNU_ONLY)
    pre = '# 1 "orig.c"\nint x(void)\n{\n# 9 "orig.h"\nreturn 3; }\n'
    yield Case(".i", "-c p.i -o out.o -O1", files={"p.i": pre}, expect=None, only=C_ONLY)
    yield Case(".i with -g", "-c p.i -o out.o -g", files={"p.i": pre}, expect=None, only=C_ONLY)
    yield Case(".ii", "-c p.ii -o out.o -O1", files={"p.ii": pre}, expect=None, only=CXX_ONLY)
    yield Case(".i with -MD", "-c p.i -o out.o -MD", files={"p.i": pre}, expect=None, only=C_ONLY)
    yield Case(".i with a warning", "-Wall -c p.i -o out.o", files={"p.i": '# 1 "orig.c"\n' + WARN}, expect=None)
    yield Case("-fdirectives-only .i", "-fpreprocessed -c p.c -o out.o", files={"p.c": pre}, expect=None, only=C_ONLY)
    yield Case("-x c", "-x c -c {src} -o out.o", only=C_ONLY)
    yield Case("-x c++ for .c", "-x c++ -c v.c -o out.o", files={"v.c": "class c {}; int x = sizeof(c);\n"})
    yield Case("-x none", "-x c++ -x none -c {src} -o out.o", expect=None)
    yield Case("-xc joined", "-xc -c {src} -o out.o", only=C_ONLY)
    yield Case("-x after the input", "-c {src} -x c++ -o out.o", expect=None, only=C_ONLY)
    yield Case("-x assembler-with-cpp", "-x assembler-with-cpp -c a.txt -o out.o -DVALUE=9", files={"a.txt": asm})
    yield Case(".cpp, .cxx, .C", "-c v.cpp -o out.o", files={"v.cpp": "class c {}; int x = sizeof(c);\n"})
    yield Case(".C", "-c v.C -o out.o", files={"v.C": "class c {}; int x = sizeof(c);\n"})
    # GCC's precompiled headers hold addresses: two of them are never the same.
    yield Case("a header as the input", "-c pre.h -o out.gch", unstable=("out.gch",))
    yield Case("C++ with the standard library", "-std=c++17 -O1 -c v.cc -o out.o -MD -MP", only=CXX_ONLY,
               files={"v.cc": "#include <string>\n#include <vector>\nstd::string f() { return std::vector<std::string>{\"a\"}[0]; }\n"})
    yield Case("objective C", "-c v.m -o out.o", files={"v.m": "int x;\n"}, expect=None)
    yield Case("a library as the input", "-c lib.a -o out.o", files={"lib.a": "!<arch>\n"}, expect=None)
    yield Case("an object as the input", "-c x.o -o out.o", files={"x.o": "x"}, expect=None)


def _option_cases():
    yield from _each("optimise", ["-O0", "-O", "-O1", "-O2", "-O3", "-Os", "-Og", "-Ofast", "-O2 -O0", "-O0 -O2"])
    yield from _each("debug", ["-g", "-g0", "-g1", "-g2", "-g3", "-ggdb", "-ggdb3", "-gdwarf-4", "-gdwarf-5", "-g -O2", "-g -g0"])
    yield from _each("debug", ["-gz", "-gstabs", "-gline-tables-only", "-gcolumn-info", "-grecord-gcc-switches", "-gno-record-gcc-switches"], expect=None)
    yield Case("debug from an absolute source", "-g -c {dir}/{src} -o out.o")
    yield Case("debug from a subdirectory", "-g -c ../{src} -o ../out.o", cwd="inc")
    yield from _each("prefix map", ["-g -fdebug-prefix-map={dir}=.", "-g -ffile-prefix-map={dir}=/x", "-fmacro-prefix-map=main=x",
                                    "-ffile-prefix-map={dir}=."])
    yield Case("prefix map of the compilation directory", "-g -c {src} -o out.o -fdebug-compilation-dir=/x", only=LLVM_ONLY, expect=None)
    yield from _each("code", ["-fPIC", "-fpic", "-fPIE", "-fno-PIC", "-fomit-frame-pointer", "-fno-omit-frame-pointer", "-ffunction-sections",
                              "-fdata-sections", "-fvisibility=hidden", "-fstack-protector-strong", "-fno-strict-aliasing", "-fwrapv",
                              "-funroll-loops -O2", "-fno-common", "-pthread", "-pipe", "-fno-asynchronous-unwind-tables", "-m64",
                              "-march=x86-64-v2", "-mtune=generic", "-msse4.2", "-fsigned-char", "-funsigned-char", "-fshort-enums",
                              "-fno-builtin", "-ffreestanding", "-fsanitize=undefined", "-fsanitize=address", "-fno-math-errno",
                              "-mno-red-zone", "-D_FORTIFY_SOURCE=2 -O2", "-fno-ident"])
    yield from _each("code", ["-m32", "-march=native", "-mcmodel=large", "-fverbose-asm", "-fopenmp", "-fprofile-arcs -frandom-seed=1", "-pg", "-mavx2",
                              "-fcf-protection", "-fno-plt", "-frandom-seed=7", "-flto -frandom-seed=7", "-H", "-undef",
                              "-fno-lto", "-fstack-clash-protection", "-mfpmath=sse", "-fdirectives-only", "-fsyntax-only",
                              "-static", "-shared", "-rdynamic", "-s", "-nostdlib", "-frecord-gcc-switches", "-grecord-command-line",
                              "-fno-working-directory", "-fworking-directory", "-trigraphs", "-traditional-cpp", "-P", "-C", "-dD", "-dM", "-dI",
                              
                              "-ftest-coverage -frandom-seed=1", "-fcallgraph-info",
                              "-Rpass=inline -O2",
                              "-fcompare-debug", "-no-canonical-prefixes", "-B.", "-wrapper env", "-specs=gone", "-fplugin=gone.so",
                              "-Xclang -O1", "-Xassembler --warn", "-fintegrated-as", "-no-integrated-as", "-fcf-protection=none",
                              "-fuse-ld=gold", "-T script", "-u sym", "-z now", "-e main", "--param max-inline-insns-single=3",
                              "--param=max-inline-insns-single=3", "-fprofile-generate -frandom-seed=1", "-fprofile-use", "-fauto-profile=gone",
                              "--verbose-nonsense", "-fno-such-option", "-Wno-such-warning", "-Wsuch-warning", "-mno-such-option",
                              "-dumpversion", "-###", "-print-prog-name=as", "--target=x86_64-linux-gnu", "-target x86_64-linux-gnu",
                              "--target=aarch64-linux-gnu", "-b x", "-Wp,-Wall", "-Wl,--as-needed", "--help=common", "-fmodules",
                              "-include-pch x", "-fsanitize-blacklist=gone", "-Winvalid-pch", "-fpch-preprocess"], expect=None)
    yield from _each("standard", ["-std=c99", "-std=gnu11", "-std=c11 -pedantic", "-std=c17", "-std=gnu17", "-ansi"], only=C_ONLY)
    yield from _each("standard", ["-std=c++11", "-std=gnu++14", "-std=c++17 -pedantic", "-std=c++20", "-fno-exceptions", "-fno-rtti"], only=CXX_ONLY)
    yield from _each("standard", ["-std=c++20", "-std=nonsense", "-fmodules-ts -std=c++20", "-fconcepts"], expect=None)


def _environment_cases():
    lib = {"l{ext}": LIB}
    for name in ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH"):
        # gcc looks into C_INCLUDE_PATH, g++ does not: then the compile fails, plainly and with us.
        yield Case(f"environment {name}", "-c l{ext} -o out.o -MD", files=lib, env={name: "{dir}/inc:sys"}, expect=None)
        yield Case(f"environment {name} with -MMD", "-c l{ext} -o out.o -MMD", files=lib, env={name: "{dir}/inc:sys"}, expect=None)
        yield Case(f"environment {name} relative with -MMD", "-c l{ext} -o out.o -MMD", files=lib, env={name: "other:inc"}, expect=None)
        yield Case(f"environment {name} with an empty part and -MMD", "-c l{ext} -o out.o -MMD -Iinc", files=lib, env={name: ":sys"}, expect=None)
        yield Case(f"environment {name} with a system directory and -MMD", "-c l{ext} -o out.o -MMD -Iinc",
                   files={"l{ext}": "#include <stdio.h>\n" + LIB}, env={name: "/usr/include"}, expect=None)
    yield Case("environment CPATH with -I", "-c l{ext} -o out.o -MD -Isys", files=lib, env={"CPATH": "{dir}/inc"}, expect=None)
    for lang in ({"LANG": "C"}, {"LC_ALL": "C"}, {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"}, {"LC_MESSAGES": "C"}, {"LANG": None}):
        yield Case(f"environment {lang}", "-Wall -c w{ext} -o out.o", files={"w{ext}": WARN}, env=lang)
    yield Case("environment GCC_COLORS", "-Wall -c w{ext} -o out.o -fdiagnostics-color=always", files={"w{ext}": WARN},
               env={"GCC_COLORS": "warning=01;36"})
    yield Case("environment GCC_COLORS empty", "-Wall -c w{ext} -o out.o", files={"w{ext}": WARN}, env={"GCC_COLORS": ""})
    for name in ("DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES"):
        yield Case(f"environment {name}", "-c {src} -o out.o", env={name: "{dir}/env.d"}, expect=None)
        yield Case(f"environment {name} with a target", "-c {src} -o out.o", env={name: "{dir}/env.d goal"}, expect=None)
    yield Case("environment TMPDIR", "-c {src} -o out.o", env={"TMPDIR": "{dir}/inc"})
    yield Case("environment TMPDIR missing", "-c {src} -o out.o", env={"TMPDIR": "/nonexistent"}, expect=None)
    yield Case("environment PWD wrong", "-g -c {src} -o out.o", env={"PWD": "/tmp"})
    yield Case("environment PWD through a link", "-g -c {src} -o out.o", env={"PWD": "{dir}/inc/.."}, expect=None)
    yield Case("environment COMPILER_PATH", "-c {src} -o out.o", env={"COMPILER_PATH": "{dir}/inc"}, expect=None)
    yield Case("environment GCC_EXEC_PREFIX", "-c {src} -o out.o", env={"GCC_EXEC_PREFIX": "/nonexistent/"}, expect=None)
    yield Case("environment LIBRARY_PATH", "-c {src} -o out.o", env={"LIBRARY_PATH": "{dir}"})
    yield Case("environment noise", "-c {src} -o out.o", env={"BUILD_ID": "77", "CI": "1"}, second="hit")
    yield Case("environment SOURCE_DATE_EPOCH that is not a number", "-c {src} -o out.o", env={"SOURCE_DATE_EPOCH": "x"}, expect=None)
    yield Case("environment GCC_EXTRA_DIAGNOSTIC_OUTPUT", "-Wall -c w{ext} -o out.o", files={"w{ext}": WARN},
               env={"GCC_EXTRA_DIAGNOSTIC_OUTPUT": "fixits-v2"}, expect=None)
    yield Case("environment CCC_OVERRIDE_OPTIONS", "-c {src} -o out.o", env={"CCC_OVERRIDE_OPTIONS": "+-DVALUE=77"}, expect=None)


def _bypass_cases():
    yield Case("-M", "-M {src}", expect="uncached:preprocess-only")
    yield Case("-MM -MF", "-MM {src} -MF x.d", expect="uncached:preprocess-only")
    yield Case("-MM -MG", "-MM -MG g{ext}", files={"g{ext}": '#include "made.h"\n'}, expect="uncached:preprocess-only")
    yield Case("linking", "m{ext} -o prog", files={"m{ext}": "int main(void) { return 0; }\n"}, expect="uncached:not-a-compile")
    yield Case("linking to a.out", "m{ext}", files={"m{ext}": "int main(void) { return 0; }\n"}, expect="uncached:not-a-compile")
    yield Case("linking that fails", "m{ext} -o prog", files={"m{ext}": "int f(void);\nint main(void) { return f(); }\n"}, expect=None)
    yield Case("stdin", "-x c -c - -o out.o", stdin=b"int x;\n", expect="uncached:stdin-input")
    yield Case("stdin -E", "-x c -E -", stdin=b"#define A 3\nA\n", expect="uncached")
    yield Case("stdin without -o", "-x c -c -", stdin=b"int x;\n", expect="uncached")
    yield Case("stdin behind /dev/stdin", "-x c -c /dev/stdin -o out.o", stdin=b"int x;\n", expect="uncached")
    yield Case("stdin that defines CMake's probe", "-x c -dM -E -", stdin=b"", expect="uncached")
    yield Case("--version", "--version", expect=None)
    yield Case("-v", "-v", expect=None)
    yield Case("-v -E of nothing", "-v -E -x c /dev/null", expect=None)
    yield Case("-dumpmachine", "-dumpmachine", expect=None)
    yield Case("-print-search-dirs", "-print-search-dirs", expect=None)
    yield Case("--help", "--help", expect=None)
    yield Case("no arguments", "", expect=None)
    yield Case("only -c", "-c", expect=None)
    yield Case("only -o", "-o", expect=None)
    yield Case("-c and -o without a value", "-c {src} -o", expect=None)
    yield Case("an empty argument", ["-c", "{src}", ""], expect=None)
    yield Case("an empty argument for -o", ["-c", "{src}", "-o", ""], expect=None)
    yield Case("an unknown option", "-c {src} -o out.o --no-such-option", expect="uncached:unknown-option")
    yield Case("an unknown -f option", "-c {src} -o out.o -fno-such-thing-at-all", expect="uncached:unknown-option")
    yield Case("-- before the source", "-c -o out.o -- {src}", expect=None)
    yield Case("-c twice", "-c -c {src} -o out.o", expect=None)
    yield Case("a thousand arguments", ["-c", "{src}", "-o", "out.o", *[f"-DX{i}={i}" for i in range(1000)]])


def all_cases():
    for group in (_option_cases, _output_cases, _dependency_cases, _mmd_cases, _name_cases, _text_cases, _diagnostic_cases,
                  _define_cases, _include_cases, _response_cases, _language_cases, _environment_cases, _bypass_cases):
        yield from group()
    yield from sample(side_cases(), 2)
    yield from sample(mode_cases(), 3)


def sampled(compiler, case):
    """The C++ drivers share most of their handling with the C ones: every fourth common case of theirs is enough for a
    run of minutes. HPCC_SOAK=1 runs them all."""
    if not SOAK and case.sample > 1:
        return zlib.crc32((compiler + case.name).encode()) % case.sample == 0
    return SOAK or case.only is not None or compiler not in CXX_ONLY or zlib.crc32((compiler + case.name).encode()) % 4 == 0
