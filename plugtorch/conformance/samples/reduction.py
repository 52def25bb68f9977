"""Samples of reductions, scans and sorting."""

from __future__ import annotations

import math

import numpy as np

from .formulas import BF16, ordered, quiet, reduction, total
from .sample import SPECIAL, between, complexes, declare, distinct, integers, normal, sample

declare(__name__)

reduction("sum", np.sum, complex_too=True)
reduction("prod", np.prod, complex_too=True)
reduction("max", np.max, ties=False)
reduction("min", np.min, ties=False)
for _op, _f in (("sum", np.sum), ("prod", np.prod)):
    sample(
        _op, lambda x, axis, f=_f: f(x, axis=axis, dtype=np.int64), integers(0, 200, 3, 2, dtype=np.uint8), axis=(0,)
    )
    sample(_op, lambda x, axis, f=_f: f(x, axis=axis, dtype=np.int64), np.array([True, True, False]), axis=(0,))
    sample(_op, total(_f), np.zeros((2, 0)), axis=(1,), grad=False)
sample("prod", total(np.prod), np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]]), axis=(1,))
# A running sum in float32 would be off by 0.95; a sum in half would stop at 256 or 2048.
for _shape, _axis in (
    ((1000000,), (0,)),
    ((1000000, 1), (0,)),
    ((100000, 3), (0,)),
    ((3, 100000), (1,)),
    ((1000, 1000), (0, 1)),
    ((2, 5000, 3), (1,)),
):
    _n = math.prod(_shape[i] for i in _axis)
    sample(
        "sum",
        None,
        np.full(_shape, 0.1, np.float32),
        axis=_axis,
        check=lambda r, o, p, n=_n: np.testing.assert_allclose(r[0], np.float64(np.float32(0.1)) * n, rtol=5e-6),
    )
for _type in (np.float16, BF16):
    sample(
        "sum",
        None,
        np.ones((5000, 2), _type),
        axis=(0,),
        check=lambda r, o, p: np.testing.assert_allclose(r[0].astype(float), 5000, rtol=2e-3),
    )
for _type in (np.float16, BF16):
    sample(
        "cumsum",
        None,
        np.ones((1000,), _type),
        axis=0,
        check=lambda r, o, p: np.testing.assert_allclose(r[0].astype(float), np.arange(1, 1001), rtol=4e-3),
    )
sample(
    "cumsum",
    None,
    np.full((1000000,), 0.1, np.float32),
    axis=0,
    check=lambda r, o, p: np.testing.assert_allclose(r[0][-1], np.float64(np.float32(0.1)) * 1e6, rtol=1e-5),
)
for _op, _f in (("max", np.max), ("min", np.min)):
    sample(_op, lambda x, axis: np.array(np.nan), SPECIAL, axis=(0,), grad=False)
    sample(_op, total(_f), integers(-5, 5, 3, 4, dtype=np.int8), axis=(1,))
    sample(_op, total(_f), np.array([[True, False], [False, False]]), axis=(1,))
    sample(_op, lambda x, axis: np.zeros((0,)), np.zeros((0, 2)), axis=(1,), grad=False)
for _op, _f in (("any", np.any), ("all", np.all)):
    sample(_op, total(_f), np.array([[0, np.nan], [0, 0.0]]), axis=(1,), grad=False)
    sample(_op, total(_f), np.array([[True, True], [False, True]]), axis=(0, 1), keepdims=True)
    sample(_op, total(_f), np.zeros((2, 0)), axis=(1,), grad=False)
for _op, _f in (("argmax", np.argmax), ("argmin", np.argmin)):
    sample(_op, total(_f), integers(0, 3, 4, 6), axis=1)
    sample(_op, total(_f), normal(3, 5), axis=0, grad=False)
    sample(_op, total(_f), normal(80, 90), axis=0, keepdims=True, grad=False)
    sample(_op, lambda x, axis: np.array(8), SPECIAL, axis=0, grad=False)
for _op, _f in (("cumsum", np.cumsum), ("cumprod", np.cumprod)):
    for _axis in (0, 1):
        sample(_op, lambda x, axis, f=_f: f(x, axis=axis), between(0.5, 2, 3, 4), axis=_axis)
    sample(_op, lambda x, axis, f=_f: f(x, axis=axis), complexes(3), axis=0)
    sample(_op, lambda x, axis, f=_f: f(x, axis=axis, dtype=np.int64), integers(0, 100, 9, dtype=np.uint8), axis=0)
    sample(_op, lambda x, axis: np.zeros((0, 2)), np.zeros((0, 2)), axis=0, grad=False)
sample("cumprod", lambda x, axis: np.cumprod(x, axis), np.array([[2.0, 0.0, 3.0, 4.0], [1.0, 2.0, 0.0, 0.0]]), axis=1)
for _descending in (False, True):
    sample("sort", ordered, distinct(3, 4), axis=0, descending=_descending)
    sample("sort", ordered, integers(0, 3, 2, 9), axis=1, descending=_descending)
    sample(
        "sort",
        ordered,
        np.array([[1, np.nan, -np.inf], [np.nan, np.inf, np.nan]]),
        axis=1,
        descending=_descending,
        grad=False,
    )
    sample("sort", ordered, np.array([True, False, True, False]), axis=0, descending=_descending)
    sample("sort", ordered, np.array([-128, 127, 0, -128], np.int8), axis=0, descending=_descending)
    sample(
        "sort",
        lambda x, axis, descending: (x, np.array(0)),
        np.asarray(3.0),
        axis=0,
        descending=_descending,
        grad=False,
    )

# Nothing, a single element, and lines that hold nan or infinities.
ROWS = np.array(
    [[1.0, np.nan, 2.0, np.nan], [np.inf, 1.0, -2.0, 0.5], [-np.inf, np.inf, 1.0, 2.0], [-0.0, 0.0, -0.0, 0.0]]
)
for _op, _f in (("any", np.any), ("all", np.all)):
    sample(_op, total(_f), np.asarray(0.0), axis=(), grad=False)
    sample(_op, total(_f), np.zeros((0,), bool), axis=(0,))
    sample(_op, total(_f), np.array([0, 0, 3], np.uint8), axis=(0,))
for _op, _f in (("argmax", np.argmax), ("argmin", np.argmin)):
    sample(_op, lambda x, axis, f=_f: f(x, axis=axis), ROWS, axis=1, grad=False)
    sample(_op, lambda x, axis, f=_f: f(x, axis=axis), ROWS, axis=0, grad=False)
    sample(_op, lambda x, axis: np.zeros((0,), np.int64), np.zeros((0, 3)), axis=1, grad=False)
    sample(_op, lambda x, axis, f=_f: f(x, axis=axis), np.array([[True, True], [False, True]]), axis=1)
for _op, _f in (("cumsum", np.cumsum), ("cumprod", np.cumprod)):
    sample(_op, quiet(lambda x, axis, f=_f: f(x, axis=axis)), ROWS, axis=1, grad=False)
sample("sort", ordered, np.zeros((2, 0)), axis=1, grad=False)
sample("sort", ordered, np.zeros((0, 2)), axis=1, grad=False)
for _type in (np.int16, np.uint8):
    sample("sum", lambda x, axis: x.sum(axis, dtype=np.int64), np.full((300, 2), np.iinfo(_type).max, _type), axis=(0,))
    sample("max", total(np.max), np.array([[np.iinfo(_type).min, 3], [np.iinfo(_type).max, 3]], _type), axis=(0,))
    sample("min", total(np.min), np.array([[np.iinfo(_type).min, 3], [np.iinfo(_type).max, 3]], _type), axis=(0,))
