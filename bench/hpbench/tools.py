"""The caches under test, each in a folder of its own: how to call it, its daemon, its counters, its bytes.

A tool is used as `PREFIX… COMPILER ARGS…` with `env` on top of work.ENV. Its daemon, where it has one, is our child:
started by start(), ended by stop(), and found by nothing but its PID.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from . import work

START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 30
SETTLE_TIMEOUT_S = 20
PR_SET_PDEATHSIG = 1
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")


def end_with_parent():
    """In a new child: whatever ends us, even SIGKILL, ends the daemon."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Tool:
    """Base, and at the same time the tool "none": the compiler as it is."""

    kind = "none"

    def __init__(self, name, program=None, under=()):
        self.name = name
        self.program = program
        self.under = list(under)  # a program that the daemon runs under, such as valgrind
        self.dir = work.WORK / "tool" / name
        self.cache = self.dir / "cache"
        self.daemon = None

    @property
    def prefix(self):
        return [str(self.program)] if self.program else []

    @property
    def env(self):
        return {}

    def version(self):
        return ""

    def reset(self):
        """An empty cache and no daemon."""
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)

    def start(self):
        pass

    def stop(self):
        daemon, self.daemon = self.daemon, None
        if not daemon:
            return
        self.ask_to_stop(daemon)
        try:
            daemon.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def ask_to_stop(self, daemon):
        daemon.send_signal(signal.SIGTERM)

    def spawn_daemon(self, argv, env, ready):
        self.dir.mkdir(parents=True, exist_ok=True)
        with open(self.dir / "daemon.log", "ab") as log:
            self.daemon = subprocess.Popen([*self.under, *argv], cwd="/", env={**work.ENV, **env},
                                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                           preexec_fn=end_with_parent)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not ready():
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                state = f"ended with {self.daemon.returncode}" if self.daemon.poll() is not None else "is not ready"
                self.stop()
                tail = (self.dir / "daemon.log").read_text(errors="replace")[-1000:]
                raise work.Unavailable(f"the daemon of {self.name} {state}: {tail.strip()}")
            time.sleep(0.005)

    # ---- what it costs

    def daemon_cpu_ns(self):
        """CPU time of the daemon, its ended threads and its waited children (sccache's server runs the compilers)."""
        if not self.daemon:
            return 0
        own = time.clock_gettime_ns((~self.daemon.pid << 3) | 2)  # the kernel's clock id for a process's CPU time
        fields = Path(f"/proc/{self.daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return own + (int(fields[13]) + int(fields[14])) * TICK_NS

    def settle(self):
        """Waits until the daemon has done what it does after its answer (storing, compressing)."""
        if not self.daemon:
            return
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        quiet, last = 0, self.daemon_cpu_ns()
        while quiet < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
            now = self.daemon_cpu_ns()
            quiet = quiet + 1 if now - last < 200_000 else 0
            last = now

    def daemon_memory(self):
        """(PSS, RSS, peak RSS) of the daemon in bytes, or None without one."""
        if not self.daemon:
            return None
        proc = Path(f"/proc/{self.daemon.pid}")
        status = (proc / "status").read_text()

        def kib(name, text):
            return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M).group(1)) * 1024

        return kib("Pss", (proc / "smaps_rollup").read_text()), kib("VmRSS", status), kib("VmHWM", status)

    def disk_bytes(self):
        return work.disk_bytes(self.cache) if self.cache.exists() else 0

    # ---- what it says of itself

    def counters(self):
        """(hits, misses), or None when it does not count."""
        return None

    def hits_one(self, argv, cwd):
        """Runs argv once; whether it was a hit."""
        before = self.counters()
        work.run([*self.prefix, *argv], cwd=cwd, env=self.env)
        deadline = time.monotonic() + 2  # counters may be written after the client has ended
        while True:
            after = self.counters()
            if sum(after) > sum(before) or time.monotonic() > deadline:
                return after[0] == before[0] + 1
            time.sleep(0.01)


class Hpcc(Tool):
    kind = "hpcc"
    config = ""

    def __init__(self, name, program, daemon=True, config="", under=()):
        super().__init__(name, program, under)
        self.with_daemon = daemon
        self.config = config

    @property
    def env(self):
        return {
            "HPCC_CACHE_DIR": str(self.cache),
            "HPCC_CONFIG": str(self.dir / "config.toml"),
            "XDG_RUNTIME_DIR": str(self.dir / "run"),
        }

    def version(self):
        return work.run([self.program, "--version"]).strip().splitlines()[0]

    def reset(self):
        super().reset()
        (self.dir / "run").mkdir(mode=0o700)
        (self.dir / "config.toml").write_text(self.config)

    def start(self):
        if not self.with_daemon or self.daemon:
            return
        shake = self.dir / "run" / "hpcc" / "daemon.json"
        shake.unlink(missing_ok=True)

        def ready():
            try:
                return "port" in json.loads(shake.read_text())
            except (OSError, ValueError):
                return False

        program = Path(self.program)
        if self.under:  # `hpcc start` becomes this program, which valgrind would not follow
            program = program.resolve().parent.parent / "libexec" / "hpcc" / "hpcc-tool"
        self.spawn_daemon([str(program), "start"], self.env, ready)

    def counters(self):
        stats = json.loads(work.run([self.program, "stats", "--json"], env=self.env))["counters"]

        def total(kind):
            parts = sum(v for k, v in stats.items() if k.startswith(kind + "."))
            return stats.get(kind, parts)

        return total("hit"), total("miss") + total("bypass")


