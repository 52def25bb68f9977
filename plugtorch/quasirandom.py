"""Sobol sequences; the name of ``torch.quasirandom``."""

from __future__ import annotations

from .frontend.quasirandom import SobolEngine

__all__ = ["SobolEngine"]
