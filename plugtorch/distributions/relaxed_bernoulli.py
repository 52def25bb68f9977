"""Public path of ``LogitRelaxedBernoulli``."""

from __future__ import annotations

from plugtorch.frontend.distributions.relaxed import LogitRelaxedBernoulli, RelaxedBernoulli

__all__ = ["LogitRelaxedBernoulli", "RelaxedBernoulli"]
