"""Public path of ``Wishart``."""

from __future__ import annotations

from plugtorch.frontend.distributions.wishart import Wishart

__all__ = ["Wishart"]
