"""The comparison can fail: launchers that are wrong in one way each, and each is caught."""

import os

import pytest

from compare import Check, differences, expectation, write
from hpcc import Cache

# A cache as naive as can be: keyed by the arguments alone, replaying what the first run left. FAULT names what it gets wrong.
LAUNCHER = '''#!/usr/bin/python3
import hashlib, os, pickle, shutil, subprocess, sys, time
FAULT, STATE = {fault!r}, {state!r}
argv = sys.argv[1:]
if FAULT == "runs in a shell":
    os.execv("/bin/sh", ["sh", "-c", " ".join(argv)])
if FAULT != "stale":
    done = subprocess.run(argv, capture_output=True)
    out, err, rc = done.stdout, done.stderr, done.returncode
    obj = argv[argv.index("-o") + 1] if "-o" in argv else None
    dep = os.path.splitext(obj)[0] + ".d" if obj else None
    if FAULT == "swallows stderr": err = b""
    if FAULT == "adds to stderr": err = b"hpcc: miss\\n" + err
    if FAULT == "adds to stdout": out = b"hit\\n" + out
    if FAULT == "loses the status": rc = 0
    if FAULT == "status 1 for all": rc = rc and 2
    if rc == 0 and obj and os.path.exists(obj):
        if FAULT == "wrong mode": os.chmod(obj, 0o600)
        if FAULT == "old time": os.utime(obj, (1, 1))
        if FAULT == "hard link": os.link(obj, STATE + "/twin-%d" % time.time_ns())
        if FAULT == "loses the dependency file" and os.path.exists(dep): os.unlink(dep)
        if FAULT == "dependency file of another target" and os.path.exists(dep):
            text = open(dep).read(); open(dep, "w").write("/elsewhere/" + text)
        if FAULT == "leaves a file": open("left.tmp", "w").close()
        if FAULT == "cut object": os.truncate(obj, 100)
        if FAULT == "one bit":
            data = bytearray(open(obj, "rb").read()); data[-1] ^= 1; open(obj, "wb").write(data)
    os.write(1, out), os.write(2, err)
    sys.exit(rc)
key = os.path.join(STATE, hashlib.sha256(repr(argv).encode()).hexdigest())
obj = argv[argv.index("-o") + 1]
if not os.path.exists(key):
    done = subprocess.run(argv, capture_output=True)
    sys.stdout.buffer.write(done.stdout), sys.stderr.buffer.write(done.stderr)
    if done.returncode == 0: shutil.copy(obj, key)
    sys.exit(done.returncode)
os.path.lexists(obj) and os.unlink(obj)
shutil.copyfile(key, obj)
'''

WARN = "int f(void) { int unused; return 0; }\n"


@pytest.fixture
def faulty(tmp_path):
    def make(fault):
        path = os.path.join(tmp_path, "launcher")
        write(path, LAUNCHER.format(fault=fault, state=str(tmp_path)))
        os.chmod(path, 0o755)
        check = Check(Cache(tmp_path, daemon=False, program=path), os.path.join(tmp_path, "proj"))
        check.write("main.c", WARN)
        check.write("bad.c", "int x = ;\n")
        check.write("a b.c", "int x;\n")
        return check

    return make


ARGV = ["gcc", "-Wall", "-c", "main.c", "-o", "out.o", "-MD"]


def caught(check, argv, **how):
    return bool(differences(check.plain(argv, **how), check.cached(argv, **how)))


def test_a_faultless_launcher_is_not_accused(faulty):
    check = faulty("none")
    for argv in (ARGV, ["gcc", "-c", "bad.c", "-o", "out.o"], ["gcc", "-c", "a b.c", "-o", "out.o"]):
        assert not caught(check, argv)


@pytest.mark.parametrize("fault", ["swallows stderr", "adds to stderr", "adds to stdout", "wrong mode", "old time", "hard link",
                                   "loses the dependency file", "dependency file of another target", "leaves a file", "cut object",
                                   "one bit"])
def test_a_launcher_that_gets_one_thing_wrong_is_caught(faulty, fault):
    assert caught(faulty(fault), ARGV)


@pytest.mark.parametrize("fault", ["loses the status", "status 1 for all"])
def test_a_launcher_that_changes_the_status_is_caught(faulty, fault):
    assert caught(faulty(fault), ["gcc", "-c", "bad.c", "-o", "out.o"])


def test_a_launcher_that_loses_quoting_is_caught(faulty):
    assert caught(faulty("runs in a shell"), ["gcc", "-c", "a b.c", "-o", "out.o"])


def test_a_stale_object_is_caught(faulty):
    check = faulty("stale")
    argv = ["gcc", "-c", "main.c", "-o", "out.o"]
    assert not caught(check, argv)
    check.write("main.c", "int other;\n")
    assert caught(check, argv)


def test_an_object_of_another_directory_is_caught(faulty, tmp_path):
    check = faulty("stale")
    argv = ["gcc", "-g", "-c", "main.c", "-o", "out.o"]
    assert not caught(check, argv)
    other = Check(check.cache, os.path.join(tmp_path, "other"))
    other.write("main.c", WARN)
    assert caught(other, argv)


def test_a_run_leaves_the_tree_as_it_was(faulty):
    check = faulty("none")
    before = {name: os.stat(os.path.join(check.root, name)).st_ino for name in os.listdir(check.root)}
    check.cached(["gcc", "-c", "main.c", "-o", "main.c"])
    check.cached(ARGV)
    after = {name: os.stat(os.path.join(check.root, name)).st_ino for name in os.listdir(check.root)}
    assert set(after) == set(before)
    assert {n: i for n, i in after.items() if n != "main.c"} == {n: i for n, i in before.items() if n != "main.c"}
    with open(os.path.join(check.root, "main.c")) as f:
        assert f.read() == WARN


@pytest.mark.parametrize("expect, gained, fine", [
    ("hit", {"hit": 1}, True), ("hit", {"miss": 1, "miss.new": 1}, False), ("hit", {}, False), ("hit", {"hit": 1, "bypass.internal": 1}, False),
    ("miss", {"miss": 1, "miss.new": 1}, True), ("miss", {"miss.new": 1, "unstored.too-large": 1}, False), ("miss", {"hit": 1}, False),
    ("miss:new", {"miss.new": 1}, True), ("miss:new", {"miss.evicted": 1}, False),
    ("failed", {"miss.new": 1, "unstored.compile-failed": 1}, True), ("failed", {"miss.new": 1}, False),
    ("uncached:incbin", {"bypass.incbin": 1}, True), ("uncached:incbin", {"bypass.cwd": 1}, False), ("uncached", {"hit": 1}, False),
    ("uncached", {"miss.new": 1}, False), ("either", {"hit": 1}, True), ("either", {}, False)])
def test_expectations_of_the_counters_can_fail(expect, gained, fine):
    assert (expectation(expect, gained) is None) == fine
