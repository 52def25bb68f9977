"""``torch.backends.nnpack``: a library for convolutions on ARM."""

from __future__ import annotations

from plugtorch.frontend.devices.switches import switch, switched

enabled = True


def is_available() -> bool:
    """Whether the library is in use: it is not."""
    return False


def set_flags(enabled=None):
    """Sets flags; returns what they were."""
    return switch(globals(), enabled=enabled)


def flags(enabled=None):
    """Flags for a block."""
    return switched(globals(), enabled=enabled)
