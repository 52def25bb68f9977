"""The spec's own error for a call that a kernel refused."""

from __future__ import annotations

from .abstract import Abstract
from .backend import infer


def refused(error: Exception, k, name: str, operands, params) -> None:
    """Raises what the shape rule of the op says of these operands if it says anything, else ``error``.

    So a backend may let its library raise whatever it raises on shapes that do not fit: users meet PyTorch's
    exception, in PyTorch's words.

    Args:
        error: what the kernel raised.
        operands: arrays of the backend ``k``, numbers and None.
    """
    if isinstance(error, (ValueError, TypeError, RuntimeError)):
        rules = []
        for o in operands:
            try:
                rules.append(Abstract(o.shape, k.dtype_of(o)) if hasattr(o, "shape") else o)
            except Exception:
                raise error from None  # it is the array that is strange, not the call
        infer(name, *rules, **params)
    raise error
