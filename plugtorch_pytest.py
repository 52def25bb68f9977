"""pytest's way to the conformance suite: loads its options when it is asked for, and costs nothing otherwise.

(A module outside the package, so that a pytest run that has nothing to do with plugtorch does not import it.)
"""

from __future__ import annotations

import pytest

SUITE = "plugtorch.conformance"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config, parser, args):
    # pytest would rewrite every assert in a distribution that has a plugin; the library is no test.
    hook = getattr(early_config.pluginmanager, "rewrite_hook", None)
    marked = getattr(hook, "_must_rewrite", None)
    if isinstance(marked, set):
        marked -= {name for name in marked if name.partition(".")[0].startswith("plugtorch") and name != __name__}
        getattr(hook, "_marked_for_rewrite_cache", {}).clear()
    if any(SUITE in str(a).replace("/", ".").replace("\\", ".") for a in args):
        early_config.pluginmanager.import_plugin(f"{SUITE}.pytest_plugin")
