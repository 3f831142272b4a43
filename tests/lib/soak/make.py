"""Makes a scenario from a seed: a small project, then rounds of an edit and some compiles.

The maker knows what it has written, not what lies on the disk: an operation that finds nothing to work on does nothing.
The same seed gives the same scenario, on any machine.
"""

import posixpath
import random

from soak import options
from soak.texts import HEADER_NAMES, ROOT, Texts

# Clang compiles a small file in three times as long as GCC.
COMPILERS = ["gcc", "gcc", "gcc", "clang", "clang", "g++", "clang++"]
FOLDERS = ["inc", "inc2", "lib2", "third/include", "in c", "a$b", "x#y", "ü", "b\\s", "src/deep", "q'q"]
KINDS = [(8, "-I"), (3, "-I "), (2, "-iquote"), (4, "-isystem"), (2, "-idirafter")]


class Unit:
    def __init__(self, path, compiler):
        self.path = path
        self.compiler = compiler
        self.cxx = compiler in options.CXX
        self.flags = []
        self.search = []  # words
        self.deps = []
        self.mode = ["-c"]
        self.out = None
        self.cwd = "p"
        self.env = {}
        self.absolute = False
        self.rsp = None
        self.assembler = False
        self.pch = None  # a header that is precompiled first, as a number
        self.umask = None
        self.order = []  # the folders of its search, first ones first
        self.numbers = set()  # of the headers that it includes by itself


