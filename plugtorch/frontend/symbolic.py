"""Numbers that tracing compilers leave open. Nothing is left open here: the functions are those of plain numbers, and
the classes are there for ``isinstance``."""

from __future__ import annotations

import math

from .methods import exporter
from .not_offered import refused_class, refused_function

__all__ = ["SymBool", "SymFloat", "SymInt", "sym_fresh_size"]
_export = exporter(__all__)

_WHY = "sizes and numbers are plain Python numbers, none is left open by a tracing compiler"
SymInt = refused_class("SymInt", _WHY)
SymFloat = refused_class("SymFloat", _WHY)
SymBool = refused_class("SymBool", _WHY)
sym_fresh_size = refused_function("sym_fresh_size", _WHY)


@_export
def sym_max(a, b):
    """The larger number; a float if one of them is, as PyTorch gives."""
    larger = max(a, b)
    return float(larger) if isinstance(a, float) or isinstance(b, float) else larger


@_export
def sym_min(a, b):
    """The smaller number; a float if one of them is."""
    smaller = min(a, b)
    return float(smaller) if isinstance(a, float) or isinstance(b, float) else smaller


@_export
def sym_not(a):
    """``not a``."""
    return not a


@_export
def sym_float(a):
    """The number as a float."""
    return float(a)


@_export
def sym_int(a):
    """The number rounded towards zero."""
    return math.trunc(a)


@_export
def sym_sqrt(a):
    """The square root, a float."""
    return math.sqrt(a)


@_export
def sym_ite(b, t, f):
    """``t if b else f``.

    Raises:
        AssertionError: b is no bool, or t and f differ in type.
    """
    if not isinstance(b, bool) or type(t) is not type(f):
        raise AssertionError(f"sym_ite takes a bool and two values of one type, but got {type(b).__name__}, "
                             f"{type(t).__name__} and {type(f).__name__}")
    return t if b else f


@_export
def sym_sum(args):
    """The sum of the numbers."""
    return sum(args)


@_export
def sym_constrain_range(size, *, min=None, max=None) -> None:
    """Raises unless ``min <= size <= max``.

    Raises:
        RuntimeError: it is not.
    """
    low, high = -(1 << 63) if min is None else min, (1 << 63) - 1 if max is None else max
    if high < low:
        raise RuntimeError(f"Max must be greater or equal to min. Got min={low} max={high}")
    if not low <= size <= high:
        raise RuntimeError(f"Invalid value range for {size} between [{low}, {high}].")


@_export
def sym_constrain_range_for_size(size, *, min=None, max=None) -> None:
    """:func:`sym_constrain_range` of a size: not below 0.

    Raises:
        RuntimeError: out of the range, or ``max`` is 2 or less.
    """
    if max is not None and max <= 2:
        raise RuntimeError(f"Max value to constrain_range_for_size must be greater than 2. got: {max}")
    sym_constrain_range(size, min=0 if min is None else min, max=max)
