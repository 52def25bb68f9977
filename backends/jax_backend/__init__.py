"""The JAX backend's plugin: nothing of JAX is imported before the backend is asked for."""

from __future__ import annotations

from plugtorch.spec.hooks import hookimpl


def _make():
    from .backend import JaxBackend

    return JaxBackend()


@hookimpl
def plugtorch_register_backends(register):
    register("jax", _make, requires=("jax",), extra="plugtorch[jax]")
