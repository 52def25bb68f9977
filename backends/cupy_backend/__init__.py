"""The CuPy backend's plugin: CuPy is not imported before the backend is asked for."""

from __future__ import annotations

from plugtorch.spec.hooks import hookimpl


def _make():
    from .backend import CupyBackend

    return CupyBackend()


@hookimpl
def plugtorch_register_backends(register):
    register("cupy", _make, requires=("cupy",), extra="plugtorch[cupy12] (CUDA 12) or plugtorch[cupy13] (CUDA 13)")
