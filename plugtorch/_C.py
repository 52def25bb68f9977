"""The names of PyTorch's compiled core that programs use."""

from __future__ import annotations

from .frontend.overrides import DisableTorchFunction, DisableTorchFunctionSubclass, _disabled_torch_function_impl

__all__ = ["DisableTorchFunction", "DisableTorchFunctionSubclass", "_disabled_torch_function_impl"]
