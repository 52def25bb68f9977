"""plugtorch on minimal: ``plugtorch.set_backend("minimal")``."""

from __future__ import annotations

from plugtorch.spec.hooks import hookimpl


def make():
    """The backend object; the array library is imported here, on first use."""
    from .backend import MinimalBackend

    return MinimalBackend()


@hookimpl
def plugtorch_register_backends(register):
    register("minimal", make, requires=("numpy",), extra="plugtorch-minimal")
