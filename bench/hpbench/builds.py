"""Whole builds: what a cold cache adds, what a warm rebuild costs above make itself, memory, bytes on disk."""

import os
import random
import resource
import time
from pathlib import Path

from . import projects, work
from .hit import rotated

SYNTHETIC_HEADERS = 400
SYNTHETIC_INCLUDES = 100


class Pool:
    """Runs command lines, `jobs` at a time, as make would; counts the CPU of the processes it started."""

    def __init__(self, jobs=projects.JOBS):
        self.jobs = jobs
        self.null = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                     (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
                     (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)]

    def run(self, units, prefix, env):
        """{wall, cpu} in nanoseconds for all units."""
        env = {**work.ENV, **env}
        todo, running, cpu = list(reversed(units)), {}, 0
        here = os.getcwd()
        start = time.monotonic_ns()
        try:
            while todo or running:
                while todo and len(running) < self.jobs:
                    unit = todo.pop()
                    os.chdir(unit.cwd)
                    argv = [*prefix, *unit.argv]
                    program = argv[0] if "/" in argv[0] else work.find_program(argv[0])
                    pid = os.posix_spawn(program, argv, {**env, "PWD": unit.cwd}, file_actions=self.null)
                    running[pid] = unit
                pid, status, usage = os.wait4(-1, 0)
                unit = running.pop(pid, None)
                if not unit:
                    continue
                cpu += int((usage.ru_utime + usage.ru_stime) * 1e9)
                if status != 0:
                    raise work.Failed(f"wait status {status}: {' '.join([*prefix, *unit.argv])[:400]}")
        finally:
            wall = time.monotonic_ns() - start
            for pid in running:
                os.waitpid(pid, 0)
            os.chdir(here)
        return {"wall": wall, "cpu": cpu}


def objects(units):
    found = {}
    for unit in units:
        found[unit.output] = Path(unit.cwd, unit.output).read_bytes()
    return found


def remove_outputs(units):
    for unit in units:
        try:
            os.unlink(os.path.join(unit.cwd, unit.output))
        except FileNotFoundError:
            pass


