"""Every test runs on every backend that ``PLUGTORCH_TEST_BACKENDS`` names (default: numpy).

A backend that is named and cannot be loaded fails the run: it is never skipped. Tests that do not depend on a
backend are marked ``one_backend`` and run on the default one alone.
"""

from __future__ import annotations

import os

import pytest

import plugtorch
from plugtorch.spec import registry

BACKENDS = [n for n in os.environ.get("PLUGTORCH_TEST_BACKENDS", "numpy").split(",") if n]


def _absent(name):
    """Why a backend's device is not there, or None."""
    try:
        plugtorch.spec.load_backend(name)
    except plugtorch.BackendUnavailable as error:
        return str(error)
    return None


def pytest_configure(config):
    if os.environ.get("PLUGTORCH_TEST_ABSENT_IS_FINE") and BACKENDS == ["cupy"]:
        reason = _absent("cupy")
        if reason:
            pytest.exit(f"cupy is absent here, nothing was tested: {reason}", returncode=0)
    config.addinivalue_line("markers", "one_backend: the test does not depend on the backend and runs on the default one")


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        once = metafunc.definition.get_closest_marker("one_backend")
        metafunc.parametrize("backend", ["numpy"] if once else BACKENDS, indirect=True)


@pytest.fixture(autouse=True)
def backend(request):
    """The backend on which the test's tensors are made; the seed and the defaults are put back."""
    name = getattr(request, "param", BACKENDS[0])
    before = plugtorch.get_backend()
    plugtorch.set_backend(name)
    plugtorch.manual_seed(0)
    yield name
    plugtorch.set_backend(before)
    plugtorch.set_default_dtype(plugtorch.float32)


@pytest.fixture
def plugins():
    """Registers plugin objects for one test and forgets them after it."""
    held = (registry._offers, registry._loaded, registry._causes, registry._replaced)
    before = [dict(v) for v in held]
    added = []

    def add(plugin, name):
        added.append(plugin)
        registry.register_plugin(plugin, name)

    yield add
    for plugin in added:
        if registry._manager().is_registered(plugin):
            registry._manager().unregister(plugin)
    for now, then in zip(held, before, strict=True):
        now.clear()
        now.update(then)
