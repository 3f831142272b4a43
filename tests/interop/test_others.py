"""Other makers: grpc-js as client and server, buf's curl, nghttp2's tools; and what health and reflection answer."""

import json
import os
import shutil
import subprocess
import zlib

import pytest
from conftest import ROOT, EchoServer, echo_call
from hpcc import missing

NODE = ROOT / "build" / "deps" / "node"
PROTO = ROOT / "proto" / "hpcc" / "test" / "v1" / "echo.proto"
ENV = {**os.environ, "NODE_PATH": str(NODE / "node_modules"), "ECHO_PROTO": str(PROTO), "HOME": "/nonexistent",
       "BUF_CACHE_DIR": "/nonexistent"}


def need(name, path):
    if not path.exists() or not shutil.which("node"):
        missing(name, f"{path} is not there: tools/setup installs it where there is npm")


@pytest.fixture()
def js():
    need("grpc-js", NODE / "node_modules" / "@grpc" / "grpc-js")
    return ["node", str(ROOT / "tests" / "interop" / "echo.js")]


@pytest.mark.parametrize("case, expected", [
    ("unary", {"error": None, "same": True}), ("gzip", {"error": None, "same": True}),
    ("server_stream", {"indices": list(range(50))}), ("client_stream", {"error": None, "size": 20 * 300000}),
    ("bidi", {"count": 20}), ("metadata", {"error": None, "initial": "text", "trailing": "0001ff"}),
    ("status", {"code": 9, "text": "100 % wröng"}), ("deadline", {"code": 4}), ("cancel", {"code": 1}),
], ids=lambda v: v if isinstance(v, str) else "")
def test_grpc_js_as_client(js, server, case, expected):
    done = subprocess.run([*js, "call", server.address, case], env=ENV, capture_output=True, timeout=60)
    assert done.returncode == 0, done
    assert json.loads(done.stdout) == expected


def test_grpc_js_as_server(js):
    process = subprocess.Popen([*js, "serve"], env=ENV, stdout=subprocess.PIPE)
    try:
        address = "127.0.0.1:" + process.stdout.readline().decode().split()[-1]
        assert echo_call(address, "--size", 1000000, "--encoding", "gzip", "--calls", 2).statuses == [(0, "")] * 2
        stream = echo_call(address, "--method", "server-stream", "--repeat", 100, "--payload", "p")
        assert [r[0] for r in stream.replies] == list(range(100))
        assert echo_call(address, "--method", "client-stream", "--messages", 30, "--payload", "ab").replies == \
            [(0, 60, f"{zlib.crc32(b'ab' * 30):08x}")]
        both = echo_call(address, "--method", "bidi", "--messages", 20, "--size", 100000,
                         "--metadata", "x-echo=t", "--metadata", "x-echo-bin=b")
        assert (len(both.replies), both.initial.get("x-echo"), both.trailing.get("x-echo-bin")) == (20, "t", "b")
        assert echo_call(address, "--fail-code", 7, "--fail-message", "nö").statuses == [(7, "nö")]
        assert echo_call(address, "--delay-ms", 5000, "--deadline", 100).code == 4
        assert echo_call(address, "--method", "nothing").code == 12
    finally:
        process.kill()
        process.wait()


# ---- buf

@pytest.fixture()
def buf():
    program = NODE / "node_modules" / ".bin" / "buf"
    need("buf", program)
    return str(program)


def test_buf_curl_finds_and_calls_methods(buf, server):
    """All that it knows of the messages it has from reflection."""
    common = [buf, "curl", "--http2-prior-knowledge", "--protocol", "grpc"]
    listed = subprocess.run([*common, "--list-methods", f"http://{server.address}"], env=ENV, capture_output=True, timeout=60)
    assert listed.stdout.decode().split() == [f"hpcc.test.v1.Echo/{m}" for m in
                                              ("Bidi", "ClientStream", "ServerStream", "Unary")], listed
    called = subprocess.run([*common, "--data", '{"payload":"aGVsbG8=","repeat":2}',
                             f"http://{server.address}/hpcc.test.v1.Echo/ServerStream"], env=ENV, capture_output=True, timeout=60)
    assert called.stdout.decode().split() == ["{", '"payload":', '"aGVsbG8="', "}", "{", '"payload":', '"aGVsbG8=",',
                                              '"index":', "1", "}"], called


