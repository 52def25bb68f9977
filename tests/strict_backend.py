"""A backend of a few lines, and its plugin: NumPy by another name, with nothing but the shared kernels."""

from __future__ import annotations

import numpy as np

from plugtorch.spec.hooks import hookimpl
from plugtorch.spec.xp import XPBackend
from plugtorch.spec.xp.strided import StridedViews


class Strict(StridedViews, XPBackend, xp=np, array_type=np.ndarray):
    """NumPy by another name, with nothing but the shared kernels."""

    name = "strict"
    aliases = True
    library_version = np.__version__


class StrictPlugin:
    """Offers it."""

    @hookimpl
    def plugtorch_register_backends(self, register):
        register("strict", Strict, requires=("numpy",))
