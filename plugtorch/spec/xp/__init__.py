"""Primitive kernels written once over an ``xp`` namespace with NumPy's functions.

NumPy, CuPy and ``jax.numpy`` all have one. A backend on such a library derives
from :class:`XPBackend`, passes its namespace, and overrides what its library
does differently or better::

    class MyBackend(XPBackend, xp=mylib):
        name = "mylib"
"""

from .base import XPBackend

__all__ = ["XPBackend"]
