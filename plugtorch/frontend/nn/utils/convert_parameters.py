"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from plugtorch.frontend import functions as fn
from plugtorch.frontend.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def _check_device(param: Tensor, device: object) -> object:
    """The device all parameters share; TypeError if ``param`` is on another."""
    if device is not None and param.device != device:
        raise TypeError(
            "Found two parameters on different devices, this is currently not supported. "
            f"Move them to one device first: {device} and {param.device}."
        )
    return param.device


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements one after another, ``(total,)``.

    Raises:
        TypeError: if the parameters are on different devices.
    """
    device = None
    flat = []
    for param in parameters:
        device = _check_device(param, device)
        flat.append(param.reshape(-1))
    return fn.cat(flat)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Make each parameter's data its slice of ``vec``.

    Raises:
        TypeError: if ``vec`` is no tensor or the parameters are on different devices.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {fn.typename(vec)}")
    device = None
    start = 0
    for param in parameters:
        device = _check_device(param, device)
        size = param.numel()
        param.data = vec[start : start + size].view_as(param).data
        start += size
