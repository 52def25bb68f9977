"""Public path of ``Normal``."""

from __future__ import annotations

from plugtorch.frontend.distributions.normal import Normal

__all__ = ["Normal"]
