"""Public path of ``LKJCholesky``."""

from __future__ import annotations

from plugtorch.frontend.distributions.lkj_cholesky import LKJCholesky

__all__ = ["LKJCholesky"]
