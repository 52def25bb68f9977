"""Public path of ``kl_divergence``."""

from __future__ import annotations

from plugtorch.frontend.distributions.kl import kl_divergence, register_kl

__all__ = ["kl_divergence", "register_kl"]
