"""Debian's grpcio (gRPC C core) as client of our server."""

import threading
import time

import pytest
from conftest import EchoServer

ECHO = "/hpcc.test.v1.Echo/"


class Stub:
    def __init__(self, grpc, pb, channel):
        def make(kind, name):
            return getattr(channel, kind)(ECHO + name, request_serializer=pb.EchoRequest.SerializeToString,
                                          response_deserializer=pb.EchoReply.FromString)
        self.unary = make("unary_unary", "Unary")
        self.server_stream = make("unary_stream", "ServerStream")
        self.client_stream = make("stream_unary", "ClientStream")
        self.bidi = make("stream_stream", "Bidi")


LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@pytest.fixture()
def stub(grpc, pb, server):
    with grpc.insecure_channel(server.address, options=LARGE) as channel:
        yield Stub(grpc, pb, channel)


def test_a_unary_call(stub, pb):
    assert stub.unary(pb.EchoRequest(payload=b"hello"), timeout=5).payload == b"hello"


def test_an_empty_message(stub, pb):
    assert stub.unary(pb.EchoRequest(), timeout=5) == pb.EchoReply()


@pytest.mark.parametrize("size", [1, 16383, 65535, 262144, 10 << 20])
def test_sizes(stub, pb, size):
    payload = bytes(i * 7 & 255 for i in range(251)) * (size // 251 + 1)
    assert stub.unary(pb.EchoRequest(payload=payload[:size]), timeout=20).payload == payload[:size]


def test_a_stream_of_replies(stub, pb):
    replies = list(stub.server_stream(pb.EchoRequest(payload=b"x" * 1000, repeat=300), timeout=20))
    assert [r.index for r in replies] == list(range(300))
    assert all(r.payload == b"x" * 1000 for r in replies)


def test_a_stream_of_requests(stub, pb):
    parts = [b"%d," % i for i in range(500)]
    assert stub.client_stream((pb.EchoRequest(payload=p) for p in parts), timeout=20).payload == b"".join(parts)


def test_a_stream_without_requests(stub, pb):
    assert stub.client_stream(iter(()), timeout=5).payload == b""


def test_both_directions_take_turns(stub, pb):
    """Each request waits for the reply to the one before: nothing may sit in a buffer."""
    go = threading.Semaphore(1)

    def requests():
        for i in range(50):
            go.acquire(timeout=5)
            yield pb.EchoRequest(payload=b"%d" % i)

    seen = []
    for reply in stub.bidi(requests(), timeout=20):
        seen.append(reply.payload)
        go.release()
    assert seen == [b"%d" % i for i in range(50)]


def test_metadata_both_kinds(stub, pb):
    call = stub.unary.with_call
    binary = bytes(range(256))
    reply, info = call(pb.EchoRequest(payload=b"m"), timeout=5,
                       metadata=(("x-echo", "a value"), ("x-echo-bin", binary), ("other", "ignored")))
    assert reply.payload == b"m"
    assert dict(info.initial_metadata())["x-echo"] == "a value"
    assert dict(info.trailing_metadata())["x-echo-bin"] == binary


@pytest.mark.parametrize("code", [1, 2, 3, 5, 7, 9, 13, 14, 16])
def test_status_and_message(grpc, stub, pb, code):
    text = "100 % ünïcode\n" + "x" * 50
    with pytest.raises(grpc.RpcError) as failed:
        stub.unary(pb.EchoRequest(fail_code=code, fail_message=text), timeout=5)
    assert failed.value.code().value[0] == code
    assert failed.value.details() == text


def test_an_error_after_replies(grpc, stub, pb):
    seen = []
    with pytest.raises(grpc.RpcError) as failed:
        for reply in stub.server_stream(pb.EchoRequest(repeat=3, fail_code=8, fail_message="enough"), timeout=5):
            seen.append(reply.index)
    assert (seen, failed.value.code(), failed.value.details()) == ([0, 1, 2], grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")


def test_an_unknown_method(grpc, pb, server):
    with grpc.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.RpcError) as failed:
            channel.unary_unary("/hpcc.test.v1.Echo/Nothing")(b"", timeout=5)
    assert failed.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_malformed_message(grpc, server):
    with grpc.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.RpcError) as failed:
            channel.unary_unary(ECHO + "Unary")(b"\xff\xff\xff", timeout=5)
    assert failed.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_the_deadline_ends_the_call(grpc, stub, pb):
    start = time.monotonic()
    with pytest.raises(grpc.RpcError) as failed:
        stub.unary(pb.EchoRequest(delay_ms=30000), timeout=0.2)
    assert failed.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - start < 5


