"""Samples of ops that make, convert and transfer arrays."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.spec import dtypes

from .formulas import BF16
from .sample import SPECIAL, complexes, declare, integers, normal, sample, strided

declare(__name__)

# Making, converting.
sample(
    "full",
    lambda shape, value, dtype, device: np.full(shape, value),
    shape=(2, 3),
    value=2.5,
    dtype=dtypes.float64,
    device=None,
)
sample(
    "full",
    lambda shape, value, dtype, device: np.array(44, np.uint8),
    shape=(),
    value=300,
    dtype=dtypes.uint8,
    device=None,
)
sample(
    "full",
    lambda shape, value, dtype, device: np.array([True]),
    shape=(1,),
    value=True,
    dtype=dtypes.bool_,
    device=None,
)
sample(
    "full",
    lambda shape, value, dtype, device: np.array([2**63 + 5], np.uint64),
    shape=(1,),
    value=2**63 + 5,
    dtype=dtypes.uint64,
    device=None,
)
sample(
    "full",
    lambda shape, value, dtype, device: np.array([1j]),
    shape=(1,),
    value=1j,
    dtype=dtypes.complex128,
    device=None,
)
sample(
    "full",
    lambda shape, value, dtype, device: np.array([-np.inf], np.float32),
    shape=(1,),
    value=-math.inf,
    dtype=dtypes.float32,
    device=None,
)
sample(
    "arange",
    lambda start, stop, step, dtype, device: np.arange(7) * 0.1,
    start=0,
    stop=0.7,
    step=0.1,
    dtype=dtypes.float64,
    device=None,
)
sample(
    "arange",
    lambda start, stop, step, dtype, device: np.array([5, 3, 1]),
    start=5,
    stop=0,
    step=-2,
    dtype=dtypes.int64,
    device=None,
)
sample(
    "arange",
    lambda start, stop, step, dtype, device: np.zeros(0, np.int32),
    start=5,
    stop=5,
    step=1,
    dtype=dtypes.int32,
    device=None,
)
sample("cast", lambda x, dtype: x.astype(np.float32), normal(3), dtype=dtypes.float32, half=False, grad=False)
sample("cast", lambda x, dtype: x, normal(3), dtype=dtypes.float64, half=False)
sample("cast", lambda x, dtype: x.astype(np.complex128), normal(3), dtype=dtypes.complex128, half=False)
sample("cast", lambda x, dtype: x.real, complexes(3), dtype=dtypes.float64)
sample(
    "cast",
    lambda x, dtype: np.array([44, 255, 1, 0], np.uint8),
    np.array([300.7, -1.5, 1.9, -0.5]),
    dtype=dtypes.uint8,
    grad=False,
    half=False,
)
sample(
    "cast",
    lambda x, dtype: np.array([44, -1, 127, -128], np.int8),
    np.array([300.7, -1.5, 127, 128]),
    dtype=dtypes.int8,
    grad=False,
    half=False,
)
sample("cast", lambda x, dtype: np.array([44, 255], np.uint8), np.array([300, -1]), dtype=dtypes.uint8)
sample(
    "cast",
    lambda x, dtype: np.array([False, False, True, True, True, True, True, True, True]),
    SPECIAL,
    dtype=dtypes.bool_,
    grad=False,
)
sample("cast", lambda x, dtype: np.array([True, False, True]), np.array([1j, 0, 1]), dtype=dtypes.bool_, grad=False)
sample("cast", lambda x, dtype: np.array([1.0, 0]), np.array([True, False]), dtype=dtypes.float64)
sample(
    "cast",
    lambda x, dtype: np.array([1.0, 2.5]).astype(BF16),
    np.array([1.0, 2.5]),
    dtype=dtypes.bfloat16,
    half=False,
    grad=False,
)
sample("cast", lambda x, dtype: np.array([3, -2]), np.array([3.7, -2.2]).astype(BF16), dtype=dtypes.int64)
for _x, _dtype in (
    (normal(2, 3), dtypes.int64),
    (normal(2, 3), dtypes.float32),
    (integers(0, 9, 4, dtype=np.int32), dtypes.float64),
    (complexes(2), dtypes.float64),
    (normal(4), dtypes.complex128),
    (integers(0, 9, 3, dtype=np.uint8), dtypes.int8),
    (normal(2), dtypes.uint8),
    (np.array([1, 0], np.uint8), dtypes.bool_),
):
    sample("bitcast", lambda x, dtype: x.view(dtype.numpy), _x, dtype=_dtype, grad=False, half=False)
sample("copy", lambda x: x, strided(normal(3, 4)))
sample("copy", lambda x: x, np.asarray(3))
for _x in (
    normal(2, 3),
    integers(0, 9, 2),
    complexes(2),
    np.array([True, False]),
    np.array([1.5, 2], BF16),
    np.asarray(2.0),
    np.array([1, 2**40]),
    np.array([2**63], np.uint64),
    strided(normal(3, 4)),
):
    sample("to_host", lambda x: x, _x, grad=False, half=False)
    sample("from_host", lambda array, device: array, _x, device=None, grad=False, half=False)
