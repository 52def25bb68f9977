"""Public path of ``MixtureSameFamily``."""

from __future__ import annotations

from plugtorch.frontend.distributions.mixture_same_family import MixtureSameFamily

__all__ = ["MixtureSameFamily"]
