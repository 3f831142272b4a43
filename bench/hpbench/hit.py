"""Single hits: wall and CPU per call, instructions, system calls; and the floors below them."""

import os
import shutil
import signal
import subprocess
import time

from . import tools, work

FLOORS = (
    ("musl", "musl, static", "empty.c", ("musl-gcc", "-static")),
    ("glibc-static", "glibc, static", "empty.c", ("gcc", "-static")),
    ("glibc", "glibc, dynamic", "empty.c", ("gcc",)),
    ("cxx", "C++, dynamic", "empty.cc", ("g++",)),
)
DEFAULT_TOOLS = ["ideal", "hpcc", "hpcc-raw", "hpcc-local", "ccache", "ccache-fast", "sccache",
                 "ccache-new", "ccache-new-fast", "sccache-new"]
# Onto an existing output only those whose ways of writing differ.
OVER_TOOLS = ("ideal", "hpcc", "hpcc-raw", "ccache", "ccache-fast", "ccache-new", "ccache-new-fast")
TURN_NS = 1_500_000_000  # a slow tool makes fewer calls, so that a turn of any tool is as short as drift demands
CALLS_MIN = 20


def loop(calls, argv, cwd=None, env=None, remove=""):
    """bench/src/loop.c: {wall, cpu, p10, p50, p90} in nanoseconds a call."""
    out = work.run([work.build_program("loop", compiler=("gcc",)), calls, remove, *argv], cwd=cwd, env=env)
    calls, failures, wall, cpu, p10, p50, p90 = map(int, out.split())
    if failures:
        raise work.Failed(f"{failures} of {calls} calls failed: {' '.join(argv)[:200]}")
    return {"calls": calls, "wall": wall / calls, "cpu": cpu / calls, "p10": p10, "p50": p50, "p90": p90}


def rotated(items, by):
    """A B C, B C A, C A B …: what drifts with time then weighs on all alike."""
    by %= len(items)
    return items[by:] + items[:by]


def floors(rounds, calls):
    programs = {name: work.build_program(f"empty-{name}", source, compiler)
                for name, _, source, compiler in FLOORS}
    found = {name: [] for name in programs}
    for number in range(rounds):
        for name in rotated(list(programs), number):
            found[name].append(loop(calls, [str(programs[name])]))
    return found


