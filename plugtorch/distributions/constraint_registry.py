"""Public path of ``torch.distributions.constraint_registry``."""

from __future__ import annotations

from plugtorch.frontend.distributions.constraint_registry import ConstraintRegistry, biject_to, transform_to

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]
