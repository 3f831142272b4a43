"""Plain = cold = warm, byte for byte, from two directories, with the daemon and without: a row of cases.py each."""

import os
import shutil

import pytest

import hpcc
from cases import BASE_FILES, CXX_ONLY, all_cases, sampled
from compare import Check, write

COMPILERS = ("gcc", "g++", "clang", "clang++")
CASES = list(all_cases())


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
            if isinstance(data, str):
                data = fill(data)
            elif isinstance(data, tuple):
                data = (data[0], fill(data[1]))
            write(os.path.join(root, fill(name)), data)
        self.check = Check(cache, root, unstable=case.unstable)
        self.argv = [compiler, *map(fill, case.args)]
        env = {k: v if v is None else fill(v) for k, v in (case.env or {}).items()}
        self.how = {"prepare": case.prepare, "env": env, "umask": case.umask, "stdin": case.stdin,
                    "cwd": os.path.join(root, case.cwd) if case.cwd else None}


@pytest.mark.parametrize("compiler, case", parameters())
def test_plain_and_cold_and_warm_agree(tmp_path, compiler, case):
    hpcc.require_program(compiler)
    with hpcc.Cache(tmp_path) as cache:
        one = Place(cache, os.path.join(tmp_path, "one", "proj"), compiler, case)
        two = Place(cache, os.path.join(tmp_path, "second", "place", "proj"), compiler, case)
        plain_one = one.check.plain(one.argv, **one.how)
        plain_two = two.check.plain(two.argv, **two.how)
        if case.expect == "failed":
            assert plain_one.rc != 0, f"the case is wrong, the compiler is content: {plain_one}"
        elif case.expect == "miss":
            assert plain_one.rc == 0, f"the case is wrong, the compiler fails: {plain_one}"
        warm = "hit" if case.expect == "miss" else case.expect

        one.check.step(one.argv, case.expect, plain_one, **one.how)
        one.check.step(one.argv, warm, plain_one, **one.how)
        second = case.second or ("either" if case.expect == "miss" else case.expect)
        two.check.step(two.argv, second, plain_two, **two.how)
        two.check.step(two.argv, warm, plain_two, **two.how)
        with cache.without_daemon():
            one.check.step(one.argv, warm, plain_one, **one.how)
        if case.expect and case.expect != "miss":
            assert cache.entries() == [], "something was stored"
    shutil.rmtree(tmp_path)  # half a gigabyte over the whole matrix otherwise
