"""Peers that break the rules, each against a server of its own kind of patience. Each must be cut off in bounded time and
memory, the deliberate ones leave a security event, and whoever behaves is served meanwhile and afterwards."""

import gzip
import hashlib
import select
import socket
import ssl
import struct
import time

import pytest
from conftest import BUILD, EchoServer, echo_call
from h2raw import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, PRIORITY, RST_STREAM,
                   SETTINGS, WINDOW_UPDATE, Peer, frame, literal, message, request, settings)

NOISE = b"".join(hashlib.sha256(bytes((i & 255, i >> 8))).digest() for i in range(512))
MEMORY_SLACK_KIB = 24 * 1024  # what a connection's own buffers and the allocator may keep
if BUILD.name in ("asan", "tsan"):
    MEMORY_SLACK_KIB *= 20  # a sanitizer keeps what was freed


class Watched(EchoServer):
    """Looks at memory before and after, serves a good client at the end, and knows the log."""

    def __enter__(self):
        assert echo_call(self.address, "--size", 100000).code == 0
        self.before = self.rss_kib()
        return self

    def __exit__(self, kind, value, trace):
        if kind is None and not self.log:
            assert self.alive()
            assert echo_call(self.address, "--payload", "still here").code == 0
            grown = self.rss_kib() - self.before
            assert grown < MEMORY_SLACK_KIB, f"{grown} KiB more"
        super().__exit__(kind, value, trace)

    def events(self):
        """Ends the server; how many security events it has logged."""
        assert echo_call(self.address, "--payload", "still here").code == 0
        self.stop()
        return self.log.decode().count("security event")


