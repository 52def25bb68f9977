"""Attaching functions to the Tensor class, and making their in-place twins."""

from __future__ import annotations

import functools

from .dispatch import inplace
from .tensor import Tensor


def method(function=None, *, name=None):
    """Makes a function (or property) a method of Tensor under its own or another name."""
    if function is None:
        return lambda f: method(f, name=name)
    setattr(Tensor, name or function.__name__, function)
    return function


def inplace_twin(function, name=None):
    """Adds ``NAME_``, which writes the function's result into its first operand; returns it."""
    base = name or function.__name__

    @functools.wraps(function)
    def twin(self, *args, **kwargs):
        return inplace(self, function, *args, **kwargs)

    twin.__name__ = twin.__qualname__ = base + "_"
    twin.__doc__ = f"In-place version of :func:`{base}`."
    setattr(Tensor, base + "_", twin)
    return twin