class Ccache(Tool):
    kind = "ccache"

    def __init__(self, name, program, tuning=None):
        super().__init__(name, program)
        self.tuning = tuning or {}

    @property
    def env(self):
        return {"CCACHE_DIR": str(self.cache), "CCACHE_CONFIGPATH": "/dev/null", "CCACHE_MAXSIZE": "20G",
                **self.tuning}

    def version(self):
        return work.run([self.program, "--version"]).splitlines()[0]

    def counters(self):
        stats = dict(line.split("\t")[:2] for line in work.run([self.program, "--print-stats"], env=self.env).splitlines())
        hits = int(stats["direct_cache_hit"]) + int(stats["preprocessed_cache_hit"])
        return hits, int(stats["cache_miss"])

    def hits_one(self, argv, cwd):
        log = self.dir / "log"  # the counters may be off
        log.unlink(missing_ok=True)
        work.run([*self.prefix, *argv], cwd=cwd, env={**self.env, "CCACHE_LOGFILE": str(log)})
        said = log.read_text(errors="replace")
        return "Got result key from manifest" in said and "Succeeded getting cached result" in said


class Sccache(Tool):
    kind = "sccache"

    def __init__(self, name, program, under=()):
        super().__init__(name, program, under)
        self.port = 0

    @property
    def env(self):
        return {"SCCACHE_DIR": str(self.cache), "SCCACHE_SERVER_PORT": str(self.port), "SCCACHE_CACHE_SIZE": "20G",
                "SCCACHE_IDLE_TIMEOUT": "0", "SCCACHE_CONF": str(self.dir / "none.toml")}

    def version(self):
        return work.run([self.program, "--version"]).strip()

    def start(self):
        if self.daemon:
            return
        with socket.socket() as free:  # not the default port: the machine's user may have a server there
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

        def ready():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        self.spawn_daemon([str(self.program)], {**self.env, "SCCACHE_START_SERVER": "1", "SCCACHE_NO_DAEMON": "1"}, ready)

    def ask_to_stop(self, daemon):
        try:
            work.run([self.program, "--stop-server"], env=self.env, timeout_s=STOP_TIMEOUT_S)
        except (work.Failed, subprocess.TimeoutExpired):
            daemon.send_signal(signal.SIGTERM)

    def counters(self):
        text = work.run([self.program, "--show-stats", "--stats-format", "json"], env=self.env)
        stats = json.loads(text)["stats"]
        return (sum(stats["cache_hits"]["counts"].values()),
                sum(stats["cache_misses"]["counts"].values()) + sum(stats["not_cached"].values()))


FASTEST_CCACHE = {
    "CCACHE_HARDLINK": "1",
    "CCACHE_SLOPPINESS": "file_stat_matches,file_stat_matches_ctime",
    "CCACHE_NOSTATS": "1",
    "CCACHE_INODECACHE": "1",
}
RAW_CONFIG = '[[cache]]\ntype = "disk"\ncompression = "none"\n'


def table(hpcc, ccache=None, sccache=None):
    """All tools that can be measured here, by name. CCACHE= and SCCACHE= add newer ones beside the packaged."""
    tools = {"none": Tool("none")}
    if os.access(hpcc, os.X_OK):
        tools["hpcc"] = Hpcc("hpcc", hpcc)
        tools["hpcc-raw"] = Hpcc("hpcc-raw", hpcc, config=RAW_CONFIG)
        tools["hpcc-local"] = Hpcc("hpcc-local", hpcc, daemon=False)
    for suffix, program in (("", work.find_program("ccache")), ("-new", ccache)):
        if program:
            program = os.path.abspath(program)
            tools[f"ccache{suffix}"] = Ccache(f"ccache{suffix}", program)
            tools[f"ccache{suffix}-fast"] = Ccache(f"ccache{suffix}-fast", program, FASTEST_CCACHE)
            tools[f"ccache{suffix}-depend"] = Ccache(f"ccache{suffix}-depend", program, {"CCACHE_DEPEND": "1"})
    for suffix, program in (("", work.find_program("sccache")), ("-new", sccache)):
        if program:
            tools[f"sccache{suffix}"] = Sccache(f"sccache{suffix}", os.path.abspath(program))
    return tools
