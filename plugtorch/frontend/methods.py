"""Attaching functions to the Tensor class: as methods, operators, in-place twins and under second names."""

from __future__ import annotations

import functools

from numpy import generic

from .dispatch import NUMBERS, as_number, inplace, is_tensor
from .tensor import Tensor


def exporter(names: list[str]):
    """A decorator that adds functions to a module's ``__all__``, which is all that registers them in ``torch.*``."""

    def export(function):
        names.append(function.__name__)
        return function

    return export


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


def is_operand(value):
    """Whether an operator takes the value: a tensor, a number or a NumPy scalar."""
    return is_tensor(value) or isinstance(value, (*NUMBERS, generic))


def operator(function):
    """A function of two operands as the operator of its left one, which declines what is no operand."""
    return lambda self, other: function(self, other) if is_operand(other) else NotImplemented


def swapped_operator(function):
    """The same as the operator of its right operand."""
    def swapped(self, other):
        if not is_tensor(self):
            raise TypeError(f"descriptor '__r{function.__name__}__' for 'torch._C.TensorBase' objects doesn't apply to a "
                            f"'{type(self).__name__}' object")
        return function(as_number(other), self) if is_operand(other) else NotImplemented

    return swapped


def add_aliases(namespace, aliases):
    """Gives functions and their in-place twins second names, in a module's namespace and on Tensor.

    Args:
        namespace: of the module, with the functions.
        aliases: from each new name to the function's.

    Returns:
        The names that were added.
    """
    added = [(new + end, name + end) for new, name in aliases.items() for end in ("", "_") if name + end in namespace]
    for new, name in added:
        namespace[new] = namespace[name]
        setattr(Tensor, new, namespace[name])
    return [new for new, _ in added]
