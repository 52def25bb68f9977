"""Public path of ``Distribution``."""

from __future__ import annotations

from plugtorch.frontend.distributions.distribution import Distribution

__all__ = ["Distribution"]
