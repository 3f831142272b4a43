"""Makes OCI image layouts by hand: layers as lists of entries, good and hostile ones."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile


class Entry:
    """One entry of a layer. kind: a tarfile type; content: of files."""

    def __init__(self, name, content=None, kind=tarfile.REGTYPE, target="", mode=0o644, uid=0, gid=0, mtime=1000000000,
                 pax=None):
        self.info = tarfile.TarInfo(name)
        self.info.type, self.info.linkname, self.info.mode = kind, target, mode
        self.info.uid, self.info.gid, self.info.mtime = uid, gid, mtime
        self.info.devmajor, self.info.devminor = 1, 3
        if pax:
            self.info.pax_headers = pax
        self.content = content
        if content is not None:
            self.info.size = len(content)


def directory(name, **more):
    return Entry(name, kind=tarfile.DIRTYPE, **{"mode": 0o755, **more})


def symlink(name, target, **more):
    return Entry(name, kind=tarfile.SYMTYPE, target=target, **{"mode": 0o777, **more})


def hardlink(name, target, **more):
    return Entry(name, kind=tarfile.LNKTYPE, target=target, **more)


def whiteout(name):
    folder, base = os.path.split(name)
    return Entry(os.path.join(folder, ".wh." + base), b"")


def opaque(folder):
    return Entry(os.path.join(folder, ".wh..wh..opq"), b"")


def tar(entries, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for entry in entries:
            archive.addfile(entry.info, io.BytesIO(entry.content) if entry.content is not None else None)
    return out.getvalue()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


class Layout:
    """An image layout folder with one image, tag "t". Layers are the bytes of tar archives, lowest first."""

    def __init__(self, folder, layers, pack="gzip"):
        self.folder = str(folder)
        os.makedirs(f"{folder}/blobs/sha256")
        self.layers = []
        diffs = []
        for data in layers:
            diffs.append("sha256:" + hashlib.sha256(data).hexdigest())
            packed = {"gzip": lambda d: gzip.compress(d, 1, mtime=0), "zstd": zstd, "": bytes}[pack](data)
            self.layers.append(self.blob(packed, "application/vnd.oci.image.layer.v1.tar" + (pack and "+" + pack)))
        config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diffs}}
        self.manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                         "config": self.blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
                         "layers": self.layers}
        self.write("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        self.publish()

    def write(self, name, data):
        with open(f"{self.folder}/{name}", "wb") as f:
            f.write(data)

    def blob(self, data, media):
        digest = hashlib.sha256(data).hexdigest()
        self.write(f"blobs/sha256/{digest}", data)
        return {"mediaType": media, "digest": "sha256:" + digest, "size": len(data)}

    def publish(self, manifest=None):
        """Writes the index; `manifest` are other bytes than those of self.manifest."""
        desc = self.blob(json.dumps(self.manifest).encode() if manifest is None else manifest,
                         "application/vnd.oci.image.manifest.v1+json")
        desc["annotations"] = {"org.opencontainers.image.ref.name": "t"}
        self.digest = desc["digest"]
        self.write("index.json", json.dumps({"schemaVersion": 2, "manifests": [desc]}).encode())

    @property
    def source(self):
        return f"oci:{self.folder}:t"
