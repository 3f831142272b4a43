"""Made projects and made edits, each step compared with the plain compiler.

    make.scenario(seed) -> a scenario: a list of operations, pure data
    play.play(scenario, where) -> None, or the first Failure
    shrink.shrink(scenario, failure, where) -> a smaller scenario that fails the same way
    script.text(scenario, failure) -> the same as a shell script of its own

tools/soak runs it for hours, tests/equivalence/test_generated.py for seconds. What to know of a scenario:

    {"seed": 7, "ops": [{"op": "write", "path": "p/src/u0.c", "text": "…"}, {"op": "compile", …}, …]}

Paths are below the scenario's own folder, which texts and arguments call ROOT (the word between two "@"). An operation
whose files are not there does nothing, so any part of a scenario is a scenario: that is what shrinking lives on.
"""
