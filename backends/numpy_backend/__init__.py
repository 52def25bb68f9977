"""The NumPy backend: the embedded default, and the plugin that offers it."""

from __future__ import annotations

from plugtorch.spec.hooks import hookimpl


def _make():
    from .backend import NumpyBackend
    from .memory import keep_memory

    keep_memory()
    return NumpyBackend()


@hookimpl
def plugtorch_register_backends(register):
    register("numpy", _make, requires=("numpy",), extra="numpy")
