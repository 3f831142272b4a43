"""A scenario as a shell script that needs nothing but hpcc and the compilers: what goes into a report."""

import shlex

from soak.texts import ROOT

HEAD = '''#!/bin/bash
# {title}
# usage: HPCC=path/to/hpcc bash THIS. Exit 1 when hpcc and the compiler differ, or a counter is not as expected.
HPCC=${{HPCC:-{program}}}
W=$(mktemp -d) && cd "$W" && mkdir w && W=$W/w && cd w || exit 2
export XDG_RUNTIME_DIR=$W/../run XDG_CACHE_HOME=$W/../cache XDG_CONFIG_HOME=$W/../config HOME=$W/../home LANG=C.UTF-8
export PATH=/usr/local/bin:/usr/bin:/bin
unset LC_ALL LC_CTYPE
mkdir -m 700 "$XDG_RUNTIME_DIR" "$HOME" "$W/../no-run"
bad=0
start() {{ "$HPCC" start >>"$W/../daemon.log" 2>&1 & daemon=$!
	for _ in $(seq 1000); do grep -q "$daemon" "$XDG_RUNTIME_DIR/hpcc/daemon.json" 2>/dev/null && return; sleep 0.01; done; }}
stop() {{ kill "$1" "$daemon"; wait "$daemon"; daemon=; }} 2>/dev/null
trap 'stop -TERM; rm -rf "${{W%/w}}"' EXIT
# compile CWD UMASK [NAME=VALUE…] -- COMMAND…: with hpcc, put back, then plainly; compare all that they leave.
compile() {{
	local cwd=$1 mask=$2; shift 2
	local env=(); while [ "$1" != -- ]; do env+=("$1"); shift; done; shift
	rm -rf ../before ../hpcc; cp -a . ../before
	(cd "$cwd" && umask "$mask" && exec env "${{env[@]}}" "$HPCC" "$@") >../hpcc.out 2>../hpcc.err; echo $? >../hpcc.rc
	cp -a . ../hpcc
	# Only what the run changed goes back, so that sources keep their inodes.
	diff -rq --no-dereference ../before . | sed -n 's/^Only in \\.\\(.*\\): \\(.*\\)/.\\1\\/\\2/p; s/^Files .* and \\(.*\\) differ/\\1/p' | while IFS= read -r f; do
		rm -rf "$f"; [ ! -e "../before/$f" ] || cp -a "../before/$f" "$f"; done
	rm -rf ../empty
	(cd "$cwd" && umask "$mask" && exec env "${{env[@]}}" {judge}"$@") >../plain.out 2>../plain.err; echo $? >../plain.rc
	local different=0
	for what in rc out err; do cmp -s ../hpcc.$what ../plain.$what || {{ different=1; diff -u --label plain.$what --label hpcc.$what ../plain.$what ../hpcc.$what; }}; done
	diff -r --no-dereference ../hpcc . || different=1
	diff <(cd ../hpcc && find . -printf '%p %y %m\\n' | sort) <(find . -printf '%p %y %m\\n' | sort) || different=1
	[ $different = 0 ] || {{ bad=1; printf 'DIFFERS: '; printf '%q ' "$@"; echo; }}
}}
'''


def quote(text):
    """A word for the shell; the scenario's folder is $W."""
    return '"$W"'.join(shlex.quote(part) if part else "" for part in text.split(ROOT)) or "''"


def data(text):
    """A file's text for the shell."""
    raw = text.encode("utf-8", "surrogateescape")
    if all(b in b"\t\n" or b >= 32 for b in raw) and raw.endswith(b"\n") and b"EOF" not in raw and b"\r" not in raw:
        quoted = ROOT not in text
        body = text if quoted else text.replace("\\", "\\\\").replace("$", "\\$").replace("`", "\\`").replace(ROOT, "$W")
        return "<<" + ("'EOF'" if quoted else "EOF") + f"\n{body}EOF"
    escaped = "".join(chr(b) if 32 <= b < 127 and b not in b"\\'" else f"\\{b:03o}" for b in raw)
    return f"< <(printf '%b' '{escaped}' | sed \"s|{ROOT}|$W|g\")"


def write(op):
    path = quote(op["path"])
    parent = quote(op["path"].rpartition("/")[0] or ".")
    lines = [f"mkdir -p {parent}"]
    how = op["how"]
    if how == "keep-time":
        lines.append(f"[ ! -e {path} ] || touch -r {path} ../stamp")
    target = f"{path}.new" if how == "rename" else path
    lines.append(f"cat >{target} {data(op['text'])}")
    if how == "rename":
        lines.append(f"mv -fT {target} {path}")
    if how == "keep-time":
        lines.append(f"[ ! -e ../stamp ] || touch -r ../stamp {path}")
    return "\n".join(lines)


def words(c):
    env = [quote(f"{k}={v}") for k, v in c["env"].items()]
    if c.get("local"):
        env.append('XDG_RUNTIME_DIR="$W/../no-run"')
    mask = "022" if c["umask"] is None else f"{c['umask']:03o}"
    return f"compile {quote(c['cwd'])} {mask} {' '.join([*env, '--', *map(quote, c['argv'])])}"


def line(op):
    kind = op["op"]
    path, to = quote(op.get("path", "")), quote(op.get("to", ""))
    if kind == "write":
        return write(op)
    if kind == "compile":
        if "during" in op:
            during = line(op["during"])
            return f"{{ sleep {op['delay_ms'] / 1000}; {during}\n}} &\n{words(op)}; wait $!"
        return "\n".join([words(op)] * op["times"])
    if kind == "parallel":
        return "# two at once, then compared\n" + "\n".join(words({**c, "local": False}) for c in op["compiles"])
    if kind == "daemon":
        return {"restart": "stop -TERM; start", "kill": "stop -KILL", "crash": "stop -KILL; start", "start": "start"}[op["how"]]
    if kind == "touch":
        return f"touch {path}" if not op["shift_s"] else f"touch -d '{op['shift_s']} seconds' {path}"
    return {
        "mkdir": f"mkdir -p {path}", "remove": f"rm -rf {path}", "rename": f"[ ! -d {to} ] || rm -rf {to}; mv -T {path} {to}",
        "exchange": f"mv -T {path} ../swap && mv -T {to} {path} && mv -T ../swap {to}",
        "copy": f"[ ! -d {path} ] || rm -rf {to}; cp -RT{'p' if op.get('times') else ''} {path} {to}",
        "link": f"ln -sfT {quote(op.get('target', ''))} {path}", "hardlink": f"ln -fT {path} {to}",
        "chmod": f"chmod {op.get('mode', 0):o} {path}", "clean": '"$HPCC" clean --all >/dev/null',
    }[kind]


def text(scenario, failure, program="hpcc"):
    """The whole script. What failed is said as comments in front."""
    title = f"seed {scenario['seed']}: {failure.kind}"
    comment = "".join(f"# {row}\n" for row in failure.detail.encode("utf-8", "backslashreplace").decode().splitlines()[:20])
    body = "\n".join(line(op) for op in scenario["ops"])
    end = '"$HPCC" stats --json | grep -A60 counters\nexit $bad\n'
    start = "" if scenario.get("local") else "start\n"
    # Where a marker makes hpcc add options, hpcc with an empty cache is the judge.
    judge = 'HPCC_CACHE_DIR="$W/../empty" XDG_RUNTIME_DIR="$W/../no-run" "$HPCC" ' if scenario.get("cold") else ""
    return (HEAD.format(title=title, program=program, judge=judge) + comment + start + body + "\n" + end).encode("utf-8", "surrogateescape")
