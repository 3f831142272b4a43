"""What the compiler sees, and what its parent sees: descriptors, terminals, signals, limits, environment, names."""

import contextlib
import fcntl
import json
import os
import pty
import re
import resource
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

import hpcc
from compare import Check, same, wait_stored, write
from hpcc import PASSTHROUGH, Cache, poll

SOURCE = '#include "util.h"\nint f(int x) { return util(x); }\n'
WARN = "int f(void) { int unused_variable; return 0; }\n"


@pytest.fixture(params=["daemon", "local"])
def cache(tmp_path, request):
    with Cache(tmp_path, daemon=request.param == "daemon") as c:
        yield c


@pytest.fixture
def check(cache, tmp_path):
    hpcc.require_program("clang")
    c = Check(cache, os.path.join(tmp_path, "proj"))
    c.write("main.c", SOURCE)
    c.write("util.h", "static int util(int x) { return x * 3; }\n")
    c.write("warn.c", WARN)
    return c


def slow_source(functions):
    """C that a compiler chews on for a while at -O2: about 0.3 s for each hundred functions."""
    return "".join(f"int f{i}(int a, int *b) {{ int s = 0; for (int i = 0; i < a; i++) {{ s += b[i] * {i}; "
                   f"if (s > {i}) b[i] ^= s; else s -= b[s & 7]; }} return s; }}\n" for i in range(functions))


# ---- terminals


def on_terminal(cache, argv, cwd, columns=80, env=None, both=False):
    """Runs argv with stdin and stderr (and stdout, if both) on a terminal of its own: GCC asks stdin for the width.
    Returns (status, what the terminal got without hyperlinks: hpcc has to put a pipe in the terminal's place, where the
    compilers make none, nor cut long lines; docs/specification.md names it as a gap)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    proc = cache.popen(argv, cwd, env={"TERM": "xterm-256color", **(env or {})}, stdin=slave, stderr=slave,
                       stdout=slave if both else subprocess.DEVNULL)
    os.close(slave)
    text = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([master], [], [], 1)
        if not ready:
            continue
        try:
            data = os.read(master, 65536)
        except OSError:  # the last writer is gone
            break
        if not data:
            break
        text += data
    os.close(master)
    return proc.wait(60), re.sub(rb"\x1b\]8;;[^\x07\x1b]*(\x07|\x1b\\)", b"", text)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("both", [False, True], ids=["stderr", "stdout and stderr"])
def test_diagnostics_on_a_terminal_are_those_of_the_compiler(check, compiler, both):
    argv = [compiler, "-Wall", "-c", "warn.c", "-o", "out.o"]
    plain = on_terminal(check.cache, argv, check.root, both=both)
    assert plain[0] == 0 and b"\x1b[" in plain[1], "the case is wrong: no colour"
    for when in ("cold", "warm", "warm again"):
        entries = len(check.cache.entries())
        assert on_terminal(check.cache, [check.cache.bin, *argv], check.root, both=both) == plain, when
        if when == "cold" and not PASSTHROUGH:
            wait_stored(check.cache, entries)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_a_pipe_never_gets_the_terminals_colours_nor_a_terminal_the_pipes_text(check, compiler):
    argv = [compiler, "-Wall", "-c", "warn.c", "-o", "out.o"]
    colour = on_terminal(check.cache, argv, check.root)
    for _ in range(2):
        assert on_terminal(check.cache, [check.cache.bin, *argv], check.root) == colour
        check.step(argv, None)
        assert on_terminal(check.cache, [check.cache.bin, *argv], check.root) == colour


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": None}, {"GCC_COLORS": "warning=01;36"}, {"GCC_COLORS": ""}, {"NO_COLOR": "1"},
                                 {"TERM": "xterm", "TERM_URLS": "no"}],
                         ids=lambda env: ",".join(f"{k}={v}" for k, v in env.items()))
def test_what_a_variable_does_to_a_terminals_diagnostics_it_does_through_hpcc(check, compiler, env):
    argv = [compiler, "-Wall", "-c", "warn.c", "-o", "out.o"]
    usual = on_terminal(check.cache, argv, check.root)
    plain = on_terminal(check.cache, argv, check.root, env=env)
    for _ in range(2):
        assert on_terminal(check.cache, [check.cache.bin, *argv], check.root) == usual
        assert on_terminal(check.cache, [check.cache.bin, *argv], check.root, env=env) == plain


def test_a_quiet_compile_on_a_terminal_hits_what_a_pipe_stored(check):
    argv = ["gcc", "-c", "main.c", "-o", "out.o"]
    check.step(argv, "miss")
    before = check.cache.stats()
    assert on_terminal(check.cache, [check.cache.bin, *argv], check.root) == (0, b"")
    assert PASSTHROUGH or check.cache.counted(before).get("hit") == 1


# ---- descriptors


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("source", ["main.c", "warn.c", "missing.c"])
def test_closed_standard_descriptors_stay_closed(check, compiler, closed, source):
    argv = [compiler, "-Wall", "-c", source, "-o", "out.o", "-MD"]

    def close():
        for fd in closed:
            os.close(fd)

    plain = check.plain(argv, preexec_fn=close)
    for _ in range(3):
        got = check.cached(argv, preexec_fn=close)
        same(plain, got, f"closed {closed}")


@pytest.mark.parametrize("target", ["/dev/full", "read end closed"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_a_stderr_that_cannot_be_written_never_hangs_nor_hurts_the_object(check, compiler, target):
    """Which status this gives depends on who of driver, compiler and launcher writes first. An object that came with success
    is right all the same, and the cache learns nothing wrong from it."""
    argv = [compiler, "-Wall", "-c", "warn.c", "-o", "out.o"]
    plain = check.plain(argv)

    def status():
        if target == "/dev/full":
            with open("/dev/full", "wb") as full:
                return check.cache.popen([check.cache.bin, *argv], check.root, stderr=full).wait(60)
        read_end, write_end = os.pipe()
        os.close(read_end)
        try:
            return check.cache.popen([check.cache.bin, *argv], check.root, stderr=write_end).wait(60)
        finally:
            os.close(write_end)

    for _ in range(3):
        if status() == 0:
            with open(os.path.join(check.root, "out.o"), "rb") as f:
                assert f.read() == plain.tree[b"out.o"].data
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(check.root, "out.o"))
    same(plain, check.cached(argv), "after writes that failed")


# A compiler of our own: tells what it was given, then is gcc. It runs wherever the real one would.
SPY = """#!/usr/bin/python3
import json, os, resource, signal, sys
def masks():
    return {l.split(":")[0]: l.split(":")[1].strip() for l in open("/proc/self/status") if l[:3] in ("Sig", "Shd") and l[:4] != "SigQ"}
