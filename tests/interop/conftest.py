"""gRPC as others speak it against ours: Debian's grpcio, raw HTTP/2 bytes, nghttp2's tools.

    HPCC_BUILD    the build folder (default build/gcc): rpc-echo is taken from its src/cmd
"""

import hashlib
import importlib
import os
import pathlib
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "lib"))

from hpcc import missing  # noqa: E402

BUILD = pathlib.Path(os.environ.get("HPCC_BUILD") or ROOT / "build" / "gcc")
ECHO = BUILD / "src" / "cmd" / "rpc-echo"
START_TIMEOUT_S = 10


@pytest.fixture(scope="session")
def pb(tmp_path_factory):
    """The generated messages of Echo and of the standard services, one module each."""
    out = tmp_path_factory.mktemp("pb")
    for folder, name in (("proto/hpcc/test/v1", "echo.proto"),):
        subprocess.run(["protoc", f"--proto_path={ROOT / folder}", f"--python_out={out}", name], check=True)
    sys.path.insert(0, str(out))
    try:
        return importlib.import_module("echo_pb2")
    except ImportError as e:
        missing("grpcio", str(e))


@pytest.fixture(scope="session")
def grpc():
    try:
        return importlib.import_module("grpc")
    except ImportError as e:
        missing("grpcio", str(e))


class EchoServer:
    """rpc-echo serve, on a port of the kernel's choice unless told where."""

    def __init__(self, *options, listen="127.0.0.1:0"):
        if not ECHO.exists():
            missing("hpcc", f"{ECHO} is not there: run make first")
        self.process = subprocess.Popen([str(ECHO), "serve", "--listen", listen, *map(str, options)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.process.stdout.readline().decode()
        if not line.startswith("listening on port "):
            self.process.kill()
            pytest.fail(f"rpc-echo said {line!r} {self.process.stderr.read()!r}")
        self.port = int(line.split()[-1])
        self.address = f"127.0.0.1:{self.port}"
        self.log = b""

    def rss_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        """Drains, and must end with 0. Returns what it logged."""
        self.process.send_signal(signal.SIGTERM)
        try:
            _, self.log = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail("rpc-echo does not end")
        assert self.process.returncode == 0, self.log
        return self.log.decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.alive() and kind is None:
            self.stop()
        else:
            self.process.kill()
            if self.process.wait() != 0 and kind is None:
                pytest.fail(f"rpc-echo ended with {self.process.returncode}: {self.process.stderr.read()!r}")


@pytest.fixture(scope="module")
def server():
    with EchoServer() as running:
        yield running


class Call:
    """What `rpc-echo call` printed."""

    def __init__(self, done):
        self.rc = done.returncode
        self.err = done.stderr.decode(errors="replace")
        self.replies, self.initial, self.trailing, self.statuses = [], {}, {}, []
        for line in done.stdout.decode().splitlines():
            what, _, rest = line.partition(" ")
            if what == "reply":
                index, size, crc = rest.split()
                self.replies.append((int(index), int(size), crc))
            elif what in ("initial", "trailing"):
                name, _, value = rest.partition("=")
                getattr(self, what)[name] = value
            else:
                assert what == "status", line
                code, _, text = rest.partition(" ")
                self.statuses.append((int(code), text))

    @property
    def code(self):
        assert len(self.statuses) == 1, self.statuses
        return self.statuses[0][0]


def echo_call(address, *options, timeout_s=30):
    done = subprocess.run([str(ECHO), "call", address, *map(str, options)], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=timeout_s)
    assert done.returncode in (0, 1), done
    return Call(done)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-signed certificate for localhost: (certificate file, key file, pin)."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "x509", "-in", cert, "-outform", "DER"], check=True, capture_output=True).stdout
    return cert, key, hashlib.sha256(der).hexdigest()
