"""Public path of embeddings."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.sparse import *  # noqa: F403
from plugtorch.frontend.nn.modules.sparse import __all__ as __all__
