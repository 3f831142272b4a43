"""Sources of real projects, from Debian's archive: downloaded once, unpacked below build/bench/src.

`apt-get source` needs a deb-src line, which machines rarely have. We write one into a private sources file, with the
mirror that the machine itself uses, and leave the machine's own lists alone. Only the upstream tarball is unpacked:
no patches, so dpkg-source and the packages' build dependencies are not needed.
"""

import os
import re
import shutil
from pathlib import Path

from . import work

SRC = work.WORK / "src"
APT = work.WORK / "apt"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def mirror():
    """(URL, suite) of the main archive, as `apt-cache policy` knows it."""
    policy = work.run(["apt-cache", "policy"])
    for url, suite in re.findall(r"^\s+\d+ (https?://\S+) (\S+)/main ", policy, re.M):
        if "security" not in url and "-" not in suite:
            return url, suite
    raise work.Unavailable("apt knows no mirror of Debian's main archive")


def apt(*args, cwd=None):
    options = [f"-oDir::Etc::sourcelist={APT}/sources.list", "-oDir::Etc::sourceparts=/dev/null",
               f"-oDir::State::Lists={APT}/lists"]
    if os.geteuid() == 0:
        options.append("-oAPT::Sandbox::User=root")  # its own user may not write into our folders
    return work.run(["apt-get", *options, "-qq", *args], cwd=cwd)


def download(package):
    """The upstream tarball of a source package."""
    def present():
        found = sorted(SRC.glob(f"{package}_*.orig.tar.*"))
        return [p for p in found if not p.name.endswith(".asc")]

    if not present():
        work.say(f"downloading the source of {package}")
        (APT / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        SRC.mkdir(parents=True, exist_ok=True)
        url, suite = mirror()
        signed = f"[signed-by={KEYRING}] " if os.path.exists(KEYRING) else ""
        (APT / "sources.list").write_text(f"deb-src {signed}{url} {suite} main\n")
        try:
            if not any((APT / "lists").glob("*Sources*")):
                apt("update")
            apt("source", "--download-only", package, cwd=SRC)
        except work.Failed as failure:
            raise work.Unavailable(f"cannot download the source of {package}: {failure}") from None
    if not present():
        raise work.Unavailable(f"the source package {package} has no upstream tarball")
    return present()[-1]


def unpack(package, exclude=()):
    """The source tree of a package. Returns (folder, version)."""
    tarball = download(package)
    version = re.match(r"[^_]+_(.+)\.orig\.tar\.", tarball.name).group(1)
    folder = SRC / f"{package}-{version}"
    if not folder.exists():
        work.say(f"unpacking {package} {version}")
        part = Path(f"{folder}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        work.run(["tar", "-C", part, "--strip-components=1", "--no-same-owner",
                  *(f"--exclude={e}" for e in exclude), "-xf", tarball])
        part.rename(folder)
    return folder, version
