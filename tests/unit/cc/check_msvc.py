"""clang-cl judges the tables of MSVC's grammar: which options it knows, how each takes its value, which of Clang's own it
takes as well, how response files are split, and what objects are called."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOOL = os.path.abspath(sys.argv[1])
CL = "clang-cl-14"
CLANG = "clang-14" if shutil.which("clang-14") else "clang"
failures = []


def skip(why):
    print(why)
    sys.exit(1 if CL in re.split(r"[, ]+", os.environ.get("HPCC_REQUIRE", "")) else 77)


def run(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    return done.stdout + done.stderr


def wrong(what):
    failures.append(what)


def find(options):
    """option → (spelling, value, arguments used)"""
    rows = {}
    options = list(options)
    for i in range(0, len(options), 500):
        for line in run(TOOL, "find", "clang-cl", *options[i:i + 500]).splitlines():
            fields = line.split("\t")
            rows[fields[0]] = (fields[1], fields[2], int(fields[-1]))
    return rows


def table():
    """spelling → (how it takes its value) of clang-cl's rows"""
    rows = {}
    for line in run(TOOL, "table").splitlines():
        spelling, value, _, families, _ = line.split("\t")[:5]
        if "l" in families:
            rows[spelling] = value
    return rows


UNKNOWN = re.compile(r"unknown argument ignored in clang-cl(?:; did you mean '[^']*'\?)?:? '([^']*)'")


def driver_ignores(options):
    """Those that the driver says it does not know. One that stops it is asked again by itself."""
    ignored = set()
    work = [options[i:i + 80] for i in range(0, len(options), 80)]
    while work:
        batch = work.pop()
        said = set(UNKNOWN.findall(run(CL, "-###", "/c", "n.c", *(word for o in batch for word in (o, "n.c")), "-zz-last")))
        if "-zz-last" in said or len(batch) == 1:
            ignored |= said
        else:
            half = len(batch) // 2
            work += [batch[:half], batch[half:]]
    return ignored


def with_value(name):
    return name + "x" if name.endswith(("=", ",")) else name


def check_names():
    """Clang lists the options of all its drivers. What clang-cl leaves out must be unknown here, and never the other way
    round with a meaning: an option that is unknown here is only a bypass."""
    # These change how the rest is read.
    names = {line.split("\t")[0] for line in run(CLANG, "--autocomplete=-").splitlines()}
    names = sorted(with_value(n) for n in names if n and not n.startswith(("--driver-mode", "--config", "-W", "--rsp-quoting")))
    ignored = driver_ignores(names)
    known = find(names)
    for name in names:
        spelling, value, _ = known[name]
        if name in ignored and spelling != "-":
            wrong(f"{name}: {spelling} ({value}) here, and clang-cl does not know it")
    missing = sorted(n for n in names if n not in ignored and known[n][0] == "-")
    print(f"clang-cl: {len(names)} options, {len(names) - len(ignored)} known to it, {len(missing)} of those unknown here: "
          + " ".join(missing[:200]))
    # A few that are no use to anyone may stay unknown; a row that got lost would show.
    if len(missing) > 40:
        wrong(f"{len(missing)} options of clang-cl have no row")


# "-w" silences the very warnings that this asks for; these end the run or change what it is, or have no slash form.
NOT_ASKED = {"w", "W0", "?", "help", "HELP", "link", "clang:", "gcodeview", "gcodeview-ghash", "gno-codeview-ghash", "C", "E",
             "EP", "P", "Zs", "FA", "Fa", "LD", "LDd"}


