"""The compilers' own listings judge the option tables. Every option that GCC 12 and Clang 14 list for the languages that
are handled, and that their drivers accept, must have a row, or stand below with a reason. How each takes its value is
asked of the driver itself, one word behind it: did the word become an input? A row that says otherwise would take a
value for an input file, or an input for a value. The class must be what the listing says the option is for."""
import os
import re
import subprocess
import sys
import tempfile

TOOL = os.path.abspath(sys.argv[1])
BATCH = 100
ENV = {**os.environ, "LC_ALL": "C"}

# Options without a row, on purpose: they are unknown-option, which is always right. Each with the reason.
NO_ROW = {
    "gcc": [
        (r"(-f|--)(no-)?(auto-init|bounds|case|cpp|cppbegin|cppend|cppprog=|d|debug-(builtins|function-line-numbers|trace-.*)|"
         r"def=|dump-system-exports|extended-opaque|floatvalue|index|iso|libs=|location=|m2-.*|makeinit|makelist|mod=|nil|"
         r"object-path=|onlylink|pim\d?|positive-mod-floor-div|q|range|return|runtime-modules=|shared|soft-check-all|"
         r"sources|swig|unbounded-by-reference|uselist|wholediv|wholevalue|xcode|no-m2-plugin|no-pthread)", "Modula-2"),
        (r"-(k8|name-sort|reverse-sort|size-sort|callgraph|gimple-stats|tree-stats|type-stats|h|help|profile|posix|"
         r"symbol=|tno-android-.*|shared-libphobos|nophoboslib|cpp=|gant)", "of other tools and languages in the same list"),
        (r"(-f|--)(no-)?(help|target-help|version|self-test)=?", "they end the compiler proper; the driver's own have rows"),
        (r"(-f|--)no-[^=]+=.*", "the negative of an option with a value; the compiler proper refuses most"),
        (r"(-f|--)no-(opt-info|syntax-only|compare-debug)", "the same"),
        (r"(-g|--debug=)no-.*", "the same, of debug formats"),
        (r"--(force-link|for-assembler|record-marker|preview|revert|transition).*", "of other languages"),
    ],
    "clang": [],
}

# What the listing says is for other languages is of no interest, where it is not for ours as well.
GCC_OURS = ("common", "target", "optimizers", "params", "warnings", "c", "c++", "objc", "objc++", "undocumented")
GCC_OTHERS = ("fortran", "ada", "d", "go", "lto")


def output(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENV, check=False).stdout


def errors(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          errors="replace", env=ENV, check=False)
    return None if done.returncode < 0 else done.stderr  # Clang crashes of some combinations


def pieces(items, size):
    items = list(items)
    return [items[i:i + size] for i in range(0, len(items), size)]


class Row:
    def __init__(self, line):
        (self.option, self.spelling, self.value, self.sign, self.reason, self.cls, self.effect, self.ident,
         uses) = line.split("\t")
        self.known = self.spelling != "-"
        self.takes_next = uses == "2"

    def __str__(self):
        return f"row {self.spelling} {self.value} {self.cls} {self.reason}"


def find(family, options):
    lines = [line for part in pieces(options, 500) for line in output(TOOL, "find", family, *part).splitlines()]
    return {row.option: row for row in map(Row, lines)}


# --- GCC

def gcc_help(kinds):
    """option → the kinds that list it; the metavariable behind it is cut off."""
    found = {}
    for kind in kinds:
        for line in output("gcc", f"--help={kind}").splitlines():
            m = re.match(r"  (-[^\s<\[,]+)", line)
            if m:
                name = re.sub(r"=(filename|name|unit|type|path|file).*$", "=", m.group(1))
                found.setdefault(name, set()).add(kind)
    return found


def gcc_completion():
    """What the driver offers to a shell: the spellings of everything it has, also what no --help lists."""
    found = set()
    for line in output("gcc", "--completion=-").splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "--param":
            found.add("--param=" + words[1])
        elif len(words) == 1:
            found.add(words[0])
    return found


def gcc_swallows(option):
    """One option alone with a word behind it. None: the driver does not accept it at all."""
    text = errors("gcc", "-###", "-c", "a.c", option, "w0.zz")
    if "w0.zz: linker input file unused" in text or "missing" in text:
        return False
    return None if ": error: " in text else True


def gcc_drive(options):
    """option → whether the word behind it is its value; those that the driver refuses are left out."""
    answers, one_by_one = {}, []
    for part in pieces(options, BATCH):
        for _ in range(4):
            text = errors("gcc", "-###", "-c", *[w for i, o in enumerate(part) for w in (o, f"w{i}.zz")])
            named = {q for line in text.splitlines() if ": error: " in line for q in re.findall(r"'([^']+)'", line)}
            odd = {o for o in part if o in named or o.split("=")[0] + "=" in named}
            if not odd:
                break
            one_by_one += sorted(odd - set(re.findall(r"unrecognized command-line option '([^']+)'", text)))
            part = [o for o in part if o not in odd]
        inputs = set(re.findall(r"warning: (w\d+\.zz): linker input file unused", text))
        if ": error: " in text or not inputs:
            one_by_one += part
        else:
            answers.update((o, f"w{i}.zz" not in inputs) for i, o in enumerate(part))
    print("gcc:", len(one_by_one), "options asked about one by one")
    for option in one_by_one:
        swallows = gcc_swallows(option)
        if swallows is not None:
            answers[option] = swallows
    return answers


