"""Public path of ``Multinomial``."""

from __future__ import annotations

from plugtorch.frontend.distributions.categorical import Multinomial

__all__ = ["Multinomial"]
