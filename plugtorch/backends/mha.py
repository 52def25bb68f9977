"""``torch.backends.mha``: the fast path of attention layers."""

from __future__ import annotations

_enabled = True


def get_fastpath_enabled() -> bool:
    """Whether the switch is on; there is one path here."""
    return _enabled


def set_fastpath_enabled(value: bool) -> None:
    """Sets the switch."""
    global _enabled
    _enabled = bool(value)
