"""``torch.nested``: batches of tensors of different lengths."""

from __future__ import annotations

from plugtorch.frontend.nested import as_nested_tensor, nested_tensor, nested_tensor_from_jagged, to_padded_tensor

__all__ = ["as_nested_tensor", "nested_tensor", "nested_tensor_from_jagged", "to_padded_tensor"]
