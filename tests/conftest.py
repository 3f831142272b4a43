"""Makes tests/lib importable for every Python test, and watches over what no test may touch."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/tty")


def devices():
    found = {}
    for path in DEVICES:
        try:
            st = os.lstat(path)
            found[path] = (st.st_mode, st.st_rdev, st.st_ino, os.readlink(path) if os.path.islink(path) else None)
        except FileNotFoundError:
            found[path] = None
    return found


@pytest.fixture(scope="session", autouse=True)
def the_machines_devices_stay_as_they_are():
    """Tests run as root on machines that other things run on. A compiler told `-o /dev/stdout` replaces that link by its
    object (GNU as unlinks links first), and whatever runs there later breaks in strange ways."""
    before = devices()
    yield
    assert devices() == before, "a test has replaced a device"

