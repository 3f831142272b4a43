#!/usr/bin/python3
"""Foreign judges on the squashfs writer: trees packed by sqfs_tool have to be, entry by entry, what unsquashfs unpacks,
what rdsquashfs lists and what the kernel mounts; and the same bytes whatever the number of threads.

usage: check_judges.py SQFS_TOOL          HPCC_SOAK=1: 1,000 random trees instead of a few
"""

import hashlib
import os
import pathlib
import random
import shutil
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "lib"))

from tree import describe, differences  # noqa: E402

TOOL = sys.argv[1]
REQUIRED = os.environ.get("HPCC_REQUIRE", "").replace(",", " ").split()
TREES = 1000 if os.environ.get("HPCC_SOAK") else 12
BLOCK = 131072


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} exited {done.returncode}:\n{done.stdout.decode(errors='replace')}")
    return done.stdout


class Maker:
    """A folder with everything that an image can hold. `rng` decides; the odd cases come always when `odd`."""

    def __init__(self, root, rng, odd):
        self.root, self.rng = pathlib.Path(root), rng
        self.files = []
        self.fill(self.root, 0)
        if odd:
            self.odd()
        self.finish()

    def bytes(self):
        size = self.rng.choice([0, 1, 7, 100, 4000, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 700000])
        kind = self.rng.randrange(4)
        if kind == 0:
            return bytes(size)
        if kind == 1:
            return self.rng.randbytes(size)
        text = b"int main(void) { return %d; }\n" % self.rng.randrange(100)
        data = bytearray((text * (size // len(text) + 1))[:size])
        if kind == 3 and size > 2 * BLOCK:
            data[BLOCK:2 * BLOCK] = bytes(BLOCK)
        return bytes(data)

    def fill(self, folder, depth):
        for i in range(self.rng.randrange(1, 12)):
            name = self.rng.choice(["a", "b b", "ü", "x" * self.rng.choice([3, 60, 255 - 3]), "-", "\n", "'\""]) + f"{i:03}"
            path = folder / name[-255:] if len(os.fsencode(name)) > 255 else folder / name
            kind = self.rng.randrange(10)
            if kind < 2 and depth < 4:
                path.mkdir()
                self.fill(path, depth + 1)
            elif kind == 2:
                path.symlink_to(self.rng.choice(["a", "/no/such", "x/" * 2000, "../.."]))
            elif kind == 3 and self.files:
                os.link(self.rng.choice(self.files), path)
            elif kind == 4:
                os.mkfifo(path)
            elif kind == 5 and self.files:
                shutil.copyfile(self.rng.choice(self.files), path)
            else:
                path.write_bytes(self.bytes())
                self.files.append(path)

    def odd(self):
        big = self.root / "directory with an index"
        big.mkdir()
        for i in range(3000):
            (big / f"{i:05}-{'n' * (i % 200)}").touch()
        (self.root / "empty").mkdir()
        with open(self.root / "sparse", "wb") as f:
            f.truncate(50 << 20)
            f.seek(40 * (1 << 20) + 12345)
            f.write(b"far away")
        (self.root / "only holes").write_bytes(bytes(10 * BLOCK + 5))
        random_bytes = random.Random(1).randbytes(20 * BLOCK + 99)
        (self.root / "large").write_bytes(random_bytes)
        (self.root / "large twin").write_bytes(random_bytes)
        (self.root / "large cousin").write_bytes(random_bytes[:-1] + b"!")
        os.mknod(self.root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(self.root / "disk", stat.S_IFBLK | 0o600, os.makedev(259, 70000))
        for i in range(300):
            path = self.root / "empty" / f"owner{i}"
            path.touch()
            os.chown(path, 1000 + i, 4000000000 - i)
        attributed = self.root / "attributed"
        attributed.write_bytes(b"x")
        for path in (attributed, big):
            os.setxattr(path, "user.note", b"value of some length" * 50)
            os.setxattr(path, "trusted.t", b"")
            os.setxattr(path, "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))

    def finish(self):
        for path in sorted(self.root.rglob("*"), key=lambda p: -len(p.parts)):
            if not path.is_symlink():
                path.chmod(self.rng.choice([0o644, 0o755, 0o600, 0o4755, 0o1777, 0]))
            os.utime(path, (0, self.rng.randrange(1 << 31)), follow_symlinks=False)
        self.root.chmod(0o755)
        os.utime(self.root, (0, 1234567890))


def check_listing(image, want):
    """rdsquashfs is another implementation: `-d` writes what gensquashfs would read."""
    kinds = {stat.S_IFDIR: "dir", stat.S_IFREG: "file", stat.S_IFLNK: "slink", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "sock",
             stat.S_IFBLK: "nod", stat.S_IFCHR: "nod"}
    lines = run("rdsquashfs", "-d", image).decode("utf-8", "surrogateescape")
    entries = sum(lines.count(f"\n{kind} ") + lines.startswith(f"{kind} ") for kind in {*kinds.values(), "link"})
    # Names that hold a newline make lines of their own; none of ours looks like an entry.
    if entries != len(want) - 1:  # the root is not listed
        sys.exit(f"rdsquashfs lists {entries} entries, the tree has {len(want) - 1}")


def check_mount(image, want, folder):
    mount = folder / "mount"
    mount.mkdir()
    run("mount", "-o", "loop,ro", image, mount)
    try:
        wrong = differences(want, describe(mount))
    finally:
        run("umount", mount)
    mount.rmdir()
    if wrong:
        sys.exit("the kernel sees another tree:\n" + "\n".join(wrong[:20]))


def check(tree, folder, mount):
    want = describe(tree)
    image = folder / "image"
    for compression in ("gzip", "zstd:3"):
        run(TOOL, tree, image, compression, 0)
        serial = hashlib.sha256(image.read_bytes()).hexdigest()
        for threads in (1, 3):
            run(TOOL, tree, folder / "twin", compression, threads)
            if hashlib.sha256((folder / "twin").read_bytes()).hexdigest() != serial:
                sys.exit(f"{compression}: {threads} threads give other bytes than the serial writer")
        if image.stat().st_size % 4096:
            sys.exit("the image does not end on a page")
        out = folder / "out"
        run("unsquashfs", "-no-progress", "-d", out, image)
        wrong = differences(want, describe(out))
        shutil.rmtree(out)
        if wrong:
            sys.exit(f"{compression}: unsquashfs unpacks another tree:\n" + "\n".join(wrong[:20]))
        check_listing(image, want)
        if mount:
            check_mount(image, want, folder)


def check_huge(folder):
    """A file of more than 4 GiB, nearly all of it holes: sizes and positions beyond 32 bits."""
    (folder / "tree").mkdir()
    at = (4 << 30) + 12345
    with open(folder / "tree/huge", "wb") as f:
        f.seek(at)
        f.write(b"far away")
    image, mount = folder / "image", folder / "mount"
    run(TOOL, folder / "tree", image, "gzip:1", 2)
    if image.stat().st_size > 1 << 20:
        sys.exit("holes take room")
    mount.mkdir()
    run("mount", "-o", "loop,ro", image, mount)
    try:
        with open(mount / "huge", "rb") as f:
            f.seek(at - 100)
            got = f.read()
        size = (mount / "huge").stat().st_size
        stored = (mount / "huge").stat().st_blocks * 512
    finally:
        run("umount", mount)
    if got != bytes(100) + b"far away" or size != at + 8 or stored > 2 * BLOCK:
        sys.exit(f"a huge file comes back with size {size}, {stored} bytes stored, ending {got!r}")


def main():
    missing = [n for n, there in (("root", os.geteuid() == 0), ("unsquashfs", shutil.which("unsquashfs")),
                                  ("rdsquashfs", shutil.which("rdsquashfs"))) if not there]
    if missing:
        print("missing:", *missing)
        sys.exit(1 if set(missing) & set(REQUIRED) else 77)
    mount = os.path.exists("/dev/loop-control")
    if not mount and "loop" in REQUIRED:
        sys.exit("required but missing: loop devices")
    for seed in range(TREES):
        with tempfile.TemporaryDirectory(prefix="hpcc-sqfs-", dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
            folder = pathlib.Path(name)
            (folder / "tree").mkdir()
            Maker(folder / "tree", random.Random(seed), odd=seed == 0)
            try:
                check(folder / "tree", folder, mount and seed < 5)
            except SystemExit:
                print(f"seed {seed}")
                raise
    if mount:
        with tempfile.TemporaryDirectory(prefix="hpcc-sqfs-", dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
            check_huge(pathlib.Path(name))
    print(f"{TREES} trees agree")


main()
