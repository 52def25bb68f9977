"""pytest's way to the conformance suite: loads its options when it is asked for, and costs nothing otherwise.

(A module outside the package, so that a pytest run that has nothing to do with plugtorch does not import it.)
"""

from __future__ import annotations

import pytest

SUITE = "plugtorch.conformance"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config, parser, args):
    if any(SUITE in str(a).replace("/", ".").replace("\\", ".") for a in args):
        early_config.pluginmanager.import_plugin(f"{SUITE}.pytest_plugin")