def test_the_protocol_files_are_tidy(buf):
    done = subprocess.run([buf, "lint"], cwd=ROOT / "proto", env=ENV, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b""), done


def test_published_fields_keep_their_meaning(buf, tmp_path):
    """Against tests/golden/proto.binpb, which `buf build proto -o` makes when fields are added on purpose."""
    done = subprocess.run([buf, "breaking", str(ROOT / "proto"), "--against", str(ROOT / "tests" / "golden" / "proto.binpb")],
                          cwd=ROOT / "proto", env=ENV, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, b""), done


# ---- nghttp2's tools

def test_h2load(server, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(b"\0\0\0\0\x07\x0a\x05hello")
    if not shutil.which("h2load"):
        missing("h2load", "nghttp2-client is not installed")
    done = subprocess.run(["h2load", "-n", "2000", "-c", "4", "-m", "32", "-d", body, "-H", "content-type: application/grpc",
                           "-H", "te: trailers", f"http://{server.address}/hpcc.test.v1.Echo/Unary"],
                          capture_output=True, timeout=60)
    assert b"2000 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout, done


# ---- The standard services

def health(channel, service, timeout=5):
    request = b"\x0a" + bytes((len(service),)) + service if service else b""
    return channel.unary_unary("/grpc.health.v1.Health/Check")(request, timeout=timeout)


def test_the_health_probe(grpc, server):
    with grpc.insecure_channel(server.address) as channel:
        assert health(channel, b"") == b"\x08\x01"
        assert health(channel, b"hpcc.test.v1.Echo") == b"\x08\x01"
        with pytest.raises(grpc.RpcError) as failed:
            health(channel, b"nothing")
        assert failed.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_watchers_hear_of_the_end(grpc):
    with EchoServer() as server, grpc.insecure_channel(server.address) as channel:
        watch = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=20)
        unknown = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"\x0a\x01x", timeout=20)
        assert (next(watch), next(unknown)) == (b"\x08\x01", b"\x08\x03")
        unknown.cancel()
        server.process.terminate()
        assert list(watch) == [b"\x08\x02"]


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection(grpc, server, version):
    with grpc.insecure_channel(server.address) as channel:
        info = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
        requests = [b"\x3a\x01*", b"\x22\x20hpcc.test.v1.EchoRequest.nothing", b"\x22\x18hpcc.test.v1.EchoRequest",
                    b"\x1a\x0anot.there.", b"\x32\x01x", b""]
        replies = list(info(iter(requests), timeout=5))
        assert len(replies) == len(requests)
        assert b"hpcc.test.v1.Echo" in replies[0]
        assert b"no such" in replies[1] and b"no such" in replies[3]
        assert b"echo.proto" in replies[2] and b"fail_message" in replies[2]
        assert b"no extensions" in replies[4] and b"not understood" in replies[5]


def test_ten_thousand_idle_connections(grpc):
    """At most 300 MB for them. A thousand here; HPCC_SOAK=1 opens all."""
    import resource
    import socket
    from h2raw import PREFACE, settings
    count = 10000 if os.environ.get("HPCC_SOAK") == "1" else 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 200, max(count + 200, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    with EchoServer() as server:
        assert echo_call(server.address).code == 0
        before = server.rss_kib()
        socks = []
        for _ in range(count):
            sock = socket.create_connection(("127.0.0.1", server.port))
            sock.sendall(PREFACE + settings())
            socks.append(sock)
        for sock in socks:
            assert sock.recv(9)  # its SETTINGS: the connection is up
        grown = server.rss_kib() - before
        for sock in socks:
            sock.close()
        print(f"{grown / count:.1f} KiB a connection")
        if "san" not in str(server.process.args[0]):
            assert grown / count <= 300e6 / 10000 / 1024
