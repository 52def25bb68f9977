"""``torch.backends.opt_einsum``: the order of contractions in einsum, which are done from left to right here."""

from __future__ import annotations

from plugtorch.frontend.devices.switches import switch, switched

enabled, strategy = False, None


def is_available() -> bool:
    """Whether the library is in use: it is not."""
    return False


def get_opt_einsum():
    """The package: None, it is not used."""
    return None


def set_flags(enabled=None, strategy=None):
    """Sets flags; returns what they were."""
    return switch(globals(), enabled=enabled, strategy=strategy)


def flags(enabled=None, strategy=None):
    """Flags for a block."""
    return switched(globals(), enabled=enabled, strategy=strategy)
