"""Change something, compile again: hit or miss as stated, and always the object that the compiler makes now."""

import os
import shutil
import subprocess
import time

import pytest

import hpcc
from compare import Check, expectation, same, wait_stored, write
from hpcc import PASSTHROUGH, SOAK, Cache, poll


@pytest.fixture(params=["daemon", "local"])
def cache(tmp_path, request):
    with Cache(tmp_path, daemon=request.param == "daemon") as c:
        yield c


@pytest.fixture(params=["gcc", "clang"])
def project(cache, tmp_path, request):
    """src/main.c reads "near.h" beside it, <lib.h> from the third of four -I directories, and <deep.h> from that one.
    Objects go elsewhere, so that the stamps of the source directories stay as they are."""
    hpcc.require_program(request.param)
    p = Check(cache, os.path.join(tmp_path, "proj"))
    p.write("src/main.c", '#include "near.h"\n#include <lib.h>\nint x = NEAR + LIB + DEEP;\n')
    p.write("src/near.h", "#define NEAR 100\n")
    p.write("i3/lib.h", "#include <deep.h>\n#define LIB 200\n")
    p.write("i3/deep.h", "#define DEEP 300\n")
    for name in ("i2", "i4", "out"):
        os.mkdir(os.path.join(p.root, name))
    # i1 does not exist.
    p.argv = [request.param, "-Ii1", "-Ii2", "-Ii3", "-Ii4", "-c", "src/main.c", "-o", "out/main.o", "-MD"]
    p.step(p.argv, "miss")
    p.step(p.argv, "hit")
    return p


def path(project, name):
    return os.path.join(project.root, name)


def replace(project, name, data):
    """As editors and generators do: a new file under the old name."""
    write(path(project, name) + ".new", data)
    os.rename(path(project, name) + ".new", path(project, name))


# ---- contents


def test_touch_hits(project):
    for name in ("src/main.c", "src/near.h", "i3/lib.h"):
        os.utime(path(project, name))
        project.step(project.argv, "hit")


@pytest.mark.parametrize("name", ["src/main.c", "src/near.h", "i3/lib.h", "i3/deep.h"])
def test_an_edited_file_misses_and_its_old_text_hits_again(project, name):
    with open(path(project, name)) as f:
        old = f.read()
    project.write(name, old + "int more;\n")
    project.step(project.argv, "miss:input-differs")
    project.step(project.argv, "hit")
    project.write(name, old)
    project.step(project.argv, "hit")
    project.write(name, old + "int more;\n")
    project.step(project.argv, "hit")


def test_a_changed_comment_gives_the_right_lines(project):
    argv = [*project.argv, "-g"]
    project.step(argv, "miss")
    project.write("src/near.h", "/* one line\n   more */\n#define NEAR 100\n")
    project.step(argv, "miss")
    project.step(argv, "hit")


def test_explain_names_the_header_that_differs(project):
    if PASSTHROUGH:
        pytest.skip("hpcc: a pass-through explains nothing")
    project.write("i3/deep.h", "#define DEEP 301\n")
    project.step(project.argv, "miss")
    for name in ("src/main.c", "out/main.o"):
        told = project.cache.explain(name, project.root)
        assert told.rc == 0 and b"deep.h" in told.out, told


def test_explain_names_the_header_that_appeared(project):
    if PASSTHROUGH:
        pytest.skip("hpcc: a pass-through explains nothing")
    project.write("i2/lib.h", "#define LIB 1\n#define DEEP 2\n")
    project.step(project.argv, "miss:header-appeared")
    told = project.cache.explain("src/main.c", project.root)
    assert told.rc == 0 and b"i2/lib.h" in told.out, told


def test_explain_names_the_flag(project):
    if PASSTHROUGH:
        pytest.skip("hpcc: a pass-through explains nothing")
    project.step([*project.argv, "-funroll-loops"], "miss")
    told = project.cache.explain("src/main.c", project.root)
    assert told.rc == 0 and b"-funroll-loops" in told.out, told


