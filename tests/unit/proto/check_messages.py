"""The messages of proto/: golden bytes, with protoc as the judge, and what must be refused.

usage: check_messages.py MESSAGE_TOOL PROTO_FOLDER GOLDEN_FOLDER
Each NAME.textpb in the golden folder starts with `# TYPE FILE`; NAME.bin beside it is what has been published.
"""
import pathlib
import subprocess
import sys

tool, protos, golden = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
failed = []


def run(kind, data, memory=1 << 20):
    done = subprocess.run([tool, kind, str(memory)], input=data, capture_output=True)
    return done.returncode, done.stdout, done.stderr.decode()


def expect(what, condition, detail=""):
    if not condition:
        failed.append(f"{what}: {detail}")


def varint(value):
    out = b""
    while value > 127:
        out += bytes((value & 127 | 128,))
        value >>= 7
    return out + bytes((value,))


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


texts = sorted(golden.glob("*.textpb"))
expect("golden files", len(texts) >= 6, len(texts))
for text in texts:
    _, kind, file = text.read_text().split("\n", 1)[0].split()
    encoded = subprocess.run(["protoc", f"--proto_path={protos}", f"--encode={kind}", file], input=text.read_bytes(),
                             capture_output=True)
    published = text.with_suffix(".bin").read_bytes()
    expect(text.name, encoded.returncode == 0 and encoded.stdout == published,
           f"protoc makes {encoded.stdout.hex()} {encoded.stderr.decode()}")
    rc, out, err = run(kind, published)
    expect(text.name, (rc, out) == (0, published), f"{rc} {err} {out.hex()}")
    for cut in range(len(published)):
        run_rc = run(kind, published[:cut])[0]
        expect(f"{text.name} cut at {cut}", run_rc in (0, 3), run_rc)

REQUEST = "hpcc.v1.RouteRequest"
INVALID, EXHAUSTED = 3, 8
refused = {
    "not UTF-8": (field(1, b"\xff"), INVALID), "overlong": (field(1, b"\xc0\x80"), INVALID),
    "surrogate": (field(1, b"\xed\xa0\x80"), INVALID), "beyond Unicode": (field(1, b"\xf4\x90\x80\x80"), INVALID),
    "NUL": (field(1, b"a\0b"), INVALID), "cut character": (field(1, b"\xe2\x82"), INVALID),
    "field 0": (b"\x00\x00", INVALID), "group": (b"\x0b\x0c", INVALID), "wrong type": (b"\x08\x01", INVALID),
    "length beyond": (b"\x0a\x05abc", INVALID), "endless number": (b"\x20" + b"\xff" * 11, INVALID),
    "65 unknown fields": (b"\xf8\x3f\x01" * 65, EXHAUSTED),
}
for what, (data, code) in refused.items():
    rc, _, err = run(REQUEST, data)
    expect(what, rc == code, f"{rc} {err}")
expect("64 unknown fields", run(REQUEST, b"\xf8\x3f\x01" * 64)[0] == 0)
expect("every plane", run(REQUEST, field(1, "aé€😀".encode()))[0] == 0)

# Two bytes each become a struct: the bound is on what they take, and is exact.
empties = field(10, b"") * 1000
low, high = 0, 1 << 20
while high - low > 1:
    middle = (low + high) // 2
    low, high = (low, middle) if run("hpcc.v1.HeartbeatRequest", empties, middle)[0] == 0 else (middle, high)
expect("memory of 1000 empty messages", 1000 * 64 < high < 1000 * 256, high)
expect("one less", run("hpcc.v1.HeartbeatRequest", empties, high - 1)[0] == EXHAUSTED)

print("\n".join(failed) or "as published")
sys.exit(1 if failed else 0)
