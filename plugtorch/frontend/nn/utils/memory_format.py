"""Weights of convolutions in another order in memory."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend.nn.modules.conv import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d
from plugtorch.frontend.nn.modules.module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def _convert(module, memory_format, kinds, convert):
    if isinstance(module, kinds):
        module.weight.data = module.weight.detach().clone().contiguous(memory_format=memory_format)
    for child in module.children():
        convert(child, memory_format)
    return module


def convert_conv2d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """Makes the weights of a module's 2-d convolutions contiguous in a format, where the backend has it; returns the
    module."""
    return _convert(module, memory_format, (Conv2d, ConvTranspose2d), convert_conv2d_weight_memory_format)


def convert_conv3d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """Makes the weights of a module's 3-d convolutions contiguous in a format, where the backend has it; returns the
    module."""
    return _convert(module, memory_format, (Conv3d, ConvTranspose3d), convert_conv3d_weight_memory_format)