def flood(peer, piece, total=20 << 20):
    """Sends the piece over and over, reading nothing, until the server has closed."""
    block = piece * (65536 // len(piece) + 1)
    sent = 0
    deadline = time.monotonic() + 20
    peer.sock.settimeout(5)
    while sent < total and time.monotonic() < deadline:
        # Without reading, our own buffers may fill first: what arrives is thrown away.
        while select.select([peer.sock], [], [], 0)[0]:
            try:
                if not peer.sock.recv(65536):
                    return True
            except OSError:
                return True
        try:
            peer.sock.sendall(block)
        except (OSError, socket.timeout):
            return True
        sent += len(block)
    return False


FLOODS = {
    "ping": frame(PING, payload=b"12345678"),
    "ping answers": frame(PING, ACK, payload=b"12345678"),
    "settings": settings(window=65535),
    "priority": frame(PRIORITY, stream=1, payload=struct.pack(">IB", 0, 15)),
    "window updates": frame(WINDOW_UPDATE, payload=struct.pack(">I", 1)),
    "unknown frames": frame(0xbe, payload=b""),
    "unknown frames with content": frame(0xbe, payload=b"x" * 1000),
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_on_the_connection(name):
    with Watched() as server:
        with Peer(server.port) as peer:
            assert flood(peer, FLOODS[name])
        assert echo_call(server.address, "--payload", "x").code == 0
        assert server.rss_kib() - server.before < MEMORY_SLACK_KIB
        assert server.events() >= 1


@pytest.mark.parametrize("piece", ["empty data", "padding"])
def test_floods_on_a_stream(piece):
    data = {"empty data": frame(DATA, stream=1), "padding": frame(DATA, 8, 1, b"\xff" + bytes(255))}[piece]
    with Watched() as server:
        with Peer(server.port) as peer:
            peer.send(frame(HEADERS, END_HEADERS, 1, request(b"/hpcc.test.v1.Echo/Bidi")))
            assert flood(peer, data)
        assert server.rss_kib() - server.before < MEMORY_SLACK_KIB
        assert piece == "padding" or server.events() >= 1


def test_rapid_reset():
    """Each call is cancelled in the packet that starts it."""
    with Watched() as server:
        with Peer(server.port) as peer:
            block = request()
            deadline = time.monotonic() + 20
            stream = 1
            while not peer.closed and time.monotonic() < deadline:
                data = b""
                for _ in range(50):
                    data += frame(HEADERS, END_HEADERS, stream, block) + \
                        frame(DATA, 0, stream, message()) + frame(RST_STREAM, stream=stream, payload=struct.pack(">I", 8))
                    stream += 2
                peer.send(data)
                peer.read(0)
            assert peer.closed
            assert stream < 60000
        assert server.events() >= 1


def test_handlers_that_run_on_after_a_reset_still_count():
    """128 calls that take a second each; resetting them makes no room for more."""
    with Watched("--streams", 4, "--handlers", 16) as server, Peer(server.port) as peer:
        body = message(b"\x18\xe8\x07" + b"\x0a\x01x")  # delay_ms 1000, payload x
        for stream in range(1, 9, 2):
            peer.send(frame(HEADERS, END_HEADERS, stream, request()) + frame(DATA, END_STREAM, stream, body))
        peer.send(frame(HEADERS, END_HEADERS, 9, request()) + frame(DATA, END_STREAM, 9, body))
        assert peer.reset(9) == 7  # REFUSED_STREAM


def test_continuation_flood():
    with Watched() as server:
        with Peer(server.port) as peer:
            peer.send(frame(HEADERS, 0, 1, request()))
            assert flood(peer, frame(CONTINUATION, 0, 1, literal(b"a", b"b" * 100)))
        assert server.rss_kib() - server.before < MEMORY_SLACK_KIB


def test_header_bomb():
    """One entry in the table, then thousands of one-byte references to it."""
    with Watched() as server:
        with Peer(server.port) as peer:
            block = request() + literal(b"bomb", b"x" * 3900, index=0x40) + b"\xbe" * 16000
            for at in range(0, len(block), 16000):
                part = block[at:at + 16000]
                last = END_HEADERS if at + 16000 >= len(block) else 0
                peer.send(frame(CONTINUATION if at else HEADERS, last, 1, part))
            assert peer.read_to_end()
        assert server.events() >= 1


def test_metadata_at_and_beyond_the_limit():
    with Watched() as server, Peer(server.port) as peer:
        fits = [(b"k%d" % i, b"v" * 1000) for i in range(15)]
        peer.send(frame(HEADERS, END_HEADERS, 1, request(more=fits)[:16384]) +
                  frame(DATA, END_STREAM, 1, message()))
        assert peer.read(5, lambda f: f[2] == 1 and f[0] == DATA)
        more = [(b"k%d" % i, b"v" * 500) for i in range(40)]
        block = request(more=more)
        peer.send(frame(HEADERS, 0, 3, block[:16000]) + frame(CONTINUATION, END_HEADERS, 3, block[16000:]))
        assert peer.trailers(3)[b"grpc-message"] == b"too much metadata"


def test_a_peer_that_opens_no_window():
    """It asks for much and takes nothing: the call ends, and the handler is free."""
    with Watched("--stall-ms", 400, "--handlers", 1) as server, Peer(server.port, PREFACE + settings(window=0)) as peer:
        body = message(b"\x0a\xe8\x07" + b"y" * 1000 + b"\x10\xe8\x07")  # 1000 bytes, 1000 times
        peer.send(frame(HEADERS, END_HEADERS, 1, request(b"/hpcc.test.v1.Echo/ServerStream")) +
                  frame(DATA, END_STREAM, 1, body))
        assert peer.reset(1) == 8
        assert echo_call(server.address, "--payload", "x", "--deadline", 5000).code == 0


def test_a_peer_that_reads_nothing():
    """The windows are wide open, but nobody takes the bytes from the socket."""
    with Watched("--stall-ms", 500, "--handlers", 1) as server:
        with Peer(server.port, PREFACE + settings(window=0x7fffffff)) as peer:
            peer.send(frame(WINDOW_UPDATE, payload=struct.pack(">I", 0x7fffffff - 65535)))
            body = message(b"\x0a\xa0\x8d\x06" + b"y" * 100000 + b"\x10\xff\xff\x03")  # 100,000 bytes, 65,535 times
            for at in range(0, len(body), 16000):
                last = END_STREAM if at + 16000 >= len(body) else 0
                if at == 0:
                    peer.send(frame(HEADERS, END_HEADERS, 1, request(b"/hpcc.test.v1.Echo/ServerStream")))
                peer.send(frame(DATA, last, 1, body[at:at + 16000]))
            assert echo_call(server.address, "--payload", "x", "--deadline", 15000).code == 0


def test_data_beyond_the_window():
    with Watched() as server, Peer(server.port) as peer:
        peer.send(frame(HEADERS, END_HEADERS, 1, request(b"/hpcc.test.v1.Echo/Bidi")))
        big = message(bytes(5 << 20))  # not valid protobuf, and nobody asked for more than a window
        peer.sock.settimeout(5)
        for at in range(0, len(big), 16000):
            if not peer.send(frame(DATA, 0, 1, big[at:at + 16000])):
                break
        assert peer.read(5, lambda f: f[0] == GOAWAY or (f[2] == 1 and f[0] in (RST_STREAM, HEADERS)))


def test_windows_that_overflow():
    with Watched() as server, Peer(server.port) as peer:
        peer.send(frame(WINDOW_UPDATE, payload=struct.pack(">I", 0x7fffffff)) * 2)
        assert peer.read(5, lambda f: f[0] == GOAWAY)[3][4:8] == struct.pack(">I", 3)  # FLOW_CONTROL_ERROR
        assert peer.read_to_end()


# ---- Time

def test_a_peer_that_never_speaks():
    with Watched("--handshake-ms", 300) as server, Peer(server.port, b"") as peer:
        start = time.monotonic()
        assert peer.read_to_end(5)
        assert time.monotonic() - start < 3


def test_a_preface_byte_by_byte():
    with Watched("--handshake-ms", 500) as server, Peer(server.port, b"") as peer:
        start = time.monotonic()
        for byte in PREFACE + settings():
            if not peer.send(bytes((byte,))) or peer.read(0.05) or peer.closed:
                break
        assert peer.read_to_end(5)
        assert time.monotonic() - start < 3


def test_a_message_that_stops_in_the_middle():
    with Watched("--stall-ms", 300, "--handlers", 1) as server, Peer(server.port) as peer:
        peer.send(frame(HEADERS, END_HEADERS, 1, request()) + frame(DATA, 0, 1, message(b"half", length=8)))
        assert peer.trailers(1)[b"grpc-status"] == b"14"


def test_a_peer_that_answers_no_ping():
    with Watched("--keepalive-ms", 200) as server, Peer(server.port) as peer:
        start = time.monotonic()
        assert peer.read_to_end(5)
        assert any(f[0] == PING for f in peer.frames)
        assert time.monotonic() - start < 3


def test_a_header_block_that_never_ends():
    with Watched("--keepalive-ms", 200) as server, Peer(server.port) as peer:
        peer.send(frame(HEADERS, 0, 1, request()))
        assert peer.read_to_end(5)


def test_idle_connections_are_closed_when_asked():
    with Watched("--idle-ms", 200) as server, Peer(server.port) as peer:
        assert peer.read_to_end(5)
        assert any(f[0] == GOAWAY for f in peer.frames)


# ---- Lies

@pytest.mark.parametrize("body, text", [
    (message(b"abc", length=10), b"within a message"),
    (b"\x00\x00", b"within a message"),
    (b"", b"no request"),
    (message(b"", flags=2), b"unknown flags"),
    (message(b"xyz", flags=1), b"without grpc-encoding"),
    (message(b"", length=0xffffffff), b"at most"),
    (message(b"\x0a\xff\xff\xff\xff\x0f"), b"malformed message"),
], ids=["short", "short prefix", "empty", "flags", "packed", "long", "protobuf"])
def test_bodies_that_lie(server, body, text):
    with Peer(server.port) as peer:
        peer.send(frame(HEADERS, END_HEADERS, 1, request()) + frame(DATA, END_STREAM, 1, body))
        assert text in peer.trailers(1)[b"grpc-message"]


@pytest.mark.parametrize("more, status", [
    ([(b"grpc-timeout", b"1")], b"13"), ([(b"grpc-timeout", b"123456789S")], b"13"), ([(b"grpc-timeout", b"-1S")], b"13"),
    ([(b"grpc-timeout", b"1x")], b"13"), ([(b"x-bin", b"*")], b"13"), ([(b"grpc-encoding", b"br")], b"12"),
    ([(b"grpc-encoding", b"g" * 300)], b"12"),
], ids=["no unit", "nine digits", "negative", "unit", "base64", "encoding", "long encoding"])
def test_headers_that_lie(server, more, status):
    with Peer(server.port) as peer:
        peer.send(frame(HEADERS, END_HEADERS, 1, request(more=more)))
        assert peer.trailers(1)[b"grpc-status"] == status


@pytest.mark.parametrize("kwargs, status", [({"method": b"GET"}, b"405"), ({"content_type": b"text/plain"}, b"415"),
                                            ({"content_type": b"application/grpcx"}, b"415")],
                         ids=["method", "type", "longer type"])
def test_requests_that_are_no_calls(server, kwargs, status):
    with Peer(server.port) as peer:
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, request(**kwargs)))
        assert peer.trailers(1)[b":status"] == status


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_compressed_bomb(encoding):
    """Kilobytes that unpack to 64 MiB, four times what is allowed."""
    if encoding == "gzip":
        packed = gzip.compress(bytes(64 << 20), 6)
    else:
        # A frame with a window of 128 KiB and 512 blocks that each repeat one byte 128 Ki times (RFC 8878, 3.1.1).
        blocks = [(128 << 10) << 3 | 1 << 1 | (i == 511) for i in range(512)]
        packed = b"\x28\xb5\x2f\xfd\x00\x38" + b"".join(b.to_bytes(3, "little") + b"\0" for b in blocks)
    with Watched() as server, Peer(server.port) as peer:
        peer.send(frame(HEADERS, END_HEADERS, 1, request(more=[(b"grpc-encoding", encoding.encode())])))
        body = message(packed, flags=1)
        start = time.monotonic()
        for at in range(0, len(body), 16384):
            assert peer.send(frame(DATA, END_STREAM if at + 16384 >= len(body) else 0, 1, body[at:at + 16384]))
        assert b"come out" in peer.trailers(1)[b"grpc-message"]
        assert time.monotonic() - start < 5


