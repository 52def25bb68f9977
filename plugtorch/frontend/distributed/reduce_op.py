"""How values of several processes become one."""

from __future__ import annotations

import enum

import numpy as np

__all__ = ["ReduceOp", "supports_complex"]


class RedOpType(enum.IntEnum):
    """The kinds of reduction."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7
    PREMUL_SUM = 8

    def __repr__(self):
        return f"<RedOpType.{self.name}: {int(self)}>"

    def __str__(self):
        return f"RedOpType.{self.name}"


class ReduceOp:
    """``ReduceOp.SUM``, ``AVG``, ``PRODUCT``, ``MIN``, ``MAX``, and for integers and bools ``BAND``, ``BOR``, ``BXOR``."""

    RedOpType = RedOpType
    SUM = RedOpType.SUM
    AVG = RedOpType.AVG
    PRODUCT = RedOpType.PRODUCT
    MIN = RedOpType.MIN
    MAX = RedOpType.MAX
    BAND = RedOpType.BAND
    BOR = RedOpType.BOR
    BXOR = RedOpType.BXOR
    PREMUL_SUM = RedOpType.PREMUL_SUM

    def __new__(cls, op):
        return RedOpType(op)


_COMBINE = {
    RedOpType.SUM: np.add, RedOpType.AVG: np.add, RedOpType.PRODUCT: np.multiply, RedOpType.MIN: np.minimum,
    RedOpType.MAX: np.maximum, RedOpType.BAND: np.bitwise_and, RedOpType.BOR: np.bitwise_or,
    RedOpType.BXOR: np.bitwise_xor,
}


def supports_complex(reduceOp) -> bool:  # noqa: N803  (PyTorch's name)
    """Whether complex values can be reduced so: they have no order and no bits."""
    return reduceOp in (RedOpType.SUM, RedOpType.AVG, RedOpType.PREMUL_SUM)


def combiner(op):
    """The NumPy function ``f(a, b, out)`` that joins two processes' values.

    Raises:
        RuntimeError: there is none: ``PREMUL_SUM`` is for NCCL only.
    """
    if op not in _COMBINE:
        raise RuntimeError(f"Cannot use ReduceOp.{RedOpType(op).name} with Gloo")
    return _COMBINE[op]


def check_reducible(dtype, op) -> None:
    """Raises if values of a dtype cannot be reduced so.

    Raises:
        RuntimeError: bits of floating values, the mean of integers, or no such reduction here.
    """
    combiner(op)
    if op in (RedOpType.BAND, RedOpType.BOR, RedOpType.BXOR) and (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"Cannot use ReduceOp.{op.name} with non-integral dtype")
    if op is RedOpType.AVG and not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"result type Float can't be cast to the desired output type {dtype.legacy}")
