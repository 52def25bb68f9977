"""Public path of Muon."""

from __future__ import annotations

from plugtorch.frontend.optim.muon import *  # noqa: F403
from plugtorch.frontend.optim.muon import __all__ as __all__
