"""HTTP/2 by hand, for peers that break its rules: frames as bytes, headers as literals that touch no table."""

import ctypes
import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def literal(name, value, index=0x00):
    def text(b):
        assert len(b) < 16384 + 127
        if len(b) < 127:
            return bytes((len(b),)) + b
        rest = len(b) - 127
        out = b"\x7f"
        while rest >= 128:
            out += bytes((rest & 127 | 128,))
            rest >>= 7
        return out + bytes((rest,)) + b
    return bytes((index,)) + text(name) + text(value)


def request(path=b"/hpcc.test.v1.Echo/Unary", more=(), method=b"POST", content_type=b"application/grpc"):
    fields = [(b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"test"),
              (b"te", b"trailers"), (b"content-type", content_type), *more]
    return b"".join(literal(n, v) for n, v in fields)


def settings(**values):
    ids = {"table": 1, "push": 2, "streams": 3, "window": 4, "frame": 5, "headers": 6}
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", ids[k], v) for k, v in values.items()))


def message(data=b"", flags=0, length=None):
    return bytes((flags,)) + struct.pack(">I", len(data) if length is None else length) + data


class Headers:
    """Unpacks the other side's header blocks, with nghttp2's own HPACK."""

    class Pair(ctypes.Structure):
        _fields_ = [("name", ctypes.POINTER(ctypes.c_char)), ("value", ctypes.POINTER(ctypes.c_char)),
                    ("name_len", ctypes.c_size_t), ("value_len", ctypes.c_size_t), ("flags", ctypes.c_uint8)]

    def __init__(self):
        self.lib = ctypes.CDLL("libnghttp2.so.14")
        self.lib.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self.state = ctypes.c_void_p()
        assert self.lib.nghttp2_hd_inflate_new(ctypes.byref(self.state)) == 0

    def unpack(self, block):
        out = {}
        while True:
            pair, flags = self.Pair(), ctypes.c_int()
            used = self.lib.nghttp2_hd_inflate_hd2(self.state, ctypes.byref(pair), ctypes.byref(flags), block,
                                                   ctypes.c_size_t(len(block)), 1)
            assert used >= 0, used
            block = block[used:]
            if flags.value & 2:
                out[pair.name[:pair.name_len]] = pair.value[:pair.value_len]
            if flags.value & 1 or (not used and not flags.value & 2):
                self.lib.nghttp2_hd_inflate_end_headers(self.state)
                return out


class Peer:
    """A client's end of a connection. Everything received is kept as (kind, flags, stream, payload)."""

    def __init__(self, port, hello=None, wrap=None):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        if wrap:
            self.sock = wrap(self.sock)
        self.rest = b""
        self.frames = []
        self.closed = False
        self.headers = Headers()
        self.blocks = {}  # stream → the last header block
        self.send(PREFACE + settings() if hello is None else hello)

    def send(self, data):
        """false: the other side has gone."""
        try:
            self.sock.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True
            return False

    def read(self, timeout_s=5, until=None):
        """The first frame with until(frame), of those that came before too; None at the end or after the time."""
        for got in self.frames:
            if until and until(got):
                return got
        deadline = time.monotonic() + timeout_s
        while True:
            while len(self.rest) >= 9:
                size = int.from_bytes(self.rest[:3], "big")
                if len(self.rest) < 9 + size:
                    break
                got = (self.rest[3], self.rest[4], int.from_bytes(self.rest[5:9], "big") & 0x7fffffff,
                       self.rest[9:9 + size])
                self.rest = self.rest[9 + size:]
                self.frames.append(got)
                if got[0] == HEADERS:
                    self.blocks[got[2]] = self.headers.unpack(got[3])
                if got[0] == SETTINGS and not got[1] & ACK:
                    self.send(frame(SETTINGS, ACK))
                if until and until(got):
                    return got
            left = deadline - time.monotonic()
            if left <= 0 or self.closed:
                return None
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except socket.timeout:
                return None
            except (ConnectionResetError, OSError):
                data = b""
            if not data:
                self.closed = True
            self.rest += data

    def read_to_end(self, timeout_s=10):
        """true: the other side has closed in time."""
        self.read(timeout_s, lambda got: False)
        return self.closed

    def trailers(self, stream=1, timeout_s=5):
        """The headers that end the stream, as a dict."""
        got = self.read(timeout_s, lambda f: f[2] == stream and f[0] == HEADERS and f[1] & END_STREAM)
        return got and self.blocks[stream]

    def reset(self, stream=1, timeout_s=5):
        got = self.read(timeout_s, lambda f: f[2] == stream and f[0] == RST_STREAM)
        return got and int.from_bytes(got[3], "big")

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
