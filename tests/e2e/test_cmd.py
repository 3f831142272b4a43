"""The commands beside the compile: what they print, what they refuse, their exit codes."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

import hpcc
from hpcc import Cache, poll, require_program

COMMANDS = ["clean", "explain", "help", "image", "init", "inspect", "start", "stats", "stop", "version"]


@pytest.fixture
def cache(tmp_path):
    with Cache(tmp_path) as c:
        yield c


@pytest.fixture
def idle(tmp_path):
    """A world without a daemon and without a cache folder."""
    with Cache(tmp_path, daemon=False) as c:
        yield c


def call(cache, *argv, cwd=None):
    done = cache.run([cache.bin, *argv], cwd or cache.root)
    return done.rc, done.out.decode(), done.err.decode()


def compile_one(cache, tmp_path, name="x", text="int x;\n", flags=()):
    """One compile; its counters are in the ledger when this returns."""
    (tmp_path / f"{name}.c").write_text(text)
    before = cache.stats()
    done = cache.compile(["gcc", *flags, "-c", f"{name}.c", "-o", f"{name}.o"], tmp_path)
    assert done.rc == 0, done
    counted = cache.counted(before)
    assert counted, "the compile was not counted"
    return counted


# ---- help, version, usage


def test_help_lists_every_command(idle):
    rc, out, err = call(idle, "help")
    assert (rc, err) == (0, "")
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", out, re.M), name
    assert call(idle, "--help")[1] == out
    assert not [line for line in out.splitlines() if len(line) > 80 or line.endswith(" ")]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself(idle, name):
    rc, out, err = call(idle, name, "--help")
    assert (rc, err) == (0, "")
    assert out.startswith(f"Usage: hpcc {name}")
    assert call(idle, "help", name) == (0, out, "")
    assert call(idle, name, "-h") == (0, out, "")


def test_version(idle):
    rc, out, err = call(idle, "--version")
    assert rc == 0 and re.fullmatch(r"hpcc \d+\.\d+\.\d+\n", out)
    assert call(idle, "version") == (rc, out, err)


@pytest.mark.parametrize("argv, message", [
    (["stats", "--jsno"], "hpcc stats: unknown option --jsno: see hpcc help stats\n"),
    (["stats", "-x"], "hpcc stats: unknown option -x: see hpcc help stats\n"),
    (["stats", "--json=1"], "hpcc stats: --json takes no value: see hpcc help stats\n"),
    (["stats", "x"], "hpcc stats: unexpected argument x: see hpcc help stats\n"),
    (["stats", "--watch", "--reset"], "hpcc stats: --watch and --reset do not go together: see hpcc help stats\n"),
    (["clean"], "hpcc clean: what shall go? --max-size, --max-age or --all is needed: see hpcc help clean\n"),
    (["clean", "--max-size"], "hpcc clean: --max-size needs a value: SIZE: see hpcc help clean\n"),
    (["clean", "--max-size", "5GB"], "hpcc clean: --max-size takes a size such as 5G, not 5GB: see hpcc help clean\n"),
    (["clean", "--max-age=0s"], "hpcc clean: --max-age takes an age such as 30d, not 0s: see hpcc help clean\n"),
    (["explain"], "hpcc explain: FILE is missing: see hpcc help explain\n"),
    (["explain", "a", "b"], "hpcc explain: unexpected argument b: see hpcc help explain\n"),
    (["inspect", "abc"], "hpcc inspect: abc: not an entry's name: 8 to 64 hexadecimal digits: see hpcc help inspect\n"),
    (["start", "--listen", "0.0.0.0:1"],
     "hpcc start: --listen takes 127.0.0.1:PORT, not 0.0.0.0:1: see hpcc help start\n"),
    (["help", "stat"], "hpcc help: stat: there is no such command; did you mean stats: see hpcc help\n"),
])
def test_wrong_usage_is_one_line_and_exit_code_2(idle, argv, message):
    assert call(idle, *argv) == (2, "", message)


def test_output_that_cannot_be_written_is_a_failure(idle):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([idle.bin, "help"], env=idle.env, stdout=full, stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == 1
    assert done.stderr == b"hpcc: standard output: No space left on device\n"


# ---- init and the configuration


def test_init_writes_a_configuration_that_loads_and_is_never_overwritten(idle):
    path = os.path.join(idle.xdg_config, "hpcc", "config.toml")
    assert call(idle, "init") == (0, f"wrote {path}\n", "")
    with open(path) as f:
        text = f.read()
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert '#max_size = "10G"' in text
    assert call(idle, "stats")[0] == 0
    with open(path, "w") as f:
        f.write("# mine\n")
    rc, out, err = call(idle, "init")
    assert (rc, out) == (1, "")
    assert err == f"hpcc init: {path}: exists already: edit it, or remove it first\n"
    with open(path) as f:
        assert f.read() == "# mine\n"


def test_init_writes_where_it_is_told(idle, tmp_path):
    assert call(idle, "init", "--output", tmp_path / "new" / "c.toml")[0] == 0
    assert "[[cache]]" in (tmp_path / "new" / "c.toml").read_text()
    assert call(idle, "stats", "--config", str(tmp_path / "new" / "c.toml"))[0] == 0


@pytest.mark.parametrize("name", [["stats"], ["clean", "--all"], ["explain", "x.c"], ["inspect", "0" * 64], ["start"]])
def test_a_mistake_in_the_configuration_stops_commands_with_its_place(idle, name):
    idle.configure('[daemon]\nmemroy_max = "1M"\n')
    path = idle.env["HPCC_CONFIG"]
    rc, out, err = call(idle, *name)
    assert (rc, out) == (1, "")
    assert err == f'hpcc {name[0]}: {path}:2:1: unknown key "memroy_max": did you mean "memory_max"?\n'


def test_a_mistake_in_the_configuration_never_stops_a_compile(idle, tmp_path):
    idle.configure("[[[\n")
    (tmp_path / "x.c").write_text("int x;\n")
    done = idle.compile(["gcc", "-c", "x.c"], tmp_path)
    assert done == hpcc.Result(0, b"", b"")
    assert (tmp_path / "x.o").exists()


def test_a_named_configuration_must_exist(idle):
    rc, _, err = call(idle, "stats", "--config", "/nonexistent.toml")
    assert rc == 1
    assert err == "hpcc stats: /nonexistent.toml: No such file or directory\n"


# ---- looking does not change anything


@pytest.mark.parametrize("argv", [["stats"], ["stats", "--json"], ["clean", "--all"], ["stats", "--reset"]])
def test_without_a_cache_nothing_is_made(idle, argv):
    assert call(idle, *argv)[0] == 0
    assert not os.path.exists(idle.dir)


# ---- stats


def test_stats_count_by_reason_and_survive_a_restart(cache, tmp_path):
    compile_one(cache, tmp_path)
    compile_one(cache, tmp_path)
    before = cache.stats()
    cache.compile(["gcc", "x.o", "-shared", "-o", "x.so"], tmp_path)
    cache.counted(before)
    cache.restart()
    rc, out, _ = call(cache, "stats", "--json")
    assert rc == 0
    stats = json.loads(out)
    counters = stats["counters"]
    assert (counters["hit"], counters["miss"], counters["miss.new"]) == (1, 1, 1)
    assert counters["bypass"] == counters["bypass.not-a-compile"] == 1
    assert stats["hit_percent"] == {"of_cacheable": 50.0, "of_all": 33.3}
    (store,) = stats["stores"]
    assert store["type"] == "disk" and store["location"] == cache.dir
    assert store["entries"] == 1 and store["bytes"] > 0 and store["bytes_max"] == 10 << 30

    rc, out, _ = call(cache, "stats")
    assert rc == 0
    assert re.search(r"^compiler calls +3$", out, re.M)
    assert re.search(r"^  hits +1 +33\.3 %$", out, re.M)
    assert re.search(r"^hit rate +50\.0 %  of the 2 that could be cached; 33\.3 % of all$", out, re.M)
    assert re.search(r"^  new +1  this source was never compiled with these options$", out, re.M)
    assert re.search(r"^  not-a-compile +1  no -c on the command line", out, re.M)


def test_reset_prints_once_more_and_starts_at_zero(cache, tmp_path):
    compile_one(cache, tmp_path)
    rc, out, _ = call(cache, "stats", "--json", "--reset")
    assert rc == 0 and json.loads(out)["counters"]["miss"] == 1
    assert cache.stats()["miss"] == 0
    compile_one(cache, tmp_path)
    assert cache.stats()["hit"] == 1


def test_watch_prints_until_it_is_stopped(cache):
    watch = cache.popen([cache.bin, "stats", "--watch"], cache.root, text=True)
    seen = 0
    for line in watch.stdout:
        seen += line.startswith("compiler calls")
        if seen == 2:
            break
    watch.send_signal(signal.SIGINT)
    assert watch.wait(10) == -signal.SIGINT
    watch.stdout.close()
    watch.stderr.close()


# ---- explain


def test_explain_tells_the_last_outcome_of_source_and_object(cache, tmp_path):
    compile_one(cache, tmp_path)
    for name in ("x.c", "x.o", "./x.c", str(tmp_path / "x.o"), f"../{tmp_path.name}/x.c"):
        rc, out, err = call(cache, "explain", name, cwd=tmp_path)
        assert (rc, err) == (0, ""), name
        assert out.startswith(f"{name}: miss (new), "), out
        assert "this source was never compiled with these options" in out
    compile_one(cache, tmp_path)
    rc, out, _ = call(cache, "explain", "--json", "x.c", cwd=tmp_path)
    record = json.loads(out)
    assert record["outcome"] == "hit"
    assert record["source"] == os.path.realpath(tmp_path / "x.c")
    assert record["object"] == os.path.realpath(tmp_path / "x.o")
    assert abs(record["time"] - time.time()) < 60
    assert re.fullmatch("[0-9a-f]{64}", record["action_key"])


def test_explain_without_a_record_is_a_clear_failure(cache, tmp_path):
    rc, out, err = call(cache, "explain", "never.c", cwd=tmp_path)
    assert (rc, out) == (1, "")
    assert err == (f"hpcc explain: never.c: no compile of this file is on record in {cache.dir}: "
                   "compile it through hpcc first\n")


# ---- inspect


def test_inspect_shows_what_an_entry_holds(cache, tmp_path):
    (tmp_path / "h.h").write_text("int h;\n")
    compile_one(cache, tmp_path, text='#include "h.h"\nint x;\n', flags=["-DNAME=a b"])
    (entry,) = poll("the entry is stored", 10, cache.entries)
    key = os.path.basename(entry)
    rc, out, err = call(cache, "inspect", key)
    assert (rc, err) == (0, "")
    assert re.search(rf"^entry +{key}$", out, re.M)
    assert re.search(r"^source +x\.c$", out, re.M)
    assert "'-DNAME=a b'" in out
    assert re.search(r"^files read +3,|^files read +2,", out, re.M)
    assert call(cache, "inspect", key[:8].upper())[1] == out
    rc, out, _ = call(cache, "inspect", key[:10], "--json")
    held = json.loads(out)
    assert held["action_key"] == key and held["source"] == "x.c"
    assert "h.h" in [f["path"] for f in held["files"]]
    assert [o["role"] for o in held["outputs"]] == ["object"]
    assert held["outputs"][0]["bytes"] == (tmp_path / "x.o").stat().st_size


def test_inspect_of_a_command_line_says_of_each_argument_why(cache, tmp_path):
    (tmp_path / "x.c").write_text("int x;\n")
    (tmp_path / "args.rsp").write_text("-DNAME=1 -Wall")
    rc, out, err = call(cache, "inspect", "--", "gcc", "-c", "x.c", "-o", "x.o", "-Iinc", "@args.rsp", cwd=tmp_path)
    assert (rc, err) == (0, "")
    lines = [re.sub(" +", " ", line) for line in out.splitlines()]
    assert lines[:6] == ["-c mode - the mode", "x.c input - a source: name and content join through the closure",
                         "-o x.o output - names the output", "-Iinc include key value joins as path, in order",
                         "-DNAME=1 define key macros join, in order", "-Wall diagnostics key diagnostics are part of the entry"]
    assert re.search(r"^identity +[0-9a-f]{64}$", out, re.M)
    assert re.search(r"^arguments +-Iinc$", out, re.M)
    rc, out, err = call(cache, "inspect", "--", "gcc", "-c", "x.c", "-fwat", cwd=tmp_path)
    assert (rc, err) == (0, "")
    assert re.search(r"^-fwat +unknown +- +bypass unknown-option: not in the option tables$", out, re.M)
    assert re.search(r"^bypass +unknown-option: .*-fwat$", out, re.M)


def test_inspect_of_an_unknown_entry_fails(cache, tmp_path):
    compile_one(cache, tmp_path)
    rc, out, err = call(cache, "inspect", "0" * 64)
    assert (rc, out) == (1, "")
    assert err == f"hpcc inspect: {'0' * 64}: no entry of this name in {cache.dir}\n"


def test_inspect_of_a_damaged_entry_says_so(cache, tmp_path):
    compile_one(cache, tmp_path)
    cache.stop()
    (entry,) = cache.entries()  # the daemon has stored everything before it ended
    with open(entry, "r+b") as f:
        f.seek(-1, os.SEEK_END)
        last = f.read(1)
        f.seek(-1, os.SEEK_END)
        f.write(bytes([last[0] ^ 1]))
    rc, out, err = call(cache, "inspect", os.path.basename(entry))
    assert (rc, out) == (1, "")
    assert "damaged, the next look-up removes it" in err and err.count("\n") == 1


def test_inspect_shows_the_key_of_a_command_line(cache, tmp_path):
    (tmp_path / "x.c").write_text("int x;\n")
    rc, out, err = call(cache, "inspect", "--", "gcc", "-c", "x.c", cwd=tmp_path)
    assert (rc, err) == (0, ""), err
    assert "gcc" in out


# ---- clean


def test_clean_removes_by_size_age_or_all(cache, tmp_path):
    for name in ("a", "b", "c"):
        compile_one(cache, tmp_path, name, f"int {name};\n")
    cache.stop()
    assert len(cache.entries()) == 3
    rc, out, _ = call(cache, "clean", "--max-age", "1d", "--max-size", "1G")
    assert rc == 0 and out.startswith("removed 0 entries, 0 bytes; 3 entries, ")
    rc, out, _ = call(cache, "clean", "--max-size", "4K")
    assert rc == 0 and len(cache.entries()) < 3
    rc, out, _ = call(cache, "clean", "--all")
    assert rc == 0 and out.endswith(f"; 0 entries, 0 bytes remain in {cache.dir}\n")
    assert cache.entries() == []
    assert cache.stats()["miss"] == 3


def test_clean_reaches_what_the_daemon_has_in_memory(cache, tmp_path):
    for _ in range(4):  # an entry joins the daemon's memory the second time that it is served
        compile_one(cache, tmp_path, "a", "int a;\n")
    rc, _, _ = call(cache, "clean", "--all")
    assert rc == 0
    misses = cache.stats()["miss"]
    compile_one(cache, tmp_path, "a", "int a;\n")
    assert cache.stats()["miss"] == misses + 1


def test_explain_names_the_entry_that_a_miss_has_become(cache, tmp_path):
    compile_one(cache, tmp_path, "a", "int a;\n")

    def explained():  # an entry is stored after the compile has ended
        rc, out, _ = call(cache, "explain", "a.o", cwd=tmp_path)
        return rc == 0 and out.startswith("a.o: miss") and [e for e in cache.entries() if os.path.basename(e) in out]

    poll("the entry in the explanation", 20, explained)


def test_clean_refuses_a_read_only_cache(idle, tmp_path):
    idle.configure("[[cache]]\nread_only = true\n")
    rc, _, err = call(idle, "clean", "--all")
    assert rc == 1
    assert err == f"hpcc clean: {idle.dir}: the configuration makes this cache read-only\n"


# ---- start and stop


def test_stop_ends_the_daemon(cache):
    rc, out, err = call(cache, "stop")
    assert (rc, out, err) == (0, "the daemon is stopping\n", "")
    daemon = cache.daemon
    poll("the daemon ends", 20, lambda: daemon.poll() is not None)
    assert daemon.returncode == 0
    cache.daemon = None
    assert call(cache, "stop") == (0, "no daemon is running\n", "")


def test_a_second_daemon_refuses_and_names_the_first(cache):
    rc, out, err = call(cache, "start")
    assert rc == 1
    assert str(cache.daemon.pid) in err and err.startswith("hpcc start: ") and err.count("\n") == 1


# ---- what is installed beside the programs


def prefix(cache):
    return os.path.dirname(os.path.dirname(cache.bin))


def test_man_pages_render(idle):
    require_program("mandoc")
    for name in ["hpcc", *[f"hpcc-{c}" for c in COMMANDS]]:
        page = os.path.join(prefix(idle), "share/man/man1", name + ".1")
        done = subprocess.run(["mandoc", "-T", "utf8", page], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0 and not done.stderr, done.stderr
        plain = re.sub(".\b", "", done.stdout)
        assert name in plain and "SYNOPSIS" in plain


@pytest.mark.parametrize("words, wanted", [
    (["hpcc", "st"], ["start", "stats", "stop"]),
    (["hpcc", "stats", "--"], ["--config", "--help", "--json", "--reset", "--watch"]),
    (["hpcc", "help", "in"], ["init", "inspect"]),
])
def test_bash_completes(idle, words, wanted):
    require_program("bash")
    script = os.path.join(prefix(idle), "share/bash-completion/completions/hpcc.bash")
    quoted = " ".join(f"'{w}'" for w in words)
    done = subprocess.run(["bash", "-c", f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _hpcc; "
                           "printf '%s\\n' \"${COMPREPLY[@]}\""], env={"PATH": "/nonexistent"}, capture_output=True,
                          text=True, timeout=20, executable=shutil.which("bash"))
    assert sorted(set(wanted) & set(done.stdout.split())) == wanted, done


def test_fish_completes(idle):
    require_program("fish")
    script = os.path.join(prefix(idle), "share/fish/vendor_completions.d/hpcc.fish")
    done = subprocess.run(["fish", "--no-config", "-c", f"source {script}; complete -C 'hpcc stats --'"], env=idle.env,
                          capture_output=True, text=True, timeout=20)
    assert {"--json", "--reset", "--watch"} <= {line.split("\t")[0] for line in done.stdout.splitlines()}, done
