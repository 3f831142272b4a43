"""The three translation units of the single-hit measures, and the ideal program for each.

small: a C file with about 77 headers. git: one of git's larger files, as git's make compiles it. big: a file whose
object has 13.6 MB and compresses about 4:1 at about 1 GB/s, as objects with debug information do.
"""

import json
import os
import random
import time
from pathlib import Path

from . import work

FOLDER = work.WORK / "units"
GIT_SOURCE = "builtin/log.c"

SMALL_HEADERS = "ctype errno fcntl stdio stdlib string sys/stat unistd".split()


class HitUnit:
    """cwd and argv as a tool gets them; object is the plain compile's output, kept aside; inputs is every file read."""

    def __init__(self, name, title, cwd, argv):
        self.name, self.title = name, title
        self.cwd, self.argv = str(cwd), argv
        self.output = os.path.join(self.cwd, argv[argv.index("-o") + 1])
        self.object = FOLDER / f"{name}.plain.o"
        self.inputs = []
        self.ideal = None

    def prepare(self):
        work.run(self.argv, cwd=self.cwd)
        plain = Path(self.output).read_bytes()
        if not self.object.exists() or self.object.read_bytes() != plain:
            self.object.write_bytes(plain)
        self.inputs = self.list_inputs()
        self.ideal = self.build_ideal()

    def list_inputs(self):
        """What the compile reads, from the compiler's own list."""
        argv, skip = [], False
        for arg in self.argv:
            if skip:
                skip = False
            elif arg in ("-o", "-MF", "-MQ", "-MT"):
                skip = True
            elif arg not in ("-c", "-MD", "-MMD", "-MP"):
                argv.append(arg)
        rule = work.run([argv[0], "-M", *argv[1:]], cwd=self.cwd)
        return rule.split(":", 1)[1].replace("\\\n", " ").split()

    def build_ideal(self):
        """bench/src/ideal.c with this unit's lists compiled in. Paths as the compiler saw them, so run it in cwd."""
        def quoted(path):
            return json.dumps(str(path))

        header = FOLDER / f"ideal-{self.name}" / "ideal_unit.h"
        header.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(f"#define {name} {value}\n" for name, value in (
            ("IDEAL_INPUTS", " ".join(quoted(p) + ' "\\0"' for p in self.inputs)),
            ("IDEAL_OBJECT", quoted(self.object)),
            ("IDEAL_OUTPUT", quoted(self.output)),
        ))
        if not header.exists() or header.read_text() != text:
            header.write_text(text)
        return work.build_program(f"ideal-{self.name}", "ideal.c", flags=[f"-I{header.parent}"], inputs=[header])


def write_source(path, text):
    """Writes a source that is an hour old: caches rightly distrust files younger than a moment."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    then = time.time() - 3600
    if path.stat().st_mtime > then:
        os.utime(path, (then, then))


def small_source():
    includes = "".join(f"#include <{h}.h>\n" for h in SMALL_HEADERS)
    return includes + """
int count_words(const char *text)
{
	int words = 0;

	while (*text) {
		while (isspace((unsigned char)*text))
			text++;
		if (*text)
			words++;
		while (*text && !isspace((unsigned char)*text))
			text++;
	}
	return words;
}
"""


def big_source():
    """680 KB of words as UTF-32 string literals, five times over: four bytes of object for each character of a block
    that is larger than the windows of the compression levels in use, so the repetition does not help them."""
    dice = random.Random(1)
    letters = "abcdefghijklmnopqrstuvwxyz_"
    words = ["".join(dice.choice(letters) for _ in range(dice.randint(3, 12))) for _ in range(4000)]
    lines, total = [], 0
    while total < 680_000:
        line, length = [], 0
        while length < 1000:
            word = dice.choice(words) if dice.random() < 0.7 else f"{dice.getrandbits(28):x}"
            line.append(word)
            length += len(word) + 1
        lines.append(f'\tU"{" ".join(line)}" \\\n')
        total += length
    return ("#define BLOCK \\\n" + "".join(lines) +
            "\n\nconst __CHAR32_TYPE__ table[] = BLOCK BLOCK BLOCK BLOCK BLOCK;\n")


def prepare(names, git):
    """The asked-for units, ready to measure. `git` is the prepared project or the reason why it is missing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made, failed = {}, {}
    for name in names:
        if name == "small":
            write_source(FOLDER / "small.c", small_source())
            unit = HitUnit(name, "small C file", FOLDER, ["gcc", "-O2", "-c", "small.c", "-o", "small.o"])
        elif name == "big":
            write_source(FOLDER / "big.c", big_source())
            unit = HitUnit(name, "13.6 MB object", FOLDER, ["gcc", "-O2", "-c", "big.c", "-o", "big.o"])
        elif isinstance(git, Exception):
            failed[name] = str(git)
            continue
        else:
            recorded = git.find(GIT_SOURCE)
            unit = HitUnit(name, "git unit", recorded.cwd, recorded.argv)
        unit.prepare()
        made[name] = unit
    return made, failed
