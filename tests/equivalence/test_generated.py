"""Made projects and edits (tests/lib/soak), a fixed set of seeds; `make soak` goes on with new ones. And tests of the maker
itself: caches that are wrong in one way each, and each is found within the same seeds."""

import json
import os
import subprocess
import sys

import pytest

import hpcc
from soak import play, script, shrink
from soak.make import scenario

# Chosen once and kept; HPCC_SOAK=1 plays more. `make soak` is for finding, this is for what was found not to come back.
SEEDS = range(1, 200 if hpcc.SOAK else 9)
ROUNDS = 8

# A cache as ccache's direct mode is, with one thing wrong. It looks the unit up by its command line and its source's
# content, then by the content of what the compiler lists with -M. Outputs are what appeared beside the object or here.
FAKE = '''#!/usr/bin/python3
import hashlib, os, pickle, subprocess, sys
FAULT, STATE = {fault!r}, {state!r}
argv = sys.argv[1:]
if "-c" not in argv or set(argv) & {{"-E", "-S", "-M", "-MM", "-fsyntax-only"}}:
    os.execvp(argv[0], argv)
words = [a for i, a in enumerate(argv) if not a.startswith(("-M", "-Wp,-M")) and a not in ("-c", "-o") and (i == 0 or argv[i - 1] not in ("-o", "-MF", "-MT", "-MQ", "-MJ"))]
out = argv[argv.index("-o") + 1] if "-o" in argv[:-1] else "."
source = [a for a in argv[1:] if a.endswith((".c", ".cc", ".cpp", ".C"))][-1:]

def content(path):
    try:
        if FAULT == "believes times":
            st = os.stat(path)
            return repr((st.st_size, int(st.st_mtime))).encode()
        if FAULT == "ignores values":
            return b"".join(line for line in open(path, "rb") if not line.startswith(b"#define V"))
        return open(path, "rb").read()
    except OSError:
        return b"absent"

def content_of(paths):
    return hashlib.sha256(repr([content(p) for p in paths]).encode()).hexdigest()

def around():
    return {{p: os.stat(p).st_mtime_ns for folder in {{".", os.path.dirname(out) or "."}} if os.path.isdir(folder)
            for p in (os.path.join(folder, name) for name in os.listdir(folder)) if os.path.isfile(p)}}

def names():
    top = os.getcwd()
    while os.path.basename(top) != "w" and top != "/": top = os.path.dirname(top)
    found = [(d, sorted(subs), sorted(f for f in files if not f.endswith(("o", "d", "dep", ".d", "tmp")))) for d, subs, files in os.walk(top)]
    links = [os.readlink(os.path.join(d, n)) for d, subs, files in os.walk(top) for n in sorted(subs + files) if os.path.islink(os.path.join(d, n))]
    return sorted(found), links

mask = os.umask(0)
os.umask(mask)
env = sorted((k, v) for k, v in os.environ.items() if not k.startswith("XDG"))
seen = argv if FAULT != "ignores definitions" else [a for a in argv if not a.startswith("-D")]
slot = repr((seen, os.getcwd(), env, FAULT != "ignores the mask" and mask,
             FAULT != "ignores what was absent" and names(), [content(a[1:]) for a in argv if a.startswith("@")], source and content(source[0])))
slot = os.path.join(STATE, hashlib.sha256(slot.encode()).hexdigest())
known = pickle.load(open(slot, "rb")) if os.path.exists(slot) else []
for deps, digest, outs, stdout, stderr in known:
    if FAULT == "ignores headers" or content_of(deps) == digest:
        for path, data, mode in outs:
            if os.path.lexists(path): os.unlink(path)
            with open(path, "wb") as f: f.write(data)
            os.chmod(path, mode)
        os.write(1, stdout), os.write(2, b"" if FAULT == "forgets warnings" else stderr)
        sys.exit(0)
before = around()
done = subprocess.run(argv, capture_output=True)
os.write(1, done.stdout), os.write(2, done.stderr)
if done.returncode == 0:
    files = [p for p, when in around().items() if before.get(p) != when and not (FAULT == "forgets the dependency file" and p.endswith("d"))]
    if subprocess.run([*words, "-M", "-MF", slot + ".d"], capture_output=True).returncode == 0 and os.path.exists(slot + ".d"):
        text = open(slot + ".d").read().split(": ", 1)[1].replace("\\\\\\n", " ").replace("\\\\ ", "\\0").replace("$$", "$").replace("\\\\#", "#")
        deps = [d.replace("\\0", " ") for d in text.split()]
        known.append((deps, content_of(deps), [(p, open(p, "rb").read(), os.stat(p).st_mode & 0o777) for p in files if os.path.exists(p)], done.stdout, done.stderr))
        with open(slot + str(os.getpid()), "wb") as f: pickle.dump(known, f)
        os.rename(slot + str(os.getpid()), slot)
sys.exit(done.returncode)
'''