@pytest.mark.parametrize("name", ["src/main.c", "src/near.h", "i3/deep.h"])
def test_a_replaced_file_of_the_same_size_and_time_is_noticed(project, name):
    full = path(project, name)
    with open(full) as f:
        old = f.read()
    stamp = os.stat(full)
    new = old.replace("00", "11").replace("NEAR +", "NEAR -")
    assert new != old and len(new) == len(old)
    replace(project, name, new)
    os.utime(full, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    project.step(project.argv, "miss")
    # In place this time: same inode as well; only the ctime and the content tell.
    with open(full, "r+") as f:
        f.write(old)
    os.utime(full, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    project.step(project.argv, "hit")


def test_a_file_rewritten_within_one_clock_tick_is_noticed(project):
    """Racy-git: hashed and rewritten with the same size before the file system's clock moves on. No stat between the
    two writes, so even a kernel with fine-grained stamps may give them the same time."""
    rounds = 2000 if SOAK else 200
    argv = [project.argv[0], "-c", "src/r.c", "-o", "out/r.o"]
    expected = {}
    for value in range(10, 20):
        project.write("src/r.c", f"int r = {value};\n")
        subprocess.run(argv, cwd=project.root, check=True)
        with open(path(project, "out/r.o"), "rb") as f:
            expected[value] = f.read()
    with open(path(project, "src/r.c"), "r+") as f:
        for i in range(rounds):
            value = 10 + (i * 7 + i // 10) % 10
            f.seek(0)
            f.write(f"int r = {value};\n")
            f.flush()
            # `argv` names the same object each time; it must be there anew each time.
            got = project.cache.compile(argv, project.root)
            assert got == (0, b"", b"")
            with open(path(project, "out/r.o"), "rb") as o:
                assert o.read() == expected[value], f"round {i}"


def test_a_header_rewritten_through_a_mapping_is_noticed(project):
    """Writes through mmap update the times late."""
    import mmap
    for i in range(20):
        with open(path(project, "src/near.h"), "r+b") as f, mmap.mmap(f.fileno(), 0) as m:
            m[:] = b"#define NEAR %3d\n" % (101 + i)
        project.step(project.argv, "either")


def test_a_generated_header_made_just_before_the_compile_stays_cacheable(project):
    for i in range(60 if SOAK else 12):
        replace(project, "i3/deep.h", f"#define DEEP {400 + i}\n")
        project.step(project.argv, "miss")
        project.step(project.argv, "hit")


def test_a_generated_source_made_just_before_the_compile_stays_cacheable(project):
    for i in range(60 if SOAK else 12):
        project.write("src/main.c", f'#include "near.h"\nint x{i};\n')
        project.step(project.argv, "miss")
        project.step(project.argv, "hit")


SLOW = "".join(f"int f{i}(int a, int *b) {{ int s = 0; for (int i = 0; i < a; i++) {{ s += b[i] * {i}; "
               f"if (s > {i}) b[i] ^= s; else s -= b[s & 7]; }} return s; }}\n" for i in range(110))


@pytest.mark.parametrize("change", ["in place", "by rename", "and back", "touched", "directory renamed"])
@pytest.mark.parametrize("when_s", [0.0, 0.1] if SOAK else [0.1])
def test_an_input_that_changes_while_the_compiler_runs_is_never_stored_under_what_it_became(project, change, when_s):
    """Whatever object this compile makes, the next ones must be right."""
    project.write("src/slow.c", '#include "near.h"\nint near = NEAR;\n' + SLOW)
    argv = [project.argv[0], "-O2", "-c", "src/slow.c", "-o", "out/slow.o"]
    header = path(project, "src/near.h")
    proc = project.cache.popen([project.cache.bin, *argv], project.root)
    # Once the compiler has the header it does not read it again; before, either content may be compiled.
    deadline = time.monotonic() + when_s
    while time.monotonic() < deadline:
        time.sleep(0.01)
    if change == "in place":
        project.write("src/near.h", "#define NEAR 777\n")
    elif change == "by rename":
        replace(project, "src/near.h", "#define NEAR 777\n")
    elif change == "and back":
        project.write("src/near.h", "#define NEAR 777\n")
        project.write("src/near.h", "#define NEAR 100\n")
    elif change == "touched":
        os.utime(header)
    else:
        shutil.copytree(path(project, "src"), path(project, "src2"))
        write(path(project, "src2/near.h"), "#define NEAR 777\n")
        os.rename(path(project, "src"), path(project, "src3"))
        os.rename(path(project, "src2"), path(project, "src"))
    out, err = proc.communicate(timeout=60)
    assert (proc.returncode, out, err) == (0, b"", b"")
    plain = {}
    for value, expect in ((None, None), (100, None), (777, None), (777, "hit")):
        if value is not None:
            project.write("src/near.h", f"#define NEAR {value}\n")
        with open(header) as f:
            now = f.read()
        plain[now] = project.step(argv, expect, plain=plain.get(now))


@pytest.mark.parametrize("how", ("written", "linked", "link to it"))
def test_a_header_that_appears_earlier_while_the_compiler_runs_is_never_passed_over_later(project, how):
    """The compiler looked before it came, so its list does not have it; the next compile reads it."""
    project.write("src/slow.c", '#include <late.h>\nint late = LATE;\n' + SLOW)
    project.write("i2/late.h", "#define LATE 100\n")
    project.write("spare/late.h", "#define LATE 777 /* of another size */\n")
    os.makedirs(path(project, "i1"), exist_ok=True)
    argv = [project.argv[0], "-O2", "-Ii1", "-Ii2", "-c", "src/slow.c", "-o", "out/slow.o"]
    proc = project.cache.popen([project.cache.bin, *argv], project.root)
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        time.sleep(0.01)
    if how == "written":
        write(path(project, "i1/late.h"), "#define LATE 777 /* of another size */\n")
    elif how == "linked":
        os.link(path(project, "spare/late.h"), path(project, "i1/late.h"))
    else:
        os.symlink("../spare/late.h", path(project, "i1/late.h"))
    out, err = proc.communicate(timeout=60)
    assert (proc.returncode, out, err) == (0, b"", b"")
    plain = project.step(argv, None)
    project.step(argv, "hit", plain=plain)


# ---- one set of files, read in different ways


def test_headers_included_in_another_order_give_the_dependency_file_of_now(project):
    project.write("i3/a.h", "#define A 1\n")
    project.write("i3/b.h", "#define B 2\n")
    argv = [project.argv[0], "-Ii3", "-c", "src/o.c", "-o", "out/o.o", "-MD"]
    for first, second in ("ab", "ba", "ab"):
        project.write("src/o.c", f"#include <{first}.h>\n#include <{second}.h>\nint x = A + B;\n")
        project.step(argv, "either")
        project.step(argv, "hit")
        with project.cache.without_daemon():
            project.step(argv, "hit")


def test_a_header_that_is_read_where_it_was_only_asked_for_joins_the_dependency_file(project):
    argv = [project.argv[0], "-Ii3", "-c", "src/o.c", "-o", "out/o.o", "-MD"]
    for text in ('#if __has_include("near.h")\nint has;\n#endif\n', '#include "near.h"\nint x = NEAR;\n',
                 '#if __has_include("near.h")\nint has2;\n#endif\n'):
        project.write("src/o.c", text)
        project.step(argv, "miss")
        project.step(argv, "hit")
        with project.cache.without_daemon():
            project.step(argv, "hit")


def test_a_header_that_becomes_a_system_header_leaves_the_mmd_file(project):
    argv = [project.argv[0], "-Ii2", "-isystem", "i3", "-c", "src/o.c", "-o", "out/o.o", "-MMD"]
    project.write("i3/sys.h", "#define SYS 1\n")
    for text in ('#include "../i3/sys.h"\nint x = SYS;\n', "#include <sys.h>\nint x = SYS;\n", '#include "../i3/sys.h"\nint y = SYS;\n'):
        project.write("src/o.c", text)
        project.step(argv, "miss")
        project.step(argv, "hit")


def test_a_header_asked_for_with_quotes_is_searched_for_as_such_whoever_asked_with_angles_before(project):
    """The same files are read by both texts; where a new header counts differs."""
    argv = [project.argv[0], "-Ii2", "-Ii3", "-c", "src/o.c", "-o", "out/o.o"]
    project.write("src/o.c", "#include <lib.h>\nint x = LIB;\n")
    project.step(argv, "miss")
    project.write("src/o.c", '#include "lib.h"\nint x = LIB;\n')
    project.step(argv, "miss")
    project.step(argv, "hit")
    project.write("src/lib.h", "#define LIB 5\n")
    project.step(argv, "miss:header-appeared")
    project.step(argv, "hit")
    project.write("src/o.c", "#include <lib.h>\nint x = LIB;\n")
    project.step(argv, "hit")


def test_a_name_first_asked_for_by_has_include_counts_though_an_older_text_did_not_ask(project):
    argv = [project.argv[0], "-Ii2", "-Ii3", "-c", "src/o.c", "-o", "out/o.o"]
    project.write("src/o.c", "int x;\n")
    project.step(argv, "miss")
    project.write("src/o.c", "#if __has_include(<new.h>)\n#include <new.h>\n#endif\nint x;\n")
    project.step(argv, "miss")
    project.write("i2/new.h", "int from_new;\n")
    project.step(argv, "miss")
    project.step(argv, "hit")


@pytest.mark.parametrize("place", ["-idirafter", "-isystem", "-I"])
def test_a_header_behind_the_one_that_asks_for_the_next_appears(project, place):
    project.write("i3/chain.h", "#if __has_include_next(<chain.h>)\n#include_next <chain.h>\n#endif\nint chain;\n")
    project.write("src/o.c", "#include <chain.h>\n")
    argv = [project.argv[0], "-Ii3", place, "i4", "-c", "src/o.c", "-o", "out/o.o", "-MD"]
    project.step(argv, "miss")
    project.step(argv, "hit")
    project.write("i4/chain.h", "int end;\n")
    project.step(argv, "miss")
    project.step(argv, "hit")


def test_a_header_that_only_has_include_asks_for_is_listed_with_mmd_where_the_compiler_lists_it(project):
    """Clang lists it as the user's; a system header that would include it, too, but does not, makes it no system header."""
    project.write("src/o.c", "#if __has_include(<mine.h>)\n#include <sys.h>\n#endif\nint x;\n")
    project.write("i2/mine.h", "")
    project.write("i3/sys.h", '#if 0\n#include "mine.h"\n#endif\n')
    argv = [project.argv[0], "-Ii2", "-idirafter", "i3", "-c", "src/o.c", "-o", "out/o.o", "-MMD"]
    for _ in range(3):
        project.step(argv, None)


@pytest.mark.parametrize("spelled", ["./", ".//", "././/", "./."])
@pytest.mark.parametrize("text", ["#if __has_include(<opt.h>)\nint opt;\n#endif\n", "#include <opt.h>\n"])
def test_a_search_directory_spelled_with_dots_and_slashes_hits(project, spelled, text):
    project.write("opt.h", "int from_here;\n")
    project.write("src/o.c", text)
    argv = [project.argv[0], "-isystem", spelled, "-c", "src/o.c", "-o", "out/o.o", "-MD"]
    project.step(argv, "miss")
    project.step(argv, "hit")


def same_second(project, *names):
    stamp = 1_600_000_000 * 10**9
    for name in names:
        os.utime(path(project, name), ns=(stamp, stamp))


@pytest.mark.parametrize("how", ["times apart", "times together", "a link becomes a copy", "a copy becomes a link", "a name of its own"])
def test_whether_two_files_of_one_content_are_one_counts(project, how):
    """GCC leaves a #pragma once file out when content and time are those of another; Clang when the inode is."""
    argv = [project.argv[0], "-Ii2", "-Ii3", "-c", "src/o.c", "-o", "out/o.o", "-MD"]
    text = "#pragma once\nstatic int counted = __COUNTER__;\n"
    project.write("src/o.c", '#include <twin.h>\n#include "../i3/twin.h"\nint next = __COUNTER__;\n')
    project.write("i2/twin.h", text)
    if how in ("a link becomes a copy", "a name of its own"):
        (os.link if how == "a name of its own" else os.symlink)(path(project, "i2/twin.h"), path(project, "i3/twin.h"))
    else:
        project.write("i3/twin.h", text)
    same_second(project, "i2/twin.h", "i3/twin.h")
    if how == "times together":
        os.utime(path(project, "i3/twin.h"))
    for _ in range(2):
        project.step(argv, None)
    if how == "times together":
        same_second(project, "i2/twin.h", "i3/twin.h")
    elif how == "times apart":
        os.utime(path(project, "i3/twin.h"))
    else:
        os.unlink(path(project, "i3/twin.h"))
        if how == "a copy becomes a link":
            os.symlink("../i2/twin.h", path(project, "i3/twin.h"))
        else:
            shutil.copy2(path(project, "i2/twin.h"), path(project, "i3/twin.h"))
    for _ in range(2):
        project.step(argv, None)


@pytest.mark.parametrize("how", ["of the search", "in the name", "in a macro"])
def test_a_backslash_in_a_name_is_not_taken_for_a_slash(project, how):
    """Clang's dependency file says b/s for both."""
    text, flags = {"of the search": ("#include <a.h>\n", ["-Ib\\s"]), "in the name": ('#include "../b\\s/a.h"\n', []),
                   "in a macro": ("#define A_H <a.h>\n#include A_H\n", ["-Ib\\s"])}[how]
    project.write("src/o.c", text + "int a = A;\n")
    project.write("b/s/a.h", "#define A 1\n")
    argv = [project.argv[0], *flags, "-c", "src/o.c", "-o", "out/o.o"]
    for value in (1, 2, 3):
        project.write("b\\s/a.h", f"#define A {value}\n")
        project.step(argv, None)
        project.step(argv, "hit" if project.argv[0] == "gcc" else None)


# ---- names that appear and go


@pytest.mark.parametrize("dirs", [["-Ii3", "-Ii2", "-isystem", "i3"], ["-Ii3", "-Ii2", "-idirafter", "i3"], ["-I./i3", "-Ii2", "-isystem", "i3/"],
                                  ["-iquote", "i3", "-Ii2", "-isystem", "i3"]], ids=" ".join)
def test_a_directory_given_as_user_and_as_system_counts_where_the_compiler_puts_it(project, dirs):
    """GCC and Clang drop the -I of a directory that is a system one too: i2 comes first."""
    project.write("src/o.c", '#include "lib.h"\nint x = LIB;\n')
    argv = [project.argv[0], *dirs, "-c", "src/o.c", "-o", "out/o.o", "-MMD"]
    project.step(argv, "miss")
    project.step(argv, "hit")
    project.write("i2/lib.h", "#define LIB 4\n")
    project.step(argv, "either")
    project.step(argv, "hit")


def test_an_option_that_repeats_a_directory_of_the_compilers_own_changes_nothing(project):
    """-I/usr/include is dropped: a header in the -I behind it comes before the one in /usr/include."""
    project.write("src/o.c", "#include <stdio.h>\nint x;\n")
    argv = [project.argv[0], "-I/usr/include", "-Ii2", "-c", "src/o.c", "-o", "out/o.o", "-MMD"]
    project.step(argv, "miss")
    project.step(argv, "hit")
    project.write("i2/stdio.h", "int shadow;\n")
    project.step(argv, "miss:header-appeared")
    project.step(argv, "hit")


@pytest.mark.parametrize("name", ["i2/lib.h", "i1/lib.h", "i1/deep.h", "i2/deep.h"])
def test_a_header_that_appears_earlier_on_the_path_misses(project, name):
    project.write(name, "#define LIB 7\n#define DEEP 8\n")
    project.step(project.argv, "miss:header-appeared")
    project.step(project.argv, "hit")
    os.unlink(path(project, name))
    project.step(project.argv, "hit")


def test_a_header_that_appears_in_the_includers_directory_misses(project):
    project.write("src/sub.c", '#include "lib.h"\nint x = LIB;\n')
    argv = [project.argv[0], "-Ii2", "-Ii3", "-c", "src/sub.c", "-o", "out/sub.o", "-MMD"]
    project.step(argv, "miss")
    project.step(argv, "hit")
    project.write("src/lib.h", "#define LIB 9\n")
    project.step(argv, "miss:header-appeared")
    project.step(argv, "hit")
    os.unlink(path(project, "src/lib.h"))
    project.step(argv, "hit")


def test_a_header_that_appears_in_the_directory_of_an_including_header_misses(project):
    project.write("src/sub.c", "#include <mid.h>\nint x = LEAF;\n")
    project.write("i2/mid.h", '#include "leaf.h"\n')
    project.write("i3/leaf.h", "#define LEAF 1\n")
    argv = [project.argv[0], "-Ii2", "-Ii3", "-c", "src/sub.c", "-o", "out/sub.o", "-MMD"]
    project.step(argv, "miss")
    project.step(argv, "hit")
    project.write("i2/leaf.h", "#define LEAF 2\n")
    project.step(argv, "miss:header-appeared")
    project.step(argv, "hit")


@pytest.mark.parametrize("option", ["-I", "-isystem", "-iquote"])
def test_a_directory_of_the_search_that_appears_with_the_header_misses(project, option):
    """The directory comes by rename, complete: nothing inside it has a young stamp."""
    write(path(project, "waiting/lib.h"), "#define LIB 5\n#define DEEP 6\n")
    write(path(project, "waiting/near.h"), "#define NEAR 4\n")
    project.write("src/d.c", '#include "lib.h"\nint x = LIB;\n')
    argv = [project.argv[0], f"{option}later/inc" if option == "-I" else option, "later/inc", "-Ii3", "-c", "src/d.c", "-o", "out/d.o"]
    if option == "-I":
        argv.remove("later/inc")
    if option == "-isystem":
        # -isystem comes after -I in the search: the found header has to be behind it.
        argv = [project.argv[0], "-isystem", "later/inc", "-isystem", "i3", "-c", "src/d.c", "-o", "out/d.o"]
    project.step(argv, "miss")
    project.step(argv, "hit")
    os.mkdir(path(project, "later"))
    project.step(argv, "hit")
    os.rename(path(project, "waiting"), path(project, "later/inc"))
    project.step(argv, "miss:header-appeared")
    project.step(argv, "hit")


def test_a_system_header_that_a_user_directory_shadows_misses(project):
    project.write("src/s.c", "#include <stddef.h>\n#include <lib.h>\nint x = sizeof(size_t);\n")
    argv = [project.argv[0], "-Ii2", "-Ii3", "-c", "src/s.c", "-o", "out/s.o", "-MMD"]
    project.step(argv, "miss")
    project.step(argv, "hit")
    project.write("i2/stddef.h", "typedef char size_t;\n")
    project.step(argv, "miss:header-appeared")


def test_a_header_with_a_directory_in_its_name_that_appears_misses(project):
    project.write("i3/pkg/api.h", "#define API 1\n")
    project.write("src/p.c", "#include <pkg/api.h>\nint x = API;\n")
    argv = [project.argv[0], "-Ii2", "-Ii3", "-c", "src/p.c", "-o", "out/p.o"]
    project.step(argv, "miss")
    project.step(argv, "hit")
    os.mkdir(path(project, "i2/pkg"))
    project.step(argv, "hit")
    project.write("i2/pkg/api.h", "#define API 2\n")
    project.step(argv, "miss:header-appeared")


def test_a_dangling_link_on_the_path_that_gets_its_target_misses(project):
    os.symlink("../elsewhere/lib.h", path(project, "i2/lib.h"))
    project.step(project.argv, None)
    project.step(project.argv, None)
    project.write("elsewhere/lib.h", "#define LIB 3\n#define DEEP 4\n")
    project.step(project.argv, None)


def test_a_directory_of_the_headers_name_on_the_path_is_passed_over(project):
    os.mkdir(path(project, "i2/lib.h"))
    project.step(project.argv, None)
    project.step(project.argv, None)
    os.rmdir(path(project, "i2/lib.h"))
    project.step(project.argv, "hit")


def test_a_name_of_has_include_that_appears_misses(project):
    project.write("src/h.c", '#if __has_include("opt.h")\n#include "opt.h"\n#elif __has_include(<opt2.h>)\nint two;\n#endif\n'
                             "int x\n#ifdef OPT\n= OPT\n#endif\n;\n")
    argv = [project.argv[0], "-Ii2", "-Ii3", "-c", "src/h.c", "-o", "out/h.o", "-MD"]
    project.step(argv, "miss")
    project.step(argv, "hit")
    project.write("i3/opt2.h", "")
    project.step(argv, "miss")
    project.step(argv, "hit")
    project.write("src/opt.h", "#define OPT 5\n")
    project.step(argv, "miss")
    project.step(argv, "hit")
    os.unlink(path(project, "src/opt.h"))
    project.step(argv, "hit")
    os.unlink(path(project, "i3/opt2.h"))
    project.step(argv, "hit")


def test_a_name_of_has_include_that_goes_away_misses(project):
    project.write("src/h.c", "#if __has_include(<opt.h>)\nint has;\n#endif\nint x;\n")
    project.write("i2/opt.h", "")
    argv = [project.argv[0], "-Ii2", "-Ii3", "-c", "src/h.c", "-o", "out/h.o", "-MD"]
    project.step(argv, "miss")
    project.step(argv, "hit")
    # Its content is never read.
    project.write("i2/opt.h", "#error never\n")
    project.step(argv, "either")
    os.unlink(path(project, "i2/opt.h"))
    project.step(argv, "miss")
    project.step(argv, "hit")


@pytest.mark.parametrize("name", ["src/near.h", "i3/lib.h", "i3/deep.h", "src/main.c"])
def test_a_deleted_input_fails_as_it_does_plainly(project, name):
    with open(path(project, name)) as f:
        text = f.read()
    os.unlink(path(project, name))
    plain = project.step(project.argv, None)
    assert plain.rc != 0
    project.step(project.argv, None)
    project.write(name, text)
    project.step(project.argv, "hit")


def test_a_deleted_header_uncovers_the_one_behind_it(project):
    project.write("i4/lib.h", "#define LIB 1\n#define DEEP 2\n")
    project.step(project.argv, "hit")
    os.rename(path(project, "i3/lib.h"), path(project, "i3/gone.h"))
    project.step(project.argv, "miss")
    os.rename(path(project, "i3/gone.h"), path(project, "i3/lib.h"))
    project.step(project.argv, "hit")


def test_a_retargeted_link_to_a_header_misses(project):
    project.write("v1/n.h", "#define NEAR 1\n")
    project.write("v2/n.h", "#define NEAR 2\n")
    os.unlink(path(project, "src/near.h"))
    os.symlink("../v1/n.h", path(project, "src/near.h"))
    project.step(project.argv, "miss")
    project.step(project.argv, "hit")
    os.unlink(path(project, "src/near.h"))
    os.symlink("../v2/n.h", path(project, "src/near.h"))
    project.step(project.argv, "miss")


def test_a_retargeted_link_to_a_directory_misses(project):
    project.write("v1/lib.h", "#define LIB 1\n#define DEEP 1\n")
    project.write("v2/lib.h", "#define LIB 2\n#define DEEP 2\n")
    os.symlink("v1", path(project, "i1"))
    project.step(project.argv, "miss:header-appeared")
    project.step(project.argv, "hit")
    os.symlink("v2", path(project, "i1.new"))
    os.rename(path(project, "i1.new"), path(project, "i1"))
    project.step(project.argv, "miss")
    project.step(project.argv, "hit")


def test_a_directory_that_is_renamed_and_replaced_misses(project):
    write(path(project, "i3.new/lib.h"), "#include <deep.h>\n#define LIB 201\n")
    write(path(project, "i3.new/deep.h"), "#define DEEP 301\n")
    for name in ("i3.new/lib.h", "i3.new/deep.h"):
        old = os.stat(path(project, name.replace(".new", "")))
        os.utime(path(project, name), ns=(old.st_atime_ns, old.st_mtime_ns))
    os.rename(path(project, "i3"), path(project, "i3.old"))
    os.rename(path(project, "i3.new"), path(project, "i3"))
    project.step(project.argv, "miss")
    project.step(project.argv, "hit")
    shutil.rmtree(path(project, "i3"))
    os.rename(path(project, "i3.old"), path(project, "i3"))
    project.step(project.argv, "hit")


def test_a_parent_directory_that_is_replaced_misses(project):
    """Seen from the names nothing changed: same paths, same sizes, same times."""
    tree = project.root + ".copy"
    shutil.copytree(project.root, tree, symlinks=True)
    stamp = os.stat(path(project, "i3/deep.h"))
    write(os.path.join(tree, "i3/deep.h"), "#define DEEP 399\n")
    os.utime(os.path.join(tree, "i3/deep.h"), ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    os.rename(project.root, project.root + ".old")
    os.rename(tree, project.root)
    project.step(project.argv, "miss")


# ---- what is not a file


def test_order_of_define_and_undefine_matters(project):
    project.write("src/o.c", "#ifdef A\nint x = A;\n#else\nint y;\n#endif\n")
    base = [project.argv[0], "-c", "src/o.c", "-o", "out/o.o"]
    for flags in (["-DA=1"], ["-DA=2"], ["-DA=1", "-UA"], ["-UA", "-DA=1"], ["-DA"], []):
        project.step([*base, *flags], "either")
        project.step([*base, *flags], "hit")


def test_order_of_include_directories_matters(project):
    project.write("i4/lib.h", "#define LIB 1\n#define DEEP 2\n")
    base = [project.argv[0], "-c", "src/main.c", "-o", "out/main.o", "-MD"]
    for dirs in (["-Ii3", "-Ii4"], ["-Ii4", "-Ii3"], ["-isystem", "i3", "-Ii4"], ["-Ii3", "-isystem", "i4"], ["-idirafter", "i4", "-Ii3"]):
        project.step([*base, *dirs], "either")
        project.step([*base, *dirs], "hit")


@pytest.mark.parametrize("first, second", [
    (["-O1"], ["-O2"]), (["-std=c11"], ["-std=gnu11"]), ([], ["-g"]), (["-g"], ["-g3"]), ([], ["-fPIC"]), ([], ["-Wall"]), (["-Wall"], ["-w"]),
    ([], ["-x", "c++"]), ([], ["-m32"]), ([], ["-march=x86-64-v3"]), ([], ["-include", "i3/deep.h"]), ([], ["-fno-common"]),
    ([], ["-funsigned-char"]), (["-D__FILE__=1"], []), ([], ["-ffile-prefix-map=src=x"]), ([], ["-fvisibility=hidden"]),
    ([], ["-Wa,--noexecstack"]), ([], ["-Wp,-DNEAR"])], ids=str)
def test_flags_never_share_an_object_they_should_not(project, first, second):
    project.write("src/f.c", '#include "near.h"\n#ifdef __cplusplus\nint cxx;\n#endif\nchar c = (char)-1 < 0;\nint common;\n'
                             'const char *f = "" __FILE__;\nstatic int g(int n) { int unused; return n * NEAR; }\nint h(int n) { return g(n); }\n')
    base = [project.argv[0], "-c", "src/f.c", "-o", "out/f.o"]
    for flags in (first, second, first, second):
        project.step([*base, *flags], None)


def test_the_dependency_options_of_a_request_do_not_change_the_key(project):
    base = [project.argv[0], "-Ii3", "-c", "src/main.c"]
    project.step([*base, "-o", "out/a.o"], "miss")
    for more in (["-o", "out/b.o"], ["-o", "out/a.o", "-MD"], ["-o", "out/a.o", "-MD", "-MF", "out/x.d"],
                 ["-o", "out/a.o", "-MD", "-MT", "other"], ["-o", "out/a.o", "-MD", "-MP"], ["-o", "out/a.o", "-Wp,-MD,out/.a.o.d"]):
        project.step([*base, *more], "hit")
    # Which headers are system headers has to be known for these: entries of their own.
    project.step([*base, "-o", "out/a.o", "-MMD"], "either")
    for more in (["-o", "out/b.o", "-MMD"], ["-o", "out/a.o", "-MMD", "-MQ", "a$b"], ["-o", "out/a.o", "-Wp,-MMD,out/.a.o.d"],
                 ["-o", "out/a.o", "-MMD", "-MP", "-MF", "out/z.d"]):
        project.step([*base, *more], "hit")


@pytest.mark.parametrize("variable", ["CPATH", "C_INCLUDE_PATH"])
def test_a_changed_search_variable_misses(project, variable):
    project.write("i4/lib.h", "#define LIB 1\n#define DEEP 2\n")
    project.write("i2/lib.h", "#define LIB 3\n#define DEEP 4\n")
    argv = [project.argv[0], "-c", "src/main.c", "-o", "out/main.o", "-MD"]
    i2, i4 = path(project, "i2"), path(project, "i4")
    for env in ({variable: i4}, {variable: i2}, {variable: f"{i2}:{i4}"}, {variable: i4}):
        project.step(argv, "either", env=env)
        project.step(argv, "hit", env=env)


@pytest.mark.parametrize("variable", ["CPATH", "C_INCLUDE_PATH"])
@pytest.mark.parametrize("spelling", ["i2:i4", "./i2:i4", "{root}/i2:{root}/i4", ":i4"])
def test_a_header_that_appears_earlier_in_a_search_variable_misses(project, variable, spelling):
    project.write("i4/lib.h", "#define LIB 1\n#define DEEP 2\n")
    argv = [project.argv[0], "-c", "src/main.c", "-o", "out/main.o", "-MMD"]
    env = {variable: spelling.replace("{root}", project.root)}
    # Relative parts are where the compile is; the compiler was asked elsewhere. An empty part means the same.
    relative = not spelling.startswith("{root}")
    project.step(argv, "uncached:environment" if relative else "either", env=env)
    project.step(argv, "uncached:environment" if relative else "hit", env=env)
    project.write("lib.h" if spelling[0] == ":" else "i2/lib.h", "#define LIB 3\n#define DEEP 4\n")
    project.step(argv, "uncached:environment" if relative else "miss:header-appeared", env=env)
    project.step(argv, "uncached:environment" if relative else "hit", env=env)


@pytest.mark.parametrize("flags", [["--sysroot=root"], ["-isysroot", "root"], ["--sysroot=root", "-I=/inc"], ["-iprefix", "root/", "-iwithprefix", "inc"],
                                   ["-Broot"], ["-isystem", "=/inc", "--sysroot=root"]], ids=" ".join)
def test_relative_directories_in_options_of_the_search_are_never_stale(project, flags):
    """Options by which the compiler itself finds directories: relative to where it runs, not to where it was asked."""
    project.write("root/inc/lib.h", "#define LIB 1\n#define DEEP 2\n")
    project.write("root/usr/include/lib.h", "#define LIB 3\n#define DEEP 4\n")
    argv = [project.argv[0], *flags, "-c", "src/main.c", "-o", "out/main.o", "-MD"]
    for _ in range(2):
        project.step(argv, None)
    project.write("root/usr/local/include/lib.h", "#define LIB 5\n#define DEEP 6\n")
    project.write("root/include/lib.h", "#define LIB 7\n#define DEEP 8\n")
    for _ in range(2):
        project.step(argv, None)
    other = Check(project.cache, project.root + "-elsewhere")
    os.rmdir(other.root)
    shutil.copytree(project.root, other.root, symlinks=True)
    os.unlink(os.path.join(other.root, "root/usr/local/include/lib.h"))
    for _ in range(2):
        other.step(argv, None)


def test_languages_of_diagnostics_are_not_mixed(project):
    project.write("src/w.c", "int f(void) { int unused; return 0; }\n")
    argv = [project.argv[0], "-Wall", "-c", "src/w.c", "-o", "out/w.o"]
    for _ in range(2):
        for lang in ("C", "C.UTF-8"):
            project.step(argv, "either", env={"LC_ALL": lang})
    project.step(argv, "hit", env={"LC_ALL": "C"})
    project.step(argv, "hit", env={"LC_ALL": "C.UTF-8"})


def test_source_date_epoch_is_part_of_the_key_where_it_counts(project):
    project.write("src/t.c", "const char *x = __DATE__;\n")
    argv = [project.argv[0], "-c", "src/t.c", "-o", "out/t.o"]
    for epoch in ("1000000000", "1100000000", "1000000000"):
        project.step(argv, None, env={"SOURCE_DATE_EPOCH": epoch})


def test_a_compile_from_another_directory_never_gets_this_ones_directory(project):
    project.step([*project.argv, "-g"], "miss")
    other = Check(project.cache, project.root + "-elsewhere")
    os.rmdir(other.root)
    shutil.copytree(project.root, other.root, symlinks=True)
    other.step([*project.argv, "-g"], "either")
    other.step([*project.argv, "-g"], "hit")
    project.step([*project.argv, "-g"], "hit")
    # Without debug information nothing in the object names the directory: one result for both.
    other.step(project.argv, "hit")


def test_what_another_directory_compiled_since_hits_here(project):
    """Two checkouts that get the same change: the second one's compile finds what the first one's stored, although the files
    that it reads are others than before."""
    other = Check(project.cache, project.root + "-elsewhere")
    os.rmdir(other.root)
    shutil.copytree(project.root, other.root, symlinks=True)
    other.step(project.argv, "hit")
    for i in range(12):
        for checkout in (project, other):
            checkout.write(f"i3/new{i}.h", f"#define NEW {i}\n")
            checkout.write("src/main.c", f'#include "near.h"\n#include <new{i}.h>\nint x = NEAR + NEW;\n')
        first, second = (project, other) if i % 2 else (other, project)
        first.step(project.argv, "miss")
        second.step(project.argv, "hit")
    project.step(project.argv, "hit")


def test_what_a_process_without_the_daemon_compiled_since_hits_with_it(project):
    for i in range(3):
        project.write("src/main.c", f"#include <deep.h>\nint x{i} = DEEP;\n" if i % 2 else f"int x{i};\n")
        with project.cache.without_daemon():
            project.step(project.argv, "miss")
        project.step(project.argv, "hit")


def test_one_file_seen_from_two_working_directories(project):
    argv = [project.argv[0], "-g", "-I../i3", "-c", "../src/main.c", "-o", "../out/main.o", "-MD"]
    for cwd in ("i2", "i4", "i2", "i4"):
        project.step(argv, "either", cwd=path(project, cwd))


# ---- the compiler


def driver(project, name, text):
    """A compiler of our own: a script around the real one."""
    full = path(project, name)
    write(full, f"#!/bin/sh\n{text}\n")
    os.chmod(full, 0o755)
    return full


def test_a_wrapper_script_whose_text_changes_is_another_compiler(project):
    compiler = project.argv[0]
    full = driver(project, f"bin/{compiler}", f'exec /usr/bin/{compiler} -DEXTRA=1 "$@"')
    project.write("src/e.c", "int x = EXTRA;\n")
    argv = [full, "-c", "src/e.c", "-o", "out/e.o"]
    project.step(argv, None)
    project.step(argv, None)
    driver(project, f"bin/{compiler}", f'exec /usr/bin/{compiler} -DEXTRA=2 "$@"')
    project.step(argv, None)
    project.step(argv, None)


def test_a_wrapper_script_that_runs_another_script_is_never_wrong(project):
    """What the outer script runs changes; its own text does not."""
    compiler = project.argv[0]
    inner = driver(project, "bin/inner", f'exec /usr/bin/{compiler} -DEXTRA=1 "$@"')
    full = driver(project, f"bin/{compiler}", f'exec {inner} "$@"')
    project.write("src/e.c", "int x = EXTRA;\n")
    argv = [full, "-c", "src/e.c", "-o", "out/e.o"]
    project.step(argv, None)
    project.step(argv, None)
    driver(project, "bin/inner", f'exec /usr/bin/{compiler} -DEXTRA=2 "$@"')
    project.step(argv, None)
    project.step(argv, None)


def test_a_wrapper_script_that_reads_a_variable_is_never_wrong(project):
    compiler = project.argv[0]
    full = driver(project, f"bin/{compiler}", f'exec /usr/bin/{compiler} $EXTRA_FLAGS "$@"')
    project.write("src/e.c", "int x = EXTRA;\n")
    argv = [full, "-c", "src/e.c", "-o", "out/e.o"]
    for flags in ("-DEXTRA=1", "-DEXTRA=2", "-DEXTRA=1"):
        project.step(argv, None, env={"EXTRA_FLAGS": flags})


def test_another_compiler_behind_the_same_link_misses(project):
    compiler = project.argv[0]
    link = path(project, "bin/cc")
    write(link, ("symlink", shutil.which(compiler)))
    argv = [link, "-c", "src/main.c", "-o", "out/main.o", "-Ii3"]
    project.step(argv, None)
    os.unlink(link)
    write(link, ("symlink", "/usr/bin/clang" if compiler == "gcc" else "/usr/bin/gcc"))
    project.step(argv, None)
    project.step(argv, None)


def test_another_assembler_that_the_driver_finds_is_another_compiler(project):
    """gcc takes the `as` that -B or COMPILER_PATH names; clang assembles by itself unless told."""
    if project.argv[0] == "clang":
        pytest.skip("clang: assembles by itself")
    driver(project, "tools/as", 'exec /usr/bin/as --defsym FROM_TOOLS=1 "$@"')
    for flags, env in ((["-Btools/"], {}), ([], {"COMPILER_PATH": "tools"}), ([f"-B{project.root}/tools"], {}), ([], {})):
        argv = [*project.argv, *flags]
        project.step(argv, None, env=env)
        project.step(argv, None, env=env)
    driver(project, "tools/as", 'exec /usr/bin/as --defsym FROM_TOOLS=2 "$@"')
    for flags, env in ((["-Btools/"], {}), ([], {"COMPILER_PATH": "tools"}), ([f"-B{project.root}/tools"], {}), ([], {})):
        project.step([*project.argv, *flags], None, env=env)


def test_another_assembler_on_path_is_another_compiler(project):
    """The plain driver finds `as` beside itself or on PATH."""
    if project.argv[0] == "clang":
        pytest.skip("clang: assembles by itself")
    project.step(project.argv, "hit")
    driver(project, "tools/as", 'exec /usr/bin/as --defsym FROM_TOOLS=1 "$@"')
    project.step(project.argv, None, env={"PATH": path(project, "tools") + ":" + project.cache.env["PATH"]})
    project.step(project.argv, "hit")


def test_a_copied_compiler_with_other_content_misses(project):
    """The driver and its cc1, copied; then cc1 becomes another program."""
    if project.argv[0] == "clang":
        pytest.skip("clang: one large binary, nothing to swap")
    cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], capture_output=True, text=True, check=True).stdout.strip()
    copied = os.path.join(path(project, "gcclib"), "cc1")
    driver(project, "gcclib/cc1", f'exec {cc1} "$@"')
    argv = [*project.argv, f"-B{os.path.dirname(copied)}"]
    project.step(argv, None)
    project.step(argv, None)
    driver(project, "gcclib/cc1", f'exec {cc1} "$@" -DNEAR=5 -w -g')
    project.step(argv, None)
    project.step(argv, None)


def test_a_specs_file_that_changes_is_noticed(project):
    if project.argv[0] == "clang":
        pytest.skip("clang: has no specs files")
    specs = path(project, "my.specs")
    for define in ("-DSPEC=1", "-DSPEC=2"):
        write(specs, f"*cpp_unique_options:\n+ {define}\n\n")
        project.write("src/e.c", "int x = SPEC;\n")
        argv = ["gcc", f"-specs={specs}", "-c", "src/e.c", "-o", "out/e.o"]
        project.step(argv, None)
        project.step(argv, None)


def test_specs_that_appear_where_gcc_looks_for_libraries_are_noticed(project):
    """GCC reads a file called specs in the places of LIBRARY_PATH, also when it does not link; "" is the directory."""
    if project.argv[0] == "clang":
        pytest.skip("clang: has no specs files")
    os.mkdir(path(project, "libs"))
    project.write("src/e.c", "#ifndef SPEC\n#define SPEC 0\n#endif\nint x = SPEC;\n")
    argv = ["gcc", "-c", "src/e.c", "-o", "out/e.o"]
    for library_path, specs in ((path(project, "libs"), "libs/specs"), ("/nonexistent:", "specs")):
        env = {"LIBRARY_PATH": library_path}
        project.step(argv, None, env=env)
        for define in ("-DSPEC=1", "-DSPEC=2"):
            project.write(specs, f"*cpp_unique_options:\n+ {define}\n\n")
            project.step(argv, None, env=env)
            project.step(argv, None, env=env)
        os.unlink(path(project, specs))
        project.step(argv, None, env=env)


def test_a_configuration_file_of_clang_that_changes_is_noticed(project):
    if project.argv[0] == "gcc":
        pytest.skip("gcc: has no configuration files")
    config = path(project, "my.cfg")
    for define in ("-DSPEC=1", "-DSPEC=2"):
        write(config, define + "\n")
        project.write("src/e.c", "int x = SPEC;\n")
        argv = ["clang", "--config", config, "-c", "src/e.c", "-o", "out/e.o"]
        project.step(argv, None)
        project.step(argv, None)


# ---- files beside the sources


@pytest.mark.parametrize("what", ["incbin", "include", "asm include"])
def test_what_the_assembler_pulls_in_is_never_stale(project, what):
    text = {"incbin": 'asm(".section .rodata\\n.incbin \\"blob\\"\\n.text\\n");\nint x;\n',
            "include": 'asm(".include \\"blob\\"\\n");\nint x;\n', "asm include": '.include "blob"\n'}[what]
    name = "src/b.s" if what == "asm include" else "src/b.c"
    project.write(name, text)
    argv = [project.argv[0], "-c", name, "-o", "out/b.o"]
    for blob in (".equ a, 1\n", ".equ b, 2\n"):
        project.write("blob", blob)
        project.step(argv, None)
        project.step(argv, None)


def test_a_response_file_that_changes_is_read_anew(project):
    argv = [project.argv[0], "@flags", "-c", "src/main.c", "-o", "out/main.o"]
    for flags, expect in (("-Ii3 -O1", "miss"), ("-Ii3 -O2", "miss"), ("-Ii3 -O1", "hit"), ("'-Ii3'  -O1\n", "hit")):
        project.write("flags", flags)
        project.step(argv, expect)


def test_a_profile_that_changes_is_never_stale(project):
    project.write("src/p.c", "int f(int x) { return x > 3 ? x * 7 : x; }\n")
    argv = [project.argv[0], "-O2", "-fprofile-use=prof", "-Wno-missing-profile", "-c", "src/p.c", "-o", "out/p.o"]
    for text in ("x", "y"):
        project.write("prof", text)
        project.step(argv, None)
        project.step(argv, None)


def test_a_sanitizer_ignore_list_that_changes_is_never_stale(project):
    if project.argv[0] == "gcc":
        pytest.skip("gcc: has no ignore lists")
    project.write("src/p.c", "int f(int *x) { return *x; }\n")
    argv = ["clang", "-fsanitize=address", "-fsanitize-ignorelist=list", "-c", "src/p.c", "-o", "out/p.o"]
    for text in ("fun:g\n", "fun:f\n"):
        project.write("list", text)
        project.step(argv, None)
        project.step(argv, None)


# ---- a restart keeps what is known


def test_after_a_restart_of_the_daemon_everything_still_hits(project):
    if not project.cache.daemon:
        pytest.skip("no daemon in this mode")
    project.cache.restart()
    project.step(project.argv, "hit")
    project.write("i2/lib.h", "#define LIB 1\n#define DEEP 2\n")
    project.cache.restart()
    project.step(project.argv, "miss:header-appeared")


def test_daemon_and_local_serve_each_others_results(project):
    with project.cache.without_daemon():
        project.step(project.argv, "hit")
        project.write("i3/deep.h", "#define DEEP 1\n")
        project.step(project.argv, "miss")
    project.step(project.argv, "hit")
