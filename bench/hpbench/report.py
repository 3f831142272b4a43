"""Results to tables: the bars with pass or fail, then what they rest on. Markdown that also reads well on a terminal."""

import datetime
import os
import platform
import re
from pathlib import Path

from . import hit, projects, work

DOCUMENT = work.ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
UNIT_TITLES = {"small": "small C file", "git": "git unit", "big": "13.6 MB object"}
PROJECT_TITLES = {p.name: p.title for p in projects.table().values()}
NOT_MEASURED = "not measured"


def facts(chosen, command):
    """What a number is worth nothing without."""
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory = int(re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(), re.M).group(1))
    rows = {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "CPU": f"{cpu.group(1) if cpu else platform.machine()}, {os.cpu_count()} cores",
        "memory": f"{memory / 2**20:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": work.run(["stat", "-f", "-c", "%T", work.WORK]).strip(),
        "gcc": work.run(["gcc", "--version"]).splitlines()[0],
        "g++": work.run(["g++", "--version"]).splitlines()[0],
        "load before": f"{os.getloadavg()[0]:.2f}",
        "command": command,
    }
    seen = set()
    for tool in chosen:
        if tool.program and tool.program not in seen:
            seen.add(tool.program)
            rows[tool.name] = tool.version()
    return rows


def table(head, rows):
    """A Markdown table with aligned columns; the first column to the left, the others to the right."""
    cells = [head, *[[str(c) for c in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]

    def line(row):
        return "| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))) + " |"

    rule = "|" + "|".join("-" * (w + 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)) + "|"
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])])


def ratios(rows, key, over):
    """One quantity of two tools, round by round: what drifts from round to round cancels."""
    return work.Spread([a[key] / b[key] for a, b in zip(rows, over)])


def overhead(rows, name, key):
    """Spread over the chunks of how much more than the bare compiler (both runs of it) a tool took; 0.02 is 2 %."""
    base = [(a[key] + b[key]) / 2 for a, b in zip(rows["none"], rows["none-again"])]
    return work.Spread([t[key] / b - 1 for t, b in zip(rows[name], base)])


def above_stub(rows, name):
    """Spread over the rounds of the wall time above the same round's make with the stub compiler."""
    return work.Spread([t["wall"] - s["wall"] for t, s in zip(rows[name], rows["stub"])])


def newest(rows, kind):
    """The peer that the bars are held against: the one given on the command line, else the packaged one."""
    return f"{kind}-new" if f"{kind}-new" in rows else kind


