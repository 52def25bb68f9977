"""Public path of ``Kumaraswamy``."""

from __future__ import annotations

from plugtorch.frontend.distributions.kumaraswamy import Kumaraswamy

__all__ = ["Kumaraswamy"]
