"""PyTorch's errors where NumPy has its own."""

from __future__ import annotations

import numpy as np

from plugtorch.spec.abstract import broadcast_shapes


def refused(error, *operands):
    """Raises RuntimeError in PyTorch's words if the operands do not broadcast, else the error that NumPy raised."""
    broadcast_shapes(*(o.shape for o in operands if isinstance(o, np.ndarray)))
    raise error
