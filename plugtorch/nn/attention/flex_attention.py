"""Attention with a function of the scores; names of ``torch.nn.attention.flex_attention``."""

from __future__ import annotations

from collections.abc import Callable

from plugtorch.frontend.nn.attention.block_mask import _BLOCK as _DEFAULT_SPARSE_BLOCK_SIZE  # noqa: F401
from plugtorch.frontend.nn.attention.flex_attention import *  # noqa: F403
from plugtorch.frontend.nn.attention.flex_attention import __all__ as __all__
from plugtorch.frontend.tensor import Tensor

_mask_mod_signature = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
_score_mod_signature = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
