"""Plain = cold = warm: run the compiler with and without hpcc and compare everything that it leaves behind.

What counts: exit status, stdout, stderr, and every path below the project with its kind, mode, link count, content, and
whether this run wrote it. Each run is undone afterwards, so the sources keep their inodes and times and every run
starts from the same tree.
"""

import collections
import contextlib
import os
import re
import shutil
import stat
import time

from hpcc import PASSTHROUGH

Outcome = collections.namedtuple("Outcome", "rc out err tree")
Node = collections.namedtuple("Node", "kind mode nlink data fresh")

# The names of the compilers' own temporary files differ in each run, with or without us.
TEMP_NAME = re.compile(rb"/tmp/(cc[A-Za-z0-9]{6}|[A-Za-z0-9_+-]+-[0-9a-f]{6})\.")


def write(path, data=b""):
    """Writes a file, or makes a link for ("symlink", target); makes the directories above."""
    path = os.fsencode(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if isinstance(data, tuple):
        os.symlink(data[1], path)
        return
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode(errors="surrogateescape"))


def scan(root, racing=False):
    """{relative path: (stat, data)} of everything below root. racing: what goes meanwhile is left out."""
    found = {}
    root = os.fsencode(root)
    stack = [b""]
    while stack:
        rel = stack.pop()
        gone = contextlib.suppress(OSError) if racing else contextlib.nullcontext()
        with gone, os.scandir(os.path.join(root, rel) if rel else root) as entries:
            for entry in entries:
                name = os.path.join(rel, entry.name) if rel else entry.name
                st = entry.stat(follow_symlinks=False)
                data = None
                if stat.S_ISREG(st.st_mode):
                    with open(entry.path, "rb") as f:
                        data = f.read()
                elif stat.S_ISLNK(st.st_mode):
                    data = os.readlink(entry.path)
                elif stat.S_ISDIR(st.st_mode):
                    stack.append(name)
                found[name] = (st, data)
    return found


def _stamp(st):
    return (st.st_ino, st.st_mtime_ns, st.st_ctime_ns, st.st_size, st.st_mode)


def _undo(root, before, after):
    root = os.fsencode(root)
    for name in sorted(after, reverse=True):  # children before their directory
        if name not in before or stat.S_IFMT(before[name][0].st_mode) != stat.S_IFMT(after[name][0].st_mode):
            path = os.path.join(root, name)
            if stat.S_ISDIR(after[name][0].st_mode):
                shutil.rmtree(path)
            else:
                os.unlink(path)
    for name in sorted(before):
        st, data = before[name]
        path = os.path.join(root, name)
        if name in after and (after[name][1], after[name][0].st_mode) == (data, st.st_mode):
            continue
        if stat.S_ISDIR(st.st_mode):
            os.makedirs(path, exist_ok=True)
            os.chmod(path, stat.S_IMODE(st.st_mode))
        elif stat.S_ISLNK(st.st_mode):
            os.symlink(data, path)
        else:
            if os.path.lexists(path):
                os.unlink(path)
            with open(path, "wb") as f:
                f.write(data)
            os.chmod(path, stat.S_IMODE(st.st_mode))


def observe(root, run, prepare=None):
    """Calls prepare(root), then run() -> (rc, out, err); returns the Outcome and puts the tree back as it was."""
    before = scan(root)
    if prepare:
        prepare(os.fspath(root))
    prepared = scan(root)
    # The file system's own clock: a file made now has a stamp that no later write can be older than.
    # Beside the project, not in it: the directory's own time belongs to the test.
    clock = os.fsencode(root) + b".clock"
    write(clock)
    start = os.stat(clock).st_mtime_ns
    os.unlink(clock)
    rc, out, err = run()
    after = scan(root)
    tree = {}
    for name, (st, data) in after.items():
        kind = stat.S_IFMT(st.st_mode)
        touched = name not in prepared or _stamp(prepared[name][0]) != _stamp(st)
        fresh = touched and kind == stat.S_IFREG and st.st_mtime_ns >= start
        # A directory's link count differs between file systems and says nothing new.
        tree[name] = Node(kind, stat.S_IMODE(st.st_mode), 0 if kind == stat.S_IFDIR else st.st_nlink, data, fresh)
    _undo(root, before, after)
    return Outcome(rc, TEMP_NAME.sub(b"/tmp/ccXXXXXX.", out), TEMP_NAME.sub(b"/tmp/ccXXXXXX.", err), tree)


def _bytes_differ(what, want, got):
    if want is None or got is None or len(want) + len(got) < 4000:
        return f"{what}: plain {want!r}\n    hpcc  {got!r}"
    at = next((i for i, (a, b) in enumerate(zip(want, got)) if a != b), min(len(want), len(got)))
    return (f"{what}: {len(want)} and {len(got)} bytes differ from offset {at}:\n    plain {want[at:at + 80]!r}\n"
            f"    hpcc  {got[at:at + 80]!r}")


