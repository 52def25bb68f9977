"""Public path of lazily shaped modules."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.lazy import LazyModuleMixin

__all__ = [
    "LazyModuleMixin",
]
