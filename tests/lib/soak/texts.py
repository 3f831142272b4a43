"""Lines of made sources: everything that makes two compiles of one text differ, or look as if they should.

A header defines V_N, N being its number, as a value that no other version of any header has; units put the values that
they see into their object. So whichever header a compile reads shows in its object.
"""

ROOT = "@ROOT@"

# Names of headers, by number. Some need quoting for make, the shell, the compiler or a regular expression.
HEADER_NAMES = ["a.h", "b.h", "c.h", "sub/d.h", "e e.h", "f$f.h", "g#g.h", "h'h.h", "i\\i.h", "ü.h", "k", "sub/l.h", "m%m.h", "n:n.h",
                "stddef.h", "p(p).h", "q&q;.h", "r[1].h", "s~.h", "t=t.h"]


class Texts:
    def __init__(self, rng, wild):
        self.rng = rng
        self.rare = 0.02 + wild  # weight of what mostly fails or sets the cache aside
        self.serial = 1000

    def value(self):
        self.serial += 1
        return self.serial

    def chance(self, p):
        return self.rng.random() < p

    # ---- asking for a header

    def quoted(self, name):
        return f'"{name}"' if self.chance(0.5) else f"<{name}>"

    def other_spelling(self, name, here, place):
        """The header of one place by another path: from here, from the root, or with nothing gained on the way."""
        import posixpath
        full = posixpath.join(place, name)
        return self.rng.choice([posixpath.relpath(full, here), f"{ROOT}/{full}", "./" + posixpath.relpath(full, here),
                                posixpath.join(posixpath.relpath(place, here), ".", name),
                                posixpath.join(posixpath.relpath(place, here), "..", posixpath.basename(place), name)])

    def include(self, name, here, places):
        """Lines that may include header `name`, which lies in `places`, seen from a file in folder `here`."""
        q = self.quoted(name)
        n = self.value()
        shapes = [
            (30, lambda: [f"#include {q}"]),
            (3, lambda: [f"#  include {q} // of {q}"]),
            (2, lambda: [f"#/* a */include/* b */{q}"]),
            (2, lambda: [f"%:include {q}"]),
            (2, lambda: ["#inc\\", f"lude {q}"]),
            (1, lambda: ["/* over", f"lines */ #include {q}"]),
            (5, lambda: [f'#include "{self.other_spelling(name, here, self.rng.choice(places))}"'] if places else [f"#include {q}"]),
            (4, lambda: [f"#define NAME_{n} {q}", f"#include NAME_{n}"]),
            (1, lambda: [f"#define NAME_{n}(x) <x>", f"#include NAME_{n}({name})"]),
            (5, lambda: [f"#if __has_include({q})", f"#include {q}", "#else", f"int none_{n};", "#endif"]),
            (3, lambda: [f"#if __has_include({q})", f"int some_{n};", "#endif"]),
            (self.rare, lambda: [f"#define NAME_{n} {q}", f"#if __has_include(NAME_{n})", f"#include NAME_{n}", "#endif"]),
            (1, lambda: [f"#if defined(__has_include_next) && __has_include_next({q})", f"int next_{n};", "#endif"]),
            (3, lambda: [f"#ifdef OPT{self.rng.randrange(3)}", f"#include {q}", "#endif"]),
            (2, lambda: [f"#if OPT{self.rng.randrange(3)} > 1", f"#include {q}", "#endif"]),
            (2, lambda: ["#if 0", f"#include {q}", "#endif"]),
            (1, lambda: [f"// #include {q}", f'static const char *const text_{n} = "\\n#include <{n}.h>\\n";']),
            (2, lambda: [f"#include {q}", f"#include {self.quoted(name)}"]),
            (1, lambda: [f"#import {q}"]),
            (self.rare, lambda: [f"#include_next {q}"]),
            (self.rare / 5, lambda: [f"#include {q[:-1]}"]),
        ]
        return self.rng.choices([s[1] for s in shapes], [s[0] for s in shapes])[0]()

    # ---- lines that are not includes

    def filler(self, unit, cxx, again=False):
        """Some lines; `again`: they may stand in one unit twice."""
        n = self.value()
        shapes = [
            (8, [f"extern int e_{n};"]),
            (4, [f"/* comment {n}", '   #include "no-such.h" */']),
            (2, [f"#define M_{n}(x) ((x) + {n})"]),
            (2, ["#pragma GCC diagnostic push", '#pragma GCC diagnostic ignored "-Wunused-function"', "#pragma GCC diagnostic pop"]),
            (1.5, ["#pragma GCC system_header"]),
            (1, [f"#warning warning {n}"]),
            (1, [f'#pragma message("message {n}")']),
            (self.rare, [f"#ifdef OPT{self.rng.randrange(3)}", f"#error error {n}", "#endif"]),
            (1, [f"#ident \"ident {n}\""]),
            (0.3 + self.rare, [f"#line {n} \"{self.rng.choice(['other.c', 'a.h', ROOT + '/p/src/u0.c', 'no such', ''])}\""]),
            (1, [f"#line {n}"]),
            (self.rare / 2, [f"# {n} \"p/inc/a.h\" 3"]),
            (1, ["extern int \\", f" continued_{n};"]),
            (0.5, [f"??=define TRI_{n} 1"]),
            (0.5, [f"#pragma mark - {n}"]),
            (0.5, [f"extern int t_{n}; // é à la ligne \\", "  #include <no-such-either.h>"]),
            (0.3, ["#pragma GCC poison poisoned"]),
            (self.rare / 10, [f"this is no C {n};"]),
            (self.rare / 5, [f"static const char *const date_{n} = __DATE__;"]),
            (self.rare / 5, [f"enum {{ time_{n} = sizeof __TIME__ }};"]),
            (self.rare / 5, [f"static const char *const stamp_{n} = __TIMESTAMP__;"]),
        ]
        if not again:
            shapes += [
                (6, [f"static inline int f_{n}(int x) {{ return x * {n}; }}"]),
                (4, [f"struct s_{n} {{ int a; char b[{n % 7 + 1}]; }};"]),
                (3, [f"static int w_{n}(void) {{ int unused_{n}; return 0; }}"]),
                (2, [f"static int c_{n}(unsigned x) {{ return x < 0 || x == x; }} /* ü \t tab */"]),
            ]
        if unit:
            shapes += [
                (4, [f"const char *file_{n} = __FILE__;"]),
                (4, [f"int line_{n} = __LINE__;"]),
                (3, [f"int counter_{n} = __COUNTER__;"]),
                (2, [f"const char *base_{n} = __BASE_FILE__; int level_{n} = __INCLUDE_LEVEL__;"]),
                (3, [f"int g_{n}(int a, int b) {{ int s = 0; for (int i = 0; i < a; i++) s += b * {n} + i; return s; }}"]),
                (6, [f"#if OPT{self.rng.randrange(3)}", f"int opt_{n} = OPT{self.rng.randrange(3)};", "#endif"]),
                (0.3, [f'__asm__(".section .note_{n}\\n.byte 1\\n.text");']),
                (0.5, [f'__asm__(".section .rodata\\n.incbin \\"blob.bin\\"\\n.text");']),
                (0.2, [f'__asm__(".incbin \\"{ROOT}/p/inc/blob.bin\\", 0, {n % 9}");']),
                (0.4, ['__asm__(".include \\"part.inc\\"");']),
            ]
            if cxx:
                shapes += [(3, [f"template <class T> T t_{n}(T x) {{ return x + {n}; }}", f"int i_{n} = t_{n}({n});"]),
                           (2, [f'const char *raw_{n} = R"x(', '#include "no-such.h"', f'{n})x";']),
                           (2, [f"namespace {{ int anon_{n} = {n}; }}", f"int see_{n}() {{ return anon_{n}; }}"])]
        return self.rng.choices([s[1] for s in shapes], [s[0] for s in shapes])[0]

    # ---- whole files

    def header(self, number, here, wanted):
        """Header `number` as it lies in folder `here`; `wanted`: [(name, places)] that it may include."""
        lines = [f"#undef V_{number}", f"#define V_{number} {self.value()}"]
        guard = self.rng.random()
        for _ in range(self.rng.choice([0, 0, 1, 1, 2, 3])):
            lines += self.filler(False, False, again=guard > 0.65)
        for name, places in wanted:
            at = self.rng.choice([0, 2, len(lines)])
            lines[at:at] = self.include(name, here, places)
        if self.chance(0.1):
            name = self.quoted(HEADER_NAMES[number])
            lines += [f"#if __has_include_next({name})", f"#include_next {name}", "#endif"] if self.chance(0.7) else [f"#include_next {name}"]
        if guard < 0.3:
            lines = [f"#ifndef GUARD_{number}", f"#define GUARD_{number}", *lines, "#endif"]
        elif guard < 0.6:
            lines = ["#pragma once", *lines]
        elif guard < 0.65:
            lines = ['_Pragma("once")', *lines]
        return self.finish(lines)

    def unit(self, wanted, headers, here, cxx):
        lines = []
        for name, places in wanted:
            lines += self.include(name, here, places)
            if self.chance(0.3):
                lines += self.filler(True, cxx)
        for number in headers:
            lines += [f"#ifdef V_{number}", f"int v_{number} = V_{number};", "#endif"]
        for _ in range(self.rng.randrange(4)):
            lines += self.filler(True, cxx)
        lines += [f"int last_{self.value()};"]
        return self.finish(lines)

    def assembler(self, path):
        lines = ["\t.data", f"last_{self.value()}:"]
        for _ in range(self.rng.randrange(1, 5)):
            lines += self.rng.choice([['.incbin "blob.bin"'], ['\t.include "part.inc"'], [f".long {self.value()}"], ["# comment .incbin \"no-such\""],
                                      [f'.incbin "{ROOT}/p/inc/blob.bin",1'], ["#ifdef OPT1", '.include "part.inc"', "#endif"],
                                      ["#if __has_include(\"blob.bin\")", ".byte 1", "#endif"], [f".macro m{self.serial} x", '.incbin "\\x"', ".endm"]])
        return "\n".join(lines) + "\n"

    def finish(self, lines):
        text = "\n".join(lines) + "\n"
        odd = self.rng.random()
        if odd < 0.02:
            text = text.replace("\n", "\r\n")
        elif odd < 0.04:
            text = "\ufeff" + text
        elif odd < 0.06:
            text = text[:-1]
        elif odd < 0.07:
            text += "// nul \0 and \f\v\n"
        elif odd < 0.08:
            text += "static const char latin[] = \"\udce4\";\n"
        return text

    def edited(self, text):
        """Another text of the same file: small, as edits are."""
        lines = text.split("\n")
        kind = self.rng.randrange(7)
        if kind == 0 and len(lines) > 2:
            del lines[self.rng.randrange(len(lines))]
        elif kind == 1:
            lines.insert(self.rng.randrange(len(lines)), f"/* {self.value()} */")
        elif kind == 2:
            lines.insert(self.rng.randrange(len(lines)), "")
        elif kind == 3:
            return text + " "
        elif kind == 4:
            lines[self.rng.randrange(len(lines)):0] = self.filler(False, False)
        else:
            # A value of as many digits: same size, another object.
            for i, line in enumerate(lines):
                if line.startswith("#define V_"):
                    lines[i] = line[:line.rfind(" ")] + f" {self.value()}"
                    break
            else:
                lines.append(f"extern int more_{self.value()};")
        return "\n".join(lines)
