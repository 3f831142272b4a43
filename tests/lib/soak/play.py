"""Plays a scenario: every operation for real, every compile with hpcc and plainly, everything compared.

A compile starts from one state of the tree however often it runs: what it left is undone before the next run, so the
plain compiler and each run of hpcc see the same. What the last one (the plain compiler) left stays, as after a build.
"""

import collections
import contextlib
import ctypes
import hashlib
import mmap
import os
import re
import shutil
import signal
import stat
import subprocess
import threading
import time

from compare import TEMP_NAME, Outcome, differences, scan
from hpcc import Cache, hpcc_bin
from soak.texts import ROOT

# What went wrong: kind is what shrinking keeps, detail is for people.
Failure = collections.namedtuple("Failure", "kind detail index")

COMPILE_TIMEOUT_S = 300
KNOWN_STATES_MAX = 6  # states of one command line that must still hit; the daemon remembers 8 closures

# Reasons to compile without the cache, or to keep nothing, that something in the scenario has to explain. A reason
# without a row is never right in here.
EXPLAINED = {
    "date-time": r"__DATE__|__TIME__",
    "timestamp": r"__TIMESTAMP__",
    "has-include-macro": r"__has_include\(NAME_",
    "mmd-ambiguous": r"-MMD",
    "unknown-option": r"-fno-such-option",
    "unsupported-option": r"-MJ|-H\b|-v\b|-Xpreprocessor|-P\b|-C\b|-fpch-preprocess|-isysroot|-Wmissing-include-dirs|-fno-integrated|-fdirectives-only|-I-|-fworking-directory",
    "side-files": r"-fstack-usage|-save-temps|-fdump|-ftime-trace|-MJ",
    "coverage": r"--coverage",
    "split-dwarf": r"-gsplit-dwarf",
    "record-switches": r"-grecord-gcc-switches",
    "preprocess-only": r"'-E'|'-MM?'",
    "assembly-output": r"'-S'",
    "syntax-only": r"'-fsyntax-only'",
    "not-a-compile": r"",  # neither -c nor anything else
    "no-input": r"",
    "multiple-inputs": r"nowhere|'-u|'-(I|isystem|iquote|idirafter)', '-",
    "response-file": r"rsp",
    "special-output": r"'link'|'mkdir'|/dev/null",
    "special-input": r"'mkdir'|'link'",
    "incbin": r"\.macro|@ROOT@/p/inc/blob",
    "pch": r"'mkdir'|\.[gp]ch|-fpch-preprocess",
    "depfile-option": r"'-M",
    "environment": r"DEPENDENCIES|CPATH|INCLUDE_PATH|SOURCE_DATE_EPOCH|GCC_EXEC_PREFIX|COMPILER_PATH",
    "line-diagnostics": r"#line|# \d",
    "compile-failed": r"",  # checked against the exit code
    "output-missing": r"",
    "input-changed": r"[bi]\\\\[si]|'during'|'shift_s': 3",
    "compiler-changed": None,
    "unknown-compiler": r"COMPILER_PATH|GCC_EXEC_PREFIX",
    "unknown-language": r"",
    "client-gone": r"",  # a daemon that does not answer in time on a busy machine
    "cwd": r"'remove'|'exchange'|'link'",
    "too-large": None,
    "internal": r"GCC_EXEC_PREFIX",
    "depfile-mismatch": r"[bi]\\\\[si]",
}


def fill(value, root):
    return value.replace(ROOT, root) if isinstance(value, str) else value


def encode(text):
    return text.encode("utf-8", "surrogateescape")


