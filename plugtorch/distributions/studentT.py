"""Public path of ``StudentT``."""

from __future__ import annotations

from plugtorch.frontend.distributions.student import StudentT

__all__ = ["StudentT"]
