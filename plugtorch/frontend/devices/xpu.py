"""``torch.xpu``: truthful answers about the xpu devices of the active backend."""

from __future__ import annotations

from . import surface

__all__ = surface.define(globals(), "xpu")
