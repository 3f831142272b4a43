#!/usr/bin/python3
"""The judge judged: a small tree with one violation of each rule; tools/check-tree must find exactly that, and nothing in
the same tree without it."""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

GOOD = {
    "tools/layers.txt": "base:\ncc: base\nstore: base cc/one.h\n",
    "tools/prefixes.txt": "base: hp_\n",
    "tools/banned.txt": "strcpy  memcpy\n",
    "tools/impure.txt": "areas: cc\nopen getenv\n",
    "src/base/b.h": "#pragma once\nint hp_b(void);\n",
    "src/base/b.c": '#include "base/b.h"\n\nint hp_b(void)\n{\n\treturn 0;\n}\n',
    "src/cc/one.h": "#pragma once\nint cc_one(void);\n",
    "src/cc/one.c": '#include "cc/one.h"\n\n#include "base/b.h"\n\nint cc_one(void)\n{\n\treturn hp_b();\n}\n',
    "src/store/s.c": '#include "cc/one.h"\n\nint store_s(void);\nint store_s(void)\n{\n\treturn cc_one();\n}\n',
    ".clang-format": (ROOT / ".clang-format").read_text(),
}

# check, file, text that replaces it, what the finding must say
BAD = [
    ("layers", "src/base/b.c", '#include "cc/one.h"\n', "base may not include cc/one.h"),
    ("layers", "src/store/s.c", '#include "cc/two.h"\n', "store may not include cc/two.h"),
    ("layers", "src/cc/one.c", '#include "base/x_priv.h"\n', "base/x_priv.h is private to base"),
    ("layers", "src/cc/one.c", '#include "one.h"\n', "does not name its area"),
    ("headers", "src/cc/one.h", "#pragma once\nsize_t cc_one(void);\n", "does not compile alone"),
    ("symbols", "src/cc/one.c", "int one(void);\nint one(void)\n{\n\treturn 0;\n}\n", "one lacks the prefix cc_"),
    ("purity", "src/cc/one.c", '#include <stdlib.h>\nchar *cc_x(void);\nchar *cc_x(void)\n{\n\treturn getenv("X");\n}\n',
     "a pure area calls getenv"),
    ("banned", "src/base/b.c", "void f(char *a);\nvoid f(char *a) { strcpy(a, \"\"); }\n", "strcpy is banned"),
    ("format", "src/base/b.c", "int  x;\n", "not formatted"),
    ("size", "src/base/b.c", "int f(void)\n{\n" + "\t;\n" * 70 + "}\n", "function of 70 lines"),
    ("size", "src/base/b.c", "\n" * 700, "700 lines"),
    ("paths", "src/base/b.h", '#pragma once\n#define P "/' + 'work/x"\n', "names /" + "work/"),
    ("python", "tools/x.py", "def (:\n", "SyntaxError"),
    ("shell", "tools/x", "#!/bin/bash\nif\n", "syntax error"),
]

# What must not be taken for a violation.
FINE = [
    ("banned", "src/base/b.c", "/* strcpy(a, b) */\nconst char hp_s[] = \"strcpy(\";\n"),
    ("layers", "src/base/b.c", '/* #include "cc/one.h" */\n'),
]


def lay(folder, changes):
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in {**GOOD, **changes}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(ROOT / "tools/check-tree", folder / "tools/check-tree")


def build(folder):
    for source in folder.glob("src/*/*.c"):
        area = source.parent.name
        out = folder / "build/src" / area
        out.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-w", f"-I{folder}/src", "-c", source, "-o", out / "x.o"], check=True)
        subprocess.run(["ar", "rc", out / f"lib{area}.a", out / "x.o"], check=True)


def check(folder, name):
    if name in ("symbols", "purity"):
        build(folder)
    run = subprocess.run([folder / "tools/check-tree", name, folder / "build"], capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "tree"
        for name in sorted({row[0] for row in BAD}):
            lay(folder, {})
            code, out = check(folder, name)
            if code != 0:
                print(f"{name}: a good tree is refused: {out}")
                failed += 1
        for name, file, text, wanted in BAD:
            lay(folder, {file: text})
            code, out = check(folder, name)
            if code != 1 or wanted not in out or len(out.splitlines()) != 1:
                print(f"{name}: {file}: expected one finding with '{wanted}', got exit code {code} and: {out}")
                failed += 1
        for name, file, text in FINE:
            lay(folder, {file: text})
            code, out = check(folder, name)
            if code != 0:
                print(f"{name}: {file}: refused: {out}")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
