#!/usr/bin/python3
"""protoc judges src/proto: what it encodes from proto/local.proto is read as it means, field by field, and what we
encode is byte for byte what it encodes. Usage: check_protoc.py PROTO_TOOL LOCAL.PROTO
"""
import pathlib
import random
import re
import shutil
import subprocess
import sys

tool, proto = sys.argv[1], pathlib.Path(sys.argv[2])
if not shutil.which("protoc"):
    import os
    required = "protoc" in re.split(r"[, ]+", os.environ.get("HPCC_REQUIRE", ""))
    print("protoc is not installed (package protobuf-compiler)")
    sys.exit(1 if required else 77)

PROTOC = ["protoc", f"--proto_path={proto.parent}"]
FRAME = "hpcc.local.v1.Frame"


def run(command, data):
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def encode(text):
    return run([*PROTOC, f"--encode={FRAME}", proto.name], text.encode())


def decode(data):
    return run([*PROTOC, f"--decode={FRAME}", proto.name], data).decode()


def messages():
    """{name: [(field, type, repeated)]} and {name: member of Frame}, read from the .proto file."""
    text = re.sub(r"//.*", "", proto.read_text())
    found = {}
    for name, body in re.findall(r"message (\w+) \{(.*?)\n\}", text, re.S):
        found[name] = [(f, t, bool(r)) for r, t, f in re.findall(r"(repeated )?(\w+) (\w+) = \d+;", body)]
    members = {t: f for f, t, _ in found.pop("Frame")}
    return found, members


def literal(rng, kind):
    if kind == "uint64":
        return str(rng.choice([0, 1, 127, 128, 16383, 16384, 2**32, 2**63, 2**64 - 1, rng.getrandbits(64)]))
    data = bytes(rng.getrandbits(8) for _ in range(rng.choice([0, 0, 1, 5, 127, 128, 300])))
    return '"' + "".join(f"\\{b:03o}" for b in data) + '"'


def sample(rng, name, fields):
    lines = []
    for field, kind, repeated in fields:
        for _ in range(rng.choice([0, 1, 2, 7]) if repeated else rng.choice([0, 1, 1])):
            lines.append(f"{field}: {literal(rng, kind)}")
    return f"{name} {{ {' '.join(lines)} }}"


def main():
    rng = random.Random(1)
    found, members = messages()
    assert len(found) == 7 and set(found) == set(members), found
    count = 0
    for message, fields in found.items():
        for _ in range(12):
            theirs = encode(sample(rng, members[message], fields))
            text = decode(theirs)
            ours = run([tool, "encode"], theirs)
            dumped = run([tool, "dump"], theirs).decode()
            assert dumped == text, f"read as\n{dumped}\ninstead of\n{text}"
            assert ours == theirs, f"{ours.hex()} instead of {theirs.hex()} for\n{text}"
            assert decode(ours) == text
            count += 1
    print(f"{count} frames agree")


main()
