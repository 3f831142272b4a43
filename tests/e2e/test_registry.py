"""hpcc image from registries: a real one (docker-registry) in the clear, with TLS, passwords and tokens; and one that
lies."""

import base64
import http.server
import json
import os
import socket
import subprocess
import threading
import time
import urllib.parse

import pytest
from hpcc import hpcc_bin, require_program
from oci import Entry, Layout, directory, tar

USER, PASSWORD = "builder", "s3cret:word"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def build(source, output, *more, env=None):
    done = subprocess.run([hpcc_bin(), "image", "build-rootfs", source, "-o", str(output), *more], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False,
                          env={"PATH": os.environ["PATH"], "HOME": str(output.parent), **(env or {})})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A certificate for this machine, a small image, and what it has to become."""
    for program in ("docker-registry", "skopeo", "openssl", "htpasswd"):
        require_program(program)
    folder = tmp_path_factory.mktemp("registry")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    layout = Layout(folder / "layout", [tar([directory("./"), Entry("a", b"lower"), Entry("big", os.urandom(3 << 20))]),
                                        tar([Entry("a", b"upper")])])
    assert build(layout.source, folder / "want")[0] == 0
    return folder, layout


class Registry:
    def __init__(self, world, folder, auth="", tls=False):
        self.folder, self.port = folder, free_port()
        self.host = f"localhost:{self.port}"
        self.tls, (made, self.layout) = tls, world
        tls_part = f"\n  tls: {{certificate: {made}/cert.pem, key: {made}/key.pem}}" if tls else ""
        (folder / "config.yml").write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
                                           f"http:\n  addr: 127.0.0.1:{self.port}{tls_part}\n{auth}")
        self.process = subprocess.Popen(["docker-registry", "serve", str(folder / "config.yml")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(folder / "log", "wb"))
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.02)

    def push(self, *more):
        subprocess.run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", *more, self.layout.source,
                        f"docker://{self.host}/team/gcc:12"], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def same(world, output):
    return (world[0] / "want").read_bytes() == output.read_bytes()


def test_an_image_is_built_by_tag_and_by_digest(world, tmp_path):
    with Registry(world, tmp_path) as registry:
        registry.push()
        name = f"{registry.host}/team/gcc"
        rc, out, err = build(f"{name}:12", tmp_path / "image", "--insecure")
        assert rc == 0, err
        assert same(world, tmp_path / "image")
        digest = out.split()[1]
        rc, again, err = build(f"{name}@{digest}", tmp_path / "image2", "--insecure")
        assert rc == 0 and again.split()[1] == digest, err
        assert same(world, tmp_path / "image2")
        for source, words in ((f"{name}:13", "404"), (f"{registry.host}/team/clang", "404"),
                              (f"{name}@sha256:{'0' * 64}", "404")):
            rc, out, err = build(source, tmp_path / "image3", "--insecure")
            assert rc == 1 and words in err and err.count("\n") == 1
        rc, _, err = build(f"{name}:12", tmp_path / "image3", "--timeout", "5")  # TLS with a server that has none
        assert rc == 1 and "hpcc image: https://" in err
    rc, _, err = build(f"{name}:12", tmp_path / "image3", "--insecure")
    assert rc == 1 and "onnect" in err


def test_certificates_and_passwords_count(world, tmp_path):
    passwords = subprocess.run(["htpasswd", "-Bbn", USER, PASSWORD], check=True, stdout=subprocess.PIPE).stdout
    (tmp_path / "htpasswd").write_bytes(passwords)
    with Registry(world, tmp_path, f"auth: {{htpasswd: {{realm: r, path: {tmp_path}/htpasswd}}}}\n", tls=True) as registry:
        registry.push("--dest-creds", f"{USER}:{PASSWORD}")
        source, ca = f"{registry.host}/team/gcc:12", str(world[0] / "cert.pem")

        def auth(password):
            value = base64.b64encode(f"{USER}:{password}".encode()).decode()
            (tmp_path / password).write_text(json.dumps({"auths": {registry.host: {"auth": value}}}))
            return ["--auth-file", str(tmp_path / password)]

        assert build(source, tmp_path / "image", "--ca", ca, *auth(PASSWORD))[0] == 0
        assert same(world, tmp_path / "image")
        os.makedirs(tmp_path / ".docker")  # HOME
        os.rename(tmp_path / PASSWORD, tmp_path / ".docker/config.json")
        assert build(source, tmp_path / "image2", "--ca", ca)[0] == 0
        os.unlink(tmp_path / ".docker/config.json")
        for more, words in ((["--ca", ca], "no credentials for"), (["--ca", ca, *auth("wrong")], "refuses the credentials"),
                            (auth(PASSWORD), "certificate"), (["--ca", ca, "--auth-file", "/no/such"], "No such file")):
            rc, _, err = build(source, tmp_path / "image3", *more)
            assert rc == 1 and words in err, err
            assert PASSWORD not in err
        (tmp_path / "auth.json").write_text("{")
        rc, _, err = build(source, tmp_path / "image3", "--ca", ca, "--auth-file", str(tmp_path / "auth.json"))
        assert rc == 1 and "auth.json: line 1" in err


def jwt(world, claims):
    """Signed by the world's key, with its certificate in the header, as docker-registry wants it."""
    folder = world[0]

    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    pem = (folder / "cert.pem").read_text()
    head = {"alg": "RS256", "typ": "JWT", "x5c": ["".join(pem.splitlines()[1:-1])]}
    text = part(json.dumps(head).encode()) + b"." + part(json.dumps(claims).encode())
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", f"{folder}/key.pem"], input=text, check=True,
                               stdout=subprocess.PIPE).stdout
    return (text + b"." + part(signature)).decode()


