"""One row of test_matrix.py, and what the files of rows share."""

import os

from compare import write


class Case:
    def __init__(self, name, args, files=None, expect="miss", prepare=None, env=None, only=None, umask=-1, second=None,
                 cwd=None, stdin=None, base=True, unstable=()):
        self.name = name
        self.args = args.split() if isinstance(args, str) else list(args)
        self.files = files or {}
        self.expect = expect
        self.prepare = prepare
        self.env = env
        self.only = only  # compilers; None: all
        self.umask = umask
        self.second = second  # what the first compile in the second directory must be counted as; None: anything
        self.cwd = cwd  # relative to the project
        self.stdin = stdin
        self.base = base  # with BASE_FILES
        self.sample = 1  # only each of so many compilers and cases is run but with HPCC_SOAK=1
        self.unstable = unstable  # files whose content differs in each run, with or without us


C_ONLY = ("gcc", "clang")
CXX_ONLY = ("g++", "clang++")
GNU_ONLY = ("gcc", "g++")
LLVM_ONLY = ("clang", "clang++")


def sample(cases, one_in):
    for case in cases:
        case.sample = one_in
        yield case


def old_output(path, mode, data=b"old bytes"):
    """An output that is there already, older than the compile."""

    def prepare(root):
        full = os.path.join(root, path)
        write(full, data)
        os.chmod(full, mode)
        os.utime(full, (1_000_000_000, 1_000_000_000))

    return prepare
