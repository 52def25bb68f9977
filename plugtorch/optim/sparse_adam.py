"""Public path of SparseAdam."""

from __future__ import annotations

from plugtorch.frontend.optim.sparse_adam import *  # noqa: F403
from plugtorch.frontend.optim.sparse_adam import __all__ as __all__
