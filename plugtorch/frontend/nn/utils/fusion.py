"""Batch normalisation in evaluation mode folded into the linear map before it."""

from __future__ import annotations

import copy

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.tensor import Tensor

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def fuse_conv_bn_eval(conv: Module, bn: Module, transpose: bool = False) -> Module:
    """A copy of the convolution that does both.

    Raises:
        AssertionError: a module is in training mode.
    """
    _check_eval(conv, bn)
    fused = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose)
    return fused


def _check_eval(first, bn):
    if first.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("the batch normalisation has no running statistics to fold in")


def _scale(rv, eps, weight):
    return weight * fn.rsqrt(rv + eps)


def _parameters(weight, bias, w, b):
    like = w if b is None else b
    return (Parameter(weight.to(w.dtype).detach(), w.requires_grad),
            Parameter(bias.to(like.dtype).detach(), like.requires_grad))


def fuse_conv_bn_weights(conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
                         bn_w: Tensor | None, bn_b: Tensor | None, transpose: bool = False) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution, or a transposed one, that does both. Missing biases count 0, a missing weight 1."""
    bias = fn.zeros_like(bn_rm) if conv_b is None else conv_b
    bn_w = fn.ones_like(bn_rm) if bn_w is None else bn_w
    bn_b = fn.zeros_like(bn_rm) if bn_b is None else bn_b
    scale = _scale(bn_rv, bn_eps, bn_w)
    shape = [1, -1] if transpose else [-1, 1]
    weight = conv_w * scale.reshape(shape + [1] * (conv_w.dim() - 2))
    return _parameters(weight, (bias - bn_rm) * scale + bn_b, conv_w, conv_b)


def fuse_linear_bn_eval(linear: Module, bn: Module) -> Module:
    """A copy of the linear layer that does both.

    Raises:
        AssertionError: a module is in training mode, or sizes differ.
    """
    _check_eval(linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError("To fuse, linear.out_features == bn.num_features or bn.num_features == 1")
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)
    return fused


def fuse_linear_bn_weights(linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
                           bn_w: Tensor, bn_b: Tensor) -> tuple[Parameter, Parameter]:
    """Weight and bias of a linear layer that does both."""
    bias = fn.zeros_like(bn_rm) if linear_b is None else linear_b
    scale = _scale(bn_rv, bn_eps, bn_w)
    return _parameters(linear_w * scale.unsqueeze(-1), (bias - bn_rm) * scale + bn_b, linear_w, linear_b)
