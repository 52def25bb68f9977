"""``torch.backends.mkl``: Intel's mathematical library."""

from __future__ import annotations

from plugtorch.frontend.devices.switches import blas_names, verbose_block

VERBOSE_OFF, VERBOSE_ON = 0, 1


def is_available() -> bool:
    """Whether NumPy's linear algebra runs on it."""
    return "mkl" in blas_names()


class verbose(verbose_block):  # noqa: N801
    """A block in which the library would report its calls."""
