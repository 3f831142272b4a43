"""Makes a failing scenario small: fewer operations, words, lines, variables, as long as it fails in the same way.

Any part of a scenario is a scenario, so this is removal of chunks, large ones first (delta debugging), until nothing more
can go or time is up.
"""

import time

from soak.play import play


class Shrinker:
    def __init__(self, scenario, failure, run, deadline):
        self.scenario = scenario
        self.failure = failure
        self.run = run
        self.deadline = deadline

    def fails(self, ops):
        if time.monotonic() > self.deadline:
            return False
        candidate = {**self.scenario, "ops": ops}
        failure = self.run(candidate)
        if not failure or failure.kind != self.failure.kind:
            return False
        self.scenario, self.failure = {**candidate, "ops": ops[:failure.index + 1]}, failure
        return True

    def reduce(self, get, put):
        """Shrinks one list of the scenario. get(ops) -> list; put(ops, list) -> new ops."""
        size = len(get(self.scenario["ops"]))
        while size >= 1 and time.monotonic() < self.deadline:
            at = 0
            while at < len(get(self.scenario["ops"])):
                items = get(self.scenario["ops"])
                if not self.fails(put(self.scenario["ops"], items[:at] + items[at + size:])):
                    at += size
            size //= 2

    def field(self, i, name, get=lambda v: v, put=lambda v: v):
        def new(ops, value):
            return [*ops[:i], {**ops[i], name: put(value)}, *ops[i + 1:]]

        self.reduce(lambda ops: get(ops[i][name]), new)

    def simplify(self, i):
        """Tries plainer values in operation i."""
        for name, value in (("times", 1), ("local", False), ("umask", None), ("env", {}), ("how", "inplace"), ("shift_s", 0), ("cwd", "p")):
            op = self.scenario["ops"][i]
            if name in op and op[name] != value:
                ops = self.scenario["ops"]
                self.fails([*ops[:i], {**op, name: value}, *ops[i + 1:]])

    def everything(self):
        self.fails(self.scenario["ops"][:self.failure.index + 1])
        self.reduce(lambda ops: ops, lambda _, smaller: smaller)
        i = 0
        while i < len(self.scenario["ops"]):
            op = self.scenario["ops"][i]
            if op["op"] == "compile":
                self.field(i, "argv", lambda v: v[1:], lambda v, first=op["argv"][0]: [first, *v])
            if op["op"] == "write":
                self.field(i, "text", lambda v: v.split("\n"), "\n".join)
            if i < len(self.scenario["ops"]):
                self.simplify(i)
            i += 1


def shrink(scenario, failure, where, seconds=300, run=None, **how):
    """The smallest scenario found in that time that fails with the same kind, and its Failure. `how`: as for play(), which
    `run` replaces."""
    s = Shrinker(scenario, failure, run or (lambda candidate: play(candidate, where, **how)), time.monotonic() + seconds)
    size = None
    while size != len(repr(s.scenario)) and time.monotonic() < s.deadline:
        size = len(repr(s.scenario))
        s.everything()
    return s.scenario, s.failure
