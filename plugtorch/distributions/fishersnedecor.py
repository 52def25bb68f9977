"""Public path of ``FisherSnedecor``."""

from __future__ import annotations

from plugtorch.frontend.distributions.student import FisherSnedecor

__all__ = ["FisherSnedecor"]
