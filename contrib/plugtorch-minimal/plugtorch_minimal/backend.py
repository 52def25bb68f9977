"""The kernels: the shared base over a namespace with NumPy's functions, and what this library does better."""

from __future__ import annotations

import numpy as xp  # put your array library here

from plugtorch.spec.xp import XPBackend


class MinimalBackend(XPBackend, xp=xp, array_type=xp.ndarray):
    """Every required op comes from the shared base; every other op from its composition, until it is overridden here.

    ``array_type`` is there because NumPy's functions may return scalars that are no arrays; leave it out for a
    library whose functions return arrays always.
    """

    name = "minimal"
    library_version = xp.__version__

    def silu(self, x):
        """``x * sigmoid(x)`` in one pass less than the composition. A kernel has the op's signature; see docs/ops.md."""
        wide = x if x.dtype.kind == "c" or x.dtype.itemsize > 2 else x.astype(xp.float32)
        with xp.errstate(over="ignore"):
            return xp.asarray(wide / (1 + xp.exp(-wide))).astype(x.dtype)
