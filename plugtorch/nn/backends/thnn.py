"""What modules in files of very old versions call when they are loaded."""

from __future__ import annotations

__all__: list[str] = []


def _get_thnn_function_backend() -> None:
    """None: modules have no backend of their own any more."""
