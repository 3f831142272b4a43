"""The ground that every measure stands on: folders, the one environment, running programs, small statistics."""

import fcntl
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "bench" / "src"
WORK = ROOT / "build" / "bench"
BIN = WORK / "bin"

# Every compiler and every tool sees exactly this, so that PATH look-ups cost all of them the same.
ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": str(WORK / "home"),
    "LC_ALL": "C",
    "TMPDIR": str(WORK / "tmp"),
}


class Unavailable(Exception):
    """Something that a measure needs is not there; the measure is left out and the table says why."""


class Failed(Exception):
    """The run cannot go on."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def prepare_folders():
    for path in (WORK, BIN, WORK / "home", WORK / "tmp"):
        path.mkdir(parents=True, exist_ok=True)


def clear_temporary():
    """What an interrupted run left behind; only for who holds the lock."""
    for path in (WORK / "tmp").iterdir():
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def lock():
    """Two runs at once would measure each other. Returns the file that holds the lock."""
    WORK.mkdir(parents=True, exist_ok=True)
    handle = open(WORK / "lock", "w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Failed("another bench/run is at work in this tree") from None
    return handle


def find_program(name):
    return shutil.which(name, path=ENV["PATH"])


def need_program(name, package=None):
    path = find_program(name)
    if not path:
        raise Unavailable(f"{name} is not installed (package {package or name})")
    return path


def run(argv, cwd=None, env=None, timeout_s=1800, **options):
    """Runs to the end and returns stdout; a failure shows the last lines of what the program said."""
    where = {"PWD": str(cwd)} if cwd else {}  # as a shell sets it, and compilers read it
    done = subprocess.run([str(a) for a in argv], cwd=cwd, env={**ENV, **where, **(env or {})}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout_s, **options)
    if done.returncode != 0:
        tail = (done.stdout[-1000:] + done.stderr[-2000:]).decode(errors="replace").strip()
        raise Failed(f"exit {done.returncode}: {' '.join(str(a) for a in argv)[:300]}\n{tail}")
    return done.stdout.decode(errors="replace")


def newer(path, *inputs):
    """Whether path exists and is newer than all inputs."""
    return path.exists() and all(path.stat().st_mtime_ns > Path(i).stat().st_mtime_ns for i in inputs)


def build_program(name, source=None, compiler=("musl-gcc", "-static"), flags=(), inputs=()):
    """Compiles bench/src/SOURCE to build/bench/bin/NAME when it is out of date. Returns the path."""
    source = SOURCES / (source or f"{name}.c")
    path = BIN / name
    if not newer(path, source, *inputs):
        need_program(compiler[0], "musl-tools" if compiler[0] == "musl-gcc" else compiler[0])
        language = [] if source.suffix == ".cc" else ["-std=gnu17", "-D_GNU_SOURCE"]
        run([*compiler, *language, "-O2", *flags, "-o", path, source])
    return path


def median(values):
    return statistics.median(values)


class Spread:
    """Values of one quantity from several rounds: the median counts, min and max show the noise."""

    def __init__(self, values):
        self.values = list(values)
        if not self.values:
            raise ValueError("no values")

    @property
    def mid(self):
        return median(self.values)

    @property
    def low(self):
        return min(self.values)

    @property
    def high(self):
        return max(self.values)


def disk_bytes(path):
    """Blocks that a folder occupies, folders themselves included, as `du` counts; a hard-linked file counts once."""
    total, seen = 0, set()
    for folder, _, names in os.walk(path):
        for entry in [folder, *(os.path.join(folder, n) for n in names)]:
            try:
                st = os.lstat(entry)
            except FileNotFoundError:
                continue  # a cache that cleans up in the background
            if (st.st_dev, st.st_ino) not in seen:
                seen.add((st.st_dev, st.st_ino))
                total += st.st_blocks * 512
    return total
