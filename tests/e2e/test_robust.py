"""Whatever of ours dies, lies, fills up or rots: the build goes on, and every object is right."""

import contextlib
import glob
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

import pytest

import hpcc
from compare import Check, same, wait_stored, write
from hpcc import PASSTHROUGH, SOAK, Cache, missing, poll, require_root, tmpfs

pytestmark = pytest.mark.skipif(PASSTHROUGH, reason="hpcc: a pass-through has neither daemon nor cache")

SEED = int(os.environ.get("HPCC_SEED", "20240607"))
UNITS = 12

# No answer of a daemon is waited for longer than this; the client's own deadline is 5 s.
SLOW_DAEMON_S = 15


class Units:
    """Sources with known objects: compile(i) says whether what came back is right."""

    def __init__(self, cache, root, count=UNITS, size=20):
        self.cache, self.root, self.count = cache, str(root), count
        write(os.path.join(self.root, "common.h"), "#define COMMON 7\n")
        for i in range(count):
            # About 1 KiB of code each, all different.
            body = "".join(f"int u{i}_{k}(int x) {{ return x * {k + i} + COMMON; }}\n" for k in range(size))
            write(os.path.join(self.root, f"u{i}.c"), f'#include "common.h"\n{body}')
        write(os.path.join(self.root, "warn.c"), "int f(void) { int unused; return 0; }\n")
        self.want = [self.read_plain(i) for i in range(count)]

    def read_plain(self, i):
        out = os.path.join(self.root, "plain.o")
        done = self.cache.run(["gcc", "-c", f"u{i}.c", "-o", out], self.root)
        assert done.rc == 0, done
        with open(out, "rb") as f:
            return f.read()

    def argv(self, i, out):
        return [self.cache.bin, "gcc", "-c", f"u{i}.c", "-o", out]

    def wrong(self, i, out):
        """None, or what is wrong with the object in `out`, which is removed."""
        out = os.path.join(self.root, out)
        try:
            with open(out, "rb") as f:
                data = f.read()
            os.unlink(out)
        except OSError as e:
            return f"unit {i}: {e}"
        return None if data == self.want[i] else f"unit {i}: {len(data)} wrong bytes instead of {len(self.want[i])}"

    def compile(self, i, out=None, env=None):
        out = out or f"o{i}-{threading.get_ident()}.o"
        got = self.cache.run(self.argv(i, out), self.root, env=env)
        assert got == (0, b"", b""), got
        wrong = self.wrong(i, out)
        assert wrong is None, wrong

    def compile_all(self):
        for i in range(self.count):
            self.compile(i)

    def fill(self):
        """Every unit compiled once and stored."""
        before = len(self.cache.entries())
        self.compile_all()
        poll("all entries are stored", 20, lambda: len(self.cache.entries()) >= before + self.count)

    def hits(self):
        before = self.cache.stats()
        self.compile_all()
        return self.cache.counted(before, self.count).get("hit", 0)


@pytest.fixture
def cache(tmp_path):
    with Cache(tmp_path) as c:
        yield c


@pytest.fixture
def units(cache, tmp_path):
    return Units(cache, os.path.join(tmp_path, "proj"))


def at_once(jobs, work):
    """Calls work(i) for each job in a thread of its own and raises the first failure."""
    failures = []

    def guarded(i):
        try:
            work(i)
        except BaseException as e:  # noqa: B902: pytest.fail is no Exception
            failures.append(e)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(jobs)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(300)
        assert not t.is_alive(), "a worker hangs"
    if failures:
        raise failures[0]


# ---- death


def test_killing_the_daemon_at_random_points_never_hurts_a_build(cache, units):
    rng = random.Random(SEED)
    stop = time.monotonic() + (240 if SOAK else 8)
    done = [0]

    def build(worker):
        pick = random.Random(SEED + worker)
        while time.monotonic() < stop:
            i = pick.randrange(units.count)
            if pick.random() < 0.2:
                # Something to store each time, so that death meets writers too.
                name = f"new{worker}_{done[0]}.c"
                write(os.path.join(units.root, name), f"int n{done[0]} = {worker};\n")
                got = cache.run([cache.bin, "gcc", "-c", name, "-o", name + ".o"], units.root)
                assert got == (0, b"", b""), got
            units.compile(i, f"w{worker}.o")
            done[0] += 1

    failures = []

    def run_and_keep(worker):
        try:
            build(worker)
        except BaseException as e:  # noqa: B902
            failures.append(e)

    builders = [threading.Thread(target=run_and_keep, args=(w,)) for w in range(4)]
    for t in builders:
        t.start()
    kills = 0
    while time.monotonic() < stop and not failures:
        time.sleep(rng.uniform(0.02, 0.4))
        cache.kill()
        kills += 1
        if rng.random() < 0.5:
            time.sleep(rng.uniform(0, 0.1))
        cache.start()
    for t in builders:
        t.join(120)
    if failures:
        raise failures[0]
    assert kills >= 5 and done[0] > 20
    units.compile_all()
    assert units.hits() == units.count, "after all that the cache is not usable"
    assert not leftovers(cache), "temporary files were left behind"


def leftovers(cache):
    """Files in the cache directory that are neither entries nor the databases: half-written ones."""
    cache.restart()
    known = re.compile(r"(index|ledger)\.sqlite(-wal|-shm)?$|/lock$|CACHEDIR\.TAG$|/identity/|/entry/[^/]+/[0-9a-f]{2}/[0-9a-f]{64}$")
    return [p for p in glob.glob(os.path.join(cache.dir, "**"), recursive=True) if os.path.isfile(p) and not known.search(p)]


def test_killing_clients_at_random_points_never_hurts_the_others(cache, units):
    """A client dies before, while and after its compiler runs; as a leader of a single flight as well."""
    rng = random.Random(SEED)
    for round_number in range(200 if SOAK else 25):
        name = f"shared{round_number}.c"
        write(os.path.join(units.root, name), f'#include "common.h"\nint shared{round_number} = COMMON;\n' +
              "".join(f"int s{k}(int x) {{ return x / {k + 1}; }}\n" for k in range(200)))
        want = cache.run(["gcc", "-c", name, "-o", "plain.o"], units.root)
        assert want.rc == 0
        with open(os.path.join(units.root, "plain.o"), "rb") as f:
            plain = f.read()
        clients = [cache.popen([cache.bin, "gcc", "-c", name, "-o", f"c{k}.o"], units.root, start_new_session=True) for k in range(4)]
        victim = clients[rng.randrange(2)]
        time.sleep(rng.uniform(0, 0.03))
        if rng.random() < 0.5:
            os.kill(victim.pid, signal.SIGKILL)
        else:
            # The whole group: its compiler too.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(victim.pid, signal.SIGKILL)
        for k, client in enumerate(clients):
            out, err = client.communicate(timeout=60)
            if client is victim:
                continue
            assert (client.returncode, out, err) == (0, b"", b""), f"round {round_number}"
            with open(os.path.join(units.root, f"c{k}.o"), "rb") as f:
                assert f.read() == plain, f"round {round_number}: client {k}"
        got = cache.run([cache.bin, "gcc", "-c", name, "-o", "again.o"], units.root)
        assert got == (0, b"", b"")
        with open(os.path.join(units.root, "again.o"), "rb") as f:
            assert f.read() == plain
    units.fill()
    assert units.hits() == units.count