FAULTS = ["ignores what was absent", "ignores headers", "forgets warnings"]


def short(folder):
    """A folder for sockets, whose names are short."""
    return os.path.join(folder, "s")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_made_project_compiles_as_it_does_plainly_whatever_is_edited(tmp_path, seed):
    for program in ("gcc", "g++", "clang", "clang++"):
        hpcc.require_program(program)
    made = scenario(seed, ROUNDS)
    failure = play.play(made, short(tmp_path), program=hpcc.hpcc_bin() if hpcc.PASSTHROUGH else None)
    if failure:
        made, failure = shrink.shrink(made, failure, short(tmp_path), seconds=30)
        pytest.fail(f"{failure.kind}: {failure.detail}\n{script.text(made, failure, hpcc.hpcc_bin()).decode(errors='replace')}")


def fake(tmp_path, fault):
    program = tmp_path / "fake"
    program.write_text(FAKE.format(fault=fault, state=str(tmp_path / "state")))
    program.chmod(0o755)
    (tmp_path / "state").mkdir()
    return program


@pytest.mark.parametrize("fault", FAULTS)
def test_a_cache_that_is_wrong_in_one_way_is_found_within_these_seeds(tmp_path, fault):
    program = fake(tmp_path, fault)
    for seed in SEEDS:
        failure = play.play(scenario(seed, ROUNDS), short(tmp_path), program=program)
        if failure:
            assert failure.kind == "differs"
            return
        (tmp_path / "state").rename(tmp_path / f"state{seed}")
        (tmp_path / "state").mkdir()
    pytest.fail("not found")


def written(path, text):
    return {"op": "write", "path": path, "text": text, "how": "inplace"}


def compiled(*more):
    return {"op": "compile", "argv": ["gcc", "-Wall", "-O1", "-c", *more, "u.c", "-o", "u.o"], "cwd": "p", "env": {"LC_ALL": "C"}, "umask": None,
            "times": 2, "local": False}


MADE = {"seed": 0, "ops": [written("p/u.c", '#include "a.h"\n#include "b.h"\nint other;\nint a = A;\n'), written("p/a.h", "#define A 1\nint more;\n"),
                           written("p/b.h", "#define B 1\n"), compiled("-DX"), written("p/b.h", "#define B 2\n"), compiled(), compiled(),
                           {"op": "mkdir", "path": "p/q"}, written("p/a.h", "#define A 2\nint more;\n"), compiled(), written("p/b.h", "#define B 3\n")]}
LEAST = [written("p/u.c", '#include "a.h"\nint a = A;'), written("p/a.h", "#define A 1"), {**compiled(), "argv": ["gcc", "-c", "u.c"], "env": {}, "times": 1},
         written("p/a.h", "#define A 2"), {**compiled(), "argv": ["gcc", "-c", "u.c"], "env": {}, "times": 1}]


