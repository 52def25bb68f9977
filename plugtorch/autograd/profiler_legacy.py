"""Public path of the profile as it was; the same as :class:`.profiler.profile`."""

from __future__ import annotations

from .profiler import profile

__all__ = ["profile"]
