"""The pool of options. What lands in the cache joins here: each row may appear in any made command line."""

from soak.texts import ROOT

GNU = ("gcc", "g++")
LLVM = ("clang", "clang++")
CXX = ("g++", "clang++")

# (weight, words, compilers or None for all)
FLAGS = [
    (6, ["-O2"], None), (3, ["-O0"], None), (3, ["-O1"], None), (2, ["-Os"], None), (1, ["-Og"], None),
    (6, ["-g"], None), (2, ["-g3"], None), (1, ["-g0"], None), (1, ["-ggdb"], None), (2, ["-g1"], None), (1, ["-gdwarf-4"], None), (1, ["-g", "-gz"], None),
    (6, ["-Wall"], None), (3, ["-Wextra"], None), (2, ["-w"], None), (1, ["-pedantic"], None),
    (1, ["-Wunused-macros"], None), (1, ["-Wundef"], None), (1, ["-Wsystem-headers"], None), (1, ["-Wno-unused-function"], None),
    (1, ["-Wtrigraphs"], None), (1, ["-trigraphs"], None), (1, ["-Wdate-time"], None), (1, ["-Winvalid-pch"], None),
    (4, ["-fPIC"], None), (1, ["-fPIE"], None), (2, ["-ffunction-sections", "-fdata-sections"], None), (1, ["-fvisibility=hidden"], None),
    (1, ["-fno-common"], None), (1, ["-fstack-protector-strong"], None), (1, ["-pthread"], None), (1, ["-fno-inline"], None),
    (1, ["-march=native"], None), (1, ["-march=x86-64-v3"], None), (1, ["-pipe"], None),
    (2, ["-fdiagnostics-color=always"], None), (1, ["-fdiagnostics-show-option"], None), (1, ["-fmax-errors=1"], GNU),
    (1, ["-fno-diagnostics-show-caret"], GNU), (1, ["-ferror-limit=1"], LLVM), (1, ["-fmessage-length=40"], None),
    (1, ["-fdiagnostics-format=json"], GNU), (1, ["-fdiagnostics-absolute-paths"], LLVM),
    (2, [f"-ffile-prefix-map={ROOT}=."], None), (1, [f"-fdebug-prefix-map={ROOT}/p=/x"], None), (1, ["-fmacro-prefix-map=src=/y"], None),
    (1, ["-flto", "-frandom-seed=7"], None), (1, ["-fsanitize=undefined"], None), (1, ["-ftrapv"], None), (1, ["-fwrapv"], None),
    (1, ["-frandom-seed=7"], GNU), (1, ["-ffreestanding"], None), (1, ["-Wa,--noexecstack"], None), (1, ["-Wp,-DOPT2=5"], None),
    (1, ["-Wl,--as-needed"], GNU), (1, ["-ftabstop=4"], None), (1, ["-fsigned-char"], None), (1, ["-fshort-enums"], None),
    (1, ["-gno-record-gcc-switches"], GNU), (1, ["-fdebug-types-section", "-g"], None),
    (1, ["-finstrument-functions"], None), (1, ["-fno-canonical-system-headers"], GNU),
    (1, ["-fno-exceptions", "-fno-rtti"], CXX), (1, ["-std=c++20"], CXX), (1, ["-std=c++17"], CXX), (1, ["-std=gnu++11"], CXX),
    (1, ["-std=c99"], ("gcc", "clang")), (1, ["-std=gnu17"], ("gcc", "clang")),
]

# What is left to the compiler, fails, or sets everything aside: only in wild scenarios.
WILD_FLAGS = [
    (1, ["-Werror"], None), (1, ["-m32"], None), (1, ["-H"], None), (1, ["-undef"], GNU), (1, ["-nostdinc"], None), (1, ["-Xpreprocessor", "-DOPT1=6"], None),
    (1, ["-fdirectives-only"], GNU), (1, ["-grecord-gcc-switches"], None), (1, ["-D__FILE__=1"], None), (1, ["-Wmissing-include-dirs"], None),
    (0.5, ["-v"], None), (0.5, ["-std=c89"], ("gcc", "clang")), (1, ["-ansi"], None), (1, ["-fstack-usage"], None), (1, ["-save-temps=obj"], None),
    (1, ["--coverage"], None), (1, ["-gsplit-dwarf", "-g"], None), (1, ["-fpch-preprocess"], GNU), (0.5, ["-fno-such-option"], None),
    (0.5, ["-I-"], None), (1, ["-P"], None), (1, ["-C"], None), (0.5, ["-fdump-tree-optimized"], GNU), (0.5, ["-ftime-trace"], LLVM),
    (0.5, ["-fno-integrated-as"], LLVM), (0.5, ["-fno-integrated-cc1"], LLVM), (1, ["-Wl,--as-needed"], LLVM), (1, ["-flto"], None),
    (1, ["-fworking-directory"], GNU), (0.5, ["-fno-working-directory"], GNU),
]

