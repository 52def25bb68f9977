"""``torch.backends.miopen``: AMD's deep-learning library."""

from __future__ import annotations

from plugtorch.frontend.devices.switches import switch, switched

immediate = False


def is_available() -> bool:
    """Whether the library is in use: it is not."""
    return False


def set_flags(immediate=None):
    """Sets flags; returns what they were."""
    return switch(globals(), immediate=immediate)


def flags(immediate=None):
    """Flags for a block."""
    return switched(globals(), immediate=immediate)
