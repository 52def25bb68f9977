"""``torch.mtia``: truthful answers about the mtia devices of the active backend."""

from __future__ import annotations

from . import surface

__all__ = surface.define(globals(), "mtia")
