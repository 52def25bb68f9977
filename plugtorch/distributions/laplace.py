"""Public path of ``Laplace``."""

from __future__ import annotations

from plugtorch.frontend.distributions.laplace import Laplace

__all__ = ["Laplace"]