def test_killing_local_clients_while_they_store_loses_at_most_their_entries(tmp_path):
    with Cache(tmp_path, daemon=False) as cache:
        units = Units(cache, os.path.join(tmp_path, "proj"))
        rng = random.Random(SEED)
        for i in range(300 if SOAK else 40):
            proc = cache.popen(units.argv(i % units.count, "k.o"), units.root, start_new_session=True)
            time.sleep(rng.uniform(0, 0.06))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(proc.pid, signal.SIGKILL)
            proc.communicate(timeout=60)
        units.compile_all()
        assert units.hits() == units.count


# ---- many at once


def test_two_hundred_clients_of_one_unit_run_the_compiler_once(cache, units):
    """Single-flight: one leads, the others wait for its entry."""
    before = cache.stats()
    clients = [cache.popen(units.argv(0, f"p{k}.o"), units.root) for k in range(200)]
    for k, client in enumerate(clients):
        out, err = client.communicate(timeout=120)
        assert (client.returncode, out, err) == (0, b"", b""), k
    assert [units.wrong(0, f"p{k}.o") for k in range(200)] == [None] * 200
    gained = cache.counted(before, 200)
    assert gained.get("miss") == 1 and gained.get("hit") == 199, gained


def test_two_hundred_clients_of_many_units_all_get_their_own_object(cache, units):
    for expected in ("any", "hit"):
        before = cache.stats()
        clients = [cache.popen(units.argv(k % units.count, f"p{k}.o"), units.root) for k in range(200)]
        for k, client in enumerate(clients):
            out, err = client.communicate(timeout=120)
            assert (client.returncode, out, err) == (0, b"", b""), k
        assert [units.wrong(k % units.count, f"p{k}.o") for k in range(200)] == [None] * 200
        if expected == "hit":
            assert cache.counted(before, 200) == {"hit": 200}


def test_forty_local_clients_share_one_store(tmp_path):
    with Cache(tmp_path, daemon=False) as cache:
        units = Units(cache, os.path.join(tmp_path, "proj"))
        clients = [cache.popen(units.argv(k % units.count, f"p{k}.o"), units.root) for k in range(40)]
        for k, client in enumerate(clients):
            out, err = client.communicate(timeout=120)
            assert (client.returncode, out, err) == (0, b"", b""), k
        assert [units.wrong(k % units.count, f"p{k}.o") for k in range(40)] == [None] * 40
        assert units.hits() == units.count


def test_a_failed_compile_is_not_served_to_those_who_wait(cache, units):
    write(os.path.join(units.root, "bad.c"), "int x = ;\n" + "int y(int z) { return z; }\n" * 1)
    plain = cache.run(["gcc", "-c", "bad.c", "-o", "bad.o"], units.root)
    clients = [cache.popen([cache.bin, "gcc", "-c", "bad.c", "-o", f"bad{k}.o"], units.root) for k in range(20)]
    for client in clients:
        out, err = client.communicate(timeout=120)
        assert (client.returncode, out, err) == tuple(plain)


def test_diagnostics_reach_everyone_who_waits(cache, units):
    plain = cache.run(["gcc", "-Wall", "-c", "warn.c", "-o", "w.o"], units.root)
    assert plain.err
    clients = [cache.popen([cache.bin, "gcc", "-Wall", "-c", "warn.c", "-o", f"w{k}.o"], units.root) for k in range(20)]
    for client in clients:
        out, err = client.communicate(timeout=120)
        assert (client.returncode, out, err) == tuple(plain)


# ---- full and read-only places


