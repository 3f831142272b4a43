"""Run hpcc in a world of its own: private HOME, XDG directories, cache and daemon.

Shared by tests/equivalence and tests/e2e. Standard library only.

    with Cache(tmp_path) as cache:             # starts a daemon, stops it at the end
        cache.run([cache.bin, "gcc", "-c", "x.c"], cwd=tmp_path)
        assert cache.stats()["miss"] == 1

Environment of the test run:
    HPCC_BIN      the program under test (default: build/dist/bin/hpcc of this tree)
    HPCC_REQUIRE  comma-separated names ("root,clang,tmpfs"): what is missing of these fails instead of skipping
    HPCC_SOAK     1: the long loops run for minutes instead of seconds
    HPCC_PASSTHROUGH  1: HPCC_BIN only runs its arguments (exec "$@"); nothing is expected of daemon, counters or entries.
                  For work on the tests themselves: whatever fails then is a wrong case
"""

import collections
import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PASSTHROUGH = os.environ.get("HPCC_PASSTHROUGH") == "1"
SOAK = os.environ.get("HPCC_SOAK") == "1"

# Every wait in the tests has a bound; these are far above what a healthy machine needs.
RUN_TIMEOUT_S = 120
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 30
SETTLE_TIMEOUT_S = 10

Result = collections.namedtuple("Result", "rc out err")


def hpcc_bin():
    return os.environ.get("HPCC_BIN") or os.path.join(ROOT, "build", "dist", "bin", "hpcc")


def missing(name, why):
    """What the machine lacks skips at home and fails where HPCC_REQUIRE names it."""
    if name in os.environ.get("HPCC_REQUIRE", "").split(","):
        pytest.fail(f"HPCC_REQUIRE names {name}: {why}")
    pytest.skip(f"{name}: {why}")


def require_program(name):
    if shutil.which(name) is None:
        missing(name.split("/")[-1], "not installed")


def require_root():
    if os.geteuid() != 0:
        missing("root", "this test needs root")


@contextlib.contextmanager
def tmpfs(path, size, inodes=0):
    """A file system of its own, small enough to fill."""
    require_root()
    os.makedirs(path, exist_ok=True)
    options = f"size={size},mode=0755" + (f",nr_inodes={inodes}" if inodes else "")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], capture_output=True)
    if done.returncode != 0:
        missing("tmpfs", done.stderr.decode(errors="replace").strip())
    try:
        yield path
    finally:
        # Something may still close its last file; a lazy detach never leaves the mount behind.
        subprocess.run(["umount", "-l", str(path)], check=True)


