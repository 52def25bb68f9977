"""Public path of ``ExpRelaxedCategorical``."""

from __future__ import annotations

from plugtorch.frontend.distributions.relaxed import ExpRelaxedCategorical, RelaxedOneHotCategorical

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]