def fill_up(path, leave=0):
    """Writes until the file system is full, then gives `leave` bytes back."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    size = 0
    try:
        for step in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    size += os.write(fd, b"x" * step)
        os.ftruncate(fd, max(0, size - leave))
    finally:
        with contextlib.suppress(OSError):
            os.close(fd)


@pytest.mark.parametrize("by", ["daemon", "local"])
def test_a_full_cache_disk_costs_hits_and_nothing_else(tmp_path, by):
    # The service keeps away from directories with less than 16 MiB to spare.
    with tmpfs(os.path.join(tmp_path, "small"), "20m"):
        with Cache(tmp_path, daemon=by == "daemon", env={"HPCC_CACHE_DIR": os.path.join(tmp_path, "small", "hpcc")}) as cache:
            units = Units(cache, os.path.join(tmp_path, "proj"), count=20, size=200)
            units.compile_all()
            # To the last byte: not even a database page fits.
            fill_up(os.path.join(tmp_path, "small", "ballast"))
            units.compile_all()
            units.compile_all()
            os.unlink(os.path.join(tmp_path, "small", "ballast"))
            for path in cache.entries()[: len(cache.entries()) // 2]:
                os.unlink(path)
            units.compile_all()
            units.compile(0)
            before = cache.stats()
            units.compile(0)
            assert cache.counted(before).get("hit") == 1, "with room again the cache is not usable"


def test_a_cache_disk_without_inodes_costs_hits_and_nothing_else(tmp_path):
    with tmpfs(os.path.join(tmp_path, "small"), "20m", inodes=40):
        with Cache(tmp_path, env={"HPCC_CACHE_DIR": os.path.join(tmp_path, "small", "hpcc")}) as cache:
            units = Units(cache, os.path.join(tmp_path, "proj"), count=40)
            for _ in range(3):
                units.compile_all()


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("room", [0, 4096, 16384])
def test_a_full_output_disk_fails_as_it_does_plainly(cache, tmp_path, compiler, room):
    hpcc.require_program(compiler)
    with tmpfs(os.path.join(tmp_path, "out"), "128k") as out:
        check = Check(cache, os.path.join(tmp_path, "proj"))
        check.write("big.c", "char big[40000] = {1};\n")
        check.write("small.c", "int small;\n")
        target = os.path.join(out, "x.o")
        cold = cache.compile([compiler, "-c", "big.c", "-o", "elsewhere.o", "-MD"], check.root)
        assert cold.rc == 0

        for source in ("big.c", "small.c", "big.c"):
            seen = []
            for program in ([], [cache.bin]):
                fill_up(os.path.join(out, "ballast"), room)
                got = cache.run([*program, compiler, "-c", source, "-o", target, "-MD"], check.root)
                left = None
                if os.path.exists(target) and got.rc == 0:
                    with open(target, "rb") as f:
                        left = f.read()
                # Clang calls it a crash and prints addresses: its first line says it.
                err = got.err.split(b"\n")[0] if compiler == "clang" else re.sub(rb"/tmp/cc[^ :]*", b"/tmp/X", got.err)
                seen.append((got.rc, got.out, err, left))
                for name in os.listdir(out):
                    os.unlink(os.path.join(out, name))
            assert seen[0] == seen[1], source


READ_ONLY = '[[cache]]\ntype = "disk"\nread_only = true\n'


@pytest.mark.parametrize("by", ["daemon", "local"])
def test_a_read_only_cache_serves_and_never_changes(tmp_path, by):
    with Cache(tmp_path) as cache:
        units = Units(cache, os.path.join(tmp_path, "proj"))
        units.fill()
    before = tree(cache.dir)
    with Cache(tmp_path, daemon=by == "daemon", config=READ_ONLY) as cache:
        units.cache = cache
        units.compile_all()
        write(os.path.join(units.root, "new.c"), "int new;\n")
        for _ in range(2):
            assert cache.compile(["gcc", "-c", "new.c", "-o", "new.o"], units.root) == (0, b"", b"")
        if by == "daemon":
            # Without a file to keep them in, counters live with the daemon only; a new object is still not stored.
            assert len(cache.entries()) == UNITS
    assert tree(cache.dir) == before


def tree(path):
    """Everything in a cache directory but the place for files that live as long as a compile."""
    found = {}
    for name in glob.glob(os.path.join(path, "**"), recursive=True, include_hidden=True):
        if name.rstrip("/") in (path, os.path.join(path, "tmp")):
            continue
        st = os.lstat(name)
        data = b""
        if stat.S_ISREG(st.st_mode):
            with open(name, "rb") as f:
                data = f.read()
        found[name] = (st.st_mode, st.st_size, st.st_mtime_ns, data)
    return found


@pytest.mark.parametrize("by", ["daemon", "local"])
@pytest.mark.parametrize("config", [None, READ_ONLY], ids=["unaware", "configured"])
def test_a_cache_on_a_read_only_file_system_serves_or_steps_aside(tmp_path, by, config):
    place = os.path.join(tmp_path, "ro")
    with tmpfs(place, "30m"):
        with Cache(tmp_path, env={"HPCC_CACHE_DIR": os.path.join(place, "hpcc")}) as cache:
            units = Units(cache, os.path.join(tmp_path, "proj"))
            units.fill()
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        with Cache(tmp_path, daemon=by == "daemon", config=config, env={"HPCC_CACHE_DIR": os.path.join(place, "hpcc")}) as cache:
            units.cache = cache
            units.compile_all()
            # Hits, told by the stub that the compiler would be: without any compiler the objects still come.
            units.compile_all()
        subprocess.run(["mount", "-o", "remount,rw", place], check=True)


@pytest.mark.parametrize("by", ["daemon", "local"])
@pytest.mark.parametrize("what", ["a file in its place", "below a file", "/proc", "missing and unmakeable", "relative", "empty"])
def test_a_cache_directory_that_cannot_be_costs_hits_and_nothing_else(tmp_path, by, what):
    blocker = os.path.join(tmp_path, "blocker")
    write(blocker, "a file")
    place = {"a file in its place": blocker, "below a file": os.path.join(blocker, "x"), "/proc": "/proc/hpcc-test",
             "missing and unmakeable": "/sys/nothing/here", "relative": "some/dir", "empty": ""}[what]
    cache = Cache(tmp_path, daemon=False, env={"HPCC_CACHE_DIR": place})
    check = Check(cache, os.path.join(tmp_path, "proj"))
    check.write("x.c", "int f(void) { int unused; return 0; }\n")
    if by == "daemon":
        # It may refuse to start with a word why, or start without a store.
        with open(cache.daemon_log, "ab") as log:
            proc = subprocess.Popen([cache.bin, "start"], cwd=tmp_path, env=cache.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            poll("the daemon runs or ends", 20, lambda: proc.poll() is not None or cache.read_handshake())
            plain_and_cached(check)
        finally:
            proc.terminate()
            proc.wait(30)
    else:
        plain_and_cached(check)
    with open(blocker) as f:
        assert f.read() == "a file"


def plain_and_cached(check, **run):
    argv = ["gcc", "-Wall", "-c", "x.c", "-o", "x.o", "-MD"]
    plain = check.plain(argv, **run)
    assert plain.rc == 0
    for _ in range(2):
        same(plain, check.cached(argv, **run), "without a usable cache directory")


@pytest.mark.parametrize("env", [{"HOME": None, "XDG_RUNTIME_DIR": None, "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None},
                                 {"HOME": "/nonexistent", "XDG_RUNTIME_DIR": None, "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None},
                                 {"HOME": "", "XDG_RUNTIME_DIR": "", "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": ""},
                                 {"HOME": "relative", "XDG_RUNTIME_DIR": "run", "XDG_CACHE_HOME": "c", "XDG_CONFIG_HOME": "."},
                                 {"HOME": "/dev/null", "XDG_RUNTIME_DIR": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "XDG_CONFIG_HOME": "/dev/null"},
                                 {"PATH": None}],
                         ids=["no HOME", "HOME missing", "empty", "relative", "/dev/null", "no PATH"])
def test_without_a_home_the_compile_goes_on_in_silence(tmp_path, env):
    cache = Cache(tmp_path, daemon=False)
    check = Check(cache, os.path.join(tmp_path, "proj"))
    check.write("x.c", "int f(void) { int unused; return 0; }\n")
    argv = ["/usr/bin/gcc", "-Wall", "-c", "x.c", "-o", "x.o", "-MD"]
    plain = check.plain(argv, env=env)
    for _ in range(2):
        same(plain, check.cached(argv, env=env), "without a home")


def test_a_broken_configuration_never_breaks_a_compile(tmp_path):
    for text in ("nonsense = = =\n", "[[cache]]\ntype = 7\n", "\0\0\0", "[[cache]]\nmax_size = \"-1G\"\n"):
        cache = Cache(tmp_path, daemon=False, config=text)
        check = Check(cache, os.path.join(tmp_path, "proj"))
        check.write("x.c", "int x;\n")
        argv = ["gcc", "-c", "x.c", "-o", "x.o"]
        same(check.plain(argv), check.cached(argv), repr(text))
    cache.env["HPCC_CONFIG"] = "/nonexistent/hpcc.toml"
    same(check.plain(argv), check.cached(argv), "a configuration file that is missing")


def test_another_user_gets_a_cache_of_his_own(tmp_path):
    """As nobody: no permission to root's directories, none to make a home."""
    require_root()
    place = os.path.join("/tmp", f"hpcc-nobody-{os.getpid()}")
    os.mkdir(place, 0o755)
    try:
        root = os.path.join(place, "proj")
        os.mkdir(root, 0o777)
        os.chmod(root, 0o777)
        write(os.path.join(root, "x.c"), "int f(void) { int unused; return 0; }\n")
        # The tree under test may lie where nobody can look.
        shutil.copytree(os.path.join(os.path.dirname(hpcc.hpcc_bin()), ".."), os.path.join(place, "dist"), symlinks=True)
        cache = Cache(tmp_path, daemon=False, program=os.path.join(place, "dist", "bin", "hpcc"))
        cache.env["XDG_RUNTIME_DIR"] = cache.runtime  # root's, 0700
        argv = ["gcc", "-Wall", "-c", "x.c", "-o", "x.o"]
        plain = cache.run(argv, root, user=65534, group=65534, extra_groups=[])
        assert plain.rc == 0
        for _ in range(2):
            assert cache.run([cache.bin, *argv], root, user=65534, group=65534, extra_groups=[]) == plain
    finally:
        shutil.rmtree(place)


