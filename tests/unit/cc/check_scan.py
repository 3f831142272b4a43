#!/usr/bin/python3
"""Compares the token scanner with the real compilers.

Usage: check_scan.py TOOL [SEED [FILES [SOUPS]]]

1. Over a sample of the system's headers, with Clang's raw token dump: the words that matter and the included names
   must be the same.
2. Over random soups of tokens, splices, comments and quotes, with gcc and clang in several dialects: a soup that goes
   through the preprocessor must have its date macros flagged (-Wdate-time tells) and its includes found (-MD tells).
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

DATE, TIME, TIMESTAMP, HAS_INCLUDE_MACRO, INCBIN, EMBED, INCLUDE_MACRO, SYSTEM_HEADER = (1 << i for i in range(8))

TOKEN = re.compile(r"^([a-z_]+) '(.*?)'\t *(\[StartOfLine\])?[^\n]*?\tLoc=<[^\n]*>$", re.M | re.S)

ROOTS = ['/usr/include', '/usr/lib/gcc', '/usr/lib/llvm-14/lib/clang']

PIECES = ['__DATE__', '__TIME__', '__TIMESTAMP__', '__DATE__', ' ', ' ', '\t', '\n', '\n', '\n', '\n', '\r\n', '\r',
          '"', '"', "'", 'R"x(', ')x"', 'R"(', ')"', 'u8R"(', 'LR"x(', 'R', 'u8', 'L', '/*', '*/', '//', '/', '*',
          '\\\n', '\\ \n', '\\\r\n', '\\', '\\\\', '\n#include "i1.h"\n', '\n#include <i2.h>', '\n#', '\n %:',
          '/**/#', ' include ', '<i3.h>', '"i4.h"', '"i//5.h"', "1'0", '1', "0x1'f", '.', 'e+', '_', 'x', '??/\n',
          '??=', "??'", 'define X ', '\n#define Y ', '\n#warning ', '(', ')', '__DA', 'TE__', '<', '>', ';', '\f',
          '\0', 'é', '$', '\n#pragma ', '\n#if 0\n', '\n#endif\n', '\n#ident ', '1.e5', '%', ':',
          '\n#include_next <i6.h>']

WHOLE = ['__DATE__ ', '__TIME__', ' __TIMESTAMP__ ', '"__DATE__"', '"\\"__TIME__\\\\" ', "'\\''", "'\"'", "L'x'",
         'R"x(__DATE__)x"', 'R"(\n)" __TIME__ ', 'u8R"q("__TIME__")q"', ' R "(" __DATE__ ")"', '/* __DATE__ */',
         '/* " */',
         "/* ' */", '/**/', ' // "\n', "// ' __TIME__\n", '// /* \n', '\n#include "i1.h"\n', '\n#include <i2.h>\n',
         '\n # /* x */ include /**/ <i3.h> // y\n', '\n%:include "i//5.h"\n', '\n#define X __DATE__\nX ',
         '\n#define X2 "\nX2 "', "\n1'0 __TIME__ 1'0 ", "0x1'f ", '1.5e+', '\n#if 0\n', '\n#endif\n',
         '\n#warning a\n', '\n#warning /* \n', ' */ ', '\n', ' ', ';', 'x', '_', '(', ')', '/', '*', '%', ':',
         '??/\n', "??'", '\n#pragma x __DATE__\n', '\n#ifdef __DATE__\n#endif\n', '\n#ident "x"\n', '$', '.']


def whole_soup(rng):
    """Mostly complete fragments, so that a compiler accepts it, with splices anywhere."""
    soup = ''.join(rng.choice(WHOLE) for _ in range(rng.randint(1, 16)))
    for _ in range(rng.choice([0, 0, 1, 2, 5])):
        at = rng.randint(0, len(soup))
        soup = soup[:at] + rng.choice(['\\\n', '\\ \t\n', '\\\r\n', '\\\n\\\n']) + soup[at:]
    return soup


def wild_soup(rng):
    return ''.join(rng.choice(PIECES) for _ in range(rng.randint(1, 40)))


DIALECTS = [['gcc', '-xc++', '-std=c++17'], ['gcc', '-xc', '-std=c11'], ['gcc', '-xc', '-std=gnu11'],
            ['gcc', '-xc++', '-std=c++98'], ['gcc', '-xc', '-std=gnu11', '-trigraphs'],
            ['clang', '-xc++', '-std=c++17'], ['clang', '-xc', '-std=gnu11'], ['clang', '-xc', '-std=c11']]


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def scan(self, path, syntax='c'):
        self.process.stdin.write(f'{syntax} {path}\n'.encode())
        self.process.stdin.flush()
        words = self.process.stdout.readline().decode().split()
        names = [(w.lstrip('?+'), w.startswith('?')) for w in words[1:]]
        return int(words[0], 16), [(bytes.fromhex(n), probe) for n, probe in names]


def header_name(tokens, i):
    """The name in the raw tokens from i on, as bytes with its opening quote; None when they make none."""
    if i < len(tokens) and tokens[i][0] == 'string_literal' and tokens[i][1].startswith('"'):
        return tokens[i][1][:-1].encode('utf-8', 'surrogateescape')
    if i >= len(tokens) or tokens[i][0] != 'less':
        return None
    text = ''
    for kind, spelling, start in tokens[i:]:
        if start:
            return None
        text += spelling
        if kind == 'greater':
            return text[:-1].encode('utf-8', 'surrogateescape')
    return None


def judge_header(tool, path):
    dump = subprocess.run(['clang', '-cc1', '-x', 'c++', '-std=c++20', '-dump-raw-tokens', path], capture_output=True,
                          check=False).stderr.decode('utf-8', 'surrogateescape')
    with open(path, 'rb') as f:
        text = f.read()
    if b'\r' in text or b'??' in text or b'\0' in text or path.endswith('.s'):
        return None
    tokens = []
    for kind, spelling, start in TOKEN.findall(dump):
        if kind != 'comment' and (kind != 'unknown' or spelling.strip() != ''):
            tokens.append((kind, spelling, bool(start)))
    flags = 0
    includes = []
    for i, (kind, spelling, start) in enumerate(tokens):
        if kind == 'raw_identifier':
            flags |= {'__DATE__': DATE, '__TIME__': TIME, '__TIMESTAMP__': TIMESTAMP}.get(spelling, 0)
            flags |= SYSTEM_HEADER if spelling == 'system_header' else 0
            if spelling in ('__has_include', '__has_include_next') and i > 0:
                before = tokens[i - 1][1]
                if before in ('define', 'undef', 'ifdef', 'ifndef', 'defined') or (
                        before == '(' and tokens[i - 2][1] == 'defined'):
                    continue
                name = header_name(tokens, i + 2) if i + 1 < len(tokens) and tokens[i + 1][1] == '(' else None
                if name is None:
                    flags |= HAS_INCLUDE_MACRO
                elif (name, True) not in includes:
                    includes.append((name, True))
        if kind == 'hash' and start and i + 1 < len(tokens) and tokens[i + 1][1] in ('include', 'include_next',
                                                                                     'import'):
            name = header_name(tokens, i + 2)
            if name is None:
                flags |= INCLUDE_MACRO
            elif (name, False) not in includes:
                includes.append((name, False))
    mask = DATE | TIME | TIMESTAMP | HAS_INCLUDE_MACRO | INCLUDE_MACRO | SYSTEM_HEADER
    have_flags, have = tool.scan(path)
    # A quoted and a _next include of the same name are one for this comparison.
    have = list(dict.fromkeys(have))
    if '_Pragma' in dump:
        have_flags &= ~SYSTEM_HEADER
        flags &= ~SYSTEM_HEADER
    if have_flags & 1 << 13:  # a macro that wraps __has_include
        have_flags |= HAS_INCLUDE_MACRO
    if (have_flags & mask) != flags or have != includes:
        only_here = [n for n in have if n not in includes]
        only_clang = [n for n in includes if n not in have]
        return f'{path}: flags {have_flags & mask:x}, clang {flags:x}; only here {only_here}, only clang {only_clang}'
    return None


def sample_headers(rng, count):
    files = []
    for root in ROOTS:
        for where, _, names in os.walk(root):
            files += [os.path.join(where, n) for n in names if n.endswith(('.h', '.hpp', '.tcc')) or
                      ('.' not in n and 'c++' in where)]
    files = [f for f in sorted(files) if os.path.isfile(f) and ' ' not in f]
    return files if count <= 0 or count >= len(files) else rng.sample(files, count)


def unquote_make(text):
    return text.replace(b'\\#', b'#').replace(b'\\ ', b' ').replace(b'$$', b'$')


def judge_soup(tool, rng, where, number, judged):
    """Appends to `judged` each dialect that accepted the soup."""
    path = os.path.join(where, f'soup{number}.c')
    soup = wild_soup(rng) if rng.random() < 0.2 else whole_soup(rng)
    with open(path, 'wb') as f:
        f.write(soup.encode())
    flags, includes = tool.scan(path)
    names = {n[1:] for n, _ in includes}
    for dialect in DIALECTS:
        if not shutil.which(dialect[0]):
            continue
        run = subprocess.run(dialect + ['-E', '-I.', '-MD', '-MF', 'dep', '-MT', 'x', '-Wdate-time', '-o', '/dev/null',
                                        path], cwd=where, capture_output=True, check=False)
        # Only preprocessing forgives a literal without an end, and dialects differ most there.
        if run.returncode != 0 or b'missing terminating' in run.stderr:
            continue
        judged.append(dialect)
        want = 0
        for name, flag in (('__DATE__', DATE), ('__TIME__', TIME), ('__TIMESTAMP__', TIMESTAMP)):
            # GCC names the macro; Clang does not, so any of the three will do there.
            if f'macro "{name}" might prevent'.encode() in run.stderr:
                want |= flag
        if b'warning: expansion of date or time macro' in run.stderr and not flags & (DATE | TIME | TIMESTAMP):
            want |= DATE
        if want & ~flags:
            return f'{dialect}: {soup!r}: flags {flags:x}, compiler {want:x}\n{run.stderr.decode(errors="replace")}'
        with open(os.path.join(where, 'dep'), 'rb') as f:
            deps = f.read().replace(b'\\\n', b'').split(b':', 1)
        listed = {unquote_make(d) for d in deps[1].split()} if len(deps) > 1 else set()
        missing = {d for d in listed if d.startswith(b'i')} - names
        if missing:
            return f'{dialect}: {soup!r}: not found: {missing}'
    return None


def main():
    tool = Tool(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    files = int(sys.argv[3]) if len(sys.argv) > 3 else 40
    soups = int(sys.argv[4]) if len(sys.argv) > 4 else 15
    rng = random.Random(seed)
    if not shutil.which('clang') or not shutil.which('gcc'):
        print('gcc and clang are needed')
        return 1 if 'compilers' in os.environ.get('HPCC_REQUIRE', '') else 77
    complaints = 0
    judged = []
    headers = sample_headers(rng, files)
    for path in headers:
        complaint = judge_header(tool, path)
        if complaint:
            print(complaint)
            complaints += 1
    with tempfile.TemporaryDirectory() as where:
        os.mkdir(os.path.join(where, 'i'))
        for name in ('i1.h', 'i2.h', 'i3.h', 'i4.h', 'i/5.h', 'i6.h'):
            open(os.path.join(where, name), 'wb').close()
        for number in range(soups):
            complaint = judge_soup(tool, rng, where, number, judged)
            if complaint:
                print(complaint)
                complaints += 1
    print(f'{len(headers)} headers, {soups} soups in {len(judged)} readings, {complaints} complaints')
    return complaints != 0


if __name__ == '__main__':
    sys.exit(main())