class Bars:
    def __init__(self, results):
        self.results = results
        self.rows = []
        self.failed = 0

    def add(self, what, limit, spread, form="{:.2f}"):
        if spread is None:
            self.rows.append([what, form.format(limit) if limit is not None else "", NOT_MEASURED, "", ""])
            return
        good = limit is None or spread.mid <= limit
        self.failed += not good
        around = f"{form.format(spread.low)} … {form.format(spread.high)}" if len(spread.values) > 1 else ""
        self.rows.append([what, form.format(limit) if limit is not None else "", form.format(spread.mid), around,
                          "" if limit is None else "pass" if good else "FAIL"])

    def hit_ratio(self, unit, name, over, limit, key="p50", label=None, measure="hit"):
        rows = self.results.get(measure, {}).get(unit, {})
        if over in ("ccache", "ccache-fast") and "ccache-new" in rows:
            over = over.replace("ccache", "ccache-new")
        what = label or f"warm hit, {UNIT_TITLES[unit]}: {name} / {over}"
        there = rows.get(name) and rows.get(over)
        self.add(what, limit, ratios(rows[name], key, rows[over]) if there else None)

    def count_ratio(self, unit, limit):
        rows = self.results.get("instructions", {}).get(unit, {})
        over = newest(rows, "ccache")
        what = f"instructions of a hit, {UNIT_TITLES[unit]}: hpcc / {over}"
        if not rows.get("hpcc") or rows["hpcc"]["daemon"] is None or not rows.get(over):
            return self.add(what, limit, None)
        mine, theirs = rows["hpcc"], rows[over]
        return self.add(what, limit, work.Spread([(mine["client"] + mine["daemon"]) / theirs["client"]]))

    def build(self):
        self.hit_ratio("small", "hpcc", "ideal", 1.5)
        self.hit_ratio("small", "hpcc", "ccache", 0.13)
        self.hit_ratio("git", "hpcc", "ideal", 1.6)
        self.hit_ratio("git", "hpcc", "ccache", 0.17)
        self.hit_ratio("git", "hpcc", "ccache-fast", 0.5)
        self.hit_ratio("big", "hpcc", "ideal", 1.7)
        self.hit_ratio("big", "hpcc", "ccache", 0.4)
        self.hit_ratio("big", "hpcc-raw", "ideal", 1.2)
        for unit, over, limit in (("small", "ideal", 1.5), ("small", "ccache", 0.13), ("git", "ideal", 1.6),
                                  ("git", "ccache", 0.17), ("git", "ccache-fast", 0.5), ("big", "ideal", 1.7),
                                  ("big", "ccache", 0.4)):
            self.hit_ratio(unit, "hpcc", over, limit, measure="over",
                           label=f"the same onto an existing output, {UNIT_TITLES[unit]}: hpcc / {over}")
        for unit, limit in (("small", 0.17), ("git", 0.17), ("big", None)):
            if limit or self.results.get("hit", {}).get(unit, {}).get("hpcc"):
                self.hit_ratio(unit, "hpcc", "ccache", limit, "cpu", f"CPU of a hit, {UNIT_TITLES[unit]}: hpcc / ccache")
        self.count_ratio("small", 0.17)
        self.count_ratio("git", 0.17)
        for project in ("git", "protobuf"):
            rows = self.results.get("warm", {}).get(project, {}).get("rows", {})
            over = newest(rows, "ccache")
            spread = None
            if rows.get("hpcc") and rows.get(over):
                mine, theirs = above_stub(rows, "hpcc"), above_stub(rows, over)
                spread = work.Spread([a / b for a, b in zip(mine.values, theirs.values)])
            self.add(f"warm make -j2 above the stub, {PROJECT_TITLES[project]}: hpcc / {over}", 0.2, spread)
        for project, limit in (("git", 0.02), ("protobuf", 0.02), ("kernel", 0.04)):
            rows = self.results.get("cold", {}).get(project, {}).get("rows", {})
            over = newest(rows, "ccache")
            for key, word in (("cpu", "CPU"), ("wall", "wall")):
                what = f"cold build, {PROJECT_TITLES[project]}: hpcc's extra {word}"
                mine = overhead(rows, "hpcc", key) if rows.get("hpcc") else None
                self.add(what, limit, mine, "{:+.1%}")
                if mine and rows.get(over):
                    self.add(f"cold build, {PROJECT_TITLES[project]}: the same, against {over}'s",
                             overhead(rows, over, key).mid, work.Spread([mine.mid]), "{:+.1%}")
        memory = self.results.get("synthetic", {}).get("hpcc")
        if memory:
            self.add(f"daemon's memory (PSS) after {memory['units']} units, MB" +
                     ("" if memory["units"] >= 5000 else ", extended to 5000"), 100,
                     work.Spread([extended(memory, "pss") / 1e6]), "{:.0f}")
        else:
            self.add("daemon's memory (PSS) after 5000 units, MB", 100, None, "{:.0f}")
        for project in PROJECT_TITLES:
            rows = self.results.get("disk", {}).get(project, {})
            over = newest(rows, "ccache")
            there = "hpcc" in rows and over in rows
            self.add(f"bytes on disk per entry, {PROJECT_TITLES[project]}: hpcc / {over}", 1.0,
                     work.Spread([rows["hpcc"] / rows[over]]) if there else None)
        return self