def test_cancelling_frees_the_handler(grpc, pb):
    """With one thread for handlers the second call can only run when the first one's handler was told."""
    with EchoServer("--handlers", 1) as server, grpc.insecure_channel(server.address) as channel:
        stub = Stub(grpc, pb, channel)
        more = threading.Event()

        def requests():
            yield pb.EchoRequest(payload=b"first")
            more.wait(30)

        held = stub.bidi(requests(), timeout=30)
        assert next(held).payload == b"first"  # so its handler runs, and waits for the second
        start = time.monotonic()
        held.cancel()
        assert stub.unary(pb.EchoRequest(payload=b"next"), timeout=10).payload == b"next"
        assert time.monotonic() - start < 5
        more.set()


def test_gzip_both_ways(grpc, pb):
    with EchoServer("--encoding", "gzip") as server:
        with grpc.insecure_channel(server.address, compression=grpc.Compression.Gzip, options=LARGE) as channel:
            stub = Stub(grpc, pb, channel)
            payload = b"compressible " * 100000
            assert stub.unary(pb.EchoRequest(payload=payload), timeout=10).payload == payload


def test_an_encoding_that_we_do_not_know(grpc, pb, server):
    with grpc.insecure_channel(server.address, compression=grpc.Compression.Deflate) as channel:
        with pytest.raises(grpc.RpcError) as failed:
            Stub(grpc, pb, channel).unary(pb.EchoRequest(payload=b"z" * 1000), timeout=5)
    assert failed.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_message_at_and_beyond_the_limit(grpc, pb):
    with EchoServer("--max-message", 100000) as server:
        with grpc.insecure_channel(server.address, options=LARGE) as channel:
            stub = Stub(grpc, pb, channel)
            fits = pb.EchoRequest(payload=b"f" * (100000 - 4))
            assert fits.ByteSize() == 100000
            assert stub.unary(fits, timeout=5).payload == fits.payload
            with pytest.raises(grpc.RpcError) as failed:
                stub.unary(pb.EchoRequest(payload=b"f" * (100000 - 3)), timeout=5)
            assert failed.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_too_much_metadata(grpc, stub, pb):
    with pytest.raises(grpc.RpcError) as failed:
        stub.unary(pb.EchoRequest(), timeout=5, metadata=[(f"k{i}", "v" * 1000) for i in range(20)])
    assert failed.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_many_calls_at_once(stub, pb):
    calls = [stub.unary.future(pb.EchoRequest(payload=b"%d" % i), timeout=20) for i in range(500)]
    assert [c.result().payload for c in calls] == [b"%d" % i for i in range(500)]


def test_a_drained_server_lets_calls_end(grpc, pb):
    with EchoServer() as server, grpc.insecure_channel(server.address) as channel:
        stub = Stub(grpc, pb, channel)
        stub.unary(pb.EchoRequest(), timeout=5)
        stream = stub.server_stream(pb.EchoRequest(repeat=5, delay_ms=100), timeout=10)
        next(stream)
        server.process.terminate()
        assert len(list(stream)) == 4
        assert server.process.wait(5) == 0


def test_old_connections_are_replaced(grpc, pb):
    with EchoServer("--age-ms", 200) as server, grpc.insecure_channel(server.address) as channel:
        stub = Stub(grpc, pb, channel)
        until = time.monotonic() + 1.2
        count = 0
        while time.monotonic() < until:
            assert stub.unary(pb.EchoRequest(payload=b"a"), timeout=5).payload == b"a"
            count += 1
        assert count > 10


def test_over_a_unix_socket(grpc, pb, tmp_path):
    path = tmp_path / "sock"
    with EchoServer(listen=f"unix:{path}"):
        assert path.stat().st_mode & 0o777 == 0o600
        with grpc.insecure_channel(f"unix:{path}") as channel:
            assert Stub(grpc, pb, channel).unary(pb.EchoRequest(payload=b"u"), timeout=5).payload == b"u"
    assert not path.exists()
