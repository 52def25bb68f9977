"""Public path of ``Independent``."""

from __future__ import annotations

from plugtorch.frontend.distributions.independent import Independent

__all__ = ["Independent"]
