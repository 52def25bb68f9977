"""The older place of ``torch.func.functional_call``."""

from __future__ import annotations

import warnings
from typing import Any

from plugtorch.frontend.func.modules import functional_call as _call
from plugtorch.frontend.nn.modules.module import Module

__all__ = ["functional_call"]


def functional_call(module: Module, parameters_and_buffers: dict, args: Any = None, kwargs: dict | None = None, *,
                    tie_weights: bool = True, strict: bool = False) -> Any:
    """:func:`plugtorch.func.functional_call`, with a warning that this name is deprecated."""
    warnings.warn("This API is deprecated as of PyTorch 2.0 and will be removed in a future version of PyTorch. Please use "
                  "torch.func.functional_call instead which is a drop-in replacement for this API.", FutureWarning,
                  stacklevel=2)
    return _call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