seen = dict(cwd=os.getcwd(), env=dict(os.environ), argv=sys.argv[1:], umask="%o" % os.umask(0),
            fds=sorted(int(f) for f in os.listdir("/proc/self/fd"))[:-1], pgrp=os.getpgrp(), session=os.getsid(0), nice=os.nice(0),
            limits={n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT_")}, masks=masks(),
            tty=[os.isatty(f) if os.path.exists(f"/proc/self/fd/{f}") else None for f in (0, 1, 2)])
if "-c" in sys.argv:
    with open(os.environ["SPY_LOG"], "a") as f:
        f.write(json.dumps(seen, sort_keys=True) + "\\n")
os.execv("/usr/bin/gcc", ["gcc"] + sys.argv[1:])
"""


@pytest.fixture
def spy(tmp_path):
    """A directory with a `gcc` that writes down how it was started."""
    path = os.path.join(tmp_path, "spy", "gcc")
    write(path, SPY)
    os.chmod(path, 0o755)
    return path


def spied(check, argv, log, **run):
    if os.path.exists(log):
        os.unlink(log)
    got = check.cache.run(argv, check.root, env={"SPY_LOG": log}, **run)
    assert got.rc == 0, got
    with open(log) as f:
        lines = [json.loads(line) for line in f]
    for line in lines:
        # Only tests/lib talks to hpcc through these; the compiler's own view must not depend on the launcher.
        line["env"].pop("_", None)
    return lines


def test_on_a_miss_the_compiler_sees_the_callers_environment_limits_masks_and_descriptors(check, spy, tmp_path):
    log = os.path.join(tmp_path, "spy.log")
    read_end, write_end = os.pipe()  # as make's jobserver

    def before_exec():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))
        resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 8 << 20))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
        os.nice(3)

    args = ["-c", "main.c", "-o", os.path.join(tmp_path, "out.o")]
    run = {"umask": 0o027, "preexec_fn": before_exec, "pass_fds": (read_end, write_end), "start_new_session": False}
    plain = spied(check, [spy, *args], log, **run)
    assert len(plain) == 1
    got = spied(check, [check.cache.bin, spy, *args], log, **run)
    assert len(got) == 1, "the compiler ran more than once"
    got[0].pop("argv"), plain[0].pop("argv")  # -MD -MF with a file of ours may be added
    assert got == plain
    os.close(read_end), os.close(write_end)


def test_make_with_a_jobserver_works_through_hpcc(check):
    for i in range(8):
        check.write(f"u{i}.c", f"int u{i};\n")
    check.write("Makefile", "OBJS = $(patsubst %,u%.o,0 1 2 3 4 5 6 7)\nall: $(OBJS)\n%.o: %.c\n\t+@$(CC) -c $< -o $@\n")
    plain = check.plain(["make", "-j4", "CC=gcc"])
    for _ in range(2):
        got = check.plain(["make", "-j4", f"CC={check.cache.bin} gcc"])
        same(plain, got, "make -j4")


# ---- signals


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def runs(pid, name):
    """The descendants of pid that run a program of this name."""
    found = []
    for child in [pid, *descendants(pid)]:
        try:
            with open(f"/proc/{child}/cmdline", "rb") as f:
                program = os.path.basename(f.read().split(b"\0")[0]).decode()
        except OSError:
            continue
        if program.startswith(name):
            found.append(child)
    return found


def signals_by_default():
    """Whoever started the tests in the background may have had signals ignored, which is inherited."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def interrupted(check, argv, how, wait_for):
    """Starts argv in a process group of its own, calls how(proc) when `wait_for` runs. Returns status, stdout, stderr."""
    acquaint(check)
    proc = check.cache.popen(argv, check.root, start_new_session=True, preexec_fn=signals_by_default)
    try:
        inner = poll(f"{wait_for} runs", 30, lambda: runs(proc.pid, wait_for), 0.002)
        how(proc)
        out, err = proc.communicate(timeout=60)
        poll("the compiler is gone", 20, lambda: not any(map(alive, inner)))
    finally:
        try:
            os.killpg(proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return proc.returncode, out, err


def acquaint(check):
    """Lets hpcc ask the compilers who they are: those runs are not the compile that the test is about."""
    for compiler in ("gcc", "clang"):
        check.cache.compile([compiler, "-O2", "-c", "main.c", "-o", "first.o", "-MD"], check.root)
    for name in ("first.o", "first.d"):
        os.unlink(os.path.join(check.root, name))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT], ids=lambda s: s.name)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_ctrl_c_and_the_like_end_client_and_compiler_as_they_end_the_compiler(check, compiler, number):
    check.write("slow.c", slow_source(2000))
    argv = [compiler, "-O2", "-c", "slow.c", "-o", "out.o", "-MD"]
    inner = "cc1" if compiler == "gcc" else "clang"

    def how(proc):
        os.killpg(proc.pid, number)

    plain = interrupted(check, argv, how, inner)
    assert plain[0] == -number
    acquaint(check)
    entries = check.cache.entries()
    assert interrupted(check, [check.cache.bin, *argv], how, inner) == plain
    assert sorted(os.listdir(check.root)) == ["main.c", "slow.c", "util.h", "warn.c"], "something was left behind"
    assert check.cache.entries() == entries


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
def test_a_signal_to_the_client_alone_reaches_the_compiler(check, number):
    check.write("slow.c", slow_source(2000))
    argv = [check.cache.bin, "clang", "-O2", "-c", "slow.c", "-o", "out.o"]
    got = interrupted(check, argv, lambda proc: proc.send_signal(number), "clang")
    assert got[0] == -number
    assert not os.path.exists(os.path.join(check.root, "out.o"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM], ids=lambda s: s.name)