class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        # Most scenarios are what builds are made of; some have everything that sets the cache aside.
        self.wild = self.rng.choice([0, 0, 0, 0.3, 1])
        self.texts = Texts(self.rng, self.wild)
        self.seed = seed
        self.ops = []
        self.files = {}  # path -> text as last written
        self.old = {}  # path -> texts it had
        self.places = {}  # header number -> folders
        self.wants = {}  # header number -> numbers that some version of it includes
        self.units = []
        self.focus = None  # the unit that the edits of a round are about
        self.trees = ["p"]  # copies of the project
        # Each scenario likes some edits and leaves out most others: together they then meet more often.
        self.likes = [self.rng.choice([0, 0.2, 1, 4]) for _ in self.edits()]
        # With a marker options are added: the judge is then hpcc itself with an empty cache.
        self.cold = self.rng.random() < 0.15
        self.stamped = self.rng.random() < 0.3  # times are set by hand now and then

    def chance(self, p):
        return self.rng.random() < p

    def op(self, name, **fields):
        self.ops.append({"op": name, **fields})

    def write(self, path, text, how="inplace"):
        if path in self.files:
            self.old.setdefault(path, []).append(self.files[path])
        self.files[path] = text
        self.op("write", path=path, text=text, how=how)

    # ---- the project

    def project(self):
        rng = self.rng
        self.folders = ["src"] + rng.sample(FOLDERS, rng.choice([2, 3, 3, 4]))
        for folder in (*self.folders, "build", "empty"):
            self.op("mkdir", path=f"p/{folder}")
        self.op("mkdir", path="tmp")
        self.numbers = sorted(rng.sample(range(len(HEADER_NAMES)), rng.choice([2, 3, 4, 5, 6])))
        for number in self.numbers:
            self.places[number] = rng.sample(self.folders, rng.choice([1, 1, 1, 2, 2, 3]) if len(self.folders) > 2 else 1)
        for number in self.numbers:
            for folder in self.places[number]:
                self.write(f"p/{folder}/{HEADER_NAMES[number]}", self.header(number, f"p/{folder}"))
        if self.chance(0.3):
            self.op("link", path="lnk", target="p")
        if self.chance(0.3):
            folder = rng.choice(self.folders)
            self.op("link", path="p/linked", target=rng.choice([folder, f"{ROOT}/p/{folder}"]))
            self.folders.append("linked")
        if self.chance(0.2):
            number, place = self.place()
            name = HEADER_NAMES[number]
            self.link_header(name, place)
        for _ in range(rng.choice([0, 0, 1, 2])):
            self.blob()
        for i in range(rng.choice([1, 1, 2, 3])):
            self.unit(i)
        if self.cold:
            self.write("p/.hpcc", rng.choice(["", "", '[roots]\nbuild = "build"\n', '[roots]\nout = "../out"\n']))

    def link_header(self, name, place):
        folder = self.rng.choice([f for f in self.folders if f != place])
        self.op("link", path=f"p/{folder}/{name}", target=f"{ROOT}/p/{place}/{name}")

    def blob(self):
        """What the assembler reads; its name is one of few, so that one can come to lie before another."""
        name = self.rng.choice(["blob.bin", "part.inc"])
        path = f"p/{self.rng.choice([*self.folders, '.'])}/{name}"
        self.write(posixpath.normpath(path), f".equ blob_{self.texts.value()}, {self.texts.value()}\n", self.how())

    def place(self):
        """A header of the project and a folder that it lies in; mostly one that the unit in focus reads."""
        number = self.rng.choice(self.read_by(self.focus) if self.focus and self.chance(0.8) else self.numbers)
        return number, self.rng.choice(self.places[number])

    def wanted(self, above):
        """Headers to include: those of a higher number, so that nothing includes itself without meaning to."""
        later = [n for n in self.numbers if n > above]
        count = min(len(later), self.rng.choice([0, 1, 1, 2]) if above >= 0 else self.rng.choice([1, 2, 2, 3]))
        return self.rng.sample(later, count)

    def named(self, numbers):
        return [(HEADER_NAMES[n], [f"p/{place}" for place in self.places[n]]) for n in numbers]

    def header(self, number, here):
        wanted = self.wanted(number)
        self.wants.setdefault(number, set()).update(wanted)
        return self.texts.header(number, posixpath.normpath(posixpath.join(here, posixpath.dirname(HEADER_NAMES[number]))),
                                 self.named(wanted))

    def unit_text(self, u):
        if u.assembler:
            return self.texts.assembler(u.path)
        wanted = self.wanted(-1)
        u.numbers = set(wanted)
        return self.texts.unit(self.named(wanted), self.numbers, posixpath.dirname(u.path), u.cxx)

    def read_by(self, u):
        """Numbers of the headers that a compile of the unit may read."""
        found, todo = set(), sorted(u.numbers)
        while todo:
            number = todo.pop()
            if number not in found:
                found.add(number)
                todo += sorted(self.wants.get(number, ()))
        return sorted(found) or self.numbers

    def unit(self, i):
        rng = self.rng
        compiler = rng.choice(COMPILERS)
        assembler = self.chance(0.1)
        ext = rng.choice([".S", ".S", ".s"]) if assembler else rng.choice([".cc", ".cpp", ".C"] if compiler in options.CXX and self.chance(0.9) else [".c"])
        stem = rng.choices([f"u{i}", f"u {i}", f"u${i}", f"ü{i}", f"u#{i}", f"sub/u{i}", f"-u{i}", f"u.{i}.x"], [20, 1, 1, 1, 1, 2, 0.3, 1])[0]
        folder = rng.choice(["src", "src", "src", self.folders[-1]])
        u = Unit(f"p/{folder}/{stem}{ext}", compiler)
        u.assembler = assembler
        u.flags = options.flags(rng, compiler, self.wild)
        u.deps = options.dependencies(rng, self.wild) if ext != ".s" else []
        u.mode = options.mode(rng, self.wild)
        u.cwd = rng.choice(["p", "p", "p/build", "p/src"])
        u.absolute = self.chance(0.2)
        u.out = rng.choices([f"build/o{i}", None, f"src/o{i}", f"{ROOT}/p/build/o{i}", f"build/o {i}", f"build/o${i}", f"no/such/o{i}"],
                            [16, 3, 2, 2, 1, 1, self.wild / 2])[0]
        if u.out and not u.out.startswith(ROOT):
            u.out = posixpath.relpath("p/" + u.out, u.cwd)
        u.umask = rng.choice([None, None, None, 0o077, 0o002])
        self.search(u)
        if self.chance(0.15):
            u.rsp = f"p/flags{i}.rsp"
        if self.chance(0.1 + self.wild * 0.3):
            u.env = dict(rng.choice(options.ENVIRONMENTS))
        self.units.append(u)
        self.write(u.path, self.unit_text(u))
        if u.rsp:
            self.response(u)

    def spell(self, folder, cwd):
        """A folder of the project as an option has it."""
        relative = posixpath.relpath(f"p/{folder}", cwd)
        return self.rng.choices([relative, f"{ROOT}/p/{folder}", "./" + relative, relative + "/", f"{ROOT}/lnk/{folder}", relative + "/.",
                                 posixpath.join(relative, "..", posixpath.basename(folder))], [12, 5, 2, 2, 1, 1, 1])[0]

    def search(self, u):
        u.search = []
        by_kind = {}
        folders = self.rng.sample(self.folders, len(self.folders))
        if self.chance(0.2 + self.wild / 2):
            del folders[self.rng.randrange(len(folders))]
        for folder in folders + ["empty"] * self.chance(0.2):
            kind = options.weighted(self.rng, KINDS)[0]
            spelled = self.spell(folder, u.cwd)
            by_kind.setdefault(kind.strip(), []).append(folder)
            u.search += [kind + spelled] if kind == "-I" else [kind.strip(), spelled]
        u.order = [folder for kind in ("-iquote", "-I", "-isystem", "-idirafter") for folder in by_kind.get(kind, [])]
        for option in ("-include", "-imacros"):
            if self.chance(0.08):
                number, place = self.place()
                u.search += [option, self.rng.choice([HEADER_NAMES[number], self.spell(place, u.cwd) + "/" + HEADER_NAMES[number]])]
        if self.chance(self.wild * 0.05):
            u.search.append("-I")  # takes the next word, whatever it is
            u.search.append("nowhere")

    def response(self, u):
        import shlex
        self.write(u.rsp, " ".join(shlex.quote(w) for w in u.search) + self.rng.choice(["", "\n", "  \n\n"]))

    # ---- compiles

    def command(self, u, tree="p", out=None):
        """The words of a unit's command line, run in the copy `tree`."""
        source = f"{ROOT}/{u.path}" if u.absolute else posixpath.relpath(u.path, u.cwd)
        out = out or u.out
        stem = out or posixpath.splitext(posixpath.basename(u.path))[0]
        # Relative to the project; where the compile runs elsewhere, the name says something else, which is fine.
        words = [u.compiler, *u.mode, *u.flags]
        words += [f"@{posixpath.relpath(u.rsp, u.cwd)}"] if u.rsp else u.search
        words += [w.replace("OUT", stem) for w in u.deps]
        words.append(source)
        if out:
            if u.mode == ["-c"] or u.mode == ["-S"] or u.mode == []:
                words += ["-o", out + {"-c": ".o", "-S": ".s"}.get((u.mode or [""])[0], "")]
            elif u.mode == ["-E"] and self.chance(0.5):
                words += ["-o", out + ".i"]
        return words

    def compile(self, u, tree=None, **more):
        tree = tree or self.rng.choice(self.trees)
        fields = {"argv": self.command(u, tree), "cwd": tree + u.cwd[1:], "env": dict(u.env), "umask": u.umask,
                  "times": 2 if self.chance(0.4) else 1, "local": self.chance(0.12), **more}
        self.op("compile", **fields)

    def precompile(self, u):
        """Makes GCC's or Clang's precompiled form of a header that the unit is then made to include first."""
        if u.pch is None or u.assembler:
            return
        number, place = u.pch
        gcc = u.compiler in options.GNU
        name = self.spell(place, u.cwd) + "/" + HEADER_NAMES[number]
        made = name + (".gch" if gcc else ".pch")
        language = "c++-header" if u.cxx else "c-header"
        self.op("compile", argv=[u.compiler, "-x", language, *(u.flags if self.chance(0.9) else []), name, "-o", made], cwd=u.cwd,
                env=dict(u.env), umask=u.umask, times=self.rng.choice([1, 2]), local=False)
        u.search = ["-include", name] if gcc or self.chance(0.5) else ["-include-pch", made]

    def compiles(self):
        if self.focus.pch is not None and self.chance(0.5):
            self.precompile(self.focus)
        others = [u for u in self.units if u is not self.focus]
        for u in [self.focus] + self.rng.sample(others, self.rng.randrange(len(others) + 1) if self.chance(0.4) else 0):
            if self.chance(0.06):
                self.parallel(u)
            else:
                self.compile(u)

    def parallel(self, u):
        other = self.rng.choice(self.units)
        argvs = [self.command(u, out=f"{ROOT}/p/build/one"), self.command(other, out=f"{ROOT}/p/build/two")]
        if u.mode != ["-c"] or other.mode != ["-c"]:
            return
        self.op("parallel", compiles=[{"argv": argv, "cwd": unit.cwd, "env": dict(unit.env), "umask": None, "local": False}
                                      for argv, unit in zip(argvs, (u, other))])

    # ---- edits

    def how(self):
        return self.rng.choices(["inplace", "rename", "keep-time", "mapped"], [5, 3, 2, 0.5])[0]

    def some_file(self):
        if self.chance(0.75):
            number, place = self.place()
            path = f"p/{place}/{HEADER_NAMES[number]}"
            if path in self.files:
                return path
        if self.chance(0.4):
            return self.focus.path
        return self.rng.choice(sorted(p for p in self.files if not p.endswith(".rsp")))

    def moved(self, path, tree):
        return tree + path[1:]

    def edit(self):
        rows = [(weight * self.likes[i], edit) for i, (weight, edit) in enumerate(self.edits())]
        options.weighted(self.rng, rows)[0]()

    def edits(self):
        return [(8, self.edit_text), (4, self.edit_revert), (2, self.edit_touch), (7, self.edit_shadow), (3, self.edit_delete),
                (3, self.edit_unshadow), (2, self.edit_move), (3, self.edit_link), (1, self.edit_to_folder), (1, self.edit_chmod),
                (6, self.edit_option), (1.5, self.edit_cwd), (2, self.edit_environment), (1.5, self.edit_copy_tree),
                (1, self.edit_rename_tree), (2, self.edit_rename_folder), (1.5, self.edit_swap), (1, self.edit_copy_file),
                (1, self.edit_hard_link), (2, self.edit_daemon), (0.7, self.edit_clean), (2, self.edit_race), (1, self.edit_rewrite),
                (0.7, self.edit_pch), (0.7, self.edit_outputs), (2, self.edit_blob), (1, self.edit_precompile), (1, self.edit_dangle)]

    def edit_text(self):
        path = self.some_file()
        self.write(path, self.texts.edited(self.files[path]), self.how())

    def edit_rewrite(self):
        u = self.focus
        self.write(u.path, self.unit_text(u), self.how())

    def edit_revert(self):
        if not self.old:
            return self.edit_text()
        path = self.rng.choice(sorted(self.old))
        self.write(path, self.rng.choice(self.old[path]), self.how())

    def edit_touch(self):
        shift = self.rng.choice([-86400, -1, 0, 0, 0, 3]) if self.stamped else 0
        self.op("touch", path=self.some_file(), shift_s=shift)

    def edit_shadow(self):
        """A header of a name in use appears in another folder of the search."""
        number, _ = self.place()
        order = self.focus.order
        known = [order.index(place) for place in self.places[number] if place in order]
        earlier = order[:min(known)] if known else []
        if earlier and self.chance(0.7):
            folder = self.rng.choice(earlier)
        else:
            folder = self.rng.choice([*self.folders, "src", "build", "empty", "."])
        path = posixpath.normpath(f"p/{folder}/{HEADER_NAMES[number]}")
        text = self.header(number, f"p/{folder}")
        if self.chance(0.25):
            text = self.files.get(f"p/{self.places[number][0]}/{HEADER_NAMES[number]}", text)  # a twin
        if folder not in self.places[number]:
            self.places[number].append(folder)
        self.write(path, text, self.how())

    def edit_delete(self):
        path = self.some_file()
        self.op("remove", path=path)
        if self.chance(0.5):
            self.compiles()
            self.op("write", path=path, text=self.files[path], how=self.how())

    def edit_unshadow(self):
        shadowed = [n for n in self.numbers if len(self.places[n]) > 1]
        if not shadowed:
            return self.edit_shadow()
        number = self.rng.choice(shadowed)
        self.op("remove", path=posixpath.normpath(f"p/{self.places[number].pop()}/{HEADER_NAMES[number]}"))

    def edit_move(self):
        number, place = self.place()
        folder = self.rng.choice(self.folders)
        name = HEADER_NAMES[number]
        self.op("rename", path=f"p/{place}/{name}", to=f"p/{folder}/{name}")
        if self.chance(0.5):
            self.compiles()
            self.op("rename", path=f"p/{folder}/{name}", to=f"p/{place}/{name}")

    def edit_link(self):
        number, place = self.place()
        name = HEADER_NAMES[number]
        kind = self.rng.randrange(3)
        # Clang spells files by the first search directory that is theirs: docs/specification.md has that as a known gap.
        if kind == 0 or any(u.compiler in options.LLVM for u in self.units):
            self.link_header(name, place)
        elif kind == 1 and "linked" in self.folders:
            self.op("link", path="p/linked", target=self.rng.choice([*self.folders, "empty", "nowhere"]))
        else:
            self.op("link", path="lnk", target=self.rng.choice(self.trees))

    def edit_to_folder(self):
        number, place = self.place()
        path = f"p/{place}/{HEADER_NAMES[number]}"
        self.op("remove", path=path)
        self.op("mkdir", path=path)
        if self.chance(0.7):
            self.compiles()
            self.op("remove", path=path)
            self.op("write", path=path, text=self.files.get(path, ""), how="inplace")

    def edit_chmod(self):
        self.op("chmod", path=self.some_file(), mode=self.rng.choice([0o600, 0o444, 0o755, 0o644, 0]))

    def edit_option(self):
        u = self.focus
        kind = self.rng.randrange(8)
        if kind > 5:
            u.flags = [w for w in u.flags if "OPT" not in w] + [f"-DOPT{self.rng.randrange(3)}={self.rng.randrange(1, 9)}"]
        elif kind == 0:
            u.flags = options.flags(self.rng, u.compiler, self.wild)
        elif kind == 1 and u.flags:
            del u.flags[self.rng.randrange(len(u.flags))]
        elif kind == 2:
            u.flags = u.flags + options.flags(self.rng, u.compiler, self.wild)[:2]
        elif kind == 3:
            u.deps = options.dependencies(self.rng, self.wild)
        elif kind == 4:
            self.search(u)
            if u.rsp:
                self.response(u)
        elif len(u.search) > 2 and self.wild:
            at = self.rng.randrange(len(u.search))
            u.search = u.search[at:] + u.search[:at]

    def edit_cwd(self):
        u = self.focus
        u.cwd = self.rng.choice(["p", "p/build", "p/src", "p/empty", "p/linked"])
        if self.chance(0.5):
            self.search(u)

    def edit_environment(self):
        u = self.focus
        if self.chance(0.3):
            u.umask = self.rng.choice([None, 0o077, 0o002, 0o027])
        else:
            u.env = dict(self.rng.choice(options.ENVIRONMENTS)) if self.chance(0.7) else {}

    def edit_copy_tree(self):
        if len(self.trees) > 2:
            return
        name = self.rng.choice(["q", "copy of p", "r"])
        self.op("copy", path="p", to=name, times=self.chance(0.5))
        if name not in self.trees:
            self.trees.append(name)

    def edit_rename_tree(self):
        self.op("rename", path="p", to="elsewhere")
        self.op("copy", path="elsewhere", to="p", times=True)
        if self.chance(0.5):
            path = self.some_file()
            self.write(path, self.texts.edited(self.files[path]), "keep-time")

    def edit_rename_folder(self):
        one, other = self.rng.sample([*self.folders, "empty"], 2)
        self.op("exchange", path=f"p/{one}", to=f"p/{other}")
        self.compiles()
        if self.chance(0.8):
            self.op("exchange", path=f"p/{one}", to=f"p/{other}")

    def edit_swap(self):
        """Two files change their names: every path still there, every inode known."""
        one, other = self.some_file(), self.some_file()
        self.op("exchange", path=one, to=other)
        if self.chance(0.8):
            self.compiles()
            self.op("exchange", path=one, to=other)

    def edit_copy_file(self):
        number, place = self.place()
        folder = self.rng.choice(self.folders)
        self.op("copy", path=f"p/{place}/{HEADER_NAMES[number]}", to=f"p/{folder}/{HEADER_NAMES[number]}", times=self.chance(0.5))

    def edit_hard_link(self):
        number, place = self.place()
        self.op("hardlink", path=f"p/{place}/{HEADER_NAMES[number]}", to=f"p/{self.rng.choice(self.folders)}/{HEADER_NAMES[number]}")

    def edit_daemon(self):
        how = self.rng.choice(["restart", "restart", "kill", "crash"])
        self.op("daemon", how=how)
        if how == "kill":
            self.compiles()
            self.op("daemon", how="start")

    def edit_clean(self):
        self.op("clean")

    def edit_race(self):
        """An edit, or the daemon's end, while a compile is under way."""
        u = self.focus
        delay = self.rng.choice([0, 1, 3, 6, 10, 15])
        if self.chance(0.3):
            self.compile(u, during={"op": "daemon", "how": "crash"}, delay_ms=delay, times=1)
            return
        path = self.some_file()
        before = self.files[path]
        u.env = dict(u.env)
        text = self.texts.edited(before)
        self.compile(u, during={"op": "write", "path": path, "text": text, "how": self.how()}, delay_ms=delay, times=1, tree="p")
        self.old.setdefault(path, []).append(before)
        self.files[path] = text
        self.compile(u, tree="p")
        if self.chance(0.6):
            self.write(path, before, self.how())
            self.compile(u, tree="p")

    def edit_pch(self):
        number, place = self.place()
        self.write(f"p/{place}/{HEADER_NAMES[number]}.{self.rng.choice(['gch', 'pch'])}", "no precompiled header")

    def edit_precompile(self):
        self.focus.pch = self.place() if self.focus.pch is None else None
        self.precompile(self.focus)

    def edit_blob(self):
        blobs = sorted(p for p in self.files if p.endswith((".bin", ".inc")))
        if not blobs or self.chance(0.4):
            self.blob()
        elif self.chance(0.3):
            self.op("remove", path=self.rng.choice(blobs))
        else:
            path = self.rng.choice(blobs)
            self.write(path, self.files[path] + f".equ more_{self.texts.value()}, 1\n", self.how())

    def edit_outputs(self):
        """What a build leaves behind gets in the way of the next one."""
        u = self.focus
        if not u.out or u.out.startswith(ROOT):
            return
        path = posixpath.normpath(f"{u.cwd}/{u.out}.o")
        kind = self.rng.randrange(5)
        if kind == 0:
            self.op("chmod", path=path, mode=self.rng.choice([0o444, 0o400, 0]))
        elif kind == 1:
            self.op("hardlink", path=path, to="p/build/kept.o")
        elif kind == 2:
            self.op("link", path=path, target="target.o")
        elif kind == 3:
            self.op("remove", path=path)
            self.op("mkdir", path=path)
        else:
            self.op("remove", path="p/build")
        self.compile(u)
        self.op("remove", path=path)
        self.op("mkdir", path="p/build")

    def edit_dangle(self):
        number, _ = self.place()
        folder = self.rng.choice(self.folders)
        self.op("link", path=f"p/{folder}/{HEADER_NAMES[number]}", target="../spare/x.h")
        self.compiles()
        self.op("write", path="p/spare/x.h", text=self.header(number, "p/spare"), how="inplace")

    # ---- all of it

    def scenario(self, rounds):
        self.project()
        for self.focus in self.units:
            self.compiles()
        for _ in range(rounds):
            self.focus = self.rng.choice(self.units)
            for _ in range(self.rng.choice([0, 1, 1, 1, 1, 2])):
                self.edit()
            self.compiles()
        return {"seed": self.seed, "ops": self.ops, **({"cold": True} if self.cold else {})}


def scenario(seed, rounds=12):
    return Maker(seed).scenario(rounds)
