#!/usr/bin/python3
"""Asks the real compilers whether cc/depfile.c reads and prints their dependency files.

Usage: check_depfile.py TOOL [SEED [ROUNDS]]

Each round makes a tree of headers with odd names and names of lengths around the wrapping columns, compiles it with
random -MD/-MMD/-MP/-MT/-MQ options, and checks that printing what was parsed gives the same bytes, that the parsed
paths are the headers that were included, in order, and that joined targets are the text left of the colon.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile

ODD = [' ', '  ', '\t', '$', '$$', '#', '\\', '\\ ', '\\\\ ', '\\\t', '\\#', ':', '%', '*', '~', ';', "'", '&', '(', ')',
       '[', ']', '=', '|', '!', '?', '^', ',', '@', '+', '{', '}', '`', 'é', '日本', '\udcff', '.', '..', '\x01', '\x7f',
       '\r']


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *fields):
        self.process.stdin.write('\t'.join(fields).encode() + b'\n')
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().rstrip('\n')


def encode(text):
    return text.encode('utf-8', 'surrogateescape')


def unhex(text):
    return bytes.fromhex(text.lstrip('-'))


def random_name(rng, clang, ends_plain):
    name = ''
    for _ in range(rng.randint(1, 4)):
        name += 'x' * rng.choice([0, 1, 2, 3, 5, 8, 13, 21, 34, 60, 90][:rng.randint(1, 11)])
        if rng.random() < 0.6:
            name += rng.choice(ODD)
    if clang:
        # Clang takes a backslash for a directory separator when it prints, so the name cannot be read back.
        name = name.replace('\\', '_')
    name = name.strip('.').lstrip('/') or 'n'
    if '\r' in name:
        name = name.replace('\r', '_')
    if not ends_plain:
        # A backslash at the end is not quoted by GCC: nobody can read such a name back.
        name = name.rstrip('\\') or 'n'
    return name + ('.h' if ends_plain else '')


def make_tree(rng, where, clang):
    """Returns the names of the headers below `where`, in the order of their inclusion."""
    names = []
    for _ in range(rng.randint(0, 14)):
        name = random_name(rng, clang, rng.random() < 0.7)
        if rng.random() < 0.3:
            name = random_name(rng, clang, False) + '/' + name
        full = os.path.join(encode(where), encode(name))
        try:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            if os.path.isdir(full) or os.path.exists(full):
                continue
            with open(full, 'wb') as f:
                f.write(b'/* %d */\n' % len(names))
        except (NotADirectoryError, OSError):
            continue
        names.append(name)
    return names


def random_targets(rng):
    targets = []
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3, 6])):
        quote = rng.random() < 0.5
        name = random_name(rng, False, False).replace('\x01', '') or 't'
        if not quote:
            name = name.replace(' ', '_').replace('\\', '_').replace(':', '_')
        if rng.random() < 0.2:
            name = './' + name
        if name.endswith(':'):
            name += 'o'
        targets.append((quote, name))
    return targets


def run_round(rng, tool, top, compiler):
    clang = compiler.startswith('clang')
    family = 'clang' if clang else 'gcc'
    where = tempfile.mkdtemp(dir=top)
    prefix = 'd' * rng.choice([0, 0, 1, 3, 30, 70])
    base = os.path.join(where, prefix) if prefix else where
    os.makedirs(base, exist_ok=True)
    names = make_tree(rng, base, clang)
    main = (prefix + '/' if prefix else '') + 'm' * rng.randint(1, 9) + ('.cc' if '++' in compiler else '.c')
    with open(os.path.join(where, main), 'wb') as f:
        for name in names:
            f.write(b'#include "' + encode(name) + b'"\n')
        f.write(b'#include <stddef.h>\n' if rng.random() < 0.5 else b'')

    kind = rng.choice(['-MD', '-MMD'])
    phony = rng.random() < 0.5
    targets = random_targets(rng)
    output = './' * rng.randint(0, 1) + random_name(rng, False, False).replace('\x01', '') + '.o'
    if '/' in output[2:] or output.startswith('-') or output.startswith('@'):
        output = 'o.o'
    args = [compiler, '-c', './' * rng.randint(0, 1) + main, '-o', output, kind, '-MF',
            'dep']
    args += ['-MP'] if phony else []
    for quote, name in targets:
        args += ['-MQ' if quote else '-MT', name]
    result = subprocess.run([encode(a) for a in args], cwd=where, capture_output=True, check=False)
    if result.returncode != 0:
        return f'{args}: {result.stderr.decode(errors="replace")}'

    with open(os.path.join(where, 'dep'), 'rb') as f:
        text = f.read()
    answer = tool.ask('parse', family, os.path.join(where, 'dep')).split(' ')
    told = f'{args}\nnames {names}\n{text!r}\nanswer {answer}'
    if answer[0] != 'ok':
        return 'refused: ' + told
    if answer[1] != '1':
        return 'printed differently: ' + told
    deps = [unhex(d) for d in answer[4:]]
    if answer[2] != str(int(phony and len(deps) > 1)):
        return 'phony: ' + told
    want = [encode(main)]
    want += [encode((prefix + '/' if prefix else '') + n) for n in names]
    have = [d for d in deps if not d.startswith(b'/')]
    if have != want:
        return f'paths {have} are not {want}: ' + told
    for dep in deps:
        if not os.path.exists(os.path.join(encode(where), dep)):
            return f'no file {dep}: ' + told

    if not targets:
        targets = [(True, output)]
    fields = [('=' if q else '-') + encode(n).hex() for q, n in targets]
    joined = tool.ask('join', family, *fields).split(' ')
    if unhex(joined[1]) != unhex(answer[3]):
        return f'targets: {unhex(joined[1])} is not {unhex(answer[3])}: ' + told
    shutil.rmtree(where)
    return None


def main():
    tool = Tool(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 25
    compilers = [c for c in ('gcc', 'g++', 'clang', 'clang++') if shutil.which(c)]
    required = os.environ.get('HPCC_REQUIRE', '')
    if len(compilers) < 4 and 'compilers' in required:
        print('compilers are missing:', compilers)
        return 1
    if not compilers:
        return 77
    with tempfile.TemporaryDirectory() as top:
        for i in range(rounds):
            for compiler in compilers:
                complaint = run_round(random.Random(seed * 1000003 + i), tool, top, compiler)
                if complaint:
                    print(f'round {i} seed {seed} {compiler}: {complaint}')
                    return 1
    print(f'{rounds} rounds with {", ".join(compilers)}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
