"""docs/compilers.md lists every reason of cc/reason.h with its sentence, in order and under its kind, and no other."""
import re
import subprocess
import sys

TOOL, DOC = sys.argv[1:]

want = [tuple(line.split("\t")) for line in
        subprocess.run([TOOL, "reasons"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()]
got, kind = [], None
with open(DOC, encoding="utf-8") as f:
    for line in f:
        heading = re.match(r"### (\w+):", line)
        if heading:
            kind = heading.group(1).lower()
        row = re.match(r"\| `([a-z0-9-]+)` \| (.*) \|$", line)
        if kind and row:
            got.append((kind, row.group(1), row.group(2)))
for entry in sorted(set(want) ^ set(got)):
    print("only in", "the code:" if entry in want else "the document:", *entry)
if want != got:
    print("the document does not list the reasons as the code does")
sys.exit(want != got or len({name for _, name, _ in want}) != len(want))