def test_a_compiler_that_is_killed_gives_its_status_to_the_clients_parent(check, number):
    check.write("slow.c", slow_source(2000))
    argv = ["gcc", "-O2", "-c", "slow.c", "-o", "out.o"]

    def kill_driver(proc):
        for pid in runs(proc.pid, "gcc"):
            os.kill(pid, number)
        # The driver's own child lives on, plainly as well; it holds our pipes open.
        for pid in cc1:
            os.kill(pid, signal.SIGKILL)

    def run(argv):
        acquaint(check)
        proc = check.cache.popen(argv, check.root, start_new_session=True, preexec_fn=signals_by_default)
        cc1[:] = poll("cc1 runs", 30, lambda: runs(proc.pid, "cc1"), 0.002)
        kill_driver(proc)
        out, err = proc.communicate(timeout=60)
        return proc.returncode, out, err

    cc1 = []
    plain = run(argv)
    assert plain[0] == -number
    assert run([check.cache.bin, *argv]) == plain


def test_a_killed_cc1_gives_the_drivers_message_and_is_not_stored(check):
    check.write("slow.c", slow_source(2000))
    argv = ["gcc", "-O2", "-c", "slow.c", "-o", "out.o"]

    def how(proc):
        for pid in runs(proc.pid, "cc1"):
            os.kill(pid, signal.SIGKILL)

    plain = interrupted(check, argv, how, "cc1")
    assert plain[0] == 1 and b"Killed" in plain[2]
    entries = check.cache.entries()
    assert interrupted(check, [check.cache.bin, *argv], how, "cc1") == plain
    assert check.cache.entries() == entries


