"""Samples of ops that change a shape."""

from __future__ import annotations

import math

import numpy as np

from .sample import declare, integers, normal, sample, strided

declare(__name__)

# Shape.
sample("reshape", lambda x, shape: x.reshape(shape), normal(2, 6), shape=(3, 4))
sample("reshape", lambda x, shape: x.reshape(shape), strided(normal(3, 4)), shape=(12,))
sample("reshape", lambda x, shape: x.reshape(shape), normal(1), shape=())
sample("permute", lambda x, axes: x.transpose(axes), normal(2, 3, 4), axes=(2, 0, 1))
sample("permute", lambda x, axes: x, normal(), axes=())
sample("broadcast_to", lambda x, shape: np.broadcast_to(x, shape), normal(3, 1), shape=(2, 3, 4))
sample("broadcast_to", lambda x, shape: np.broadcast_to(x, shape), normal(), shape=(2,))
sample("slice", lambda x, start, stop, step: x[1:4:2, 0:3:1], normal(5, 3), start=(1, 0), stop=(4, 3), step=(2, 1))
sample("slice", lambda x, start, stop, step: x[2:2, 0:3], normal(5, 3), start=(2, 0), stop=(2, 3), step=(1, 1))
sample(
    "pad",
    lambda x, lo, hi, value: np.pad(x, ((1, 0), (2, 1)), constant_values=value),
    normal(2, 3),
    lo=(1, 2),
    hi=(0, 1),
    value=7,
)
sample("pad", lambda x, lo, hi: np.pad(x[1:, :-1], ((0, 2), (1, 0))), normal(3, 3), lo=(-1, 1), hi=(2, -1))
sample(
    "pad",
    lambda x, lo, hi, value: np.array([-np.inf, 1, 2]),
    np.array([1.0, 2.0]),
    lo=(1,),
    hi=(0,),
    value=-math.inf,
    grad=False,
)
sample("flip", lambda x, axis: x[::-1, :, ::-1], normal(2, 3, 2), axis=(0, 2))
sample("flip", lambda x, axis: x, normal(2), axis=())
sample("concat", lambda *xs, axis: np.concatenate(xs, axis), normal(2, 1), normal(2, 3), normal(2, 0), axis=1)
sample("concat", lambda *xs, axis: np.concatenate(xs, axis), integers(0, 9, 2), integers(0, 9, 3), axis=0)

# Nothing, a single element.
sample("reshape", lambda x, shape: x.reshape(shape), np.zeros((0, 3)), shape=(3, 0), grad=False)
sample("reshape", lambda x, shape: x.reshape(shape), np.asarray(2.0), shape=(1, 1), grad=False)
sample("permute", lambda x, axes: x.transpose(axes), np.zeros((0, 3)), axes=(1, 0), grad=False)
sample("broadcast_to", lambda x, shape: np.broadcast_to(x, shape), np.ones((1, 3)), shape=(0, 3), grad=False)
sample("slice", lambda x, start, stop, step: x, np.zeros((0, 3)), start=(0, 0), stop=(0, 3), step=(1, 1), grad=False)
sample("slice", lambda x, start, stop, step: x[::3, 1::2], normal(7, 6), start=(0, 1), stop=(7, 6), step=(3, 2))
sample("pad", lambda x, lo, hi: np.zeros((2, 3)), np.zeros((0, 3)), lo=(1, 0), hi=(1, 0), grad=False)
sample("pad", lambda x, lo, hi, value: np.array([True, False, True]), np.array([False]), lo=(1,), hi=(1,), value=True)
sample("flip", lambda x, axis: x, np.zeros((0, 3)), axis=(0,), grad=False)
sample("concat", lambda *xs, axis: np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3)), axis=0, grad=False)
sample("concat", lambda *xs, axis: np.concatenate(xs, axis), normal(2, 3), axis=0)
