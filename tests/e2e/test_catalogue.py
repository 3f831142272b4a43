"""hpcc image pull and its catalogue: made once, whole or not there, evicted by use."""

import fcntl
import json
import os
import random
import signal
import subprocess
import time

import pytest
from hpcc import SOAK, hpcc_bin
from oci import Entry, Layout, tar

KILLS = 200 if SOAK else 15


@pytest.fixture
def image(tmp_path):
    def run(*args, wait=True):
        process = subprocess.Popen([hpcc_bin(), "image", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env={**os.environ, "HPCC_CACHE_DIR": str(tmp_path / "cache"), "HOME": str(tmp_path)})
        if not wait:
            return process
        out, err = process.communicate(timeout=120)
        return process.returncode, out.decode(), err.decode()

    return run


def entries(image):
    rc, out, err = image("list", "--json")
    assert rc == 0, err
    return json.loads(out)


def make_layout(tmp_path, name, size=1000):
    return Layout(tmp_path / name, [tar([Entry("f", random.Random(name).randbytes(size))])])


def rootfs(tmp_path):
    return sorted(os.listdir(tmp_path / "cache/image/rootfs"))


def test_who_wants_the_same_image_at_once_waits_for_the_first(tmp_path, image):
    layout = make_layout(tmp_path, "a", 8 << 20)
    pulls = [image("pull", layout.source, wait=False) for _ in range(8)]
    outs = [p.communicate(timeout=120)[0].decode() for p in pulls]
    assert all(p.returncode == 0 for p in pulls)
    assert sorted(out.splitlines()[-1] for out in outs) == ["made"] + ["was there"] * 7
    assert len({out.splitlines()[1] for out in outs}) == 1
    assert len(entries(image)) == 1


def test_a_pull_killed_anywhere_leaves_no_half_image(tmp_path, image):
    layout = make_layout(tmp_path, "a", 4 << 20)
    start = time.monotonic()
    assert image("pull", layout.source)[0] == 0
    whole_s = time.monotonic() - start
    (name,) = [e["name"] for e in entries(image)]
    rng = random.Random(7)
    for _ in range(KILLS):
        image("rm", name)
        process = image("pull", layout.source, wait=False)
        try:
            process.wait(rng.random() * whole_s * 1.2)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        rc, out, err = image("verify")
        assert rc == 0 and out in ("", f"{name}  whole\n"), err
    assert image("pull", layout.source)[0] == 0
    assert rootfs(tmp_path) == [f"{name}.json", f"{name}.sqsh"]


def damage(path):
    with open(path, "r+b") as f:
        f.seek(1000)
        byte = f.read(1)
        f.seek(1000)
        f.write(bytes([byte[0] ^ 1]))


def test_damage_is_found_and_mended(tmp_path, image):
    layout = make_layout(tmp_path, "a", 100000)
    path = image("pull", layout.source)[1].split()[3]
    good = open(path, "rb").read()
    damage(path)
    rc, out, err = image("verify")
    assert rc == 1 and "image-catalogue-corrupt" in err and "is not what was written" in err
    assert entries(image) == [] and rootfs(tmp_path) == []
    assert image("pull", layout.source)[1].splitlines()[-1] == "made"
    damage(path)
    rc, out, err = image("pull", layout.source)
    assert rc == 0 and out.splitlines()[-1] == "made" and "image-catalogue-corrupt" in err
    assert open(path, "rb").read() == good
    os.utime(path)  # another stamp, the same bytes
    assert image("pull", layout.source)[1].splitlines()[-1] == "was there"
    with open(path[:-4] + "json", "w") as f:
        f.write("{")
    assert entries(image) == []
    assert image("pull", layout.source)[1].splitlines()[-1] == "made"


def test_room_is_made_by_use_and_pins_and_leases_stay(tmp_path, image):
    layouts = {n: make_layout(tmp_path, n, 60000) for n in "abcd"}
    paths = {}

    def pull(name, *more):
        out = image("pull", layouts[name].source, "--max-size", "150K", *more)[1]
        paths[name] = out.split()[3]
        os.utime(paths[name][:-4] + "json", (pull.clock, pull.clock))
        pull.clock += 10

    pull.clock = time.time() - 1000
    pull("a", "--pin")
    pull("b")
    pull("c")
    assert {os.path.exists(paths[n]) for n in "ac"} == {True} and not os.path.exists(paths["b"])
    with open(paths["c"], "rb") as lease:
        fcntl.flock(lease, fcntl.LOCK_SH)
        pull("d")
        assert os.path.exists(paths["c"]) and os.path.exists(paths["a"])
        (name,) = [e["name"] for e in entries(image) if paths["c"].endswith(e["name"] + ".sqsh")]
        rc, _, err = image("rm", name)
        assert rc == 1 and "it is in use" in err
    assert image("rm", name)[0] == 0
    assert not os.path.exists(paths["c"])


def test_other_agents_and_compressions_are_other_entries(tmp_path, image):
    layout = make_layout(tmp_path, "a")
    (tmp_path / "agent").write_bytes(b"one")
    for more in ([], ["--agent", f"{tmp_path}/agent"], ["--compression", "zstd"], ["--compression", "gzip:1"]):
        assert image("pull", layout.source, *more)[1].splitlines()[-1] == "made"
    assert image("pull", layout.source, "--compression", "gzip:9")[1].splitlines()[-1] == "was there"
    (tmp_path / "agent").write_bytes(b"two")
    assert image("pull", layout.source, "--agent", f"{tmp_path}/agent")[1].splitlines()[-1] == "made"
    assert len(entries(image)) == 5
    rc, out, _ = image("inspect", layout.digest)
    assert rc == 0 and out.count("compression") == 5
    for command in ("inspect", "rm", "verify"):
        rc, _, err = image(command, "00000000")
        assert rc == 1 and "there is no such root file system" in err