def differences(want, got):
    lines = []
    if want.rc != got.rc:
        lines.append(f"exit status: plain {want.rc}, hpcc {got.rc}")
    for what in ("out", "err"):
        if getattr(want, what) != getattr(got, what):
            lines.append(_bytes_differ("std" + what, getattr(want, what), getattr(got, what)))
    for name in sorted(set(want.tree) | set(got.tree)):
        shown = os.fsdecode(name)
        if name not in got.tree:
            lines.append(f"{shown}: plain makes it, hpcc does not")
        elif name not in want.tree:
            lines.append(f"{shown}: hpcc makes it, plain does not")
        else:
            a, b = want.tree[name], got.tree[name]
            for field in ("kind", "mode", "nlink", "fresh"):
                x, y = getattr(a, field), getattr(b, field)
                if x != y:
                    show = oct if field in ("kind", "mode") else str
                    lines.append(f"{shown}: {field}: plain {show(x)}, hpcc {show(y)}")
            if a.data != b.data:
                lines.append(_bytes_differ(shown, a.data, b.data))
    return lines


def same(want, got, when):
    lines = differences(want, got)
    assert not lines, f"{when}: not as the plain compiler:\n  " + "\n  ".join(lines)


class Check:
    """One project directory, one cache: compile(argv) both ways and compare, with what the counters must say."""

    def __init__(self, cache, root, unstable=()):
        self.cache = cache
        self.root = os.fspath(root)
        self.unstable = [os.fsencode(name) for name in unstable]
        os.makedirs(self.root, exist_ok=True)

    def write(self, name, data):
        write(os.path.join(self.root, name), data)

    def plain(self, argv, prepare=None, cwd=None, **run):
        return self._observe(self.cache.run, argv, prepare, cwd, run)

    def cached(self, argv, prepare=None, cwd=None, **run):
        return self._observe(self.cache.compile, argv, prepare, cwd, run)

    def _observe(self, runner, argv, prepare, cwd, run):
        seen = observe(self.root, lambda: runner(argv, cwd or self.root, **run), prepare)
        for name in self.unstable:
            if name in seen.tree:
                seen.tree[name] = seen.tree[name]._replace(data=None)
        return seen

    def step(self, argv, expect, plain=None, prepare=None, cwd=None, **run):
        """Compiles through hpcc and plainly; both must agree. `expect`: see expectation(). Returns the plain Outcome."""
        expect = None if PASSTHROUGH else expect
        before = self.cache.settled_stats() if expect else None
        stored = len(self.cache.entries())
        got = self.cached(argv, prepare, cwd, **run)
        if plain is None:
            plain = self.plain(argv, prepare, cwd, **run)
        when = f"{' '.join(map(str, argv))} (expected: {expect or 'anything'})"
        same(plain, got, when)
        if expect:
            gained = self.cache.counted(before, until=lambda g: expectation(expect, g) is None)
            wrong = expectation(expect, gained)
            assert not wrong, f"{when}: {wrong}; counters gained {gained}"
            if expect.startswith("miss"):
                assert wait_stored(self.cache, stored), f"{when}: not stored; counters gained {self.cache.counted(before)}"
            elif expect == "either" and "hit" not in gained:
                # Where another case made the same entry before, storing it again adds none.
                wait_stored(self.cache, stored)
        return plain


def wait_stored(cache, entries_before):
    """Entries are written after the client was answered: give them a moment, so that the next compile can hit."""
    deadline = time.monotonic() + 5
    while len(cache.entries()) <= entries_before:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def expectation(expect, gained):
    """None, or what is wrong with the counters of one compile.
    "hit"            one hit and nothing else
    "miss"           a miss that was stored; "miss:header-appeared" also demands the reason
    "either"         a hit, or a stored miss
    "failed"         a miss, not stored since the compiler's exit code was not 0
    "uncached:x"     not a hit, and the reason x was counted (as a bypass, or as unstored)
    "uncached"       not a hit, not stored, whatever the reason"""
    kinds = {name.split(".")[0] for name in gained}
    reasons = {name.split(".", 1)[1] for name in gained if "." in name}
    verb, _, detail = expect.partition(":")
    if verb == "hit":
        if gained.get("hit") != 1 or kinds != {"hit"}:
            return "not a hit"
    elif verb == "miss":
        if kinds != {"miss"}:
            return "not a stored miss"
        if detail and detail not in reasons:
            return f"the reason is not {detail}"
    elif verb == "either":
        if kinds not in ({"hit"}, {"miss"}):
            return "neither a hit nor a stored miss"
    elif verb == "failed":
        if "hit" in kinds or "compile-failed" not in reasons:
            return "not counted as a failed compile"
    elif verb == "uncached":
        if "hit" in kinds or not kinds & {"bypass", "unstored"}:
            return "cached"
        if detail and detail not in reasons:
            return f"the reason is not {detail}"
    else:
        raise ValueError(expect)
    return None
