"""The compilers' own listings judge the option table: how an option takes its value must not be another way than they
say, or a value would be taken for an input file. An option that the table lacks is fine only because it is unknown, and
so a bypass; the count is printed."""
import re
import subprocess
import sys

TOOL = sys.argv[1]


def output(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout


def find(family, options):
    """option → (spelling, value, reason)"""
    rows = {}
    options = list(options)
    for i in range(0, len(options), 500):
        for line in output(TOOL, "find", family, *options[i:i + 500]).splitlines():
            option, spelling, value, _, reason = line.split("\t")
            rows[option] = (spelling, value, reason)
    return rows


def gcc_names(kind):
    names = set()
    for line in output("gcc", f"--help={kind}").splitlines():
        m = re.match(r"  (-[^\s<\[]+)", line)
        if m:
            names.add(re.sub(r"=(filename|name|unit).*$", "=", m.group(1)))
    return names


# GCC's listing is wrong here (tried: the next argument stays an input file), or the option belongs to the driver alone.
GCC_LISTING_ERRORS = {"-MD", "-MMD", "--write-dependencies", "--write-user-dependencies"}


def check_gcc():
    joined, separate = gcc_names("joined"), gcc_names("separate")
    listed = set()
    for kind in ("common", "target", "c", "c++", "optimizers", "warnings", "params", "joined", "separate"):
        listed |= gcc_names(kind)
    listed -= GCC_LISTING_ERRORS
    rows = find("gcc", listed)
    bad, missing = [], 0
    for option in sorted(listed):
        spelling, value, reason = rows[option]
        if spelling == "-":
            missing += 1
            continue
        takes_next = value == "separate" or (value == "either" and spelling == option)
        stated_next = option in separate
        if takes_next != stated_next and reason == "none":
            bad.append(f"gcc {option}: listed as {'separate' if stated_next else 'not separate'}, row {spelling} {value}")
        if value == "none" and option in joined and option.endswith("="):
            bad.append(f"gcc {option}: listed as joined, row {spelling} takes no value")
    return bad, missing, len(listed)


def clang_takes_next(option):
    """Asks the driver: with a missing value it says so."""
    text = subprocess.run(["clang", "-###", "-fsyntax-only", option], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, check=False).stderr
    return "is missing (expected" in text


def check_clang():
    listed = set()
    for line in output("clang", "--help-hidden").splitlines():
        m = re.match(r"  (-[^\s<]+)", line)
        if m:
            listed.add(m.group(1).rstrip(","))
    rows = find("clang", listed)
    missing = sum(1 for o in listed if rows[o][0] == "-")
    bad = []
    # An option of its own must not look like the value of a shorter one.
    for option in sorted(listed):
        spelling, value, reason = rows[option]
        if spelling not in ("-", option) and value == "either" and reason == "none":
            bad.append(f"clang {option}: taken for a value of {spelling}")
    # The driver itself is asked for each spelling that the table says takes the next argument, and for those whose name
    # hints at a value.
    hints = re.compile(r"(file|dir|path|name|list|plugin|-map|output|module|framework|library|version)$")
    for option in sorted(listed):
        spelling, value, reason = rows[option]
        if spelling != option or option.endswith("=") or reason != "none":
            continue
        ours = value in ("separate", "either")
        if (ours or hints.search(option)) and ours != clang_takes_next(option):
            bad.append(f"clang {option}: row says {value}, the driver says otherwise")
    return bad, missing, len(listed)


def main():
    failures = []
    for name, check in (("gcc", check_gcc), ("clang", check_clang)):
        if not output(name, "--version"):
            print(f"{name}: not installed")
            continue
        bad, missing, total = check()
        print(f"{name}: {total} listed, {missing} without a row (unknown-option), {len(bad)} contradictions")
        failures += bad
    print("\n".join(failures))
    return 1 if failures else 0


sys.exit(main())
