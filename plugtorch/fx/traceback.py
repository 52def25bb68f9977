"""Notes on nodes of graphs; names of ``torch.fx.traceback``."""

from __future__ import annotations

from plugtorch.frontend.fx.traceback import *  # noqa: F403
from plugtorch.frontend.fx.traceback import __all__ as __all__
