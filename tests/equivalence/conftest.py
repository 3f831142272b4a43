"""Which of the combinations run in a test run of minutes; HPCC_SOAK=1 runs them all."""

from hpcc import SOAK


def pytest_collection_modifyitems(config, items):
    """Without a daemon the same code answers: of the mutations, gcc alone goes both ways, clang by way of the daemon."""

    def left_out(item):
        params = getattr(getattr(item, "callspec", None), "params", {})
        return not SOAK and params.get("cache") == "local" and params.get("project") == "clang"

    config.hook.pytest_deselected(items=[item for item in items if left_out(item)])
    items[:] = [item for item in items if not left_out(item)]