def gcc_class(row, kinds):
    """What is wrong with the class, "" when nothing is."""
    if row.reason != "none":
        return ""
    if "warnings" in kinds and row.cls != "diagnostics":
        return "a warning"
    if "optimizers" in kinds and row.cls not in ("codegen", "side-file"):
        return "an optimisation"
    if "target" in kinds and (row.cls != "codegen" or row.ident != "ident"):
        return "of the target"
    if "params" in kinds and row.cls != "codegen":
        return "a parameter"
    return ""


def check_gcc():
    ours, others = gcc_help(GCC_OURS), gcc_help(GCC_OTHERS)
    listed = dict(ours)
    for name in gcc_help(("joined", "separate", "joined,separate")):
        if name not in others:
            listed.setdefault(name, set())

    def foreign(name):
        """A negative or a value of an option of another language."""
        plain = re.sub(r"^-([fmWg])no-", r"-\1", name)
        return any(n in others and n not in ours for n in (plain, plain.split("=")[0] + "=", plain.split("=")[0]))

    for name in gcc_completion():
        long_form = re.sub(r"^--(no-)?", r"-f\1", name)
        if not foreign(name) and not (name.startswith("--") and foreign(long_form)):
            listed.setdefault(name, set())
    return judge("gcc", listed, gcc_drive, gcc_class)


# --- Clang

def clang_listing():
    listed = {}
    for line in output("clang", "--autocomplete=-").splitlines():
        listed[line.split("\t")[0]] = set()
    for line in output("clang", "--help-hidden").splitlines():
        m = re.match(r"  (-[^\s<,]+),?(?:\s(<[^>]+>)|(<[^>]+>))?", line)
        if m:
            meta = m.group(2) or m.group(3) or ""
            listed.setdefault(m.group(1), set()).update({meta} if meta else set())
    return {name: kinds for name, kinds in listed.items() if name != "-"}


# These end the driver, or change what it reads, before the words behind them are looked at.
CLANG_ALONE = re.compile(r"--?(help|version|autocomplete|print-|dump|driver-mode|rsp-quoting|config|\?|ccc-print|verify-debug)|-\?")


def filled(option):
    """A list with nothing in it makes Clang read memory that it never wrote."""
    return option + "-DX" if option.endswith(",") else option


def clang_accepts(option, words):
    return not any(f"argument{colon} '{o}'" in words for colon in ("", ":") for o in (option, option + "w"))


def clang_drive(options):
    answers = {}
    parts = pieces([o for o in options if not CLANG_ALONE.match(o)], BATCH)
    while parts:
        part = parts.pop()
        text = errors("clang", "-###", "-c", *[w for i, o in enumerate(part) for w in (filled(o), f"no{i}.zz")])
        if text is None:
            if len(part) > 1:
                parts += [part[:len(part) // 2], part[len(part) // 2:]]
            continue
        for i, option in enumerate(part):
            if clang_accepts(option, text):
                answers[option] = f"no such file or directory: 'no{i}.zz'" not in text
    return answers


def clang_swallows(option):
    """One option alone with a file behind it. None: the driver does not accept that at all."""
    text = errors("clang", "-###", "-c", filled(option), "w0.zz")
    if text is None or ": error: " in text:
        return None
    return "w0.zz: 'linker' input unused" not in text


PATHS = re.compile(r"<(file|dir|directory|path|filename|pathname|dsopath)>")


def clang_class(row, kinds):
    if row.reason != "none" or not any(PATHS.match(k) for k in kinds):
        return ""
    if row.effect == "path" or row.cls in ("output", "dependency", "linker", "mode"):
        return ""
    return "a path"


def check_clang():
    return judge("clang", clang_listing(), clang_drive, clang_class)


# --- both

def judge(family, listed, drive, class_fault):
    rows = find(family, listed)
    # What is another spelling by rule takes its value as the first spelling does; GCC has thousands of them.
    answers = drive(sorted(o for o in listed if not o.startswith("--") or rows[o].spelling[:2] in ("--", "-")))
    bad, unknown = [], 0
    for option in sorted(listed):
        row = rows[option]
        if not row.known:
            unknown += 1
            if option in answers and not any(re.fullmatch(p, option) for p, _ in NO_ROW[family]):
                bad.append(f"{family} {option}: listed, accepted, and without a row"
                           f"{' (takes the next argument)' if answers[option] else ''}")
            continue
        if option in answers and answers[option] != row.takes_next and row.cls != "mode":
            swallows = gcc_swallows(option) if family == "gcc" else clang_swallows(option)
            if swallows is not None and swallows != row.takes_next:
                bad.append(f"{family} {option}: the driver {'takes' if swallows else 'leaves'} the next argument, {row}")
        fault = class_fault(row, listed[option])
        if fault:
            bad.append(f"{family} {option}: the listing says it is {fault}, {row}")
    print(f"{family}: {len(listed)} listed, {len(answers)} accepted by the driver, {unknown} without a row, {len(bad)} wrong")
    if len(answers) < 1000:
        bad.append(f"{family}: only {len(answers)} options could be asked about")
    return bad


def main():
    failures = []
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        for name in ("a.c", *(f"w{i}.zz" for i in range(BATCH))):
            with open(name, "w", encoding="ascii") as f:
                f.write("int x;\n")
        for name, check in (("gcc", check_gcc), ("clang", check_clang)):
            if output(name, "--version"):
                failures += check()
            else:
                print(f"{name}: not installed")
        os.chdir("/")
    print("\n".join(failures))
    return 1 if failures else 0


sys.exit(main())
