"""The real drivers judge what the parser says they do: names of outputs and dependency files, targets, languages by
suffix, response files, and that running on a miss changes neither object nor diagnostics."""
import os
import subprocess
import sys
import tempfile

TOOL = os.path.abspath(sys.argv[1])
FAMILY = {"gcc": "gcc", "g++": "gcc", "clang": "clang", "clang++": "clang"}
failures = []


def check(ok, *what):
    if not ok:
        failures.append(" ".join(str(w) for w in what))


def run(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def parse(driver, args):
    fields = {"key": [], "ident": [], "dir": [], "forced": []}
    out = subprocess.run([TOOL, "parse", FAMILY[driver], driver, *args], stdout=subprocess.PIPE, check=True).stdout
    for line in out.decode("utf-8", "surrogateescape").split("\n"):
        name, _, value = line.partition("=")
        if name in ("key", "ident", "dir", "forced"):
            fields[name].append(value)
        else:
            fields[name] = value
    return fields


def files():
    return {os.path.join(d, f)[2:] for d, _, names in os.walk(".") for f in names}


def read(path):
    with open(path, "rb") as f:
        return f.read()


SOURCES = ["a.c", "a.b.c", "sub.d/y.c", ".h.c", "a$b.c", "sp ace.c"]
OUTPUTS = [None, "out", "sub.d/x", "sub.d/x.y.o", "out.obj", "sub.d/.hid", ".hid.o", "o$ #x.o", "./k.o"]
DEPS = [["-MD"], ["-MMD"], ["-MD", "-MF", "w.dd"], ["-MMD", "-MFsub.d/w.d", "-MP"], ["-MD", "-MT", "t$x"],
        ["-MD", "-MT", "t $", "-MT", "u", "-MQ", "q$ x", "-MQ", "z"], ["-Wp,-MD,w.d"], ["-Wp,-MMD,sub.d/.w.o.d"],
        ["-Wp,-MMD,w.d", "-MT", "foo"], ["-MD", "-MF", "one.d", "-MF", "two.d"]]


def case_deps(driver, args):
    before = files()
    result = run(driver, *args)
    new = files() - before
    got = parse(driver, args)
    check(got["bypass"] == "none", driver, args, "bypass", got["bypass"])
    expected = {os.path.normpath(got["output"]), os.path.normpath(got["deps_file"])}
    check(result.returncode == 0 and new == expected, driver, args, "made", sorted(new), "expected", sorted(expected))
    if got["deps_file"] and os.path.exists(got["deps_file"]):
        text = read(got["deps_file"]).decode()
        check(text.startswith(got["deps_target"] + ":"), driver, args, "target", got["deps_target"], "file", text[:80])
    for name in new:
        os.unlink(name)


def check_deps(driver):
    for source in SOURCES[:1] if driver.endswith("++") else SOURCES:
        for deps in DEPS:
            for output in OUTPUTS if source == "a.c" else OUTPUTS[:3]:
                if driver.endswith("++") and output not in (None, "sub.d/x.y.o"):
                    continue
                case_deps(driver, ["-c", source, *deps, *(["-o", output] if output else [])])


def check_suffixes(driver):
    """-### shows which program the driver would run on it."""
    for suffix in ["c", "cc", "cp", "cxx", "cpp", "CPP", "c++", "C", "i", "ii", "m", "mm", "M", "s", "S", "sx", "h", "hh",
                   "hpp", "hxx", "H", "tcc", "h++", "hp", "HPP", "f90", "go", "d", "ads", "o", "txt", "asm"]:
        name = "l." + suffix
        with open(name, "w", encoding="ascii") as f:
            f.write("")
        text = run(driver, "-###", "-c", name).stderr.decode()
        got = parse(driver, ["-c", name])
        if FAMILY[driver] == "clang":
            words = [w.strip('"') for w in text.split()]
            real = {words[i + 1] for i, w in enumerate(words) if w == "-x" and i + 1 < len(words)}
            real |= {"assembler"} if "-cc1as" in words else set()
            ours = got["lang"]
            if ours == "assembler-with-cpp":
                ok = real >= {"assembler-with-cpp"}
            else:
                ok = not ours or ours in real
            check(ok, driver, name, "lang", ours, "driver", sorted(real))
        elif got["lang"]:
            programs = {"c": "cc1 ", "cpp-output": "cc1 ", "assembler-with-cpp": "cc1 ", "assembler": " as ",
                        "objective-c": "cc1obj ", "objective-c++": "cc1objplus ", "c++": "cc1plus ",
                        "c++-cpp-output": "cc1plus ", "c-header": "cc1 ", "c++-header": "cc1plus "}
            known = programs[got["lang"]].strip() in text or "not installed on this system" in text
            check(known, driver, name, "lang", got["lang"])
        os.unlink(name)


def check_response_files(driver):
    texts = [b'-DA="x y" -DB=a\\ b\\\\c \'-DC=a"b\\\'c\' -DD=p\x0bq -DE=1\\\n-DF\r\n-DG=a\'\'b -DH="q\\nq" -DI="open x\\',
             b'-DA=1\n\n  -DB=2\t-DC="" -DD', b'-DQ=\\"str\\" -DR=\\', b"'-DS=a b'-tail", b""]
    for i, text in enumerate(texts):
        with open("args.rsp", "wb") as f:
            f.write(text)
        got = parse(driver, ["-c", "a.c", "@args.rsp"])
        macros = [k[2:] for k in got["key"] if k.startswith("-D")]
        with open("dump.c", "w", encoding="ascii") as f:
            f.write("")
        plain = run(driver, "-E", "-dM", "dump.c", *[f"-D{m}" for m in macros if "\n" not in m])
        through = run(driver, "-E", "-dM", "dump.c", "@args.rsp")
        # A stray word makes the driver fail; then the parser must have seen a second input.
        if through.returncode != 0:
            check(got["bypass"] != "none" or any("\n" in m for m in macros), driver, "rsp", i, through.stderr)
            continue
        if any("\n" in m for m in macros):
            continue
        check(plain.stdout == through.stdout, driver, "rsp", i, macros)


def check_miss(driver):
    """The arguments of a miss make the same object and diagnostics as the user's own."""
    with open("warn.c", "w", encoding="ascii") as f:
        f.write("#include <stddef.h>\nint f(int a) { int unused; return a; }\n")
    for args in (["-O2"], ["-g"], ["-g", "-MMD", "-MF", "u.d"], ["-Wp,-MMD,u.d", "-O2", "-g"], ["-MD"],
                 ["-flto", "-frandom-seed=1"], ["-g3", "-gdwarf-4", "-MMD", "-MP"], ["-MMD", "-MT", "x y"]):
        full = ["-c", "warn.c", "-Wall", "-o", "warn.o", *args]
        plain = run(driver, *full)
        want = (plain.returncode, plain.stdout, plain.stderr, read("warn.o"))
        lines = subprocess.run([TOOL, "run", FAMILY[driver], driver, "private.d", *full], stdout=subprocess.PIPE,
                               check=True).stdout.decode().splitlines()
        os.unlink("warn.o")
        miss = run(driver, *lines)
        check((miss.returncode, miss.stdout, miss.stderr, read("warn.o")) == want, driver, full, "ran", lines)
        if "-MD" not in args:
            check(os.path.exists("private.d") and b"stddef.h" in read("private.d"), driver, full, "no full closure")
        if os.path.exists("private.d"):
            os.unlink("private.d")


def case_cwd(driver, args):
    """An object that differs between two directories must have been announced. False: it is no case for the cache."""
    fields = parse(driver, ["-c", "w.c", *args])
    if fields["bypass"] != "none" or fields["embeds_cwd"] == "1":
        return fields["bypass"] == "none"
    objects = []
    for place in ("p1", "p2"):
        done = subprocess.run([driver, "-c", "w.c", *args], cwd=place, stderr=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            return False
        objects.append(read(place + "/w.o"))
    check(objects[0] == objects[1], driver, args, "embeds the directory, unannounced")
    return True


def check_cwd(driver):
    for place in ("p1", "p2"):
        os.makedirs(place, exist_ok=True)
        with open(place + "/w.c", "w", encoding="ascii") as f:
            f.write("int f(int a) { return a; }\n")
    for args in ([], ["-g0", "-gdwarf-4"], ["-gz"], ["-O2", "-pg"], ["-fsanitize=address"], ["-flto", "-frandom-seed=1"],
                 ["-gdwarf-5", "-g0"], ["-g1"], ["-fopenmp"]):
        check(case_cwd(driver, args), driver, args, "fails")
    listing = ["clang", "--autocomplete=-g"] if FAMILY[driver] == "clang" else ["gcc", "--completion=-g"]
    options = {line.split("\t")[0].strip() for line in run(*listing).stdout.decode().splitlines()}
    asked = 0
    for option in sorted(o for o in options if o.startswith("-g")):
        for args in ([option], ["-g", option], [option, "-g0"]):
            asked += case_cwd(driver, args)
    check(asked > 100, driver, "only", asked, "command lines with options of debug information")


def check_unkeyed(driver):
    """An option that leaves the key as it is must leave object and diagnostics as they are."""
    with open("unkeyed.c", "w", encoding="ascii") as f:
        f.write("int f(int a) { int unused; return a; }\n")
    common = ["-c", "unkeyed.c", "-Wall", "-o", "unkeyed.o"]
    plain = run(driver, *common)
    want = (plain.returncode, plain.stdout, plain.stderr, read("unkeyed.o"))
    key = parse(driver, common)["key"]
    asked = 0
    table = subprocess.run([TOOL, "table"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for spelling, value, cls, families, reason in (line.split("\t") for line in table.splitlines()):
        if FAMILY[driver][0] not in families or reason != "none" or cls in ("output", "dependency", "input", "side-file"):
            continue
        args = [spelling] if value == "none" else [spelling, "v"] if value in ("separate", "both") else [spelling + "v"]
        fields = parse(driver, [*common, *args])
        if fields["bypass"] != "none" or fields["key"] != key:
            continue
        asked += 1
        got = run(driver, *common, *args)
        check((got.returncode, got.stdout, got.stderr, read("unkeyed.o")) == want, driver, args, "changes what was not keyed")
    check(asked > (5 if FAMILY[driver] == "gcc" else 1), driver, "only", asked, "options are not keyed")


def main():
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        os.mkdir("sub.d")
        for source in SOURCES:
            with open(source, "w", encoding="ascii") as f:
                f.write("int x;\n")
        for driver in FAMILY:
            try:
                run(driver, "--version")
            except FileNotFoundError:
                print(f"{driver}: not installed")
                continue
            check_deps(driver)
            check_suffixes(driver)
            check_response_files(driver)
            if not driver.endswith("++"):
                check_miss(driver)
                check_cwd(driver)
                check_unkeyed(driver)
        os.chdir("/")
    print("\n".join(failures))
    return 1 if failures else 0


sys.exit(main())