# ---- rotten entries


def damage(path, how, rng):
    with open(path, "rb") as f:
        data = bytearray(f.read())
    kind, _, where = how.partition(" ")
    at = {"0": 0, "1": 1, "64": 64, "127": 127, "128": 128, "half": len(data) // 2, "last": len(data) - 1, "": 0}.get(where, 0)
    if kind == "cut":
        data = data[:at]
    elif kind == "flip":
        at = rng.randrange(len(data)) if where == "random" else min(at, len(data) - 1)
        data[at] ^= 1 << rng.randrange(8)
    elif kind == "zero":
        data[at:at + 64] = bytes(len(data[at:at + 64]))
    elif kind == "append":
        data += b"more"
    elif kind == "huge":
        # Lengths in the header that promise far more than there is.
        data[8:64] = b"\xff" * 56
    elif kind == "empty":
        data = b""
    elif kind == "noise":
        data = rng.randbytes(len(data))
    os.unlink(path)
    if kind == "directory":
        os.mkdir(path)
    elif kind == "link":
        os.symlink("/dev/zero" if where == "zero" else "/nonexistent", path)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        with open(path, "wb") as f:
            f.write(data)


DAMAGES = ["cut 0", "cut 1", "cut 64", "cut 127", "cut 128", "cut half", "cut last", "flip 0", "flip 64", "flip 128", "flip half", "flip last",
           "flip random", "flip random 2", "zero half", "zero 0", "append", "huge", "empty", "noise", "directory", "link zero", "link gone", "fifo"]


@pytest.mark.parametrize("by", ["daemon", "local"])
@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_entry_is_a_miss_and_goes_away(tmp_path, by, how):
    rng = random.Random(SEED + DAMAGES.index(how))
    with Cache(tmp_path) as cache:
        units = Units(cache, os.path.join(tmp_path, "proj"), count=3)
        units.fill()
    bad = {}
    for path in cache.entries():
        damage(path, how, rng)
        bad[path] = content(path)
    with Cache(tmp_path, daemon=by == "daemon") as cache:
        units.cache = cache
        units.compile_all()
        if how == "directory":
            # No process of ours leaves one there, and none removes what it did not make.
            return
        poll("the units are stored anew", 10, lambda: all(content(p) != bad[p] for p in bad))
        assert units.hits() == units.count


def content(path):
    try:
        st = os.lstat(path)
        if not stat.S_ISREG(st.st_mode):
            return stat.S_IFMT(st.st_mode)
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


@pytest.mark.parametrize("by", ["daemon", "local"])
def test_swapped_entries_are_never_served_for_each_other(tmp_path, by):
    with Cache(tmp_path) as cache:
        units = Units(cache, os.path.join(tmp_path, "proj"), count=6)
        units.fill()
    paths = cache.entries()
    for a, b in zip(paths[::2], paths[1::2]):
        os.rename(a, a + ".tmp")
        os.rename(b, a)
        os.rename(a + ".tmp", b)
    with Cache(tmp_path, daemon=by == "daemon") as cache:
        units.cache = cache
        units.compile_all()
        units.compile_all()
        assert units.hits() == units.count


def test_an_entry_that_vanishes_under_a_running_daemon_is_made_again(cache, units):
    units.fill()
    for path in cache.entries():
        os.unlink(path)
    units.compile_all()
    units.compile_all()
    assert units.hits() == units.count


def test_a_cache_directory_that_vanishes_under_a_running_daemon_is_made_again(cache, units):
    units.fill()
    shutil.rmtree(cache.dir)
    units.compile_all()
    units.compile_all()
    units.compile_all()


@pytest.mark.parametrize("by", ["daemon", "local"])
@pytest.mark.parametrize("name", ["index.sqlite", "ledger.sqlite"])
@pytest.mark.parametrize("how", ["gone", "empty", "noise", "cut half", "zero half", "directory", "link zero", "text"])
def test_a_damaged_database_costs_no_object(tmp_path, by, name, how):
    with Cache(tmp_path) as cache:
        units = Units(cache, os.path.join(tmp_path, "proj"), count=3)
        units.fill()
    path = os.path.join(cache.dir, name)
    if not os.path.exists(path):
        pytest.fail(f"{name} is not where the tests know it")
    for side in ("-wal", "-shm"):
        if os.path.exists(path + side):
            os.unlink(path + side)
    if how == "gone":
        os.unlink(path)
    elif how == "text":
        write(path, "SQLite format 3 it is not\n" * 300)
    else:
        damage(path, how, random.Random(SEED))
    with Cache(tmp_path, daemon=by == "daemon") as cache:
        units.cache = cache
        units.compile_all()
        units.compile_all()
        if name == "index.sqlite" and how not in ("directory", "link zero"):
            # The index is rebuilt from the entries.
            assert units.hits() == units.count


# ---- a wrong daemon behind the handshake file


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def frame(kind, body):
    message = field(kind, body)
    return struct.pack(">I", len(message)) + message


HELLO, COMPILE, REPLY, REPORT, ACK, CONTROL = 1, 2, 3, 4, 5, 6
PROTOCOL = 2
TOKEN = "0123456789abcdef" * 4


class FakeDaemon:
    """Listens where the handshake file says; `behave(connection)` is what it does with each client."""

    def __init__(self, behave):
        self.behave = behave
        self.accepted = 0
        self.received = b""
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.open = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            self.open.append(connection)
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        with contextlib.suppress(OSError):
            self.behave(self, connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        for connection in self.open:
            connection.close()


def read_request(self, connection):
    self.received += connection.recv(65536)


def silent(self, connection):
    read_request(self, connection)
    time.sleep(60)


def closes(self, connection):
    connection.close()


def reads_and_closes(self, connection):
    read_request(self, connection)
    connection.close()


def resets(self, connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def garbage(self, connection):
    read_request(self, connection)
    connection.sendall(random.Random(SEED).randbytes(5000))
    time.sleep(60)


def http(self, connection):
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    time.sleep(60)


def huge_length(self, connection):
    read_request(self, connection)
    connection.sendall(b"\xff\xff\xff\xff" + b"x" * 100_000)
    time.sleep(60)


def long_frame_never_ends(self, connection):
    read_request(self, connection)
    connection.sendall(struct.pack(">I", 15 << 20))
    while True:
        connection.sendall(b"\0" * 10)
        time.sleep(0.2)


def drips(self, connection):
    read_request(self, connection)
    for byte in frame(REPLY, field(1, 1)):
        connection.sendall(bytes([byte]))
        time.sleep(2)


def claims_a_hit(self, connection):
    """No object was written; without the proof from the handshake file nobody need believe it."""
    read_request(self, connection)
    connection.sendall(frame(REPLY, field(1, 1) + field(2, b"forged stdout") + field(3, b"forged stderr")))
    time.sleep(60)


def says_run_this(self, connection):
    read_request(self, connection)
    connection.sendall(frame(REPLY, field(1, 2) + field(4, b"-c") + field(4, b"evil.c") + field(4, b"-o") + field(4, b"x.o")))
    time.sleep(60)


def says_wait(self, connection):
    read_request(self, connection)
    connection.sendall(frame(REPLY, field(1, 4)))
    time.sleep(60)


def empty_reply(self, connection):
    read_request(self, connection)
    connection.sendall(struct.pack(">I", 0))
    time.sleep(60)


def another_kind(self, connection):
    read_request(self, connection)
    connection.sendall(frame(ACK, b"") + frame(CONTROL, field(1, 2)))
    time.sleep(60)


BEHAVIOURS = [silent, closes, reads_and_closes, resets, garbage, http, huge_length, long_frame_never_ends, drips, claims_a_hit, says_run_this,
              says_wait, empty_reply, another_kind]


def handshake_text(port, pid=None, protocol=PROTOCOL, token=TOKEN, proof=TOKEN[::-1]):
    return json.dumps({"port": port, "pid": pid or os.getpid(), "protocol": protocol, "token": token, "proof": proof}) + "\n"


def place_handshake(cache, text, mode=0o600):
    os.makedirs(os.path.dirname(cache.handshake), mode=0o700, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(cache.handshake)
    with open(os.open(cache.handshake, os.O_WRONLY | os.O_CREAT, mode), "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    os.chmod(cache.handshake, mode)


@pytest.fixture
def lone(tmp_path):
    """A check whose cache has no daemon of ours."""
    check = Check(Cache(tmp_path, daemon=False), os.path.join(tmp_path, "proj"))
    check.write("x.c", "int f(void) { int unused; return 0; }\n")
    check.write("evil.c", "int evil;\n")
    return check


def compiles_as_plain(check, bound_s=SLOW_DAEMON_S):
    argv = ["gcc", "-Wall", "-c", "x.c", "-o", "x.o", "-MD"]
    plain = check.plain(argv)
    start = time.monotonic()
    same(plain, check.cached(argv), "with a wrong daemon")
    assert time.monotonic() - start < bound_s


@pytest.mark.parametrize("behave", BEHAVIOURS, ids=lambda f: f.__name__.replace("_", " "))
def test_a_daemon_that_answers_wrongly_costs_time_and_not_the_build(lone, behave):
    with FakeDaemon(behave) as fake:
        place_handshake(lone.cache, handshake_text(fake.port))
        compiles_as_plain(lone)
        assert fake.accepted >= 1, "the case is wrong: the fake daemon was never asked"


@pytest.mark.parametrize("protocol", [0, 1, 999, 4294967295])
def test_a_daemon_of_another_protocol_is_not_asked_to_compile(lone, protocol):
    with FakeDaemon(claims_a_hit) as fake:
        place_handshake(lone.cache, handshake_text(fake.port, protocol=protocol))
        compiles_as_plain(lone)
        assert b"x.c" not in fake.received


def test_nobody_listens_at_the_port(lone):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    place_handshake(lone.cache, handshake_text(port))
    compiles_as_plain(lone, 5)


def test_a_port_that_accepts_nothing_is_given_up(lone):
    """A full backlog: connect() itself hangs."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(0)
        fillers = []
        for _ in range(8):
            c = socket.socket()
            c.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                c.connect(s.getsockname())
            fillers.append(c)
        place_handshake(lone.cache, handshake_text(s.getsockname()[1]))
        compiles_as_plain(lone)
        for c in fillers:
            c.close()


def test_a_dead_daemons_file_is_noticed_at_once(lone):
    dead = subprocess.Popen(["/bin/true"])
    dead.wait()
    with FakeDaemon(silent) as fake:
        place_handshake(lone.cache, handshake_text(fake.port, pid=dead.pid))
        compiles_as_plain(lone, 5)
        assert fake.accepted == 0


def test_after_kill_9_of_the_daemon_the_next_compile_is_not_slow(cache, units):
    units.fill()
    cache.kill()
    start = time.monotonic()
    units.compile_all()
    assert time.monotonic() - start < 10
    cache.start()
    assert units.hits() == units.count


GARBAGE_FILES = {
    "empty": b"", "nothing but braces": b"{}", "not JSON": b"hello\n", "NUL bytes": b"\0" * 200, "huge": b"{" + b" " * (8 << 20),
    "deep": b"[" * 100_000, "port 0": handshake_text(0).encode(), "port 70000": handshake_text(70000).encode(),
    "port -1": handshake_text(-1).encode(), "pid 0": b'{"port": 1, "pid": 0, "protocol": 1, "token": "00", "proof": "00"}',
    "pid -1": handshake_text(1, pid=-1).encode(), "pid 1": handshake_text(1, pid=1).encode(),
    "huge numbers": b'{"port": 99999999999999999999, "pid": 99999999999999999999, "protocol": 1, "token": "", "proof": ""}',
    "long token": handshake_text(1, token="a" * 3000).encode(), "short token": handshake_text(1, token="a").encode(),
    "token with a NUL": handshake_text(1, token="a\0b").encode(), "cut": handshake_text(4000).encode()[:40],
    "strings for numbers": b'{"port": "80", "pid": "1", "protocol": "1", "token": 5}', "invalid UTF-8": b'{"port": 1, "\xff\xfe": 2}',
}


@pytest.mark.parametrize("what", GARBAGE_FILES)
def test_a_handshake_file_of_garbage_is_as_good_as_none(lone, what):
    place_handshake(lone.cache, GARBAGE_FILES[what])
    compiles_as_plain(lone, 5)


@pytest.mark.parametrize("what", ["directory", "fifo", "link to a device", "dangling link", "link to itself", "socket", "device"])
def test_a_handshake_file_that_is_no_file_is_as_good_as_none(lone, what):
    place_handshake(lone.cache, "x")
    path = lone.cache.handshake
    os.unlink(path)
    if what == "directory":
        os.mkdir(path)
    elif what == "fifo":
        os.mkfifo(path, 0o600)
    elif what == "socket":
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
            os.chdir(os.path.dirname(path))  # the path may be too long for a socket
            try:
                s.bind("daemon.json")
            finally:
                os.chdir("/")
    elif what == "device":
        require_root()
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    else:
        os.symlink({"link to a device": "/dev/zero", "dangling link": "/nonexistent", "link to itself": "daemon.json"}[what], path)
    compiles_as_plain(lone, 5)


@pytest.mark.parametrize("what", ["link to a good file", "readable by others", "writable by others", "writable by the group", "of another owner"])
def test_a_handshake_file_that_others_could_have_made_is_not_believed(lone, tmp_path, what):
    """Whoever controls the daemon that we talk to chooses what we run."""
    with FakeDaemon(says_run_this) as fake:
        mode = {"readable by others": 0o644, "writable by others": 0o666, "writable by the group": 0o660}.get(what, 0o600)
        place_handshake(lone.cache, handshake_text(fake.port), mode)
        if what == "link to a good file":
            real = os.path.join(tmp_path, "real.json")
            os.rename(lone.cache.handshake, real)
            os.symlink(real, lone.cache.handshake)
        elif what == "of another owner":
            require_root()
            os.chown(lone.cache.handshake, 12345, 12345)
        compiles_as_plain(lone, 5)
        assert fake.received == b"", "the client talked to it"


def test_the_handshake_file_is_private_and_goes_with_the_daemon(tmp_path):
    cache = Cache(tmp_path, daemon=False)
    old = os.umask(0)
    try:
        cache.start()
    finally:
        os.umask(old)
    st = os.stat(cache.handshake)
    assert stat.S_IMODE(st.st_mode) == 0o600 and st.st_uid == os.geteuid()
    assert stat.S_IMODE(os.stat(os.path.dirname(cache.handshake)).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(cache.dir).st_mode) == 0o700
    cache.stop()
    assert not os.path.exists(cache.handshake)


@pytest.mark.parametrize("runtime, config, home", [(False, True, True), (False, False, True)])
def test_without_a_runtime_directory_the_handshake_file_is_in_the_configuration_directory(tmp_path, runtime, config, home):
    cache = Cache(tmp_path, daemon=False)
    del cache.env["XDG_RUNTIME_DIR"]
    expected = os.path.join(cache.xdg_config, "hpcc", "daemon.json")
    if not config:
        del cache.env["XDG_CONFIG_HOME"]
        expected = os.path.join(cache.home, ".config", "hpcc", "daemon.json")
    proc = subprocess.Popen([cache.bin, "start"], env=cache.env, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        poll("the handshake file is there", 20, lambda: os.path.exists(expected))
        Units(cache, os.path.join(tmp_path, "proj"), count=1).compile_all()
    finally:
        proc.terminate()
        assert proc.wait(30) == 0


# ---- wrong clients at the daemon's port


def connect(cache):
    shake = cache.read_handshake()
    return socket.create_connection(("127.0.0.1", shake["port"]), timeout=30), shake


def hello(shake, **changes):
    values = {"protocol": shake["protocol"], "token": shake["token"], **changes}
    return frame(HELLO, field(1, values["protocol"]) + field(2, values["token"].encode()))


def parse(message):
    """{field number: [values]} of one level of a protobuf message."""
    fields = {}
    at = 0

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = take()
        value = take()
        if key & 7 == 2:
            value, at = message[at:at + value], at + value
        fields.setdefault(key >> 3, []).append(value)
    return fields


@pytest.fixture(scope="module")
def real_request(tmp_path_factory):
    """The fields of a Compile message as a real client sends them: where it says it runs is the client's to know."""
    place = tmp_path_factory.mktemp("request")
    write(os.path.join(place, "x.c"), "int x;\n")
    cache = Cache(place, daemon=False)
    with FakeDaemon(reads_and_closes) as fake:
        place_handshake(cache, handshake_text(fake.port))
        cache.compile(["gcc", "-c", "x.c", "-o", "x.o"], place)
        data = fake.received
    skip = 4 + struct.unpack(">I", data[:4])[0]
    return parse(parse(data[skip + 4:])[COMPILE][0])


@pytest.fixture
def body_of(real_request, units):
    """A Compile message for unit 0."""
    values = {**real_request, 1: [b"/usr/bin/gcc"], 2: [b"gcc"], 3: [b"-c", b"u0.c", b"-o", b"frame.o"], 4: [os.fsencode(os.path.realpath(units.root))]}
    return b"".join(field(number, v) for number, list_ in sorted(values.items()) for v in list_)


def ends(connection, within_s):
    """Reads until the other side closes; returns what came."""
    connection.settimeout(within_s)
    got = b""
    try:
        while True:
            data = connection.recv(65536)
            if not data:
                return got
            got += data
    except ConnectionResetError:
        return got
    except socket.timeout:
        pytest.fail(f"still open after {within_s} s")


def test_the_harness_speaks_the_protocol(cache, units, body_of):
    """Else the hostile frames below would be refused for the wrong reason."""
    connection, shake = connect(cache)
    with connection:
        connection.sendall(hello(shake) + frame(COMPILE, body_of))
        size = struct.unpack(">I", connection.recv(4, socket.MSG_WAITALL))[0]
        reply = connection.recv(size, socket.MSG_WAITALL)
    assert field(1, 2) in reply and b"u0.c" in reply and shake["proof"].encode() in reply


WRONG_TOKENS = ["", "0" * 64, "f" * 64, "short", "x" * 10_000]


@pytest.mark.parametrize("token", WRONG_TOKENS, ids=lambda t: f"{len(t)} of {t[:1]!r}")
def test_a_wrong_token_is_closed_without_an_answer(cache, units, token, body_of):
    connection, shake = connect(cache)
    with connection:
        connection.sendall(hello(shake, token=token) + frame(COMPILE, body_of))
        got = ends(connection, 15)
    assert shake["proof"].encode() not in got and b"u0.c" not in got
    units.compile_all()


def test_a_token_with_one_wrong_character_or_a_prefix_is_wrong(cache, units, body_of):
    shake = cache.read_handshake()
    token = shake["token"]
    for wrong in (token[:-1], token + "0", token[:-1] + ("0" if token[-1] != "0" else "1"), token.upper() if token.upper() != token else token[1:]):
        connection, _ = connect(cache)
        with connection:
            connection.sendall(hello(shake, token=wrong) + frame(COMPILE, body_of))
            assert shake["proof"].encode() not in ends(connection, 15)


CONNECTIONS_MAX = 2048  # HP_DAEMON_CONNECTIONS_MAX


def test_a_client_past_the_limit_of_connections_does_without_the_daemon(cache, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard > CONNECTIONS_MAX + 1000, "the limit of descriptors is too low for this test"
    (tmp_path / "x.c").write_text("int x;\n")
    said = tmp_path / "said"

    def decision(number):
        done = cache.compile(["gcc", f"-DN={number}", "-c", "x.c", "-o", "x.o"], tmp_path, env={"HPCC_DEBUG": str(said)})
        assert done.rc == 0 and (tmp_path / "x.o").exists()
        return re.findall("decision=(.*)", said.read_text())[-1]

    with contextlib.ExitStack() as held:
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, CONNECTIONS_MAX + 1000), hard))

        def hold(count):
            for _ in range(count):
                quiet = held.enter_context(socket.socket(socket.AF_UNIX))
                quiet.settimeout(30)
                quiet.connect(os.path.join(os.path.dirname(cache.handshake), "daemon.sock"))

        hold(CONNECTIONS_MAX - 1)
        assert decision(1).startswith("ran ")
        hold(1)
        assert poll("the daemon refuses", 20, lambda: [d for d in [decision(2)] if d.startswith("local ")])
    assert poll("the daemon serves again", 20, lambda: [d for d in [decision(3)] if not d.startswith("local ")])
    assert cache.stats()["error.too-many-connections"] >= 1


def hostile_frames(shake, body, rng):
    good = hello(shake)
    yield "another protocol", hello(shake, protocol=99) + frame(COMPILE, body)
    yield "no hello", frame(COMPILE, body)
    yield "hello twice", good + good
    yield "length 0", b"\0\0\0\0"
    yield "length 0 after hello", good + b"\0\0\0\0"
    yield "huge length", b"\xff\xff\xff\xff" + b"x" * 1000
    yield "huge length after hello", good + b"\xff\xff\xff\xff" + b"x" * 1000
    yield "16 MiB of zeros", good + struct.pack(">I", 16 << 20) + bytes(16 << 20)
    yield "noise", rng.randbytes(4000)
    yield "noise after hello", good + struct.pack(">I", 4000) + rng.randbytes(4000)
    yield "an HTTP request", b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    yield "a reply", good + frame(REPLY, field(1, 1))
    yield "a report without a compile", good + frame(REPORT, field(1, 0))
    yield "an unknown message", good + frame(63, b"x" * 100)
    yield "two members", good + struct.pack(">I", 10) + field(2, b"") + field(6, field(1, 2)) + b"\0" * 10
    yield "an overlong varint", good + struct.pack(">I", 13) + b"\x12\x0b" + b"\xff" * 11
    yield "no fields", good + frame(COMPILE, b"")
    yield "a relative compiler", good + frame(COMPILE, body.replace(b"/usr/bin/gcc", b"usr//bin/gcc"))
    yield "a compiler with a NUL", good + frame(COMPILE, body.replace(b"/usr/bin/gcc", b"/usr/bin/\0cc"))
    yield "a cwd that is missing", good + frame(COMPILE, field(1, b"/usr/bin/gcc") + field(4, b"/nonexistent"))
    yield "too many arguments", good + frame(COMPILE, body + field(3, b"") * 70_000)
    yield "a giant argument", good + frame(COMPILE, body + field(3, b"-D" + b"x" * (4 << 20)))
    yield "a path that is too long", good + frame(COMPILE, field(1, b"/" + b"a" * 100_000) + field(4, b"/"))
    yield "a control request of an unknown kind", good + frame(CONTROL, field(1, 77))


def test_hostile_frames_never_stop_the_daemon(cache, units, body_of):
    units.fill()
    pid = cache.daemon.pid
    rng = random.Random(SEED)
    shake = cache.read_handshake()
    for name, data in hostile_frames(shake, body_of, rng):
        connection, _ = connect(cache)
        with connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            ends(connection, 30)
        assert cache.daemon.poll() is None, f"{name}: the daemon ended: {cache.log_text()}"
    for _ in range(400 if SOAK else 60):
        # A good conversation with some bits turned.
        data = bytearray(hello(shake) + frame(COMPILE, body_of))
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        connection, _ = connect(cache)
        with connection:
            with contextlib.suppress(OSError):
                connection.sendall(data[: rng.randrange(len(data)) if rng.random() < 0.3 else len(data)])
                connection.shutdown(socket.SHUT_WR)
            ends(connection, 30)
    assert cache.daemon.poll() is None and cache.daemon.pid == pid
    assert units.hits() == units.count
    assert shake["token"] not in cache.log_text(), "the token is in the log"


def test_a_hundred_slow_peers_do_not_keep_real_clients_waiting(cache, units, body_of):
    """Half say nothing, half send a byte now and then; a real client still gets its hits at once."""
    units.fill()
    shake = cache.read_handshake()
    good = hello(shake) + frame(COMPILE, body_of)
    slow = []
    stop = threading.Event()

    def drip():
        sent = 0
        while not stop.wait(0.2):
            for k, connection in enumerate(slow):
                if k % 2:
                    with contextlib.suppress(OSError):
                        connection.sendall(good[sent:sent + 1])
            sent += 1

    for _ in range(100):
        connection, _ = connect(cache)
        slow.append(connection)
    thread = threading.Thread(target=drip)
    thread.start()
    try:
        start = time.monotonic()
        before = cache.stats()
        for _ in range(3):
            units.compile_all()
        took = time.monotonic() - start
        assert cache.counted(before, 3 * units.count) == {"hit": 3 * units.count}
        assert took < 3, f"{took:.1f} s for {3 * units.count} hits"
    finally:
        stop.set()
        thread.join()
    for connection in slow:
        if SOAK:
            # None of them stays for ever; the daemon's deadlines are tens of seconds.
            ends(connection, 60)
        connection.close()


def test_a_flood_of_connections_never_stops_real_clients(cache, units):
    units.fill()
    flood = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        for _ in range(2500):
            connection, _ = connect(cache)
            flood.append(connection)
    except OSError:
        pass  # refused: also an answer
    try:
        units.compile_all()
        assert cache.daemon.poll() is None
    finally:
        for connection in flood:
            connection.close()
    poll("hits are back", 40, lambda: units.hits() == units.count, 0.2)


def test_a_client_that_vanishes_after_run_does_not_block_the_unit(cache, units, body_of):
    connection, shake = connect(cache)
    connection.sendall(hello(shake) + frame(COMPILE, body_of))
    assert connection.recv(4, socket.MSG_WAITALL)
    waiting = cache.popen(units.argv(0, "after.o"), units.root)
    connection.close()
    out, err = waiting.communicate(timeout=30)
    assert (waiting.returncode, out, err) == (0, b"", b"")
    assert units.wrong(0, "after.o") is None


def test_a_client_that_lies_in_its_report_cannot_poison_the_unit(cache, units, body_of):
    """It may only speak of what it compiled itself: an object that no compiler made is for its own user, who holds the token
    and could write into the cache directory anyway. What it must not do is stop the daemon."""
    for report in (field(1, 0) + field(2, b"x" * 1000), field(1, 0xFFFFFFFF), field(1, 9), b"", field(4, 1)):
        connection, shake = connect(cache)
        with connection:
            connection.sendall(hello(shake) + frame(COMPILE, body_of))
            size = struct.unpack(">I", connection.recv(4, socket.MSG_WAITALL))[0]
            connection.recv(size, socket.MSG_WAITALL)
            connection.sendall(frame(REPORT, report))
            ends(connection, 30)
        assert cache.daemon.poll() is None
    units.compile_all()


# ---- two daemons, and the end of one


def test_a_second_daemon_refuses_and_names_the_first(cache):
    second = cache.run([cache.bin, "start"], "/", timeout_s=20)
    assert second.rc == 1 and str(cache.daemon.pid).encode() in second.err, second
    assert cache.daemon.poll() is None and cache.read_handshake()["pid"] == cache.daemon.pid


def test_ten_daemons_at_once_leave_exactly_one(tmp_path):
    cache = Cache(tmp_path, daemon=False)
    daemons = [cache.popen([cache.bin, "start"], "/") for _ in range(10)]
    try:
        poll("nine have given up", 30, lambda: sum(d.poll() is not None for d in daemons) == 9)
        winner = next(d for d in daemons if d.poll() is None)
        poll("the winner is in the file", 10, lambda: (cache.read_handshake() or {}).get("pid") == winner.pid)
        Units(cache, os.path.join(tmp_path, "proj"), count=2).compile_all()
    finally:
        for d in daemons:
            if d.poll() is None:
                d.terminate()
            d.communicate(timeout=30)


def test_a_daemon_starts_where_a_killed_one_left_its_file(cache, units):
    units.fill()
    for _ in range(5):
        cache.kill()
        cache.start()
        assert units.hits() == units.count


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_that_is_told_to_stop_lets_running_compiles_finish(cache, tmp_path, number):
    check = Check(cache, os.path.join(tmp_path, "proj"))
    check.write("slow.c", "".join(f"int f{i}(int a, int *b) {{ int s = 0; for (int i = 0; i < a; i++) {{ s += b[i] * {i}; "
                                  f"if (s > {i}) b[i] ^= s; else s -= b[s & 7]; }} return s; }}\n" for i in range(250)))
    argv = ["gcc", "-O2", "-c", "slow.c", "-o", "slow.o", "-MD"]
    plain = check.plain(argv)
    client = cache.popen([cache.bin, *argv], check.root)
    poll("the compiler runs", 20, lambda: os.path.exists(f"/proc/{client.pid}/task/{client.pid}/children") and
         open(f"/proc/{client.pid}/task/{client.pid}/children").read().strip(), 0.002)
    daemon, cache.daemon = cache.daemon, None
    daemon.send_signal(number)
    out, err = client.communicate(timeout=60)
    assert (client.returncode, out, err) == (0, b"", b"")
    assert daemon.wait(70) == 0
    with open(os.path.join(check.root, "slow.o"), "rb") as f:
        assert f.read() == plain.tree[b"slow.o"].data
    with open(os.path.join(check.root, "slow.d"), "rb") as f:
        assert f.read() == plain.tree[b"slow.d"].data
    cache.start()
    before = cache.stats()
    assert cache.compile(argv, check.root) == (0, b"", b"")
    assert cache.counted(before).get("hit") == 1, "what finished was not kept"


def test_with_the_daemon_down_local_hits_in_the_same_store(cache, units):
    units.fill()
    cache.stop()
    assert units.hits() == units.count
    cache.start()
    assert units.hits() == units.count


def test_a_stopped_daemon_is_given_up_after_a_while(cache, units):
    """SIGSTOP: the port accepts, nobody answers."""
    units.fill()
    cache.daemon.send_signal(signal.SIGSTOP)
    try:
        start = time.monotonic()
        units.compile(0)
        assert time.monotonic() - start < SLOW_DAEMON_S
    finally:
        cache.daemon.send_signal(signal.SIGCONT)
    units.compile_all()


def test_few_descriptors_or_little_memory_never_break_a_compile(cache, units):
    units.fill()
    for limit, value in ((resource.RLIMIT_NOFILE, 16), (resource.RLIMIT_NOFILE, 8)):
        def lower():
            resource.setrlimit(limit, (value, value))

        for i in (0, 1):
            plain = cache.run(["gcc", "-c", f"u{i}.c", "-o", "few.o"], units.root, preexec_fn=lower)
            assert cache.run(units.argv(i, "few.o"), units.root, preexec_fn=lower) == plain
        with cache.without_daemon():
            assert cache.run(units.argv(0, "few.o"), units.root, preexec_fn=lower) == plain


def test_a_daemon_with_few_descriptors_lives_through_a_rush(tmp_path):
    cache = Cache(tmp_path, daemon=False)
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, old[1]))
    try:
        cache.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, old)
    with cache:
        cache.want_daemon = False
        units = Units(cache, os.path.join(tmp_path, "proj"))
        at_once(30, lambda k: units.compile(k % units.count, f"r{k}.o"))
        poll("hits", 30, lambda: units.hits() == units.count, 0.2)


def test_the_libexec_programs_missing_means_the_plain_compiler(tmp_path):
    """A half-removed installation must not stop a build."""
    cache = Cache(tmp_path, daemon=False)
    lonely = os.path.join(tmp_path, "lonely", "hpcc")
    os.makedirs(os.path.dirname(lonely))
    shutil.copy(hpcc.hpcc_bin(), lonely)
    cache.bin = lonely
    check = Check(cache, os.path.join(tmp_path, "proj"))
    check.write("x.c", "int f(void) { int unused; return 0; }\n")
    argv = ["gcc", "-Wall", "-c", "x.c", "-o", "x.o"]
    same(check.plain(argv), check.cached(argv), "without libexec")
