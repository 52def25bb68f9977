# ruff: noqa: F401  (the imports are the module)
"""``torch.masked``: reductions with a mask, and tensors that carry one."""

from __future__ import annotations

from plugtorch.frontend.masked.functions import *  # noqa: F403
from plugtorch.frontend.masked.functions import __all__ as _functions
from plugtorch.frontend.masked.maskedtensor import MaskedTensor, as_masked_tensor, is_masked_tensor, masked_tensor

__all__ = sorted({*_functions, "MaskedTensor", "as_masked_tensor", "is_masked_tensor", "masked_tensor"})
