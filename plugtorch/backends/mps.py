"""``torch.backends.mps``: Apple's GPUs."""

from __future__ import annotations

import platform

from plugtorch.frontend.devices.mps import is_available


def is_built() -> bool:
    """Whether the active backend could use them: where one is, it can."""
    return is_available()


def is_macos_or_newer(major: int, minor: int) -> bool:
    """Whether this is macOS of at least that version."""
    version = platform.mac_ver()[0]
    return bool(version) and tuple(int(n) for n in version.split(".")[:2]) >= (major, minor)


def is_macos13_or_newer(minor: int = 0) -> bool:
    """Whether this is macOS 13 or newer."""
    return is_macos_or_newer(13, minor)


def get_name() -> str:
    """The device's name: empty, no backend tells it."""
    return ""


def get_core_count() -> int:
    """The number of its cores: 0, no backend tells it."""
    return 0


__all__ = ["get_core_count", "get_name", "is_available", "is_built", "is_macos13_or_newer", "is_macos_or_newer"]