def test_a_limit_on_cpu_time_ends_the_compile_as_it_would_plainly(check):
    check.write("slow.c", slow_source(1200))
    argv = ["gcc", "-O2", "-c", "slow.c", "-o", "out.o"]

    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (1, 2))

    plain = check.plain(argv, preexec_fn=limit)
    assert plain.rc != 0
    same(plain, check.cached(argv, preexec_fn=limit), "with a CPU limit")


def size_limit(size):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return limit


def test_a_limit_on_file_size_that_the_object_exceeds_never_leaves_a_wrong_object(check):
    """A hit may come where the compiler would have failed; a broken object may not, and none gets into the cache."""
    check.write("big.c", "char big[1 << 20] = {1};\n")
    check.write("big2.c", "char other[1 << 20] = {1};\n")
    known = check.step(["gcc", "-c", "big.c", "-o", "out.o"], "miss")
    for source in ("big.c", "big2.c", "big.c"):
        argv = ["gcc", "-c", source, "-o", "out.o"]
        assert check.plain(argv, preexec_fn=size_limit(100_000)).rc != 0
        got = check.cached(argv, preexec_fn=size_limit(100_000))
        assert got.rc != 0 or got.tree[b"out.o"].data == known.tree[b"out.o"].data and source == "big.c"
    check.step(["gcc", "-c", "big.c", "-o", "out.o"], "hit")
    check.step(["gcc", "-c", "big2.c", "-o", "out.o"], "miss")


@pytest.mark.parametrize("size", [2000, 8192, 100_000])
def test_a_limit_on_file_size_that_only_our_own_files_exceed_is_not_the_builds_problem(check, size):
    for i in range(3):
        check.write(f"s{i}.c", f"int s{i};\n")
        argv = ["gcc", "-c", f"s{i}.c", "-o", "out.o"]
        plain = check.plain(argv, preexec_fn=size_limit(size))
        assert plain.rc == 0
        for _ in range(2):
            same(plain, check.cached(argv, preexec_fn=size_limit(size)), f"ulimit -f of {size} bytes")
    check.step(["gcc", "-c", "s0.c", "-o", "out.o"], "either")


