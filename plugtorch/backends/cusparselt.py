"""``torch.backends.cusparselt``: NVIDIA's library for semi-structured sparsity."""

from __future__ import annotations


def is_available() -> bool:
    """Whether the library is in use: it is not."""
    return False


def version():
    """The library's version: None."""
    return None


def get_max_alg_id():
    """The number of its algorithms: None."""
    return None