def cold(project, tools, log):
    """Compiles the project's units into empty caches, chunk by chunk with the tools taking turns.
    Returns {tool: [{wall, cpu}, one a chunk]}; "none" and "none-again" are both the bare compiler, and how far they
    are apart is what this measure cannot see. Objects that differ from the compiler's are counted in "wrong"."""
    pool = Pool()
    for tool in tools:
        tool.reset()
        tool.start()
    names = ["none", *(t.name for t in tools[:(len(tools) + 1) // 2]), "none-again",
             *(t.name for t in tools[(len(tools) + 1) // 2:])]
    by_name = {t.name: t for t in tools}
    found = {name: [] for name in names}
    wrong = dict.fromkeys(by_name, 0)
    chunks = [project.units[i:i + project.chunk] for i in range(0, len(project.units), project.chunk)]

    # The first compile of all reads the compiler and the headers from disk; nobody shall pay for that.
    pool.run(chunks[0][:2], [], {})
    for number, chunk in enumerate(chunks):
        log(f"{project.name}: cold, chunk {number + 1} of {len(chunks)}")
        results = {}
        for name in rotated(names, number):
            tool = by_name.get(name)
            remove_outputs(chunk)
            before = tool.daemon_cpu_ns() if tool else 0
            row = pool.run(chunk, tool.prefix if tool else [], tool.env if tool else {})
            if tool:
                tool.settle()
                row["daemon"] = tool.daemon_cpu_ns() - before
                row["cpu"] += row["daemon"]
            found[name].append(row)
            results[name] = objects(chunk)
        remove_outputs(chunk)
        for name in by_name:
            wrong[name] += sum(results[name][k] != results["none"][k] for k in results["none"])
        if results["none"] != results["none-again"]:
            raise work.Failed(f"{project.name}: the compiler alone makes different objects from the same input")
    for name, count in wrong.items():
        if count:
            work.say(f"WRONG OBJECTS: {name} made {count} of {len(project.units)} that the compiler does not make")
    return {"rows": found, "wrong": wrong, "units": len(project.units)}


def timed_make(command, env):
    """Runs (argv, cwd); {wall, cpu} in nanoseconds, all processes below make included."""
    argv, cwd = command
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic_ns()
    work.run(argv, cwd=cwd, env=env, timeout_s=7200)
    wall, after = time.monotonic_ns() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": wall, "cpu": int(cpu * 1e9)}


def warm(project, tools, rounds, log):
    """`make -j2` of the project's units with all caches warm, and with the stub compiler.
    Returns {"stub" and each tool: [{wall, cpu} a round]} and {tool: share of calls that were hits}."""
    stub = work.build_program("stub")
    names = ["stub", *(t.name for t in tools)]
    by_name = {t.name: t for t in tools}
    found = {name: [] for name in names}
    before = {name: t.counters() for name, t in by_name.items()}
    for number in range(rounds):
        log(f"{project.name}: warm, round {number + 1} of {rounds}")
        for name in rotated(names, number):
            tool = by_name.get(name)
            project.clean()
            prefix = tool.prefix if tool else [str(stub)]
            start = tool.daemon_cpu_ns() if tool else 0
            row = timed_make(project.make_units(prefix), tool.env if tool else {})
            if tool:
                tool.settle()
                row["cpu"] += tool.daemon_cpu_ns() - start
            found[name].append(row)
    project.clean()
    hits = {}
    for name, tool in by_name.items():
        after = tool.counters()
        hits[name] = (after[0] - before[name][0]) / (rounds * len(project.units))
        if hits[name] < 1:
            work.say(f"{name}: only {hits[name]:.1%} of the warm compiles of {project.name} were hits")
    return {"rows": found, "hits": hits, "units": len(project.units)}


def memory(tools):
    return {t.name: dict(zip(("pss", "rss", "peak"), t.daemon_memory())) for t in tools if t.daemon}


def disk(project, tools):
    """Bytes per unit of the caches at rest (daemons ended, so that an index's journal is folded in)."""
    found = {}
    for tool in tools:
        tool.stop()
        found[tool.name] = tool.disk_bytes() / len(project.units)
    return found


def full_build(project, tools, rounds, log):
    """The project's own complete build, cold. Returns {tool: [{wall, cpu} a round]}."""
    names = ["none", *(t.name for t in tools), "none-again"]
    by_name = {t.name: t for t in tools}
    found = {name: [] for name in names}
    for number in range(rounds):
        for name in rotated(names, number):
            log(f"{project.name}: complete build with {name}")
            tool = by_name.get(name)
            prefix = tool.prefix if tool else []
            if tool:
                tool.reset()
                tool.start()
            project.full_clean(prefix)
            start = tool.daemon_cpu_ns() if tool else 0
            row = timed_make(project.full_build(prefix), tool.env if tool else {})
            if tool:
                tool.settle()
                row["cpu"] += tool.daemon_cpu_ns() - start
                tool.stop()
            found[name].append(row)
    return {"rows": found}


def synthetic_units(count):
    """`count` small units that include 100 of 400 headers each: many closures, little compiling."""
    folder = work.WORK / "synthetic"
    marker = folder / f"{count}.made"
    if not marker.exists():
        (folder / "include" / "component").mkdir(parents=True, exist_ok=True)
        dice = random.Random(2)
        for i in range(SYNTHETIC_HEADERS):
            (folder / "include" / "component" / f"interface_{i:03}.h").write_text(
                f"#pragma once\nstruct part_{i} {{\n\tint kind;\n\tstruct part_{i} *next;\n}};\nint part_{i}_use(struct part_{i} *p);\n")
        for i in range(count):
            chosen = sorted(dice.sample(range(SYNTHETIC_HEADERS), SYNTHETIC_INCLUDES))
            includes = "".join(f'#include "component/interface_{h:03}.h"\n' for h in chosen)
            (folder / f"unit_{i:04}.c").write_text(includes + f"int unit_{i}(void)\n{{\n\treturn {i};\n}}\n")
        marker.touch()
    (folder / "objects").mkdir(exist_ok=True)
    return [projects.Unit(str(folder), ["gcc", "-Iinclude", "-O1", "-c", f"unit_{i:04}.c", "-o", f"objects/unit_{i:04}.o"],
                          f"objects/unit_{i:04}.o", f"unit_{i:04}.c") for i in range(count)]


def synthetic(tool, count, log):
    """Memory of the daemon while `count` units pass through it once: [(units so far, {pss, rss, peak})]."""
    units = synthetic_units(count)
    tool.reset()
    tool.start()
    pool, found, step = Pool(), [(0, memory([tool])[tool.name])], max(1, count // 10)
    for at in range(0, count, step):
        log(f"synthetic build: {at} of {count} units")
        pool.run(units[at:at + step], tool.prefix, tool.env)
        tool.settle()
        found.append((min(count, at + step), memory([tool])[tool.name]))
    hits, misses = tool.counters()
    tool.stop()
    return {"steps": found, "hits": hits, "misses": misses, "disk": tool.disk_bytes() / count, "units": count}
