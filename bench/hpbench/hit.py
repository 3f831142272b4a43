"""Single hits: wall and CPU per call, instructions, system calls; and the floors below them."""

import os
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
BIG_SHARE = 5  # a 13.6 MB hit takes ten times as long: that many times fewer calls


def loop(calls, argv, cwd=None, env=None):
    """bench/src/loop.c: {wall, cpu, p10, p50, p90} in nanoseconds a call."""
    out = work.run([work.build_program("loop", compiler=("gcc",)), calls, *argv], cwd=cwd, env=env)
    calls, failures, wall, cpu, p10, p50, p90 = (int(f) for f in out.split())
    if failures:
        raise work.Failed(f"{failures} of {calls} calls failed: {' '.join(argv)[:200]}")
    return {"wall": wall / calls, "cpu": cpu / calls, "p10": p10, "p50": p50, "p90": p90}


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
    """The tools with their caches filled by the asked-for units; every unit is a hit for every tool."""

    def __init__(self, chosen, hit_units):
        self.tools = chosen
        self.units = hit_units
        self.left_out = {}

    def fill(self):
        for tool in list(self.tools):
            try:
                tool.reset()
                tool.start()
                for unit in self.units.values():
                    self.fill_one(tool, unit)
            except (work.Unavailable, work.Failed) as failure:
                work.say(f"{tool.name} is left out: {failure}")
                self.left_out[tool.name] = str(failure)
                self.tools.remove(tool)
                tool.stop()

    @staticmethod
    def fill_one(tool, unit):
        remove(unit.output)
        for _ in range(2):  # a cache may want to see a unit twice before it is sure
            work.run([*tool.prefix, *unit.argv], cwd=unit.cwd, env=tool.env)
            tool.settle()
        remove(unit.output)
        if not tool.hits_one(unit.argv, unit.cwd):
            raise work.Failed(f"the {unit.title} is no hit")
        with open(unit.output, "rb") as made, open(unit.object, "rb") as plain:
            if made.read() != plain.read():
                raise work.Failed(f"wrong object for the {unit.title}")

    def close(self):
        for tool in self.tools:
            tool.stop()

    def latency(self, rounds, calls, with_ideal):
        """{unit: {tool: [{wall, cpu, daemon, p50 …} a round]}}; cpu includes the daemon's."""
        found = {}
        for unit in self.units.values():
            names = (["ideal"] if with_ideal else []) + [t.name for t in self.tools]
            by_name = {t.name: t for t in self.tools}
            rows = found[unit.name] = {name: [] for name in names}
            count = max(1, calls // BIG_SHARE) if unit.name == "big" else calls
            counted = {name: by_name[name].counters() for name in names if name in by_name}
            for number in range(rounds):
                for name in rotated(names, number):
                    remove(unit.output)  # a hard link into one cache must not be written through by another tool
                    if name == "ideal":
                        rows[name].append({**loop(count, [str(unit.ideal)], unit.cwd), "daemon": 0})
                        continue
                    tool = by_name[name]
                    before = tool.daemon_cpu_ns()
                    row = loop(count, [*tool.prefix, *unit.argv], unit.cwd, tool.env)
                    tool.settle()
                    row["daemon"] = (tool.daemon_cpu_ns() - before) / count
                    row["cpu"] += row["daemon"]
                    rows[name].append(row)
            self.check_counts(unit, rounds * count, counted, by_name)
        return found

    def check_counts(self, unit, expected, counted, by_name):
        for name, before in counted.items():
            after = by_name[name].counters()
            if before is None or after == before == (0, 0) or "fast" in name:
                continue
            hits, misses = after[0] - before[0], after[1] - before[1]
            if hits != expected or misses:
                work.say(f"{name}: {expected} calls on the {unit.title} counted as {hits} hits, {misses} others")

    # ---- exact counts

    def instructions(self, daemon_calls):
        """{unit: {tool: {client, daemon}}}: instructions of one hit by callgrind. The daemon's are the difference of
        two runs with more and fewer hits, so that its start does not count."""
        work.need_program("valgrind")
        found = {unit.name: {} for unit in self.units.values()}
        for unit in self.units.values():
            found[unit.name]["ideal"] = {"client": callgrind([str(unit.ideal)], unit.cwd, {}), "daemon": 0}
            for tool in self.tools:
                remove(unit.output)
                row = {"client": callgrind([*tool.prefix, *unit.argv], unit.cwd, tool.env), "daemon": 0}
                found[unit.name][tool.name] = row
        for tool in self.tools:
            if not tool.daemon:
                continue
            for unit in self.units.values():
                try:
                    few, many = (self.daemon_instructions(tool, unit, n) for n in (daemon_calls, 3 * daemon_calls))
                    found[unit.name][tool.name]["daemon"] = (many - few) // (2 * daemon_calls)
                except (work.Unavailable, work.Failed) as failure:
                    work.say(f"no instruction count of the daemon of {tool.name}: {failure}")
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
            for tool in self.tools:
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
    out = work.WORK / "tmp" / "callgrind.client"
    out.unlink(missing_ok=True)
    work.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *argv], cwd=cwd, env=env)
    return callgrind_total(out)


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
