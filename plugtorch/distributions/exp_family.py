"""Public path of ``ExponentialFamily``."""

from __future__ import annotations

from plugtorch.frontend.distributions.exp_family import ExponentialFamily

__all__ = ["ExponentialFamily"]
