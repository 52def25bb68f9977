"""Sobol sequences: points that fill the unit cube evenly (I. M. Sobol, 1967), with the direction numbers of S. Joe and
F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional projections" (2008), which SciPy brings, scrambled by
random linear matrices and a digital shift (J. Matousek, "On the L2-discrepancy for anchored boxes", 1998)."""

from __future__ import annotations

import numpy as np

from plugtorch.spec import dtypes

from . import creation, random_functions, state
from .random import Generator

__all__ = ["SobolEngine"]


def _direction_numbers(dimension, bits):
    """(dimension, bits) integers below 2**bits."""
    try:
        from scipy.stats import qmc
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("torch.quasirandom.SobolEngine takes its direction numbers from SciPy, which is not "
                                  "installed: pip install scipy", name="scipy") from error
    return qmc.Sobol(dimension, scramble=False, bits=bits)._sv[:, :bits].astype(np.int64)


class SobolEngine:
    """Points of a Sobol sequence, one after the other.

    Args:
        dimension: of the cube, up to 21201.
        scramble: scrambles the sequence, at random.
        seed: of the scrambling; without it the global generator is used.

    Raises:
        ValueError: a dimension out of range.
        ModuleNotFoundError: SciPy is not installed.
    """

    MAXBIT = 30
    MAXDIM = 21201

    def __init__(self, dimension, scramble=False, seed=None):
        if dimension > self.MAXDIM or dimension < 1:
            raise ValueError(f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]")
        self.dimension, self.scramble, self.seed = dimension, scramble, seed
        self.sobolstate = _direction_numbers(dimension, self.MAXBIT)
        self._shift = np.zeros(dimension, np.int64)
        if scramble:
            self._scramble()
        self.num_generated = 0

    @property
    def shift(self):
        """The digital shift, int64, (dimension,)."""
        return creation.tensor(self._shift)

    def _scramble(self):
        generator = None
        if self.seed is not None:
            generator = Generator()
            generator.manual_seed(self.seed)
        n = self.MAXBIT
        bits = np.asarray(random_functions.randint(2, (self.dimension, n), generator=generator).tolist(), np.int64)
        self._shift = bits @ (1 << np.arange(n, dtype=np.int64))
        matrix = np.asarray(random_functions.randint(2, (self.dimension, n, n), generator=generator).tolist(), np.int64)
        matrix = np.tril(matrix)
        matrix[:, np.arange(n), np.arange(n)] = 1
        digits = self.sobolstate[:, None, :] >> np.arange(n - 1, -1, -1)[:, None] & 1  # dimension, digit, direction
        mixed = matrix @ digits & 1
        self.sobolstate = (mixed << np.arange(n - 1, -1, -1)[:, None]).sum(1)

    def draw(self, n=1, out=None, dtype=None):
        """The next n points.

        Args:
            out: a tensor that is given their shape and values.
            dtype: floating; the default dtype unless given.

        Returns:
            Shape (n, dimension), in [0, 1).
        """
        first = self.num_generated
        index = np.arange(first, first + n, dtype=np.int64)
        gray = index ^ (index >> 1)  # consecutive points differ in one direction
        points = np.broadcast_to(self._shift, (n, self.dimension)).copy()
        for bit in range(max(int(first + n).bit_length(), 1)):
            points ^= np.where(gray[:, None] >> bit & 1, self.sobolstate[:, bit], 0)
        self.num_generated += n
        result = creation.tensor(points / 2**self.MAXBIT, dtype=dtypes.float64).to(dtype or state.get_default_dtype())
        return result if out is None else out.resize_as_(result).copy_(result)

    def draw_base2(self, m, out=None, dtype=None):
        """The next ``2**m`` points, if the number of all points is then a power of two, which keeps them balanced.

        Raises:
            ValueError: it is not.
        """
        n = 2**m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError("The balance properties of Sobol' points require n to be a power of 2. "
                             f"{self.num_generated} points have been previously generated, then: n="
                             f"{self.num_generated}+2**{m}={total}. If you still want to do this, please use "
                             "'SobolEngine.draw()' instead.")
        return self.draw(n, out, dtype)

    def reset(self):
        """Begins again; returns itself."""
        self.num_generated = 0
        return self

    def fast_forward(self, n):
        """Passes over n points; returns itself."""
        self.num_generated += n
        return self

    def __repr__(self):
        text = [f"dimension={self.dimension}"]
        if self.scramble:
            text.append("scramble=True")
        if self.seed is not None:
            text.append(f"seed={self.seed}")
        return f"{type(self).__name__}({', '.join(text)})"