def check_values():
    rows = {name: value for name, value in table().items() if name not in NOT_ASKED}
    names = sorted(rows)
    others = set()
    for i in range(0, len(names), 25):
        batch = list(enumerate(names[i:i + 25]))
        text = run(CL, "-###", "/c", "n.c", *(w for k, n in batch for w in ("/" + with_value(n), f"zz{k}.obj")))
        joined = run(CL, "-###", "/c", "n.c", *(f"/{n}zz" for _, n in batch if rows[n] in ("joined", "either")))
        for k, name in batch:
            if f"no such file or directory: '/{with_value(name)}'" in text:
                others.add(name)  # cl's own, or a later clang-cl's
                continue
            takes_next = f"zz{k}.obj: 'linker' input unused" not in text
            if takes_next != (rows[name] in ("separate", "either")) and not name.endswith((":", "=")):
                wrong(f"/{name}: takes its value {rows[name]} here; next argument taken by clang-cl: {takes_next}")
            if f"directory: '/{name}zz'" in joined:
                wrong(f"/{name}: takes its value {rows[name]} here, and clang-cl nothing joined")
    print("not in this clang-cl: " + " ".join(sorted(others)))


def parse(*args):
    fields = {}
    for line in run(TOOL, "parse", "clang-cl", "clang-cl", *args).splitlines():
        name, _, value = line.partition("=")
        fields.setdefault(name, []).append(value)
    return fields


def check_objects():
    for args in ("/c n.c", "/c a.b.c", "/c n.c /Foout", "/c n.c /Foout.", "/c n.c /Fo", "/c n.c /Fo.obj", "/c n.c /Fod/",
                 "/c n.c /Fod.x/", "/c n.c /Fod.x/out", "/c n.c /on.o", "/c n.c /o n2", "/c n.c -od/", "/c n.c /Fo1 /o2",
                 "/c n.c /o1 /Fo2", "/c n.c /Fod\\", "/c /Tpn.c", "/c /TP n.c", "/c n.c /TP", "/c /TC /Tp n.c", "/TC /c n.xx"):
        words = args.split()
        said = re.search(r'"-o" "([^"]*)" .*"-x" "([^"]*)"', run(CL, "-###", *words))
        mine = parse(*words)
        if not said or (mine["output"][0], mine["lang"][0]) != (said[1].replace("\\\\", "\\"), said[2]):
            wrong(f"{args}: {mine['output']} {mine['lang']} here, clang-cl: {said and said.groups()}")


def defines(text):
    line = next((x for x in text.splitlines() if x.startswith(' "') and '"-cc1"' in x), "")
    return [re.sub(r"\\(.)", r"\1", m) for m in re.findall(r'"-D" "((?:[^"\\]|\\.)*)"', line)]


def check_response_files():
    samples = [r'/DA=1 "/DB=x y" /DC=\"q\"', '/DA=a"b c"d', r'/DA=a\\"b c" /DB', '/DA="a""b" /DB', '/DA="a"" b" /DB', "/DA=1\r\n/DB=2\n",
               r"/DA=\\x /DB=y\ /DC", "/DA='x /DB=y'", '/DA="x\ty"', r'/DA="x\\" /DB="\\\"y"', '/DA=1 "/DB=never closed',
               '"/DA=x"y', '/DA=""  /DB="" /DC', "/DA=\u00e4\u20ac", '/DA="a b" # /DB']
    for text in samples:
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            data = text.encode(encoding)
            if encoding == "utf-16":
                data = b"\xfe\xff" + text.encode("utf-16-be")
            for quoting in ([], ["--rsp-quoting=posix"], ["--rsp-quoting=posix", "--rsp-quoting=windows"]):
                if encoding != "utf-8" and quoting:
                    continue
                with open("w.rsp", "wb") as f:
                    f.write(data)
                said = defines(run(CL, "-###", "/c", "n.c", *quoting, "@w.rsp"))
                mine = [k[2:] for k in parse("/c", "n.c", *quoting, "@w.rsp").get("key", []) if k.startswith("-D")]
                mine = [m if "=" in m else m + "=1" for m in mine]
                said = [s if "=" in s else s + "=1" for s in said if s not in ("_MT", "_VC_NODEFAULTLIB")]
                if mine != said:
                    wrong(f"{text!r} in {encoding} {quoting}: {mine} here, clang-cl: {said}")


def main():
    if not shutil.which(CL):
        skip(f"{CL} is not installed")
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        for name in ("n.c", "a.b.c", "n.xx"):
            with open(name, "w") as f:
                f.write("int x;\n")
        check_names()
        check_values()
        check_objects()
        check_response_files()
    for line in failures:
        print("FAIL", line)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
