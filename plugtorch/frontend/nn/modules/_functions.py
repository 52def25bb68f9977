"""Autograd functions of layers that PyTorch differentiates by hand."""

from __future__ import annotations

from typing import Any

from plugtorch.autograd.function import Function, once_differentiable
from plugtorch.frontend import functions as fn
from plugtorch.frontend.tensor import Tensor

__all__ = ["CrossMapLRN2d"]


class CrossMapLRN2d(Function):
    """The function of the layer of this name; sums over channels are products with a matrix of zeros and ones."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
        if x.dim() != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {x.dim()}D instead.")
        half = (size - 1) // 2
        c, j = _channels(x)
        window = ((j >= c - half) & (j <= c + half)) | (j == 0) & (c >= j)
        scale = _summed(window, x * x) * (alpha / size) + k
        y = x * scale**-beta
        ctx.save_for_backward(x, y, scale)
        ctx.size, ctx.alpha, ctx.beta = size, alpha, beta
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None, None, None, None]:
        x, y, scale = ctx.saved_tensors
        c, j = _channels(x)
        last = c + ctx.size // 2 - 1
        window = (j <= last) & (j > last - ctx.size)
        rest = _summed(window, g * y / scale) * x * (2 * ctx.alpha * ctx.beta / ctx.size)
        return g * scale**-ctx.beta - rest, None, None, None, None


def _channels(x: Tensor) -> tuple[Tensor, Tensor]:
    line = fn.arange(x.size(1), device=x.device)
    return line[:, None], line


def _summed(window: Tensor, x: Tensor) -> Tensor:
    """Sums over the channels that ``window`` (C, C) names for each."""
    return (window.to(x.dtype) @ x.flatten(2)).reshape(x.shape)
