"""How much is checked and told."""

from __future__ import annotations

import enum
import os

__all__ = ["DebugLevel", "get_debug_level", "set_debug_level", "set_debug_level_from_env"]


class DebugLevel(enum.Enum):
    """Levels of the variable TORCH_DISTRIBUTED_DEBUG."""

    OFF = 0
    INFO = 1
    DETAIL = 2


_level = DebugLevel.OFF


def get_debug_level() -> DebugLevel:
    """The level. Which collective was called, and its size, is compared between processes at every level."""
    return _level


def set_debug_level(level: DebugLevel) -> None:
    """Sets the level."""
    global _level
    _level = DebugLevel(level)


def set_debug_level_from_env() -> None:
    """Sets the level from TORCH_DISTRIBUTED_DEBUG: OFF, INFO or DETAIL.

    Raises:
        RuntimeError: it is none of these.
    """
    name = os.environ.get("TORCH_DISTRIBUTED_DEBUG", "OFF").upper()
    if name not in DebugLevel.__members__:
        raise RuntimeError(f"The value of TORCH_DISTRIBUTED_DEBUG must be one of OFF, INFO and DETAIL, got {name!r}")
    set_debug_level(DebugLevel[name])


set_debug_level_from_env()
