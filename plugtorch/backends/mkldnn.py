"""``torch.backends.mkldnn``: Intel's deep-learning library."""

from __future__ import annotations

from plugtorch.frontend.devices.switches import switch, switched, verbose_block

enabled, deterministic, allow_tf32 = True, False, True
VERBOSE_OFF, VERBOSE_ON, VERBOSE_ON_CREATION = 0, 1, 2


def is_available() -> bool:
    """Whether the library is in use: it is not."""
    return False


class verbose(verbose_block):  # noqa: N801
    """A block in which the library would report its calls."""


def set_flags(enabled=None, deterministic=None, allow_tf32=None):
    """Sets flags; returns what they were."""
    return switch(globals(), enabled=enabled, deterministic=deterministic, allow_tf32=allow_tf32)


def flags(enabled=None, deterministic=None, allow_tf32=None):
    """Flags for a block."""
    return switched(globals(), enabled=enabled, deterministic=deterministic, allow_tf32=allow_tf32)