class Server:
    """A server whose answers a test decides: answer(handler) for each GET."""

    def __init__(self, answer):
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                try:
                    answer(self)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_):
                pass

            def say(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    if value is not None:
                        self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_tokens_are_asked_for_where_the_registry_says(world, tmp_path):
    allowed = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    valid_s = 60

    def answer(handler):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(handler.path).query)
        if handler.headers.get("Authorization") != f"Basic {allowed}":
            return handler.say(401)
        name, actions = query["scope"][0].split(":")[1:]
        now = int(time.time())
        token = jwt(world, {"iss": "tests", "sub": USER, "aud": query["service"][0], "exp": now + valid_s, "nbf": now - 5, "iat": now,
                            "jti": "1", "access": [{"type": "repository", "name": name, "actions": actions.split(",")}]})
        handler.say(200, json.dumps({"token": token}).encode())

    with Server(answer) as server:
        auth = (f"auth: {{token: {{realm: 'http://{server.host}/token', service: 'a registry & more', issuer: tests, "
                f"rootcertbundle: {world[0]}/cert.pem}}}}\n")
        with Registry(world, tmp_path, auth) as registry:
            registry.push("--dest-creds", f"{USER}:{PASSWORD}")
            (tmp_path / "auth.json").write_text(json.dumps({"auths": {registry.host: {"auth": allowed}}}))
            server.requests.clear()
            source, more = f"{registry.host}/team/gcc:12", ["--insecure", "--auth-file", str(tmp_path / "auth.json")]
            rc, _, err = build(source, tmp_path / "image", *more)
            assert rc == 0, err
            assert same(world, tmp_path / "image")
            assert len(server.requests) == 1  # one token serves manifest and layers
            rc, _, err = build(source, tmp_path / "image2", "--insecure")
            assert rc == 1 and "there are no credentials for this registry" in err


class Liar:
    """Serves the world's image honestly, but for what `lie(handler, kind)` answers: True when it did."""

    def __init__(self, world, lie):
        self.layout = world[1]

        def answer(handler):
            kind = handler.path.split("/")[-2]
            if lie(handler, kind):
                return
            name = handler.path.split("/")[-1]
            digest = self.layout.digest if name == "t" else name
            with open(f"{self.layout.folder}/blobs/sha256/{digest[7:]}", "rb") as f:
                data = f.read()
            first = int(handler.headers.get("Range", "bytes=0-")[6:-1])
            handler.say(206 if first else 200, data[first:])

        self.server = Server(answer)
        self.source = f"{self.server.host}/x:t"

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *args):
        self.server.__exit__(*args)


def expect_refusal(world, tmp_path, lie, words, *more):
    start = time.monotonic()
    with Liar(world, lie) as liar:
        rc, out, err = build(liar.source, tmp_path / "image", "--insecure", "--timeout", "1", *more)
    assert rc == 1 and out == "", err
    assert words in err, err
    assert not [n for n in os.listdir(tmp_path) if n.startswith("image")]
    assert time.monotonic() - start < 30
    return liar.server.requests


def test_a_liar_that_does_not_lie_is_believed(world, tmp_path):
    with Liar(world, lambda handler, kind: False) as liar:
        rc, _, err = build(liar.source, tmp_path / "image", "--insecure")
    assert rc == 0, err
    assert same(world, tmp_path / "image")


def test_a_blob_that_breaks_off_is_gone_on_with(world, tmp_path):
    breaks = []

    def lie(handler, kind):
        if kind != "blobs" or len(breaks) >= 3:
            return False
        first = int(handler.headers.get("Range", "bytes=0-")[6:-1])
        with open(f"{world[1].folder}/blobs/sha256/{handler.path.split('/')[-1][7:]}", "rb") as f:
            data = f.read()[first:]
        if len(data) < 1000:
            return False
        breaks.append(first)
        handler.send_response(206 if first else 200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2])
        handler.close_connection = True
        return True

    with Liar(world, lie) as liar:
        rc, _, err = build(liar.source, tmp_path / "image", "--insecure")
    assert rc == 0, err
    assert len(breaks) == 3 and breaks[0] == 0 < breaks[1] < breaks[2]
    assert same(world, tmp_path / "image")


def on_blobs(answer):
    def lie(handler, kind):
        if kind == "blobs":
            answer(handler)
        return kind == "blobs"
    return lie


def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        handler.wfile.write(bytes(65536))


