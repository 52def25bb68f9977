"""``torch.backends.openmp``: threads by OpenMP."""

from __future__ import annotations

from plugtorch.frontend.devices.switches import has_openmp


def is_available() -> bool:
    """Whether a library of this process brings OpenMP's threads."""
    return has_openmp()
