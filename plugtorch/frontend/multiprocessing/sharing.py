"""How tensors are shared. There is one way, by value, so that these are settings without effect."""

from __future__ import annotations

import sys

__all__ = ["get_all_sharing_strategies", "get_sharing_strategy", "set_sharing_strategy"]

_all_sharing_strategies = {"file_system"} if sys.platform in ("darwin", "win32") else {"file_descriptor", "file_system"}
_strategy = "file_system" if sys.platform in ("darwin", "win32") else "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """The names that :func:`set_sharing_strategy` takes."""
    return _all_sharing_strategies


def get_sharing_strategy() -> str:
    """The name that was set. Tensors are sent by value in every case."""
    return _strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Sets the name.

    Raises:
        AssertionError: it is none of :func:`get_all_sharing_strategies`.
    """
    global _strategy
    assert new_strategy in _all_sharing_strategies, (
        f"invalid sharing strategy {new_strategy!r}, expected one of {_all_sharing_strategies}")
    _strategy = new_strategy
