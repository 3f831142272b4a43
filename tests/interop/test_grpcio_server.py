"""Our client against a server of Debian's grpcio (gRPC C core)."""

import concurrent.futures
import threading
import time
import zlib

import pytest
from conftest import EchoServer, echo_call

LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def crc(data):
    return f"{zlib.crc32(data):08x}"


def made_up(size):
    """The payload of rpc-echo's --size."""
    return bytes(i * 7 % 251 for i in range(251)) * (size // 251) + bytes(i * 7 % 251 for i in range(size % 251))


class Servicer:
    """Echo by the specification in proto/hpcc/test/v1/echo.proto, in Python."""

    def __init__(self, grpc, pb):
        self.grpc, self.pb = grpc, pb
        self.cancelled = threading.Event()
        self.refuse = 0  # calls that fail with UNAVAILABLE before one succeeds

    def prelude(self, context):
        md = dict(context.invocation_metadata())
        if "x-echo" in md:
            context.send_initial_metadata((("x-echo", md["x-echo"]),))
        if "x-echo-bin" in md:
            context.set_trailing_metadata((("x-echo-bin", md["x-echo-bin"]),))
        return md

    def check(self, request, context):
        if request.fail_code:
            codes = {c.value[0]: c for c in self.grpc.StatusCode}
            context.abort(codes[request.fail_code], request.fail_message)
        if request.delay_ms:
            context.add_callback(self.cancelled.set)
            time.sleep(request.delay_ms / 1000)

    def unary(self, request, context):
        self.prelude(context)
        if self.refuse:
            self.refuse -= 1
            context.abort(self.grpc.StatusCode.UNAVAILABLE, "later")
        self.check(request, context)
        return self.pb.EchoReply(payload=request.payload)

    def server_stream(self, request, context):
        self.prelude(context)
        for i in range(request.repeat):
            yield self.pb.EchoReply(payload=request.payload, index=i)
        if request.fail_code:
            self.check(request, context)

    def client_stream(self, requests, context):
        self.prelude(context)
        return self.pb.EchoReply(payload=b"".join(r.payload for r in requests))

    def bidi(self, requests, context):
        self.prelude(context)
        for i, request in enumerate(requests):
            self.check(request, context)
            yield self.pb.EchoReply(payload=request.payload, index=i)

    def handler(self):
        kinds = {"Unary": ("unary_unary", self.unary), "ServerStream": ("unary_stream", self.server_stream),
                 "ClientStream": ("stream_unary", self.client_stream), "Bidi": ("stream_stream", self.bidi)}
        return self.grpc.method_handlers_generic_handler("hpcc.test.v1.Echo", {
            name: getattr(self.grpc, kind + "_rpc_method_handler")(
                fn, request_deserializer=self.pb.EchoRequest.FromString,
                response_serializer=self.pb.EchoReply.SerializeToString)
            for name, (kind, fn) in kinds.items()})


def start(grpc, servicer, options=LARGE, credentials=None, **kwargs):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(16), options=options, **kwargs)
    server.add_generic_rpc_handlers((servicer.handler(),))
    port = server.add_secure_port("127.0.0.1:0", credentials) if credentials else server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"


@pytest.fixture()
def peer(grpc, pb):
    servicer = Servicer(grpc, pb)
    server, servicer.address = start(grpc, servicer)
    yield servicer
    server.stop(0).wait()


@pytest.mark.parametrize("size", [0, 1, 65536, 5 << 20])
def test_a_unary_call(peer, size):
    call = echo_call(peer.address, "--size", size)
    assert (call.code, call.replies) == (0, [(0, size, crc(made_up(size)))])


def test_a_stream_of_replies(peer):
    call = echo_call(peer.address, "--method", "server-stream", "--repeat", 200, "--size", 5000)
    assert call.code == 0
    assert call.replies == [(i, 5000, crc(made_up(5000))) for i in range(200)]


def test_a_stream_of_requests(peer):
    call = echo_call(peer.address, "--method", "client-stream", "--messages", 100, "--payload", "ab")
    assert (call.code, call.replies) == (0, [(0, 200, crc(b"ab" * 100))])


def test_both_directions(peer):
    call = echo_call(peer.address, "--method", "bidi", "--messages", 40, "--size", 200000)
    assert call.code == 0
    assert call.replies == [(i, 200000, crc(made_up(200000))) for i in range(40)]


def test_metadata(peer):
    call = echo_call(peer.address, "--metadata", "x-echo=some text", "--metadata", "x-echo-bin=bytes",
                     "--method", "bidi")
    assert call.code == 0
    assert call.initial["x-echo"] == "some text"
    assert call.trailing["x-echo-bin"] == "bytes"


@pytest.mark.parametrize("code", [1, 3, 5, 8, 16])
def test_status(peer, code):
    call = echo_call(peer.address, "--fail-code", code, "--fail-message", "100 % wröng")
    assert (call.rc, call.statuses) == (1, [(code, "100 % wröng")])


def test_an_error_after_replies(peer):
    call = echo_call(peer.address, "--method", "server-stream", "--repeat", 3, "--fail-code", 9, "--fail-message", "x")
    assert ([r[0] for r in call.replies], call.statuses) == ([0, 1, 2], [(9, "x")])


