"""Three real projects, their translation units as recorded from their own makes, and how to build them again.

The units are recorded by a "compiler" that notes each command line (bench/src/record.c), so a cache sees exactly the
arguments and the working directory that the project's own build gives it.
"""

import os
import re
import struct
from collections import namedtuple
from pathlib import Path

from . import sources, work

Unit = namedtuple("Unit", "cwd argv output source")

JOBS = 2  # of every build: what the table compares is the same on each machine


def read_records(path):
    """[(cwd, argv)] as bench/src/record.c wrote them."""
    data, at, found = Path(path).read_bytes(), 0, []
    while at < len(data):
        (size,) = struct.unpack_from("=I", data, at)
        fields = data[at + 4:at + 4 + size].split(b"\0")[:-1]
        found.append((os.fsdecode(fields[0]), [os.fsdecode(f) for f in fields[1:]]))
        at += 4 + size
    return found


def units_of(records):
    """Those records that compile one C or C++ file to an object, in a stable order."""
    found = {}
    for cwd, argv in records:
        inputs = [a for a in argv if re.search(r"\.(c|cc|cpp)$", a) and not a.startswith("-")]
        if "-c" not in argv or "-o" not in argv or len(inputs) != 1:
            continue
        output = argv[argv.index("-o") + 1]
        if output.endswith(".o"):
            found[output] = Unit(cwd, argv, output, inputs[0])
    return [found[k] for k in sorted(found)]