class Bench:
    """The tools with their caches filled by the asked-for units. What a tool does not give as a hit is
    left out, and the table says so."""

    def __init__(self, chosen, hit_units):
        self.tools = chosen
        self.units = hit_units
        self.hits = {}  # {tool name: {unit names}}
        self.left_out = {}

    def fill(self):
        for tool in list(self.tools):
            try:
                tool.reset()
                tool.start()
            except work.Unavailable as failure:
                self.leave_out(tool.name, failure)
                self.tools.remove(tool)
                continue
            self.hits[tool.name] = set()
            for unit in self.units.values():
                try:
                    self.fill_one(tool, unit)
                    self.hits[tool.name].add(unit.name)
                except work.Failed as failure:
                    self.leave_out(f"{tool.name}, {unit.title}", failure)

    def leave_out(self, what, failure):
        work.say(f"{what} is left out: {failure}")
        self.left_out[what] = str(failure)

    def tools_of(self, unit):
        return [t for t in self.tools if unit.name in self.hits[t.name]]

    @staticmethod
    def fill_one(tool, unit):
        remove(unit.output)
        for _ in range(2):  # a cache may want to see a unit twice before it is sure
            work.run([*tool.prefix, *unit.argv], cwd=unit.cwd, env=tool.env)
            tool.settle()
        remove(unit.output)
        if not tool.hits_one(unit.argv, unit.cwd):
            raise work.Failed("no hit")
        with open(unit.output, "rb") as made, open(unit.object, "rb") as plain:
            if made.read() != plain.read():
                raise work.Failed("WRONG OBJECT")

    def close(self):
        for tool in self.tools:
            tool.stop()

    def latency(self, rounds, calls, with_ideal, over):
        """{unit: {tool: [{wall, cpu, daemon, p50 …} a round]}}; cpu includes the daemon's. Before each call the output
        is removed (as after `make clean`), unless `over`: then it is there, from the call before."""
        found = {}
        for unit in self.units.values():
            by_name = {t.name: t for t in self.tools_of(unit)}
            names = [n for n in (["ideal"] if with_ideal else []) + list(by_name) if not over or n in OVER_TOOLS]
            rows = found[unit.name] = {name: [] for name in names}
            counts = {}
            before = {name: by_name[name].counters() for name in names if name in by_name}
            for number in range(rounds):
                for name in rotated(names, number):
                    remove(unit.output)  # a hard link into one cache must not be written through by another tool
                    rows[name].append(self.turn(unit, by_name.get(name), calls, counts, over))
                    remove(unit.output)
            for name, was in before.items():
                self.check_counts(by_name[name], unit, sum(r["all"] for r in rows[name]), was)
        return found

    @staticmethod
    def turn(unit, tool, calls, counts, over):
        """One tool's turn on one unit."""
        name = tool.name if tool else "ideal"
        argv, env = ([*tool.prefix, *unit.argv], tool.env) if tool else ([str(unit.ideal)], {})
        gone = "" if over else unit.output
        first = loop(3, argv, unit.cwd, env, gone)  # also brings back into the CPU's caches what others pushed out
        if name not in counts:
            counts[name] = min(calls, max(CALLS_MIN, int(TURN_NS / first["p50"])))
        start = tool.daemon_cpu_ns() if tool else 0
        row = loop(counts[name], argv, unit.cwd, env, gone)
        if tool:
            tool.settle()
        row["daemon"] = (tool.daemon_cpu_ns() - start) / counts[name] if tool else 0
        row["cpu"] += row["daemon"]
        row["all"] = row["calls"] + 3
        return row

    @staticmethod
    def check_counts(tool, unit, expected, before):
        after = tool.counters()
        if before is None or after == before == (0, 0) or "fast" in tool.name:
            return
        hits, others = after[0] - before[0], after[1] - before[1]
        if hits != expected or others:
            work.say(f"{tool.name}: {expected} calls on the {unit.title} counted as {hits} hits, {others} others")

    # ---- exact counts

    def instructions(self, daemon_calls):
        """{unit: {tool: {client, daemon}}}: instructions of one hit by callgrind. The daemon's are the difference of
        two runs with more and fewer hits, so that its start does not count."""
        work.need_program("valgrind")
        found = {unit.name: {} for unit in self.units.values()}
        for unit in self.units.values():
            found[unit.name]["ideal"] = {"client": callgrind([str(unit.ideal)], unit.cwd, {}), "daemon": 0}
            for tool in self.tools_of(unit):
                remove(unit.output)
                try:
                    client = callgrind([*tool.prefix, *unit.argv], unit.cwd, tool.env)
                except (work.Failed, subprocess.TimeoutExpired) as failure:
                    self.leave_out(f"instructions of {tool.name}, {unit.title}", failure)
                    continue
                found[unit.name][tool.name] = {"client": client, "daemon": 0}
        for tool in self.tools:
            if not tool.daemon:
                continue
            for unit in (u for u in self.units.values() if tool.name in found[u.name]):
                try:
                    # The very first run may do, and keep for the next, what a daemon does once.
                    _, few, many = (self.daemon_instructions(tool, unit, n) for n in (1, daemon_calls, 3 * daemon_calls))
                    found[unit.name][tool.name]["daemon"] = (many - few) // (2 * daemon_calls)
                except (work.Unavailable, work.Failed) as failure:
                    self.leave_out(f"instructions of the daemon of {tool.name}, {unit.title}", failure)
                    found[unit.name][tool.name]["daemon"] = None
            tool.under = []
            tool.start()
        return found

    @staticmethod
    def daemon_instructions(tool, unit, calls):
        out = work.WORK / "tmp" / "callgrind.daemon"
        out.unlink(missing_ok=True)
        tool.stop()
        tool.under = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        tool.start()
        try:
            for _ in range(calls + 1):
                work.run([*tool.prefix, *unit.argv], cwd=unit.cwd, env=tool.env)
        finally:
            tool.stop()
            tool.under = []
        return callgrind_total(out)

    def syscalls(self):
        """{unit: {tool: {client, daemon}}}: system calls of one hit by strace; the daemon's averaged over many."""
        work.need_program("strace")
        out = work.WORK / "tmp" / "strace"
        found = {}
        for unit in self.units.values():
            rows = found[unit.name] = {}
            rows["ideal"] = {"client": strace([str(unit.ideal)], unit.cwd, {}, out), "daemon": 0}
            for tool in self.tools_of(unit):
                remove(unit.output)
                client = strace([*tool.prefix, *unit.argv], unit.cwd, tool.env, out)
                daemon = strace_daemon(tool, unit, out, 30) if tool.daemon else 0
                rows[tool.name] = {"client": client, "daemon": daemon}
        return found


def remove(path):
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def callgrind_total(path):
    for line in path.read_text().splitlines():
        if line.startswith(("summary:", "totals:")):
            return int(line.split()[1])
    raise work.Failed("callgrind wrote no total")


def callgrind(argv, cwd, env):
    """All processes of the call; what ran before an exec is lost, which is little (hpcc's client before hpcc-local)."""
    folder = work.WORK / "tmp" / "callgrind"
    valgrind = ["valgrind", "--tool=callgrind", "--trace-children=yes", "--trace-children-skip=*gcc*,*cc1*,*/as",
                f"--callgrind-out-file={folder}/%p"]
    # Valgrind sets LD_PRELOAD, and a cache may well see another compile in that: the first run makes it a hit.
    for _ in range(2):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        work.run([*valgrind, *argv], cwd=cwd, env=env, timeout_s=60)
    processes = list(folder.iterdir())
    if len(processes) != 1:
        raise work.Failed(f"{len(processes)} processes ran under callgrind: no hit")
    return callgrind_total(processes[0])


def strace_total(path):
    for line in path.read_text().splitlines():
        fields = line.split()  # % time, seconds, usecs/call, calls, [errors,] "total"
        if fields[-1:] == ["total"]:
            return int(fields[3])
    raise work.Failed("strace wrote no total")


def strace(argv, cwd, env, out):
    work.run(["strace", "-f", "-c", "-o", out, *argv], cwd=cwd, env=env)
    return strace_total(out)


def strace_daemon(tool, unit, out, calls):
    tracer = subprocess.Popen(["strace", "-f", "-c", "-o", str(out), "-p", str(tool.daemon.pid)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    tracer.stderr.readline()  # "Process N attached"
    time.sleep(0.2)           # further threads
    loop(calls, [*tool.prefix, *unit.argv], unit.cwd, tool.env)
    tool.settle()
    tracer.send_signal(signal.SIGINT)
    tracer.wait(tools.STOP_TIMEOUT_S)
    tracer.stderr.close()
    return strace_total(out) / calls