DEFINES = ["-DOPT0", "-DOPT1=2", "-DOPT2=3", "-UOPT1", "-DOPT0=\"a b\"", "-DOPT1=(1 + 1)", "-DOPT2='x'", "-DSTR=\"\\\"q\\\"\"",
           "-DF(x)=x+1", "-DOPT0=", "-DDOLLAR=$HOME", "-DHASH=#", "-DBS=\\\\", "-DU=ü"]

# How the output and the dependency file are asked for. OUT stands for the object's path without its suffix.
DEPENDENCIES = [
    (8, []), (6, ["-MD"]), (6, ["-MMD"]), (3, ["-MD", "-MP"]), (3, ["-MMD", "-MP"]), (2, ["-MD", "-MF", "OUT.dep"]),
    (2, ["-MMD", "-MF", "OUT.dep", "-MT", "target"]), (2, ["-MD", "-MQ", "t$x"]), (1, ["-MD", "-MT", "a", "-MT", "b c"]),
    (2, ["-MMD", "-MP", "-MF", "OUT.d", "-MQ", "OUT.o"]), (2, ["-Wp,-MD,OUT.pd"]), (2, ["-Wp,-MMD,OUT.pd"]),
]
WILD_DEPENDENCIES = [
    (1, ["-MD", "-MMD"]), (0.5, ["-MG", "-MD"]),
    (1, ["-MD", "-MG"]), (1, ["-MD", "-MF", "no/such/folder.d"]), (0.5, ["-MF", "OUT.d"]), (0.5, ["-MP"]),
    (0.5, ["-MJ", "OUT.json"]), (1, ["-MD", "-MT", "a" * 40, "-MT", "b" * 40]),
]

# Instead of -c. Not every one makes the output.
MODES = [(2, ["-c"]), (2, ["-S"]), (2, ["-E"]), (1, ["-fsyntax-only"]), (0.5, ["-M"]), (0.5, ["-MM"]), (0.5, [])]

ENVIRONMENTS = [
    {"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8"}, {"LANG": "C"}, {"CPATH": f"{ROOT}/p/inc"}, {"CPATH": "inc"}, {"CPATH": f"{ROOT}/p/lib2:"},
    {"C_INCLUDE_PATH": f"{ROOT}/p/lib2"}, {"CPLUS_INCLUDE_PATH": f"{ROOT}/p/lib2:{ROOT}/p/inc"}, {"SOURCE_DATE_EPOCH": "1000000000"},
    {"SOURCE_DATE_EPOCH": "x"}, {"GCC_COLORS": "error=01;32"}, {"PWD": f"{ROOT}/lnk"}, {"PWD": f"{ROOT}/p/../p"}, {"PWD": "/"},
    {"TMPDIR": f"{ROOT}/tmp"}, {"DEPENDENCIES_OUTPUT": "deps.txt"}, {"DEPENDENCIES_OUTPUT": "deps.txt tgt"}, {"SUNPRO_DEPENDENCIES": "sun.txt x"},
    {"GCC_EXEC_PREFIX": "/nowhere/"}, {"COMPILER_PATH": f"{ROOT}/p"}, {"HOME": ROOT}, {"TERM": "xterm"}, {"COLUMNS": "40"},
    {"CI_NOISE": "1"}, {"MAKEFLAGS": "-j2"}, {"LANGUAGE": "de"}, {"LC_CTYPE": "C"}, {"GCC_URLS": "no"}, {"CLICOLOR_FORCE": "1"},
]


def weighted(rng, rows):
    return rng.choices([row[1:] for row in rows], [row[0] for row in rows])[0]


def flags(rng, compiler, wild):
    words = []
    rows = [row for row in FLAGS if row[2] is None or compiler in row[2]]
    odd = [row for row in WILD_FLAGS if row[2] is None or compiler in row[2]]
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4, 6])):
        words += weighted(rng, odd if rng.random() < wild * 0.3 else rows)[0]
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        words.append(rng.choice(DEFINES))
    return words


def dependencies(rng, wild):
    return list(weighted(rng, WILD_DEPENDENCIES if rng.random() < wild * 0.3 else DEPENDENCIES)[0])


def mode(rng, wild):
    return list(weighted(rng, MODES)[0]) if rng.random() < wild * 0.4 else ["-c"]