def test_a_stopped_client_goes_on_when_continued(check):
    check.write("slow.c", slow_source(300))
    argv = [check.cache.bin, "gcc", "-O2", "-c", "slow.c", "-o", "out.o"]
    plain = check.plain(argv[1:])
    proc = check.cache.popen(argv, check.root, start_new_session=True)
    poll("cc1 runs", 30, lambda: runs(proc.pid, "cc1"), 0.002)
    os.killpg(proc.pid, signal.SIGSTOP)
    poll("the client is stopped", 10, lambda: open(f"/proc/{proc.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T")
    os.killpg(proc.pid, signal.SIGCONT)
    out, err = proc.communicate(timeout=60)
    assert (proc.returncode, out, err) == (0, b"", b"")
    with open(os.path.join(check.root, "out.o"), "rb") as f:
        assert f.read() == plain.tree[b"out.o"].data


# ---- names


@pytest.mark.parametrize("name", ["gcc", "gcc-12", "x86_64-linux-gnu-gcc", "x86_64-linux-gnu-gcc-12", "/usr/bin/gcc", "cc", "c99",
                                  "g++-12", "c++", "clang-14", "/usr/lib/llvm-14/bin/clang", "../../../../../../../usr/bin/gcc"])
def test_a_compiler_by_any_name_is_cached(check, name):
    if "/" in name and not name.startswith("/"):
        name = os.path.relpath("/usr/bin/gcc", os.path.realpath(check.root))
    hpcc.require_program(name if "/" not in name else os.path.join(check.root, name))
    argv = [name, "-c", "main.c", "-o", "out.o", "-Wall"]
    check.step(argv, None if name == "c99" else "miss")  # a shell script: what it runs may be unknown
    check.step(argv, None if name == "c99" else "hit")


def test_wrap_does_the_same_as_no_word(check):
    argv = ["gcc", "-c", "main.c", "-o", "out.o"]
    check.step(argv, "miss")
    if PASSTHROUGH:
        return
    before = check.cache.stats()
    assert check.cache.compile(["wrap", *argv], check.root) == (0, b"", b"")
    assert check.cache.counted(before) == {"hit": 1}


@pytest.mark.parametrize("name", ["gcc", "cc", "clang", "x86_64-linux-gnu-gcc-12"])
@pytest.mark.parametrize("links", [1, 3])
def test_a_link_of_the_compilers_name_finds_the_next_compiler_on_path(check, tmp_path, name, links):
    if PASSTHROUGH:
        pytest.skip("hpcc: a pass-through does not know its name")
    dirs = []
    for i in range(links):
        dirs.append(os.path.join(tmp_path, f"bin{i}"))
        # The second one points to the first, as `ln -s` of a link does.
        write(os.path.join(dirs[i], name), ("symlink", check.cache.bin if i == 0 else os.path.join(dirs[i - 1], name)))
    env = {"PATH": os.pathsep.join([*dirs, "", "/nonexistent", check.cache.env["PATH"]])}
    argv = ["-Wall", "-c", "warn.c", "-o", "out.o"]
    plain = check.plain([name, *argv])
    for expected in ("miss", "hit"):
        before = check.cache.stats()
        entries = len(check.cache.entries())
        # Python would look `name` up in its own PATH: name the link.
        got = check.plain([os.path.join(dirs[-1], name), *argv], env=env)
        same(plain, got, f"through a link, {expected}")
        assert expected in check.cache.counted(before)
        if expected == "miss":
            wait_stored(check.cache, entries)


def test_a_link_without_a_compiler_behind_it_says_so_and_does_not_loop(check, tmp_path):
    if PASSTHROUGH:
        pytest.skip("hpcc: a pass-through does not know its name")
    link = os.path.join(tmp_path, "only", "gcc")
    write(link, ("symlink", check.cache.bin))
    got = check.cache.run([link, "-c", "main.c"], check.root, env={"PATH": os.path.dirname(link)}, timeout_s=20)
    assert got.rc not in (0, None) and b"gcc" in got.err


@pytest.mark.parametrize("argv", [["/bin/echo", "a", "b  c"], ["/bin/false"], ["/bin/sh", "-c", "echo out; echo err >&2; exit 7"],
                                  ["/bin/sh", "-c", "kill -TERM $$"], ["as", "--version"], ["ld", "-v"], ["python3", "-c", "print(3)"]],
                         ids=" ".join)
def test_a_program_that_is_no_compiler_passes_straight_through(check, argv):
    plain = check.plain(argv)
    for _ in range(2):
        same(plain, check.cached(argv), " ".join(argv))


@pytest.mark.parametrize("argv", [["./no-such-compiler", "-c", "main.c"], ["no-such-gcc", "-c", "main.c"], ["./main.c", "-c", "main.c"]],
                         ids=" ".join)
def test_a_compiler_that_cannot_be_run_fails_with_the_shells_status(check, argv):
    shell = check.cache.run(["/bin/sh", "-c", 'exec "$@"', "sh", *argv], check.root)
    got = check.cache.compile(argv, check.root)
    assert got.rc == shell.rc and got.out == b"" and got.err != b""


def test_disabled_means_not_even_a_cache_directory(check):
    if check.cache.daemon:
        check.cache.stop()
    stored = os.path.exists(check.cache.dir)
    check.step(["gcc", "-c", "main.c", "-o", "out.o"], None, env={"HPCC_DISABLE": "1"})
    assert os.path.exists(check.cache.dir) == stored and check.cache.entries() == []


def test_the_debug_log_goes_to_its_file_and_nowhere_else(check, tmp_path):
    log = os.path.join(tmp_path, "debug.log")
    argv = ["gcc", "-c", "main.c", "-o", "out.o"]
    check.step(argv, "miss", env={"HPCC_DEBUG": log})
    check.step(argv, "hit", env={"HPCC_DEBUG": log})
    assert PASSTHROUGH or os.path.getsize(log) > 0
    check.step(argv, "hit", env={"HPCC_DEBUG": "/nonexistent/dir/log"})
    check.step(argv, "hit", env={"HPCC_DEBUG": "/dev/full"})
    check.step(argv, "hit", env={"HPCC_DEBUG": ""})