# ---- What is not HTTP/2

@pytest.mark.parametrize("hello", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", NOISE[:4096], b"\x16\x03\x01" + bytes(500),
                                   PREFACE[:-1] + b"x" + settings()], ids=["http1", "noise", "tls", "almost"])
def test_garbage_instead_of_http2(hello):
    with Watched() as server:
        with Peer(server.port, hello) as peer:
            assert peer.read_to_end(5)
        assert server.events() == 1


def tls_context(alpn):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class TestTls:
    @pytest.fixture()
    def secure(self, certificate):
        cert, key, self.pin = certificate
        with EchoServer("--tls-cert", cert, "--tls-key", key, "--handshake-ms", 500) as server:
            yield server
            assert echo_call(server.address, "--pin", self.pin, "--payload", "x").code == 0

    @pytest.mark.parametrize("hello", [PREFACE + settings(), NOISE[:2000], b"\x16\x03\x01\x40\x00" + NOISE],
                             ids=["plain", "noise", "noise in a record"])
    def test_garbage(self, secure, hello):
        with Peer(secure.port, hello) as peer:
            assert peer.read_to_end(5)

    def test_silence(self, secure):
        with Peer(secure.port, b"\x16\x03\x01") as peer:
            assert peer.read_to_end(5)

    def test_another_protocol(self, secure):
        with pytest.raises(ssl.SSLError):
            Peer(secure.port, wrap=tls_context(["http/1.1"]).wrap_socket)

    def test_no_protocol(self, secure):
        with Peer(secure.port, wrap=tls_context(None).wrap_socket) as peer:
            assert peer.read_to_end(5)

    def test_an_older_tls(self, secure):
        context = tls_context(["h2"])
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            Peer(secure.port, wrap=context.wrap_socket)

    def test_h2_over_tls_by_hand(self, secure):
        with Peer(secure.port, wrap=tls_context(["h2"]).wrap_socket) as peer:
            peer.send(frame(HEADERS, END_HEADERS, 1, request()) + frame(DATA, END_STREAM, 1, message()))
            assert peer.trailers(1)


# ---- Early ends

def test_closing_at_every_byte_of_an_exchange(server):
    exchange = (PREFACE + settings() + frame(HEADERS, END_HEADERS, 1, request(b"/hpcc.test.v1.Echo/Bidi")) +
                frame(DATA, 0, 1, message(b"\x0a\x03abc")) + frame(SETTINGS, ACK) +
                frame(DATA, END_STREAM, 1, message(b"\x0a\x03def")))
    for end in range(len(exchange) + 1):
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(exchange[:end])
            if end % 2:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset instead
    assert server.alive()
    assert echo_call(server.address, "--payload", "after").code == 0


def test_every_bit_flip_of_an_exchange(server):
    exchange = (settings() + frame(HEADERS, END_HEADERS, 1, request()) + frame(DATA, END_STREAM, 1, message(b"\x0a\x03abc")))
    for at in range(len(exchange)):
        damaged = bytearray(exchange)
        damaged[at] ^= 1 << at % 8
        with socket.create_connection(("127.0.0.1", server.port)) as sock:
            sock.sendall(PREFACE + damaged)
    assert server.alive()
    assert echo_call(server.address, "--payload", "after").code == 0
