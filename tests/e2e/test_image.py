"""hpcc image build-rootfs: what comes out is what umoci unpacks; what is hostile is refused or neutralised, and told."""

import gzip
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import tarfile
import zlib

import pytest
from hpcc import SOAK, hpcc_bin, require_program, require_root
from oci import Entry, Layout, directory, hardlink, opaque, symlink, tar, whiteout
from tree import describe, differences

RANDOM_IMAGES = 300 if SOAK else 12
FOLDERS = ["proc", "sys", "dev", "run", "tmp"]


def build(source, output, *more):
    done = subprocess.run([hpcc_bin(), "image", "build-rootfs", source, "-o", str(output), *more], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def events(err):
    return [word[len('msg="event='):] for line in err.splitlines() for word in line.split() if word.startswith('msg="event=')]


def unsquash(image, folder):
    subprocess.run(["unsquashfs", "-no-progress", "-d", folder, image], check=True, stdout=subprocess.DEVNULL)
    return describe(folder)


def umoci(layout, folder):
    subprocess.run(["umoci", "unpack", "--image", f"{layout.folder}:t", folder], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return describe(f"{folder}/rootfs")


def without_ours(rows):
    """Less what the build adds for the guest, and the times of folders that umoci touches while it unpacks."""
    return {n: r for n, r in rows.items() if n.decode("utf-8", "replace") not in FOLDERS}


def blur(rows, layers):
    """Folders that only paths imply have no time of their own, and the root has other folders."""
    named = {e.info.name.strip("/") for layer in layers for e in layer}
    rows[b"."][5] = None
    return {n: r[:4] + [None] + r[5:] if stat.S_ISDIR(r[0]) and n.decode() not in named else r for n, r in rows.items()}


def check_against_umoci(tmp_path, layers, pack="gzip"):
    layout = Layout(tmp_path / "layout", [tar(entries) for entries in layers], pack)
    rc, _, err = build(layout.source, tmp_path / "image")
    assert rc == 0, err
    ours = unsquash(tmp_path / "image", tmp_path / "ours")
    theirs = umoci(layout, tmp_path / "theirs")
    wrong = differences(blur(without_ours(theirs), layers), blur(without_ours(ours), layers))
    assert not wrong, "\n".join(wrong[:20])
    return layout


@pytest.fixture(autouse=True)
def tools():
    require_root()
    require_program("unsquashfs")
    require_program("umoci")


ROOT = directory("./")


def test_layers_merge_as_the_specification_says(tmp_path):
    check_against_umoci(tmp_path, [
        [ROOT, directory("etc"), Entry("etc/a", b"lower"), Entry("etc/b", b"lower"), directory("etc/sub"),
         Entry("etc/sub/x", b"x"), directory("gone"), Entry("gone/y", b"y"), directory("cleared"), Entry("cleared/z", b"z"),
         Entry("becomes-folder", b"f"), directory("becomes-file"), Entry("becomes-file/w", b"w"),
         symlink("link", "etc/a"), Entry("big", bytes(range(256)) * 3000, mode=0o755, uid=70000, gid=80000)],
        [Entry("etc/a", b"middle", mode=0o600), whiteout("etc/b"), whiteout("gone"), directory("cleared"),
         opaque("cleared"), Entry("cleared/new", b"n"), directory("becomes-folder"), Entry("becomes-folder/in", b"i"),
         whiteout("becomes-file"), Entry("becomes-file", b"file")],
        [directory("gone", mode=0o700), Entry("gone/again", b"again"), directory("etc", mode=0o711),
         symlink("link", "elsewhere"), directory("a"), directory("a/b"), directory("a/b/c"), Entry("a/b/c/deep", b"")],
    ])


@pytest.mark.parametrize("pack", ["", "gzip", "zstd"])
def test_every_packing_of_layers_is_read(tmp_path, pack):
    if pack == "zstd":  # umoci 0.4 does not know it
        layout = Layout(tmp_path / "layout", [tar([Entry("a", b"content")])], pack)
        assert build(layout.source, tmp_path / "image")[0] == 0
        assert unsquash(tmp_path / "image", tmp_path / "out")[b"a"][7] == len(b"content")
    else:
        check_against_umoci(tmp_path, [[ROOT, Entry("a", b"content")]], pack)


def test_hard_links_lead_to_what_their_layer_saw(tmp_path):
    check_against_umoci(tmp_path, [
        [ROOT, Entry("one", b"first"), hardlink("two", "one"), Entry("kept", b"kept"), hardlink("kept-too", "./kept")],
        [Entry("one", b"second"), hardlink("three", "one")],
    ])


def test_a_hard_link_can_lead_to_a_lower_layer(tmp_path):
    check_against_umoci(tmp_path, [
        [ROOT, directory("d"), Entry("d/one", b"first", mode=0o755)],
        [hardlink("link", "d/one")],
    ])


def test_a_hard_link_keeps_what_an_upper_layer_deletes(tmp_path):
    check_against_umoci(tmp_path, [
        [ROOT, Entry("one", b"first"), Entry("other", b"o")],
        [hardlink("link", "one"), hardlink("link2", "other")],
        [whiteout("one"), Entry("other", b"new")],
    ])


def random_layers(rng):
    """Layers as honest builders write them: each entry stands on what the layers below have."""
    tree = {"": "d"}  # path → d, f, l
    layers = []
    for _ in range(rng.randrange(1, 5)):
        layer, named = ([ROOT] if not layers else []), set()

        def parents(path):
            parent = os.path.dirname(path)
            if parent and parent not in named:
                parents(parent)
                named.add(parent)
                layer.append(directory(parent, mode=rng.choice([0o755, 0o711])))

        for _ in range(rng.randrange(1, 25)):
            folder = rng.choice([p for p, k in tree.items() if k == "d"])
            path = os.path.join(folder, rng.choice("abcdefgh"))
            kind = rng.randrange(10)
            below = [p for p in tree if p == path or p.startswith(path + "/")]
            if path in named or any(p in named for p in below) or path.count("/") > 5:
                continue
            parents(path)
            if kind == 0 and path in tree:
                layer.append(whiteout(path))
                new = None
            elif kind < 4:
                layer.append(directory(path, mode=rng.choice([0o755, 0o700]), mtime=rng.randrange(1 << 31)))
                if tree.get(path) == "d" and rng.randrange(4) == 0:
                    layer.append(opaque(path))
                    below = [p for p in below if p != path]
                    new = "d"
                elif tree.get(path) == "d":
                    named.add(path)
                    continue
                else:
                    new = "d"
            elif kind < 5:
                layer.append(symlink(path, rng.choice(["a", "/b", "../c"])))
                new = "l"
            elif kind == 5 and [p for p, k in tree.items() if k == "f" and p not in below]:
                layer.append(hardlink(path, rng.choice([p for p, k in tree.items() if k == "f" and p not in below])))
                new = "f"
            else:
                layer.append(Entry(path, rng.randbytes(rng.choice([0, 5, 4000, 200000])), mode=rng.choice([0o644, 0o755]),
                                   mtime=rng.randrange(1 << 31)))
                new = "f"
            for p in below:
                del tree[p]
            if new:
                tree[path] = new
            named.add(path)
        layers.append(layer)
    return layers


@pytest.mark.parametrize("seed", range(RANDOM_IMAGES))
def test_random_layers_merge_as_umoci_merges_them(tmp_path, seed):
    check_against_umoci(tmp_path, random_layers(random.Random(seed)))


def test_the_same_image_gives_the_same_bytes(tmp_path):
    layout = Layout(tmp_path / "layout", [tar(layer) for layer in random_layers(random.Random(99))])
    with tarfile.open(tmp_path / "archive", "w") as archive:
        archive.add(layout.folder, ".")
    images = []
    for i, (source, threads) in enumerate([(layout.source, 1), (layout.source, 4), (f"oci-archive:{tmp_path}/archive:t", 2),
                                           (f"oci:{layout.folder}", 3)]):
        rc, _, err = build(source, tmp_path / f"image{i}", "--threads", str(threads))
        assert rc == 0, err
        images.append((tmp_path / f"image{i}").read_bytes())
    assert len({hashlib.sha256(image).hexdigest() for image in images}) == 1
    assert build(layout.source, tmp_path / "zstd", "--compression", "zstd:3")[0] == 0
    assert unsquash(tmp_path / "zstd", tmp_path / "a") == unsquash(tmp_path / "image0", tmp_path / "b")


# Of random_layers(seed 99) with zlib 1.2.13 (Debian 12). A change here is a change of the format: oci/catalogue.c has a version
# for that, and every catalogue makes its files anew.
GOLDEN = {"image": "349997bf6011b26d6ede84ac7fee44cd0c08c9093cbb71f8f24443a567807cd9", "listing": "9184721da667df0ff8f79712ebc6431b7c894f01ce5af7cba22a1ac4e265690e"}


def test_the_golden_image_has_not_changed(tmp_path):
    layout = Layout(tmp_path / "layout", [tar(layer) for layer in random_layers(random.Random(99))], "")
    rc, _, err = build(layout.source, tmp_path / "image")
    assert rc == 0, err
    rows = unsquash(tmp_path / "image", tmp_path / "out")
    listing = "".join(f"{name!r} {row}\n" for name, row in sorted(rows.items()))
    assert hashlib.sha256(listing.encode()).hexdigest() == GOLDEN["listing"], listing
    if zlib.ZLIB_RUNTIME_VERSION.startswith("1.2.13"):
        assert hashlib.sha256((tmp_path / "image").read_bytes()).hexdigest() == GOLDEN["image"]


def test_the_guest_finds_its_agent_and_its_mount_points(tmp_path):
    (tmp_path / "agent").write_bytes(b"#!agent")
    layout = Layout(tmp_path / "layout", [tar([symlink("run", "/var/run"), Entry(".hpcc/agent", b"evil", mode=0o755)])])
    rc, out, err = build(layout.source, tmp_path / "image", "--agent", str(tmp_path / "agent"))
    assert rc == 0 and "1 events" in out
    assert events(err) == ["image-reserved-name"]
    rows = unsquash(tmp_path / "image", tmp_path / "out")
    assert (tmp_path / "out/.hpcc/agent").read_bytes() == b"#!agent"
    assert stat.S_IMODE(rows[b".hpcc/agent"][1]) == 0o755
    assert {n: stat.S_IMODE(rows[n.encode()][1]) for n in FOLDERS if n != "run"} == {
        "proc": 0o755, "sys": 0o755, "dev": 0o755, "tmp": 0o1777}
    assert stat.S_ISLNK(rows[b"run"][0])


NEUTRALISED = {
    "set-id": ("image-set-id", [Entry("su", b"x", mode=0o6755)], {b"su": 0o755}),
    "device": ("image-device-node", [Entry("null", kind=tarfile.CHRTYPE), Entry("f", b"")], {b"f": 0o644}),
    "block-device": ("image-device-node", [Entry("sda", kind=tarfile.BLKTYPE)], {}),
    "twice": ("image-duplicate-entry", [Entry("f", b"1", mode=0o600), Entry("f", b"2", mode=0o640)], {b"f": 0o640}),
    "reserved": ("image-reserved-name", [directory(".hpcc"), Entry(".hpcc/x", b"")], {}),
}


@pytest.mark.parametrize("case", NEUTRALISED)
def test_what_is_unwelcome_is_left_out_and_told(tmp_path, case):
    event, entries, want = NEUTRALISED[case]
    rc, _, err = build(Layout(tmp_path / "layout", [tar(entries)]).source, tmp_path / "image")
    assert rc == 0, err
    assert set(events(err)) == {event}
    rows = unsquash(tmp_path / "image", tmp_path / "out")
    assert {n: r[1] for n, r in rows.items() if n.decode() not in [*FOLDERS, "."]} == want


REFUSED = {
    "parent": ("image-parent-name", [[Entry("../x", b"")]]),
    "parent-inside": ("image-parent-name", [[Entry("a/../../x", b"")]]),
    "parent-only": ("image-parent-name", [[directory("..")]]),
    "absolute": ("image-absolute-name", [[Entry("/etc/passwd", b"")]]),
    "long-name": ("image-long-name", [[Entry("n" * 256, b"")]]),
    "deep": ("image-long-name", [[Entry("d/" * 128 + "f", b"")]]),
    "long-path": ("image-long-name", [[Entry("/".join(["n" * 250] * 17), b"")]]),
    "through-symlink": ("image-parent-not-directory", [[symlink("a", "/etc"), Entry("a/passwd", b"")]]),
    "through-file": ("image-parent-not-directory", [[Entry("a", b""), Entry("a/b", b"")]]),
    "through-lower-symlink": ("image-parent-not-directory", [[symlink("a", "/etc")], [Entry("a/passwd", b"")]]),
    "link-outside": ("image-parent-name", [[hardlink("a", "../../etc/shadow")]]),
    "link-absolute": ("image-absolute-name", [[hardlink("a", "/etc/shadow")]]),
    "link-to-folder": ("image-bad-link", [[directory("d"), hardlink("a", "d")]]),
    "link-to-symlink": ("image-bad-link", [[symlink("s", "x"), hardlink("a", "s")]]),
    "link-to-lower-folder": ("image-bad-link", [[directory("d")], [hardlink("a", "d")]]),
    "link-to-deleted": ("image-bad-link", [[Entry("f", b"")], [whiteout("f")], [hardlink("a", "f")]]),
    "link-to-nothing": ("", [[hardlink("a", "nothing")]]),
    "link-to-itself": ("", [[hardlink("a", "a")]]),
    "two-kinds": ("image-duplicate-entry", [[directory("a"), Entry("a", b"")]]),
    "two-kinds-reversed": ("image-duplicate-entry", [[Entry("a", b""), directory("a")]]),
    "bad-whiteout": ("image-bad-whiteout", [[Entry(".wh...", b"")]]),
    "empty-whiteout": ("image-bad-whiteout", [[Entry("d/.wh.", b"")]]),
    "root-is-file": ("image-empty-name", [[Entry(".", b"")]]),
    "empty-symlink": ("image-bad-link", [[symlink("s", "")]]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_hostile_is_refused_and_told(tmp_path, case):
    event, layers = REFUSED[case]
    rc, out, err = build(Layout(tmp_path / "layout", [tar(entries) for entries in layers]).source, tmp_path / "image")
    assert rc == 1 and out == "", err
    assert events(err)[-1:] == ([event] if event else [])
    assert err.splitlines()[-1].startswith("hpcc image: ")
    assert sorted(os.listdir(tmp_path)) == ["layout"]  # nothing half-written


def expect_failure(tmp_path, layout, words, source=None):
    rc, out, err = build(source or layout.source, tmp_path / "image")
    assert rc == 1 and out == ""
    assert words in err.splitlines()[-1], err
    assert "image" not in os.listdir(tmp_path)


def test_a_blob_with_another_content_is_refused(tmp_path):
    layout = Layout(tmp_path / "layout", [tar([Entry("f", os.urandom(100000))])])
    path = f"{layout.folder}/blobs/sha256/{layout.layers[0]['digest'][7:]}"
    data = bytearray(open(path, "rb").read())
    for position, words in ((len(data) // 2, ""), (-1, "")):
        changed = bytearray(data)
        changed[position] ^= 1
        open(path, "wb").write(changed)
        expect_failure(tmp_path, layout, words)
    open(path, "wb").write(data[:-1])
    expect_failure(tmp_path, layout, "instead of")
    open(path, "wb").write(data + b"x")
    expect_failure(tmp_path, layout, "more than")
    os.unlink(path)
    expect_failure(tmp_path, layout, "No such file")
    open(path, "wb").write(gzip.compress(tar([Entry("f", b"other")])))
    expect_failure(tmp_path, layout, "")


def test_bombs_are_refused(tmp_path):
    layout = Layout(tmp_path / "layout", [tar([Entry("zeros", bytes(100 << 20))])])
    expect_failure(tmp_path, layout, "grows to more than 200 times its size")
    huge = Entry("huge", b"", pax={"size": str(20 << 30)})
    layout = Layout(tmp_path / "layout2", [tar([huge])])
    expect_failure(tmp_path, layout, "more than 16 GiB")


def test_manifests_that_are_none_are_refused(tmp_path):
    layout = Layout(tmp_path / "layout", [tar([Entry("f", b"")])])
    good = dict(layout.manifest)
    for change, words in (
        ({"layers": good["layers"] * 128}, "more than 127 layers"),
        ({"layers": "none"}, "no layers"),
        ({"layers": [{**good["layers"][0], "digest": "sha256:../../../etc/passwd"}]}, "no digest"),
        ({"layers": [{**good["layers"][0], "digest": "md5:0"}]}, "no digest"),
        ({"layers": [{**good["layers"][0], "size": -1}]}, "no size"),
        ({"layers": [{**good["layers"][0], "size": "7"}]}, "no size"),
        ({"layers": [{**good["layers"][0], "mediaType": "application/vnd.oci.image.layer.v1.tar+encrypted"}]}, "no file system"),
        ({"config": {}}, "no digest"),
    ):
        layout.publish(json.dumps({**good, **change}).encode())
        expect_failure(tmp_path, layout, words)
    for text in (b"", b"{", b"[]", b'{"layers": []}', b"[" * 100000, b'{"a":1,"a":2}', b"\xff\xfe"):
        layout.publish(text)
        expect_failure(tmp_path, layout, "")
    layout.publish(b" " * (5 << 20))
    expect_failure(tmp_path, layout, "more than the 4194304 that are taken")


def test_an_index_is_followed_to_the_platform(tmp_path):
    layout = Layout(tmp_path / "layout", [tar([Entry("f", b"amd64")])])
    entry = layout.blob(json.dumps(layout.manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    index = {"schemaVersion": 2, "manifests": [{**entry, "digest": "sha256:" + "0" * 64, "platform": {"os": "linux", "architecture": "arm64"}},
                                               {**entry, "platform": {"os": "linux", "architecture": "amd64"}}]}
    layout.publish(json.dumps(index).encode())
    assert build(layout.source, tmp_path / "ok")[0] == 0
    rc, _, err = build(layout.source, tmp_path / "image", "--platform", "linux/s390x")
    assert rc == 1 and "the image has nothing for linux/s390x" in err
    rc, _, err = build(layout.source, tmp_path / "image", "--platform", "linux/arm64")
    assert rc == 1 and "No such file" in err


@pytest.mark.parametrize("args, code", [
    ([], 2), (["build-rootfs"], 2), (["build-rootfs", "oci:x"], 2), (["frobnicate", "oci:x", "-o", "y"], 2),
    (["build-rootfs", "oci:x", "-o", "y", "--threads", "0"], 2), (["build-rootfs", "oci:x", "-o", "y", "--compression", "lzma"], 2),
    (["build-rootfs", "oci:x", "-o", "y", "--compression", "gzip:10"], 2), (["build-rootfs", "ftp:x", "-o", "y"], 1),
    (["build-rootfs", "oci:/no/such:t", "-o", "y"], 1), (["build-rootfs", "oci:", "-o", "y"], 1),
])
def test_wrong_usage_is_one_line(tmp_path, args, code):
    done = subprocess.run([hpcc_bin(), "image", *args], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == code and done.stdout == b""
    assert done.stderr.decode().count("\n") == 1 and done.stderr.decode().startswith("hpcc image: ")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_nothing(tmp_path):
    mount = tmp_path / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", mount], check=True)
    try:
        layout = Layout(tmp_path / "layout", [tar([Entry("f", os.urandom(3 << 20))])])
        rc, _, err = build(layout.source, mount / "image")
        assert rc == 1 and "No space left" in err
        assert os.listdir(mount) == []
    finally:
        subprocess.run(["umount", mount], check=True)
        shutil.rmtree(mount)
