"""Plain = cold = warm, byte for byte, from two directories, with the daemon and without: a row of cases.py each."""

import contextlib
import os
import shutil

import pytest

import hpcc
from cases import BASE_FILES, CXX_ONLY, all_cases, sampled
from compare import Check, write

COMPILERS = ("gcc", "g++", "clang", "clang++")
CASES = list(all_cases())

# All cases of a compiler share one daemon and one cache, as all of a user's projects do: a comment with the case's name
# in each source keeps them apart.
SOURCE_EXTENSIONS = (".c", ".cc", ".S", ".s", ".i", ".ii", ".cpp", ".C", ".m", ".data", ".txt")


def parameters():
    for compiler in COMPILERS:
        for case in CASES:
            if (case.only is None or compiler in case.only) and sampled(compiler, case):
                yield pytest.param(compiler, case, id=f"{compiler}: {case.name}".encode("unicode_escape").decode())


def test_case_names_are_distinct():
    names = [case.name for case in CASES if case.only is None]
    assert len(names) == len(set(names))


class Place:
    """The project of a case in one directory."""

    def __init__(self, cache, root, compiler, case):
        ext = ".cc" if compiler in CXX_ONLY else ".c"

        def fill(text):
            for key, value in (("{src}", "main" + ext), ("{ext}", ext), ("{dir}", str(root))):
                text = text.replace(key, value)
            return text

        for name, data in {**(BASE_FILES if case.base else {}), **case.files}.items():
            name = fill(name)
            if isinstance(data, tuple):
                data = (data[0], fill(data[1]))
            elif isinstance(data, str):
                data = fill(data)
                if data and name.endswith(SOURCE_EXTENSIONS):
                    data = data.removesuffix("\n") + f" /* {case.name!r} */".replace("\\", "/") + "\n" * data.endswith("\n")
            write(os.path.join(root, name), data)
        self.check = Check(cache, root, unstable=case.unstable)
        self.argv = [compiler, *map(fill, case.args)]
        env = {k: v if v is None else fill(v) for k, v in (case.env or {}).items()}
        self.how = {"prepare": case.prepare, "env": env, "umask": case.umask, "stdin": case.stdin,
                    "cwd": os.path.join(root, case.cwd) if case.cwd else None}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """{compiler: Cache}, each started when it is first asked for."""
    with contextlib.ExitStack() as stack:
        made = {}

        def world(compiler):
            if compiler not in made:
                made[compiler] = stack.enter_context(hpcc.Cache(tmp_path_factory.mktemp("world")))
            return made[compiler]

        yield world


@pytest.mark.parametrize("compiler, case", parameters())
def test_plain_and_cold_and_warm_agree(tmp_path, worlds, compiler, case):
    hpcc.require_program(compiler)
    cache = worlds(compiler)
    one = Place(cache, os.path.join(tmp_path, "one", "proj"), compiler, case)
    two = Place(cache, os.path.join(tmp_path, "second", "place", "proj"), compiler, case)
    plain_one = one.check.plain(one.argv, **one.how)
    plain_two = two.check.plain(two.argv, **two.how)
    if case.expect == "failed":
        assert plain_one.rc != 0, f"the case is wrong, the compiler is content: {plain_one}"
    elif case.expect == "miss":
        assert plain_one.rc == 0, f"the case is wrong, the compiler fails: {plain_one}"
    warm = "hit" if case.expect == "miss" else case.expect
    stored = len(cache.entries())

    one.check.step(one.argv, case.expect, plain_one, **one.how)
    one.check.step(one.argv, warm, plain_one, **one.how)
    two.check.step(two.argv, case.second or ("either" if case.expect == "miss" else case.expect), plain_two, **two.how)
    two.check.step(two.argv, warm, plain_two, **two.how)
    with cache.without_daemon():
        one.check.step(one.argv, warm, plain_one, **one.how)
    if case.expect not in (None, "miss"):
        assert len(cache.entries()) == stored, "something was stored"
    if not hpcc.PASSTHROUGH and cache.daemon.poll() is not None:
        cache.daemon = None
        cache.start()
        pytest.fail(f"the daemon died: {cache.log_text()}")
    shutil.rmtree(tmp_path)  # half a gigabyte over the whole matrix otherwise
