"""The table of calls that every op of the spec is tried with, each beside an independent reference.

A case is an op, host operands (arrays, numbers or None), parameters, and a reference: a function of the same
operands and parameters in NumPy, usually the defining formula or a loop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

CASES: dict[str, list[Case]] = {}


@dataclasses.dataclass
class Case:
    """One call of one op.

    Attributes:
        grad: whether gradients are checked at these values (smooth there, and finite).
        half: whether the call is also tried in float16 and bfloat16.
        tolerance: relative error allowed in float64, in units of 1e-10.
        check: replaces the comparison with ``reference``: ``check(results, operands, params)``.
    """

    op: str
    operands: tuple
    params: dict
    reference: Callable | None
    grad: bool = True
    half: bool = True
    tolerance: float = 1.0
    check: Callable | None = None

    def __repr__(self):
        parts = [describe(o) for o in self.operands] + [f"{k}={v}" for k, v in self.params.items()]
        return f"{self.op}({', '.join(parts)})"


def describe(o):
    return f"{o.dtype}{list(o.shape)}" if isinstance(o, np.ndarray) else repr(o)


def case(op, reference, *operands, grad=None, half=None, tolerance=1.0, check=None, **params):
    """Adds a case. Gradients are checked, and half types tried, where all floating operands are double and finite."""
    operands = tuple(np.asarray(o) if isinstance(o, np.generic) else o for o in operands)
    floats = [o for o in operands if isinstance(o, np.ndarray) and o.dtype.kind in "fc"]
    smooth = bool(floats) and all(o.dtype in (np.float64, np.complex128) and np.isfinite(o).all() for o in floats)
    real = bool(floats) and all(o.dtype == np.float64 for o in floats)
    CASES.setdefault(op, []).append(
        Case(
            op,
            operands,
            params,
            reference,
            smooth if grad is None else grad,
            real if half is None else half,
            tolerance,
            check,
        )
    )


RNG = np.random.default_rng(20)


def normal(*shape):
    """Standard normal doubles."""
    return np.asarray(RNG.standard_normal(shape))


def between(low, high, *shape):
    """Uniform doubles."""
    return np.asarray(RNG.uniform(low, high, shape))


def complexes(*shape):
    """Complex doubles with normal parts."""
    return np.asarray(RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape))


def integers(low, high, *shape, dtype=np.int64):
    """Uniform integers, the upper bound excluded."""
    return np.asarray(RNG.integers(low, high, shape)).astype(dtype)


def distinct(*shape):
    """Doubles without ties, a tenth apart and in random order."""
    n = int(np.prod(shape))
    return np.asarray(RNG.permutation(n).reshape(shape) * 0.1 - 0.05 * n)


def strided(x):
    """The same values at strides that are neither C's nor one run of memory."""
    wide = np.empty((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    turned = np.asfortranarray(wide)[..., ::2]
    return turned


SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, np.inf, -np.inf, np.nan])
