"""Public path of ``LogisticNormal``."""

from __future__ import annotations

from plugtorch.frontend.distributions.logistic_normal import LogisticNormal

__all__ = ["LogisticNormal"]
