"""docs/compilers.md lists every reason of cc/reason.h with its sentence, in order and under its kind, and no other. Every
reason has a place in the source where it is given, and the other tables of the page name only reasons that exist."""
import os
import re
import subprocess
import sys

TOOL, DOC, SOURCE = sys.argv[1:]

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
wrong = want != got or len({name for _, name, _ in want}) != len(want)
for entry in sorted(set(want) ^ set(got)):
    print("only in", "the code:" if entry in want else "the document:", *entry)
if want != got:
    print("the document does not list the reasons as the code does")

text = ""
for folder, _, names in os.walk(SOURCE):
    for name in names:
        if name.endswith((".c", ".cc")):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                text += f.read()
with open(os.path.join(SOURCE, "cc", "reason.h"), encoding="utf-8") as f:
    ids = re.findall(r'X\((?:BYPASS|MISS|UNSTORED), (\w+), "([a-z0-9-]+)"', f.read())
if len(ids) != len(want):
    wrong = True
    print(f"{len(ids)} reasons are read from the header, {len(want)} from the program")
for ident, name in ids:
    # Written out, the last word of a row of the option tables, or a counter by its name.
    if not re.search(rf'CC_REASON_{ident}\b|, {ident}\)|"[a-z]+\.{name}"', text):
        wrong = True
        print(f"{name}: no source gives this reason")

with open(DOC, encoding="utf-8") as f:
    named = set(re.findall(r"bypass(?: of)? `([a-z0-9-]+)`", f.read()))
for name in sorted(named - {name for kind, name, _ in want if kind == "bypass"}):
    wrong = True
    print(f"{name}: the document calls it a reason for a bypass")
if len(named) < 5:
    wrong = True
    print("the document's tables name no reasons")
sys.exit(wrong)
