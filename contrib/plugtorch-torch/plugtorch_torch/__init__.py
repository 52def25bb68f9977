"""plugtorch on PyTorch's arrays: ``plugtorch.set_backend("torch")``."""

from __future__ import annotations

from plugtorch.spec.hooks import hookimpl


def make():
    """The backend object; PyTorch is imported here, on first use."""
    from .backend import TorchBackend

    return TorchBackend()


@hookimpl
def plugtorch_register_backends(register):
    register("torch", make, requires=("torch",), extra="plugtorch-torch")
