"""``torch.backends.kleidiai``: a library for ARM."""

from __future__ import annotations


def is_available() -> bool:
    """Whether the library is in use: it is not."""
    return False
