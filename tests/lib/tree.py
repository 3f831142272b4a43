"""What a tree of files consists of, for comparing two of them."""

import errno
import hashlib
import os
import stat


def xattrs(path):
    try:
        return {n: os.getxattr(path, n, follow_symlinks=False) for n in os.listxattr(path, follow_symlinks=False)}
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:  # an image without any is mounted without the means
            return {}
        raise


def describe(root):
    """Everything about a tree that an image can hold: name to its properties. Hard links are told by the first name."""
    rows = {}
    first = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        folders.sort()
        for name in [b"."] * (folder == os.fsencode(root)) + sorted(folders + files):
            path = os.path.join(folder, name)
            st = os.lstat(path)
            kind = stat.S_IFMT(st.st_mode)
            row = [kind, stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, int(st.st_mtime), st.st_nlink, xattrs(path)]
            if stat.S_ISREG(kind):
                row += [st.st_size, hashlib.sha256(open(path, "rb").read()).hexdigest()]
            elif stat.S_ISLNK(kind):
                row.append(os.readlink(path))
            elif kind in (stat.S_IFBLK, stat.S_IFCHR):
                row.append(st.st_rdev)
            relative = os.path.relpath(path, os.fsencode(root))
            if not stat.S_ISDIR(kind) and st.st_nlink > 1:
                row.append(first.setdefault(st.st_ino, relative))
            rows[relative] = row
    return rows


def differences(want, got):
    return [f"{n!r}: {want.get(n)} != {got.get(n)}" for n in sorted(want.keys() | got.keys()) if want.get(n) != got.get(n)]