def extended(memory, key, to=5000):
    """Memory after `to` units: measured, or the line through the last half of a shorter run."""
    steps = [(n, m[key]) for n, m in memory["steps"]]
    last_n, last = steps[-1]
    if last_n >= to:
        return last
    mid_n, mid = steps[len(steps) // 2]
    return last + (last - mid) / (last_n - mid_n) * (to - last_n)


def spread_text(spread, scale, form="{:.2f}"):
    return f"{form.format(spread.mid * scale)} ({form.format(spread.low * scale)} … {form.format(spread.high * scale)})"


def floors_section(found):
    rows = [[title, spread_text(work.Spread([r["p50"] for r in found[name]]), 1e-6, "{:.3f}")]
            for name, title, *_ in hit.FLOORS]
    return "### Floors: an empty process\n\n" + table(["linked as", "wall ms (min … max)"], rows)


def hit_section(found, title):
    parts = [f"### {title}"]
    for unit, by_tool in found.items():
        rows = []
        for name, rounds in by_tool.items():
            typical = work.Spread([r["p50"] for r in rounds])
            row = [name, spread_text(typical, 1e-6), f"{work.median([r['wall'] for r in rounds]) / 1e6:.2f}",
                   f"{work.median([r['cpu'] for r in rounds]) / 1e6:.2f}",
                   f"{work.median([r['daemon'] for r in rounds]) / 1e6:.2f}"]
            row.append(f"{ratios(rounds, 'p50', by_tool['ideal']).mid:.2f}" if "ideal" in by_tool else "")
            rows.append(row)
        parts.append(f"{UNIT_TITLES[unit]}:\n\n" + table(
            ["tool", "wall ms a call (min … max)", "mean", "CPU ms", "of it daemon", "x ideal"], rows))
    return "\n\n".join(parts)


def counts_section(results):
    """Instructions and system calls side by side."""
    instructions, syscalls = results.get("instructions", {}), results.get("syscalls", {})
    rows = []
    for unit in UNIT_TITLES:
        names = list(dict.fromkeys([*instructions.get(unit, {}), *syscalls.get(unit, {})]))
        for name in names:
            row = [f"{UNIT_TITLES[unit]}, {name}"]
            for source, form in ((instructions, "{:,.0f}"), (syscalls, "{:.0f}")):
                found = source.get(unit, {}).get(name)
                for who in ("client", "daemon"):
                    value = found[who] if found else None
                    row.append(form.format(value) if value is not None else "?")
            rows.append(row)
    return "### Exact counts of one hit\n\n" + table(
        ["unit, tool", "instructions: client", "daemon", "system calls: client", "daemon"], rows)


def cold_section(results, key, title):
    rows = []
    for project, found in results[key].items():
        for name in found["rows"]:
            if name == "none":
                continue
            rows.append([f"{PROJECT_TITLES[project]}, {name}",
                         *(spread_text(overhead(found["rows"], name, k), 100, "{:+.1f}") for k in ("cpu", "wall")),
                         f"{sum(r['cpu'] for r in found['rows'][name]) / 1e9:.1f}",
                         f"{sum(r['wall'] for r in found['rows'][name]) / 1e9:.1f}"])
    return f"### {title}\n\n" + table(
        ["project, tool", "CPU +% (min … max)", "wall +% (min … max)", "CPU s", "wall s"], rows)


def warm_section(results):
    rows = []
    for project, found in results["warm"].items():
        by_tool = found["rows"]
        for name, rounds in by_tool.items():
            row = [f"{PROJECT_TITLES[project]}, {found['units']} units, {name}",
                   spread_text(work.Spread([r["wall"] for r in rounds]), 1e-6, "{:.0f}")]
            if name == "stub":
                row += ["", "", ""]
            else:
                above = above_stub(by_tool, name)
                row += [f"{above.mid / 1e6:.0f}", f"{above.mid / found['units'] / 1e6:.2f}", f"{found['hits'][name]:.0%}"]
            rows.append(row)
    return "### Warm `make -j2`\n\n" + table(
        ["project, tool", "wall ms (min … max)", "above stub ms", "a unit", "hits"], rows)


def sizes_section(results):
    rows = []
    for project, by_tool in results.get("disk", {}).items():
        for name, size in by_tool.items():
            memory = results.get("memory", {}).get(project, {}).get(name)
            rows.append([f"{PROJECT_TITLES[project]}, {name}", f"{size / 1000:.1f}",
                         f"{memory['pss'] / 1e6:.1f}" if memory else "", f"{memory['peak'] / 1e6:.1f}" if memory else ""])
    for name, found in results.get("synthetic", {}).items():
        rows.append([f"{found['units']} small units, {name}", f"{found['disk'] / 1000:.1f}",
                     f"{found['steps'][-1][1]['pss'] / 1e6:.1f}", f"{found['steps'][-1][1]['peak'] / 1e6:.1f}"])
    return "### Size\n\n" + table(["project, tool", "disk KB an entry", "daemon PSS MB", "peak RSS MB"], rows)


def render(results, complete):
    """(text, number of bars that failed); a partial run shows only the bars that it has measured."""
    bars = Bars(results).build()
    if not complete:
        bars.rows = [row for row in bars.rows if row[2] != NOT_MEASURED]
    parts = ["\n".join(f"* {k}: {v}" for k, v in results["facts"].items()),
             "### The bars\n\n" + table(["measure", "bar", "median", "min … max", "result"], bars.rows)]
    if results.get("floors"):
        parts.append(floors_section(results["floors"]))
    if results.get("hit"):
        parts.append(hit_section(results["hit"], "A single hit"))
    if results.get("over"):
        parts.append(hit_section(results["over"], "A single hit onto an output that is there"))
    if results.get("instructions") or results.get("syscalls"):
        parts.append(counts_section(results))
    if results.get("cold"):
        parts.append(cold_section(results, "cold", "A cold cache"))
    if results.get("full"):
        parts.append(cold_section(results, "full", "A cold cache, complete builds"))
    if results.get("warm"):
        parts.append(warm_section(results))
    if results.get("disk") or results.get("synthetic"):
        parts.append(sizes_section(results))
    if results.get("left_out"):
        parts.append("Left out:\n\n" + "\n".join(f"* {k}: {v.splitlines()[0]}" for k, v in results["left_out"].items()))
    return "\n\n".join(parts) + "\n", bars.failed


def write(text):
    """Replaces what stands between the markers of docs/performance.md."""
    page = DOCUMENT.read_text()
    before, rest = page.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