def drip(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(60):
        handler.wfile.write(b"x")
        time.sleep(0.2)


def ignores_range(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"x" * 50)
    handler.close_connection = True


LIES = {
    "another-content": (on_blobs(lambda h: h.say(200, b"something else")), ""),
    "short": (on_blobs(lambda h: h.say(200, b"")), "instead of"),
    "endless": (on_blobs(endless), ""),
    "error-500": (on_blobs(lambda h: h.say(500)), "answers 500"),
    "error-404": (on_blobs(lambda h: h.say(404)), "answers 404"),
    "redirect-loop": (on_blobs(lambda h: h.say(302, Location=h.path)), "redirect"),
    "redirect-to-file": (on_blobs(lambda h: h.say(302, Location="file:///etc/passwd")), "rotocol"),
    "redirect-to-ftp": (on_blobs(lambda h: h.say(302, Location="ftp://127.0.0.1/x")), "rotocol"),
    "closes-at-once": (on_blobs(lambda h: setattr(h, "close_connection", True)), ""),
    "401-without-a-word": (on_blobs(lambda h: h.say(401)), "without saying what it wants"),
    "401-unknown-scheme": (on_blobs(lambda h: h.say(401, WWW_Authenticate="Negotiate abc")), "not known"),
    "401-token-in-the-dark": (on_blobs(lambda h: h.say(401, WWW_Authenticate='Bearer realm="gopher://x/"')), "without TLS"),
    "401-token-elsewhere": (on_blobs(lambda h: h.say(401, WWW_Authenticate='Bearer realm="http://token.example/"')), "without TLS"),
    "401-token-in-disguise": (on_blobs(lambda h: h.say(401, WWW_Authenticate='Bearer realm="http://localhost:1@token.example/"')),
                              "without TLS"),
    "header-flood": (on_blobs(lambda h: h.say(200, b"", **{f"X-{i}": "y" for i in range(400)})), "header lines"),
    "too-much-manifest": (lambda h, kind: kind == "manifests" and not h.say(200, b" " * (5 << 20)), "more than 4194304"),
    "manifest-is-none": (lambda h, kind: kind == "manifests" and not h.say(200, b"<html>"), "index: "),
    "range-ignored": (on_blobs(ignores_range), "answers 200"),
    "drip": (on_blobs(drip), ""),
}


@pytest.mark.parametrize("case", LIES)
def test_lies_are_refused(world, tmp_path, case):
    lie, words = LIES[case]
    expect_refusal(world, tmp_path, lie, words)


def test_401_for_ever_ends(world, tmp_path):
    def lie(handler, kind):
        if kind == "token":
            handler.say(200, b'{"token": "x"}')
        else:
            handler.say(401, WWW_Authenticate=f'Bearer realm="http://{handler.headers["Host"]}/token/x"')
        return True

    assert len(expect_refusal(world, tmp_path, lie, "credentials are not good")) <= 6


def test_a_token_that_is_a_header_is_refused(world, tmp_path):
    def lie(handler, kind):
        if kind == "token":
            handler.say(200, json.dumps({"token": "x\r\nHost: evil"}).encode())
        else:
            handler.say(401, WWW_Authenticate=f'Bearer realm="http://{handler.headers["Host"]}/token/x"')
        return True

    expect_refusal(world, tmp_path, lie, "has no token")


def test_credentials_do_not_follow_a_redirect(world, tmp_path):
    with Server(lambda handler: handler.say(200, b"elsewhere")) as other:
        host = other.host.replace("127.0.0.1", "localhost")

        def lie(handler, kind):
            if kind == "blobs":
                handler.say(307, Location=f"http://{host}/blob")
            elif handler.headers.get("Authorization"):
                return False
            else:
                handler.say(401, WWW_Authenticate="Basic realm=x")
            return True

        with Liar(world, lie) as liar:
            (tmp_path / "auth.json").write_text(json.dumps({"auths": {liar.server.host: {"auth": base64.b64encode(b"u:p").decode()}}}))
            rc, _, err = build(liar.source, tmp_path / "image", "--insecure", "--auth-file", str(tmp_path / "auth.json"))
    assert rc == 1, err
    assert other.requests and all("Authorization" not in headers for _, headers in other.requests)


@pytest.mark.parametrize("source, words", [
    ("gcc:", "no such tag"), ("UPPER/case", "no such repository"), ("a//b", "no such repository"), ("host.example/", "no such repository"),
    ("gcc@sha256:123", "no sha256:DIGEST"), ("gcc@md5:0", "no sha256:DIGEST"), (".x.example/a", "no such host"),
    ("h.example:port/a", "no such host"), ("[::g]:5000/a", "no such host"), ("x" * 600, "too long"), ("gcc:12:13", "no such repository"),
    ("registry.example/team/gcc --insecure", "no such repository"),
])
def test_references_that_cannot_be_are_told(tmp_path, source, words):
    rc, _, err = build(source, tmp_path / "image")
    assert rc == 1 and words in err and err.count("\n") == 1


def test_without_tls_only_this_machine_is_asked(tmp_path):
    rc, _, err = build("registry.example/team/gcc", tmp_path / "image", "--insecure")
    assert rc == 1 and "only registries on this machine" in err
