"""Samples of the transforms of real signals, by sums over sines and cosines."""

from __future__ import annotations

import math

import numpy as np

from .sample import complexes, declare, normal, sample

declare(__name__)


def _spectrum(x, axis):
    n = x.shape[axis]
    w = np.exp(-2j * math.pi * np.outer(range(n // 2 + 1), range(n)) / n)
    return np.moveaxis(np.tensordot(w, x, (1, axis)), 0, axis)


def _signal(x, axis, n):
    angles = 2 * math.pi * np.outer(range(n), range(n // 2 + 1)) / n
    weights = np.where((np.arange(n // 2 + 1) == 0) | (2 * np.arange(n // 2 + 1) == n), 1, 2) / n
    parts = [np.tensordot(f(angles) * weights, part, (1, axis)) for f, part in ((np.cos, x.real), (np.sin, x.imag))]
    return np.moveaxis(parts[0] - parts[1], 0, axis)


for _n in (1, 2, 5, 6):
    sample("rfft", _spectrum, normal(2, _n), axis=1, half=False)
    sample("rfft", _spectrum, normal(_n, 3), axis=0, half=False)
    sample("irfft", _signal, complexes(2, _n // 2 + 1), axis=1, n=_n, half=False)
    sample("irfft", _signal, complexes(_n // 2 + 1, 3), axis=0, n=_n, half=False)
sample("rfft", lambda x, axis: np.zeros((0, 3), np.complex128), np.zeros((0, 4)), axis=1, half=False)
sample("irfft", lambda x, axis, n: np.zeros((0, 4)), np.zeros((0, 3), np.complex128), axis=1, n=4, half=False)
