"""Families of samples that several modules share, and their references."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from .sample import SPECIAL, between, complexes, distinct, normal, sample, strided

INT8 = np.array([-128, -100, -1, 0, 1, 5, 127], np.int8)
BOOLS = np.array([[True, False, True], [False, False, True]])


def vector(f):
    """A reference computed one element at a time by Python's math module."""

    def reference(*arrays):
        arrays = np.broadcast_arrays(*[np.asarray(a, np.float64) for a in arrays])
        flat = [f(*map(float, v)) for v in zip(*(a.reshape(-1) for a in arrays), strict=True)]
        return np.array(flat, np.float64).reshape(arrays[0].shape)

    return reference


def quiet(f):
    def reference(*operands, **params):
        with np.errstate(all="ignore"):
            return f(*operands, **params)

    return reference


def unary(op, reference, low, high, complex_too=False, special=True, signs=True):
    """A function of one operand: several shapes, strides, no elements, complex values, special values, the signs of
    the zeros among its results."""
    sample(op, quiet(reference), between(low, high, 2, 3))
    sample(op, quiet(reference), strided(between(low, high, 3, 4)), grad=False)
    sample(op, quiet(reference), between(low, high), grad=False)
    sample(op, quiet(reference), np.zeros((0, 3)), grad=False)
    if complex_too:
        sample(op, quiet(reference), complexes(2, 3))
    if special:
        sample(op, quiet(reference), SPECIAL, grad=False, signs=signs)


def rounding(op, f):
    """Rounding to whole numbers: between them, on integers, and where there is nothing to round."""
    sample(op, vector(f), np.array([[-2.5, -2.0, -0.3], [0.0, 0.7, 3.0]]), grad=False)
    sample(op, lambda x: x, INT8)
    sample(op, lambda x: x, np.array([np.inf, -np.inf, np.nan]), grad=False)
    sample(op, lambda x: np.copysign(vector(f)(x), x), np.array([0.0, -0.0, -0.4, 0.4, 2.0]), grad=False, signs=True)
    sample(op, lambda x: x, np.zeros((2, 0)), grad=False)
    sample(op, vector(f), np.asarray(-1.5), grad=False)


def pair(op, f, a, b, numbers=True, **how):
    """Two arrays that broadcast, equal shapes, an array and a number on either side."""
    sample(op, f, a, b, **how)
    sample(op, f, a[:, :1], b[0], **how)
    if numbers:
        sample(op, f, a, 1.5, **how)
        sample(op, f, 1.5, b, **how)
    sample(op, f, np.asarray(a[0, 0]), np.asarray(b[0, 0]), **{"grad": False, **how})
    sample(op, f, strided(a), b, **{"grad": False, **how})
    sample(op, quiet(f), np.zeros((0, 3)), np.ones(1), grad=False)


def special_pair(op, f, half=None, signs=False):
    """Every special value against every other."""
    sample(op, quiet(f), SPECIAL[:, None], SPECIAL, grad=False, half=half, signs=signs)


def positive_pair(op, f, numbers=True):
    """A function of two positive operands, and its special values."""
    pair(op, f, between(0.5, 3, 2, 3), between(0.5, 3, 2, 3), numbers=numbers)
    special_pair(op, f)


def complex_pair(op, f):
    """Two complex operands, and one with a complex number."""
    sample(op, f, complexes(2, 3), complexes(3) + 2)
    sample(op, f, complexes(3) + 2, 1.5 - 0.5j)


def comparison(op, f):
    """Special values, broadcasting, integers, numbers."""
    sample(op, f, SPECIAL, SPECIAL[::-1].copy(), grad=False)
    sample(op, f, normal(2, 3), normal(3), grad=False)
    sample(op, f, INT8, 1)
    sample(op, f, SPECIAL, 0.5, grad=False)
    sample(op, f, np.zeros((0, 3)), np.ones(3), grad=False)
    sample(op, f, np.asarray(1.0), np.asarray(2.0), grad=False)
    sample(op, f, np.array([0, 1, 200, 255], np.uint8), 200)


BF16 = np.dtype(ml_dtypes.bfloat16)


def total(f):
    return lambda x, axis, keepdims=False: f(x, axis=axis, keepdims=keepdims)


SHAPES = [((2, 3, 4), (1,)), ((2, 3, 4), (0, 2)), ((2, 3, 4), (0, 1, 2)), ((3,), (0,)), ((), ()), ((2, 3), ())]


def reduction(op, f, ties=True, complex_too=False):
    """Several axes, kept or not, of operands with or without ties; strides; complex values."""
    for shape, axis in SHAPES:
        x = between(0.5, 2, *shape) if ties else np.asarray(distinct(*shape) + 0.37)
        sample(op, total(f), x, axis=axis)
        sample(op, total(f), x, axis=axis, keepdims=True, grad=False)
    sample(op, total(f), strided(distinct(3, 4)), axis=(0,), grad=False)
    if complex_too:
        sample(op, total(f), complexes(2, 3), axis=(1,))
    rows = np.array(
        [[1.0, np.nan, 2.0], [np.inf, 1.0, -2.0], [np.inf, -np.inf, 0.5], [-np.inf, 0.5, 2.0], [-0.0, 1.0, 2.0]]
    )
    sample(op, quiet(total(f)), rows, axis=(1,), grad=False)
    sample(op, quiet(total(f)), rows, axis=(0, 1), grad=False)


def ordered(x, axis, descending=False):
    """Values and places by Python's stable sort of (is nan, value), one line at a time."""
    lines = np.moveaxis(x, axis, -1).reshape(x.size // max(1, x.shape[axis]), x.shape[axis])
    values, places = np.empty_like(lines), np.empty(lines.shape, np.int64)
    if not x.size:
        return x, np.zeros(x.shape, np.int64)
    for row, line in enumerate(lines):

        def rank(j, line=line):
            v = float(line[j])
            return (1, 0.0) if math.isnan(v) else (0, v)

        order = sorted(range(len(line)), key=rank)
        if descending:
            order = sorted(range(len(line)), key=lambda j: tuple(-k for k in rank(j)))
        values[row], places[row] = line[order], order
    shape = [n for i, n in enumerate(x.shape) if i != axis] + [x.shape[axis]]
    return tuple(np.moveaxis(v.reshape(shape), -1, axis) for v in (values, places))


COMBINE = {"set": lambda a, b: b, "add": lambda a, b: a + b, "mul": lambda a, b: a * b, "max": max, "min": min}


def scattered(x, i, s, axis, mode="set"):
    y = x.copy()
    for at in np.ndindex(*i.shape):
        where = (*at[:axis], i[at], *at[axis + 1 :])
        y[where] = COMBINE[mode](y[where], s[at])
    return y


def slopes(f, operands, cotangents):
    """Gradients of ``sum(cotangents * f(operands))`` by every operand, by central differences."""
    grads = []
    for i, v in enumerate(operands):
        grad = np.empty(v.shape)
        for at in np.ndindex(*v.shape):
            values = []
            for h in (1e-5, -1e-5):
                moved = v.copy()
                moved[at] += h
                results = f(*(moved if j == i else o for j, o in enumerate(operands)))
                values.append(sum((g * r).sum() for g, r in zip(cotangents, results, strict=True) if g is not None))
            grad[at] = (values[0] - values[1]) / 2e-5
        grads.append(grad)
    return grads