def poll(what, timeout_s, condition, step_s=0.01):
    """Returns the condition's first true value; fails after timeout_s. Never a bare sleep in a test."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout_s} s: {what}")
        time.sleep(step_s)


class Cache:
    def __init__(self, tmp_path, daemon=True, config=None, env=None, program=None):
        self.bin = str(program or hpcc_bin())
        if not os.access(self.bin, os.X_OK):
            missing("hpcc", f"{self.bin} is not there: run make first")
        self.root = os.path.join(str(tmp_path), "hpcc-world")
        self.home = os.path.join(self.root, "home")
        self.runtime = os.path.join(self.root, "run")
        self.xdg_cache = os.path.join(self.root, "cache")
        self.xdg_config = os.path.join(self.root, "config")
        for path in (self.home, self.runtime, self.xdg_cache, self.xdg_config):
            os.makedirs(path, mode=0o700, exist_ok=True)
        self.want_daemon = daemon
        self.runs = 0  # of the program under test, but for questions
        self._known = (-1, None)
        self.daemon = None
        self.daemon_log = os.path.join(self.root, "daemon.log")
        self.env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": self.home,
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": self.runtime,
            "XDG_CACHE_HOME": self.xdg_cache,
            "XDG_CONFIG_HOME": self.xdg_config,
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.env.update(env or {})
        if config is not None:
            self.configure(config)

    # ---- life

    def __enter__(self):
        if self.want_daemon:
            self.start()
        return self

    def __exit__(self, kind, value, trace):
        # A failing test keeps its own message: complaints about the daemon come only after a passed one.
        self.stop(check=kind is None)

    def configure(self, toml):
        path = os.path.join(self.root, "hpcc.toml")
        with open(path, "w") as f:
            f.write(toml)
        self.env["HPCC_CONFIG"] = path

    @property
    def handshake(self):
        return os.path.join(self.runtime, "hpcc", "daemon.json")

    @property
    def dir(self):
        return self.env.get("HPCC_CACHE_DIR") or os.path.join(self.xdg_cache, "hpcc")

    def read_handshake(self):
        try:
            with open(self.handshake) as f:
                return json.load(f)
        except (OSError, ValueError):
            return None

    def start(self, extra=(), env=None):
        assert self.daemon is None
        if PASSTHROUGH:
            return self
        with open(self.daemon_log, "ab") as log:
            self.daemon = subprocess.Popen([self.bin, "start", *extra], cwd="/", env={**self.env, **(env or {})},
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        def ready():
            if self.daemon.poll() is not None:
                pytest.fail(f"the daemon ended with {self.daemon.returncode}: {self.log_text()}")
            shake = self.read_handshake()
            # `start` execs the program in libexec, so the PID stays; a file of an earlier daemon does not count.
            return shake and shake.get("pid") == self.daemon.pid

        poll("the daemon writes its handshake file", START_TIMEOUT_S, ready, 0.002)
        return self

    def stop(self, check=True):
        """SIGTERM, and an exit code of 0 within the bound."""
        daemon, self.daemon = self.daemon, None
        if daemon is None:
            return
        if daemon.poll() is None:
            daemon.send_signal(signal.SIGTERM)
        try:
            rc = daemon.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
            rc = "no exit after SIGTERM"
        if check:
            assert rc == 0, f"the daemon ended with {rc}: {self.log_text()}"

    def kill(self):
        """SIGKILL: nothing gets written, nothing gets cleaned up."""
        daemon, self.daemon = self.daemon, None
        daemon.kill()
        daemon.wait()

    def restart(self):
        self.stop()
        self.start()

    def log_text(self):
        try:
            with open(self.daemon_log, "rb") as f:
                return f.read()[-8000:].decode(errors="replace")
        except OSError:
            return "(no log)"

    @contextlib.contextmanager
    def without_daemon(self):
        """Within: clients find no handshake file, so hpcc-local serves them from the same store. The daemon lives on."""
        empty = os.path.join(self.root, "no-run")
        os.makedirs(empty, mode=0o700, exist_ok=True)
        old = self.env["XDG_RUNTIME_DIR"]
        self.env["XDG_RUNTIME_DIR"] = empty
        try:
            yield
        finally:
            self.env["XDG_RUNTIME_DIR"] = old

    # ---- running

    def run(self, argv, cwd, env=None, stdin=None, umask=-1, timeout_s=RUN_TIMEOUT_S, **popen):
        """Runs argv (as it is: put self.bin in front yourself, or use compile()). A None in env removes the name."""
        self.runs += 1
        full = {k: v for k, v in {**self.env, **(env or {})}.items() if v is not None}
        done = subprocess.run([str(a) if not isinstance(a, bytes) else a for a in argv], cwd=str(cwd), env=full,
                              input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                              capture_output=True, umask=umask, timeout=timeout_s, **popen)
        return Result(done.returncode, done.stdout, done.stderr)

    def compile(self, argv, cwd, **kwargs):
        return self.run([self.bin, *argv], cwd, **kwargs)

    def popen(self, argv, cwd, env=None, **kwargs):
        self.runs += 1
        full = {k: v for k, v in {**self.env, **(env or {})}.items() if v is not None}
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(argv, cwd=str(cwd), env=full, **kwargs)

    # ---- what hpcc says of itself

    def stats(self):
        """The counters as a dict that answers 0 for what was never counted."""
        if PASSTHROUGH:
            return collections.Counter()
        done = self.run([self.bin, "stats", "--json"], self.root)
        self.runs -= 1
        assert done.rc == 0, done
        return collections.Counter(json.loads(done.out)["counters"])

    def settled_stats(self):
        """As stats(), without asking when nothing ran since the last compile whose counters came as expected."""
        return self._known[1] if self._known[0] == self.runs else self.stats()

    def counted(self, before, at_least=1, until=None):
        """What the hit, miss, bypass and unstored counters gained since `before`. Reports arrive after the client has ended,
        so this polls until `at_least` compiles were counted and, if given, until(gained) holds; or until time is up."""
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while True:
            now = self.stats()
            gained = {name: value - before[name] for name, value in now.items()
                      if value != before[name] and name.split(".")[0] in ("hit", "miss", "bypass", "unstored")}
            # Totals ("miss") and their parts ("miss.new") may both be there: count the larger view of each.
            total = sum(max(gained.get(kind, 0), sum(v for k, v in gained.items() if k.startswith(kind + ".")))
                        for kind in ("hit", "miss", "bypass"))
            if total >= at_least and (until is None or until(gained)):
                self._known = (self.runs, now)
                return gained
            # What is expected of one compile is not going to come true late: a moment for stragglers is enough.
            if time.monotonic() > deadline or (total >= at_least and time.monotonic() > deadline - SETTLE_TIMEOUT_S + 1):
                return gained
            time.sleep(0.005)

    def entries(self):
        """Paths of the stored entries."""
        return sorted(glob.glob(os.path.join(self.dir, "entry", "*", "??", "*")))

    def explain(self, path, cwd):
        return self.run([self.bin, "explain", path], cwd)
