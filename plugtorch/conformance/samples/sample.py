"""What a sample is, and how its operands are drawn."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable

import numpy as np

SAMPLES: dict[str, list[Sample]] = {}


@dataclasses.dataclass
class Sample:
    """One call of one op, beside an independent reference.

    Attributes:
        op: name of the op in the spec.
        operands: host arrays, Python numbers or None.
        params: keyword parameters of the op.
        reference: a function of the same operands and parameters on NumPy arrays, usually the defining formula or a
            loop; it computes in the precision of its operands.
        grad: whether gradients are checked at these values (smooth there, and finite).
        half: whether the call is also tried in float16 and bfloat16.
        tolerance: relative error allowed in float64, in units of 1e-10.
        check: replaces the comparison with ``reference``: ``check(results, operands, params)``.
        signs: whether the signs of zeros count.
        module: the module that declares the sample; it has the name of the spec's module.
    """

    op: str
    operands: tuple
    params: dict
    reference: Callable | None
    grad: bool = True
    half: bool = True
    tolerance: float = 1.0
    check: Callable | None = None
    signs: bool = False
    module: str = ""

    def __repr__(self):
        parts = [describe(o) for o in self.operands] + [f"{k}={v}" for k, v in self.params.items()]
        return f"{self.op}({', '.join(parts)})"

    @property
    def features(self) -> frozenset[str]:
        """What is special about the operands."""
        return frozenset().union(*(array_features(o) for o in self.operands if isinstance(o, np.ndarray)))


def array_features(x: np.ndarray) -> set[str]:
    """Which special values, shapes and layouts an array has."""
    found = set()
    if x.size == 0:
        found.add("empty")
    if x.ndim == 0:
        found.add("0-d")
    if x.size > 1 and not x.flags.c_contiguous:
        found.add("strided")
    if x.dtype.kind in "fc" and x.size and x.dtype.itemsize > 2:
        parts = np.stack([x.real, x.imag]) if x.dtype.kind == "c" else x
        found |= {n for n, test in (("nan", np.isnan), ("inf", np.isinf)) if test(parts).any()}
        if (np.signbit(parts) & (parts == 0)).any():
            found.add("-0")
    if x.dtype.kind in "iu" and x.size and x.dtype.itemsize < 8:
        info = np.iinfo(x.dtype)
        if (x == info.min).any() and info.min < 0 or (x == info.max).any():
            found.add("extreme")
    if x.dtype.kind == "V" or x.dtype.itemsize == 2 and x.dtype.kind == "f":
        found.add("half")
    return found


def describe(o) -> str:
    """An operand in a sample's name."""
    return f"{o.dtype}{list(o.shape)}" if isinstance(o, np.ndarray) else repr(o)


def sample(op, reference, *operands, grad=None, half=None, tolerance=1.0, check=None, signs=False, **params):
    """Declares a sample. Gradients are checked, and half types tried, where all floating operands are double and
    finite, unless ``grad`` and ``half`` say otherwise."""
    operands = tuple(np.asarray(o) if isinstance(o, np.generic) else o for o in operands)
    floats = [o for o in operands if isinstance(o, np.ndarray) and o.dtype.kind in "fc"]
    smooth = bool(floats) and all(o.dtype in (np.float64, np.complex128) and np.isfinite(o).all() for o in floats)
    real = bool(floats) and all(o.dtype == np.float64 for o in floats)
    SAMPLES.setdefault(op, []).append(
        Sample(
            op,
            operands,
            params,
            reference,
            smooth if grad is None else grad,
            real if half is None else half,
            tolerance,
            check,
            signs,
            _module,
        )
    )


_module = ""
_rng = np.random.default_rng(0)


def declare(module: str) -> None:
    """Begins a module of samples: what is drawn in it depends on its name alone, not on the modules before it."""
    global _module, _rng
    _module = module.rpartition(".")[2]
    _rng = np.random.default_rng(zlib.crc32(_module.encode()))


def normal(*shape):
    """Standard normal doubles."""
    return np.asarray(_rng.standard_normal(shape))


def between(low, high, *shape):
    """Uniform doubles."""
    return np.asarray(_rng.uniform(low, high, shape))


def complexes(*shape):
    """Complex doubles with normal parts."""
    return np.asarray(_rng.standard_normal(shape) + 1j * _rng.standard_normal(shape))


def integers(low, high, *shape, dtype=np.int64):
    """Uniform integers, the upper bound excluded."""
    return np.asarray(_rng.integers(low, high, shape)).astype(dtype)


def distinct(*shape):
    """Doubles without ties, a tenth apart and in random order."""
    n = int(np.prod(shape))
    return np.asarray(_rng.permutation(n).reshape(shape) * 0.1 - 0.05 * n)


def strided(x):
    """The same values at strides that are neither C's nor one run of memory."""
    wide = np.empty((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return np.asfortranarray(wide)[..., ::2]


SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.5, np.inf, -np.inf, np.nan])