def rename_exchange(one, other):
    """Both names change at once, as a deployment does it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


class Tree:
    """The scenario's files: looked at, compared, put back."""

    def __init__(self, root):
        self.root = os.fsencode(root)

    def scan(self):
        """{relative path: (stat, data)}; edits may be under way."""
        return scan(self.root, racing=True)

    def clock(self):
        """The file system's own time now."""
        path = self.root + b".clock"
        with open(path, "wb"):
            pass
        now = os.stat(path).st_mtime_ns
        os.unlink(path)
        return now

    @staticmethod
    def seen(before, after, start_ns):
        """What a run left, as differences() compares it."""
        from compare import Node, _stamp
        tree = {}
        for name, (st, data) in after.items():
            kind = stat.S_IFMT(st.st_mode)
            touched = name not in before or _stamp(before[name][0]) != _stamp(st)
            fresh = touched and kind == stat.S_IFREG and st.st_mtime_ns >= start_ns
            tree[name] = Node(kind, stat.S_IMODE(st.st_mode), 0 if kind == stat.S_IFDIR else st.st_nlink, data, fresh)
        return tree

    def undo(self, before, after):
        """Puts back what `before` had; files keep their inode where nothing happened to them."""
        for name in sorted(after, reverse=True):
            if name not in before or stat.S_IFMT(before[name][0].st_mode) != stat.S_IFMT(after[name][0].st_mode):
                path = os.path.join(self.root, name)
                if stat.S_ISDIR(after[name][0].st_mode):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)
        by_inode = {}
        for name in sorted(before):
            st, data = before[name]
            path = os.path.join(self.root, name)
            if name in after and after[name][1] == data and after[name][0].st_mode == st.st_mode and \
                    (not stat.S_ISREG(st.st_mode) or after[name][0].st_ino == st.st_ino):
                by_inode[st.st_ino] = path
                continue
            if stat.S_ISDIR(st.st_mode):
                os.makedirs(path, exist_ok=True)
                os.chmod(path, stat.S_IMODE(st.st_mode))
            elif stat.S_ISLNK(st.st_mode):
                if os.path.lexists(path):
                    os.unlink(path)
                os.symlink(data, path)
            else:
                if os.path.lexists(path):
                    os.unlink(path)
                if st.st_nlink > 1 and st.st_ino in by_inode:
                    os.link(by_inode[st.st_ino], path)
                    continue
                with open(path, "wb") as f:
                    f.write(data)
                os.chmod(path, stat.S_IMODE(st.st_mode))
                by_inode[st.st_ino] = path