def spread(units, count):
    """`count` units, evenly spaced, so that small and large, library and program are all there."""
    if not count or count >= len(units):
        return units
    return [units[i * len(units) // count] for i in range(count)]


class Project:
    name = title = None
    package = None
    exclude = ()
    count = 0  # units in a normal run
    chunk = 8  # units that one tool compiles before the next has its turn: some seconds, so drift hits all alike

    def __init__(self):
        self.folder = self.version = None
        self.recorded = []  # all that the project has
        self.units = []     # those of this run

    def prepare(self, full, quick):
        """Fetches, configures and records; keeps what it made for later runs."""
        self.folder, self.version = sources.unpack(self.package, self.exclude)
        self.build = work.WORK / f"{self.name}-build"
        record = work.build_program("record")
        log = work.WORK / f"{self.name}-{self.version}{'-full' if full else ''}.units"
        if not log.exists() or not self.configured():
            work.say(f"recording the commands of {self.name}")
            part = Path(f"{log}.part")
            part.unlink(missing_ok=True)
            self.configure()
            self.record(record, {"BENCH_RECORD": str(part)}, full)
            part.rename(log)
        self.recorded = units_of(read_records(log))
        if not self.recorded:
            raise work.Failed(f"{self.name}: no compile was recorded")
        self.units = spread(self.recorded, 0 if full else self.count // 6 if quick else self.count)
        # `make clean` of an earlier run may have taken the folders that the project's make would make again.
        for unit in self.recorded:
            os.makedirs(os.path.join(unit.cwd, os.path.dirname(unit.output)), exist_ok=True)
            for arg, following in zip(unit.argv, [*unit.argv[1:], ""]):
                if arg == "-MF":
                    os.makedirs(os.path.join(unit.cwd, os.path.dirname(following)), exist_ok=True)

    def find(self, source):
        return next(u for u in self.recorded if u.source == source)

    def configured(self):
        return True

    def configure(self):
        pass

    def clean(self):
        """Removes the units' outputs, so that make builds them again and no tool writes over another's hard link."""
        for unit in self.units:
            try:
                os.unlink(os.path.join(unit.cwd, unit.output))
            except FileNotFoundError:
                pass


class Git(Project):
    name, title, package, count = "git", "git (C)", "git", 120
    # What the machine may lack is left out. The check for dependency options compiles /dev/null on each make: off.
    flags = [f"{f}=1" for f in "NO_CURL NO_EXPAT NO_OPENSSL NO_GETTEXT NO_PERL NO_PYTHON NO_TCLTK".split()] + [
        "COMPUTE_HEADER_DEPENDENCIES=yes"]

    def make(self, prefix, targets):
        cc = " ".join([*prefix, "gcc"])
        return ["make", "-s", f"-j{JOBS}", *self.flags, f"CC={cc}", *targets], self.folder

    def record(self, record, env, full):
        argv, cwd = self.make([str(record)], ["objects"])
        work.run(argv, cwd=cwd, env={**env, "BENCH_RECORD_DRY": "1"})

    def make_units(self, prefix):
        return self.make(prefix, [u.output for u in self.units])

    def full_clean(self, prefix):
        work.run(["make", "-s", *self.flags, "clean"], cwd=self.folder)

    def full_build(self, prefix):
        return self.make(prefix, ["all"])


class Protobuf(Project):
    name, title, package, count = "protobuf", "protobuf (C++)", "protobuf", 42
    chunk = 4
    target = "libprotobuf.dir"

    def configured(self):
        return (self.build / "units.make").exists()

    def cmake(self, *options):
        work.need_program("cmake")
        self.build.mkdir(exist_ok=True)
        work.run(["cmake", "-G", "Unix Makefiles", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_COMPILER=g++",
                  "-DCMAKE_C_COMPILER=gcc", "-Dprotobuf_BUILD_TESTS=OFF", "-Dprotobuf_WITH_ZLIB=OFF",
                  "-DCMAKE_RULE_MESSAGES=OFF", *options, self.folder], cwd=self.build)

    def configure(self):
        """CMake's own rules for the library's objects, with a place for the launcher: only this way can one configured
        tree be built through each tool in turn."""
        self.cmake()
        rules = (self.build / "CMakeFiles" / self.target / "build.make").read_text()
        (self.build / "units.make").write_text(re.sub(r"^\t(\S*/g\+\+ )", r"\t$(LAUNCH) \1", rules, flags=re.M))

    def make_objects(self, prefix, targets):
        return ["make", "-s", f"-j{JOBS}", "-f", "units.make", f"LAUNCH={' '.join(prefix)}", *targets], self.build

    def record(self, record, env, full):
        rules = (self.build / "units.make").read_text()
        objects = re.findall(rf"^(CMakeFiles/{re.escape(self.target)}/\S+\.o):", rules, re.M)
        argv, cwd = self.make_objects([str(record)], sorted(set(objects)))
        work.run(argv, cwd=cwd, env={**env, "BENCH_RECORD_DRY": "1"})

    def make_units(self, prefix):
        return self.make_objects(prefix, [u.output for u in self.units])

    def full_clean(self, prefix):
        self.cmake(f"-DCMAKE_CXX_COMPILER_LAUNCHER={';'.join(prefix)}")
        work.run(["make", "-s", "clean"], cwd=self.build)

    def full_build(self, prefix):
        return ["make", "-s", f"-j{JOBS}"], self.build


class Kernel(Project):
    name, title, package, count = "kernel", "Linux tinyconfig", "linux", 100
    exclude = ("*/drivers/gpu/drm/*/include/asic_reg",)  # half a gigabyte that no configuration here reads
    folders = ["kernel/", "lib/", "mm/"]

    def configured(self):
        return (self.build / ".config").exists()

    def make(self, prefix, targets):
        cc = " ".join([*prefix, "gcc"])
        return ["make", "-s", f"-j{JOBS}", f"O={self.build}", f"CC={cc}", *targets]

    def configure(self):
        for program in ("flex", "bison", "bc"):
            work.need_program(program)
        self.build.mkdir(exist_ok=True)
        work.run(self.make([], ["tinyconfig"]), cwd=self.folder)
        work.run(self.make([], ["prepare"]), cwd=self.folder)

    def record(self, record, env, full):
        # Not dry: later rules read what earlier ones compiled.
        targets = ["vmlinux"] if full else self.folders
        work.run(self.make([str(record)], targets), cwd=self.folder, env=env)

    def full_clean(self, prefix):
        work.run(self.make([], ["clean"]), cwd=self.folder)

    def full_build(self, prefix):
        return self.make(prefix, ["vmlinux"]), self.folder


def table():
    return {p.name: p for p in (Git(), Protobuf(), Kernel())}
