"""Names of ``torch.utils.checkpoint``."""

from __future__ import annotations

from plugtorch.autograd.saved import SavedTensor
from plugtorch.frontend.pytree import tree_map
from plugtorch.frontend.utils import checkpoint as _plain
from plugtorch.frontend.utils import selective_checkpoint as _selective
from plugtorch.frontend.utils.checkpoint import *  # noqa: F403
from plugtorch.frontend.utils.compiled_extensions import TorchDispatchMode
from plugtorch.frontend.utils.selective_checkpoint import *  # noqa: F403
from plugtorch.fx import traceback as fx_traceback

__all__ = [*_plain.__all__, *_selective.__all__, "SavedTensor", "TorchDispatchMode", "fx_traceback", "tree_map"]