class Player:
    def __init__(self, scenario, cache, root):
        self.scenario = scenario
        self.cache = cache
        self.root = root
        self.tree = Tree(root)
        self.text = repr(scenario["ops"])
        self.counting = True
        self.outputs = set()  # paths that compiles made
        self.stored = {}  # command -> {state: when}
        self.compiles = 0
        self.hits = 0
        self.tally = collections.Counter()

    # ---- operations on files

    def path(self, name):
        return os.path.join(self.root, fill(name, self.root))

    def apply(self, op):
        """Operations that find nothing to work on do nothing."""
        with contextlib.suppress(OSError, ValueError):
            getattr(self, "do_" + op["op"])(op)

    def do_write(self, op):
        path = self.path(op["path"])
        data = encode(fill(op["text"], self.root))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        old = os.stat(path) if os.path.lexists(path) else None
        how = op["how"]
        if how == "rename":
            with open(path + ".new", "wb") as f:
                f.write(data)
            os.rename(path + ".new", path)
        elif how == "mapped" and old and data:
            with open(path, "r+b") as f:
                f.truncate(len(data))
                with mmap.mmap(f.fileno(), 0) as m:
                    m[:] = data
        else:
            with open(path, "wb") as f:
                f.write(data)
            if how == "keep-time" and old:
                os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))

    def do_mkdir(self, op):
        os.makedirs(self.path(op["path"]), exist_ok=True)

    def do_remove(self, op):
        path = self.path(op["path"])
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)

    def do_rename(self, op):
        to = self.path(op["to"])
        if os.path.isdir(to) and not os.path.islink(to):
            shutil.rmtree(to)
        os.rename(self.path(op["path"]), to)

    def do_exchange(self, op):
        rename_exchange(self.path(op["path"]), self.path(op["to"]))

    def do_copy(self, op):
        one, to = self.path(op["path"]), self.path(op["to"])
        copy = shutil.copy2 if op["times"] else shutil.copyfile
        if os.path.isdir(one):
            if os.path.isdir(to):
                shutil.rmtree(to)
            shutil.copytree(one, to, symlinks=True, copy_function=copy)
        elif not os.path.isdir(to):
            if os.path.islink(to):
                os.unlink(to)
            copy(one, to)

    def do_link(self, op):
        """Replaces what is there, but a folder with something in it."""
        path = self.path(op["path"])
        os.symlink(fill(op["target"], self.root), path + ".new")
        try:
            os.rename(path + ".new", path)
        except OSError:
            os.unlink(path + ".new")

    def do_hardlink(self, op):
        path, to = self.path(op["path"]), self.path(op["to"])
        if os.path.isfile(path) and not os.path.islink(path) and not os.path.isdir(to) and path != to:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(to)
            os.link(path, to)

    def do_touch(self, op):
        now = time.time_ns()
        if op["shift_s"]:
            os.utime(self.path(op["path"]), ns=(now, now + op["shift_s"] * 10**9))
        else:
            os.utime(self.path(op["path"]))

    def do_chmod(self, op):
        os.chmod(self.path(op["path"]), op["mode"])

    def do_clean(self, _op):
        self.cache.run([self.cache.bin, "clean", "--all"], self.root)
        self.stored.clear()

    def do_daemon(self, op):
        cache = self.cache
        if not cache.want_daemon:
            return
        how = op["how"]
        if how == "start" and not cache.daemon:
            cache.start()
        elif how == "restart" and cache.daemon:
            cache.restart()
        elif how in ("kill", "crash") and cache.daemon:
            cache.kill()
            self.stored.clear()  # what it had not yet written is lost
            if how == "crash":
                cache.start()

    # ---- compiles

    def environment(self, c):
        env = {**self.cache.env, **{k: fill(v, self.root) for k, v in c["env"].items()}}
        if c.get("local"):
            env["XDG_RUNTIME_DIR"] = os.path.join(self.cache.root, "no-run")
            os.makedirs(env["XDG_RUNTIME_DIR"], mode=0o700, exist_ok=True)
        return env

    def judge(self, argv):
        """The plain compiler; where options are added, hpcc with an empty cache and no daemon."""
        if not self.scenario.get("cold") or self.cache.bin != hpcc_bin():
            return argv
        empty = os.path.join(self.cache.root, "empty")
        shutil.rmtree(empty, ignore_errors=True)
        no_daemon = os.path.join(self.cache.root, "no-run")
        os.makedirs(no_daemon, mode=0o700, exist_ok=True)
        return ["/usr/bin/env", f"HPCC_CACHE_DIR={empty}", f"XDG_RUNTIME_DIR={no_daemon}", self.cache.bin, *argv]

    def popen(self, argv, c):
        return subprocess.Popen([encode(fill(a, self.root)) for a in argv], cwd=self.path(c["cwd"]), env=self.environment(c),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                umask=-1 if c["umask"] is None else c["umask"])

    def run(self, argv, c, during=None):
        try:
            p = self.popen(argv, c)
        except OSError as e:
            return (f"cannot start: {e.strerror}", b"", b"")
        if during:
            timer = threading.Timer(c["delay_ms"] / 1000, self.apply, [during])
            timer.start()
        try:
            out, err = p.communicate(timeout=COMPILE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
            return ("timeout", out, err)
        finally:
            if during:
                timer.join()
        return (p.returncode, TEMP_NAME.sub(b"/tmp/ccXXXXXX.", out), TEMP_NAME.sub(b"/tmp/ccXXXXXX.", err))

    def observe(self, before, call):
        start = self.tree.clock()
        rc, out, err = call()
        after = self.tree.scan()
        return Outcome(rc, out, err, self.tree.seen(before, after, start)), after

    def state(self, scan):
        """All that a compile could read, not what compiles made; times too where a compiler looks at them."""
        h = hashlib.sha256()
        times = "once" in self.text
        for name in sorted(scan):
            if name not in self.outputs:
                st, data = scan[name]
                h.update(repr((name, stat.S_IFMT(st.st_mode), st.st_mode & 0o444, data, times and st.st_mtime_ns // 10**9)).encode())
        return h.hexdigest()

    def compile(self, i, c):
        if not os.path.isdir(self.path(c["cwd"])):
            return None
        during = c.get("during")
        if during and during["op"] != "daemon":
            # Whatever this one compiles, it must end as a compiler does; the next ones have to be right.
            rc, _, err = self.run([self.cache.bin, *c["argv"]], c, during)
            if not isinstance(rc, int) or rc not in (0, 1) or b"hpcc" in err.replace(encode(self.root), b""):
                return Failure("odd end", f"exit {rc}: {err!r}", i)
            self.outputs |= set(self.tree.scan()) if not self.outputs else set()
            return None
        before = self.tree.scan()
        key = repr((c["argv"], c["cwd"], c["env"], c["umask"]))
        state = self.state(before)
        runs = []
        for n in range(c["times"]):
            counted = self.counting and self.cache.stats()
            stored = len(self.cache.entries()) if self.counting else 0
            got, after = self.observe(before, lambda: self.run([self.cache.bin, *c["argv"]], c, during))
            self.tree.undo(before, after)
            gained = self.gained(counted, stored) if self.counting and not during else None
            runs.append((got, gained))
            self.compiles += 1
        plain, after = self.observe(before, lambda: self.run(self.judge(c["argv"]), c))
        self.outputs |= set(after) - set(before)
        self.tally["plain.failed" if plain.rc else "plain.fine"] += 1
        if plain.rc == "timeout":
            return None  # what a compiler leaves that is killed says nothing
        for n, (got, gained) in enumerate(runs):
            lines = differences(plain, got)
            if lines and self.repeatable(before, after, plain, lambda: self.run(self.judge(c["argv"]), c)):
                return Failure("differs", f"run {n + 1} of {c['argv']} in {c['cwd']}:\n  " + "\n  ".join(lines), i)
        if during or not self.counting:
            return None
        return self.count(i, c, key, state, runs, plain)

    def gained(self, counted, stored):
        """What the counters gained. Whether a miss was stored is said after the client was answered: one of which neither
        is seen is marked "unknown", as where the same entry was there before."""
        gained = self.cache.counted(counted)
        deadline = time.monotonic() + 1
        while set(gained) <= {"miss", *(name for name in gained if name.startswith("miss."))} and len(self.cache.entries()) <= stored:
            if time.monotonic() > deadline:
                return {**gained, "unknown": 1}
            gained = self.cache.counted(counted)
        return gained

    def repeatable(self, before, after, plain, call):
        """Whether the compiler itself makes the same again: names of temporary files, times of day and random symbols
        are in some outputs."""
        self.tree.undo(before, after)
        again, _ = self.observe(before, call)
        self.tally["unrepeatable"] += bool(differences(plain, again))
        return not differences(plain, again)

    def count(self, i, c, key, state, runs, plain):
        """What the counters must say."""
        known = self.stored.setdefault(key, {})
        for n, (_, gained) in enumerate(runs):
            hit = gained.get("hit") == 1 and set(gained) == {"hit"}
            self.hits += hit
            self.tally.update(gained)
            # What a build left in the output's place is no input, but can be in the way.
            if not hit and "bypass.special-output" not in gained and state in known and len(known) <= KNOWN_STATES_MAX:
                return Failure("no hit", f"run {n + 1} of {c['argv']} in {c['cwd']}: nothing changed since it was stored; counters gained {gained}", i)
            for name in gained:
                reason = name.partition(".")[2]
                if not reason or name.startswith("miss."):
                    continue
                pattern = EXPLAINED.get(reason)
                if pattern is None or not re.search(pattern, self.text) or (reason == "compile-failed" and plain.rc == 0):
                    return Failure(f"reason {reason}", f"{c['argv']} in {c['cwd']}: counters gained {gained}", i)
            if hit or (plain.rc == 0 and {name.partition(".")[0] for name in gained} == {"miss"}):
                known[state] = True
            if hit and plain.rc != 0:
                return Failure("hit of a failure", f"{c['argv']}", i)
        return None

    def parallel(self, i, op):
        compiles = [c for c in op["compiles"] if os.path.isdir(self.path(c["cwd"]))]
        before = self.tree.scan()
        results = {}

        def one(n, argv, c):
            results[n] = self.run(argv, c)

        def together():
            threads = [threading.Thread(target=one, args=(n, [self.cache.bin, *c["argv"]], c)) for n, c in enumerate(compiles)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            return tuple(results[n][0] for n in range(len(compiles))), b"", b"".join(results[n][1] + results[n][2] for n in range(len(compiles)))

        def in_turn():
            done = [self.run(self.judge(c["argv"]), c) for c in compiles]
            return tuple(d[0] for d in done), b"", b"".join(d[1] + d[2] for d in done)

        got, after = self.observe(before, together)
        self.compiles += len(compiles)
        self.tree.undo(before, after)
        plain, after = self.observe(before, in_turn)
        self.outputs |= set(after) - set(before)
        lines = differences(plain, got)
        if lines and self.repeatable(before, after, plain, in_turn):
            return Failure("differs", "in parallel:\n  " + "\n  ".join(lines), i)
        return None

    # ---- all of it

    def step(self, i, op):
        if op["op"] == "compile":
            return self.compile(i, op)
        if op["op"] == "parallel":
            return self.parallel(i, op)
        self.apply(op)
        if self.cache.daemon and self.cache.daemon.poll() is not None:
            return Failure("daemon died", self.cache.log_text(), i)
        return None

    def play(self):
        for i, op in enumerate(self.scenario["ops"]):
            failure = self.step(i, op)
            if failure:
                return failure
        daemon = self.cache.daemon
        if daemon and daemon.poll() is not None:
            return Failure("daemon died", self.cache.log_text(), len(self.scenario["ops"]) - 1)
        return None


def play(scenario, where, program=None, counting=True, tally=None):
    """Plays it in the fresh folder `where`, which is removed afterwards. None, or the first Failure. `tally` (a Counter)
    gains what was done. A `program` other than hpcc has no daemon and no counters."""
    shutil.rmtree(where, ignore_errors=True)
    root = os.path.join(where, "w")
    os.makedirs(root)
    cache = Cache(where, daemon=program is None and not scenario.get("local"), program=program)
    try:
        with cache:
            player = Player(scenario, cache, os.path.realpath(root))
            player.counting = counting and program is None
            failure = player.play()
            if cache.daemon is None:
                cache.want_daemon = False
    except AssertionError as e:
        failure = Failure("daemon", str(e), len(scenario["ops"]) - 1)
    finally:
        if cache.daemon and cache.daemon.poll() is None:
            cache.daemon.send_signal(signal.SIGKILL)
            cache.daemon.wait()
        shutil.rmtree(where, ignore_errors=True)
    if tally is not None:
        tally.update(scenarios=1, compiles=player.compiles, hits=player.hits, **player.tally, operations=len(scenario["ops"]))
    return failure
