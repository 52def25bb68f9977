"""The mapped functions that run now."""

from __future__ import annotations

from contextvars import ContextVar

LEVELS: ContextVar[tuple] = ContextVar("plugtorch_vmap_levels", default=())  # their backends, the innermost last


def innermost():
    """The backend of the innermost mapped function that runs, or None."""
    levels = LEVELS.get()
    return levels[-1] if levels else None
