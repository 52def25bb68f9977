"""Public path of ``Beta``."""

from __future__ import annotations

from plugtorch.frontend.distributions.dirichlet import Beta

__all__ = ["Beta"]