def test_a_failure_is_shrunk_to_what_it_needs():
    """A world in which compiles of u.c give what its header was at the first."""

    def run(candidate):
        text, first = {}, None
        for i, op in enumerate(candidate["ops"]):
            if op["op"] == "write":
                text[op["path"]] = op["text"]
            elif op["op"] == "compile" and op["cwd"] == "p" and "u.c" in op["argv"] and "-c" in op["argv"]:
                unit, header = text.get("p/u.c", "").splitlines(), text.get("p/a.h", "").splitlines()
                if '#include "a.h"' not in unit or "int a = A;" not in unit:
                    return play.Failure("other", "", i)
                value = [line for line in header if line.startswith("#define A")]
                if first and value and value != first:
                    return play.Failure("differs", "", i)
                first = first or value
        return None

    made, failure = shrink.shrink(MADE, run(MADE), None, run=run)
    assert made == {"seed": 0, "ops": LEAST}
    assert failure == run(made)


def test_a_failure_as_a_script_fails_by_itself(tmp_path):
    """With a faulty program in hpcc's place, and with one that is not."""
    program = fake(tmp_path, "ignores headers")
    least = [{**op, "argv": [*op["argv"], "-o", "u.o"]} if "argv" in op else op for op in LEAST]
    path = tmp_path / "told.sh"
    path.write_bytes(script.text({"seed": 0, "local": True, "ops": least}, play.Failure("differs", "told\nwith $W and 'quotes'", 4)))
    for name, status in ((str(program), 1), ("/usr/bin/env", 0)):
        done = subprocess.run(["bash", str(path)], env={**os.environ, "HPCC": name, "TMPDIR": str(tmp_path)}, capture_output=True, stdin=subprocess.DEVNULL)
        assert done.returncode == status, done


def test_a_seed_says_everything():
    """The same scenario in every process: nothing hangs on the order of a set or a dictionary of strings."""
    code = "import json, soak.make; print(json.dumps([soak.make.scenario(s) for s in range(40)]))"
    told = [subprocess.run([sys.executable, "-c", code], check=True, capture_output=True,
                           env={"PYTHONPATH": os.path.join(hpcc.ROOT, "tests/lib"), "PYTHONHASHSEED": salt, "PATH": os.environ["PATH"]}).stdout
            for salt in ("1", "2")]
    assert told[0] == told[1]
    assert len({json.dumps(s["ops"]) for s in json.loads(told[0])}) == 40


def test_a_compilers_own_tests_are_compiled_and_compared(tmp_path):
    """tools/soak-suite: with the options that a file asks for, and with what goes wrong counted."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "one.c").write_text('/* { dg-options "-O2 -DVALUE=3" } */\n#include "one.h"\nint one = VALUE + ONE;\n')
    (folder / "one.h").write_text("#define ONE 1\n")
    (folder / "refused.c").write_text("int refused = ;\n")
    program = fake(tmp_path, "forgets warnings")
    (folder / "warned.c").write_text('/* { dg-options "-Wall" } */\nstatic int unused;\n')
    (tmp_path / "dist/bin").mkdir(parents=True)
    command = [os.path.join(hpcc.ROOT, "tools/soak-suite"), "--compiler", "gcc", "--jobs", "1"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    good = subprocess.run([*command, str(folder), os.path.dirname(os.path.dirname(hpcc.hpcc_bin()))], env=env, capture_output=True, text=True)
    assert good.returncode == 0 and good.stdout.endswith("3 command lines, 2 compiled, 1 refused, 2 warm hits, 0 differ\n"), good
    (tmp_path / "dist/bin/hpcc").symlink_to(program)
    bad = subprocess.run([*command, "--only-compare", str(folder), str(tmp_path / "dist")], env=env, capture_output=True, text=True)
    assert bad.returncode == 1 and "DIFFERS gcc -c -Wall" in bad.stdout and bad.stdout.endswith("1 differ\n"), bad
