"""Public path of ``Gumbel``."""

from __future__ import annotations

from plugtorch.frontend.distributions.gumbel import Gumbel

__all__ = ["Gumbel"]