def test_an_unknown_method(peer):
    assert echo_call(peer.address, "--method", "nothing").code == 12


def test_a_deadline(peer):
    start_s = time.monotonic()
    call = echo_call(peer.address, "--delay-ms", 3000, "--deadline", 200)
    assert call.code == 4
    assert time.monotonic() - start_s < 2.5
    assert peer.cancelled.wait(5), "the server was not told"


def test_cancelling_reaches_the_server(peer):
    call = echo_call(peer.address, "--method", "bidi", "--delay-ms", 3000, "--cancel-ms", 200)
    assert call.code == 1
    assert peer.cancelled.wait(5), "the server was not told"


@pytest.mark.parametrize("method", ["unary", "bidi"])
def test_gzip(grpc, pb, method):
    servicer = Servicer(grpc, pb)
    server, address = start(grpc, servicer, compression=grpc.Compression.Gzip)
    call = echo_call(address, "--encoding", "gzip", "--method", method, "--size", 1000000, "--calls", 2)
    server.stop(0).wait()
    assert call.replies == [(0, 1000000, crc(made_up(1000000)))] * 2


def test_zstd_is_not_sent_to_those_who_do_not_know_it(peer):
    """grpcio would take the packed bytes for the message."""
    call = echo_call(peer.address, "--encoding", "zstd", "--payload", "x" * 1000, "--calls", 3)
    assert call.replies == [(0, 1000, crc(b"x" * 1000))] * 3


def test_the_servers_limit(grpc, pb):
    server, address = start(grpc, Servicer(grpc, pb), options=[("grpc.max_receive_message_length", 1000)])
    call = echo_call(address, "--size", 2000)
    server.stop(0).wait()
    assert call.code == 8


def test_our_limit(peer):
    assert echo_call(peer.address, "--size", 2000, "--max-message", 1000).code == 8
    joined = ["--method", "client-stream", "--messages", 2, "--size", 500]
    assert echo_call(peer.address, *joined, "--max-message", 1003).code == 0
    assert echo_call(peer.address, *joined, "--max-message", 1002).code == 8


def test_unavailable_is_tried_again_when_asked(peer):
    peer.refuse = 2
    assert echo_call(peer.address, "--payload", "x").code == 14
    assert echo_call(peer.address, "--payload", "x", "--retries", 3).code == 0


def test_goaway_moves_calls_to_a_new_connection(grpc, pb):
    """The server gives each connection a fraction of a second; no call may notice."""
    server, address = start(grpc, Servicer(grpc, pb), options=[("grpc.max_connection_age_ms", 200),
                                                               ("grpc.max_connection_age_grace_ms", 2000)])
    call = echo_call(address, "--calls", 400, "--delay-ms", 2, "--payload", "x")
    server.stop(0).wait()
    assert call.statuses == [(0, "")] * 400


def test_nobody_listens():
    with EchoServer() as gone:
        address = gone.address
    call = echo_call(address)
    assert call.code == 14
    assert "connect" in call.statuses[0][1]


# ---- TLS, both roles

def test_tls_against_grpcio(grpc, pb, certificate):
    cert, key, pin = certificate
    credentials = grpc.ssl_server_credentials(((key.read_bytes(), cert.read_bytes()),))
    server, address = start(grpc, Servicer(grpc, pb), credentials=credentials)
    pinned = echo_call(address, "--pin", pin, "--size", 3000000)
    verified = echo_call(address.replace("127.0.0.1", "localhost"), "--ca", cert, "--size", 100)
    wrong = echo_call(address, "--pin", "00" * 32)
    server.stop(0).wait()
    assert pinned.replies == [(0, 3000000, crc(made_up(3000000)))]
    assert (verified.code, wrong.code) == (0, 16)
    assert "not the pinned one" in wrong.statuses[0][1]


def test_grpcio_over_tls_against_ours(grpc, pb, certificate):
    cert, key, _pin = certificate
    with EchoServer("--tls-cert", cert, "--tls-key", key) as server:
        credentials = grpc.ssl_channel_credentials(cert.read_bytes())
        with grpc.secure_channel(f"localhost:{server.port}", credentials, options=LARGE) as channel:
            unary = channel.unary_unary("/hpcc.test.v1.Echo/Unary", pb.EchoRequest.SerializeToString,
                                        pb.EchoReply.FromString)
            payload = made_up(3000000)
            assert unary(pb.EchoRequest(payload=payload), timeout=20).payload == payload


def test_ours_over_tls_with_zstd(certificate):
    cert, key, pin = certificate
    with EchoServer("--tls-cert", cert, "--tls-key", key, "--encoding", "zstd") as server:
        call = echo_call(server.address, "--pin", pin, "--encoding", "zstd", "--size", 8000000, "--method", "bidi",
                         "--messages", 2, "--calls", 2)
        assert call.replies == [(i, 8000000, crc(made_up(8000000))) for i in range(2)] * 2
        assert echo_call(server.address, "--ca", cert, "--payload", "name").code == 0
        assert echo_call(server.address, "--pin", pin[:-1] + ("0" if pin[-1] != "0" else "1")).code == 16
