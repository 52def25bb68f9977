"""Layers whose weights are rounded as quantising would before they are used, for training."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend.ao.quantization.qconfig import is_memoryless
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules import conv as float_conv
from plugtorch.frontend.nn.modules import linear as float_linear
from plugtorch.frontend.nn.modules import sparse as float_sparse
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.nn.utils.parametrize import (
    is_parametrized,
    transfer_parametrizations_and_params,
    type_before_parametrizations,
)
from plugtorch.frontend.quantized.schemes import per_channel_affine_float_qparams

from . import intrinsic as nni

__all__ = ["Conv1d", "Conv2d", "Conv3d", "DynamicLinear", "Embedding", "EmbeddingBag", "Linear"]


def factory_of(device, dtype) -> dict[str, Any]:
    """Arguments of creation functions, for observers."""
    return {"device": device, "dtype": dtype}


def check_source(cls, module, kind) -> None:
    """Refuses what is not of the class ``kind``, or without configuration.

    Raises:
        AssertionError: it is so.
    """
    if type_before_parametrizations(module) is not kind:
        raise AssertionError(f"qat.{cls.__name__}.from_float only works for {kind.__name__}")
    if not hasattr(module, "qconfig"):
        raise AssertionError("Input float module must have qconfig defined")
    if not module.qconfig:
        raise AssertionError("Input float module must have a valid qconfig")


def _needs_qconfig(qconfig):
    if not qconfig:
        raise AssertionError("qconfig must be provided for QAT module")


class Linear(float_linear.Linear):
    """A linear layer with a weight that is rounded; the arguments are those of :class:`torch.nn.Linear`.

    Args:
        qconfig: its ``weight`` makes the module that rounds, ``weight_fake_quant``.

    Raises:
        AssertionError: no ``qconfig``.
    """

    _FLOAT_MODULE = float_linear.Linear

    def __init__(self, in_features, out_features, bias=True, qconfig=None, device=None, dtype=None):
        super().__init__(in_features, out_features, bias, device, dtype)
        _needs_qconfig(qconfig)
        self.qconfig = qconfig
        self.weight_fake_quant = qconfig.weight(factory_kwargs=factory_of(device, dtype))

    def forward(self, input):
        return F.linear(input, self.weight_fake_quant(self.weight), self.bias)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The same layer for training, with the parameters of a :class:`torch.nn.Linear`."""
        if type_before_parametrizations(mod) is not cls._FLOAT_MODULE:
            raise AssertionError(f" qat.{cls.__name__}.from_float only works for {cls._FLOAT_MODULE.__name__}")
        check_source(cls, mod, cls._FLOAT_MODULE)
        qconfig = mod.qconfig
        if type_before_parametrizations(mod) is nni.LinearReLU:
            mod = mod[0]
        made = cls(mod.in_features, mod.out_features, bias=mod.bias is not None, qconfig=qconfig)
        for name in ("weight", "bias"):
            if is_parametrized(mod, name):
                transfer_parametrizations_and_params(mod, made, name)
            else:
                setattr(made, name, getattr(mod, name))
        return made

    def to_float(self):
        """A plain layer with the same parameters."""
        linear = float_linear.Linear(self.in_features, self.out_features, self.bias is not None)
        linear.weight = Parameter(self.weight.detach())
        if self.bias is not None:
            linear.bias = Parameter(self.bias.detach())
        linear.train(self.training)
        return linear


class DynamicLinear(Linear):
    """A :class:`Linear` whose inputs are to be quantised as they come (``torch.nn.qat.dynamic.Linear``).

    Raises:
        ValueError: the configuration's observer of activations remembers what it saw.
    """

    def __init__(self, in_features, out_features, bias=True, qconfig=None, device=None, dtype=None):
        super().__init__(in_features, out_features, bias, qconfig, device, dtype)
        if not is_memoryless(qconfig):
            raise ValueError("Dynamic QAT requires a memoryless observer."
                             "This means a MovingAverage observer with averaging constant equal to 1")


DynamicLinear.__name__ = DynamicLinear.__qualname__ = "Linear"


class _Conv:
    """Convolutions with a weight that is rounded; a base beside a convolution."""

    _FLOAT_MODULE: Any = None

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 padding_mode="zeros", qconfig=None, device=None, dtype=None):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
                         device, dtype)
        _needs_qconfig(qconfig)
        self.qconfig = qconfig
        self.weight_fake_quant = qconfig.weight(factory_kwargs=factory_of(device, dtype))

    def forward(self, input):
        return self._conv_forward(input, self.weight_fake_quant(self.weight), self.bias)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The same layer for training, with the parameters of a plain one."""
        check_source(cls, mod, cls._FLOAT_MODULE)
        qconfig = mod.qconfig
        if isinstance(mod, nni._FusedModule):
            mod = mod[0]
        made = cls(*conv_arguments(mod), qconfig=qconfig)
        made.weight, made.bias = mod.weight, mod.bias
        return made

    def to_float(self):
        """A plain layer with the same parameters; a fused one, if it is part of one."""
        return joined(self, plain_conv(self))


def conv_arguments(mod) -> tuple:
    """The arguments that make a convolution like ``mod``."""
    return (mod.in_channels, mod.out_channels, mod.kernel_size, mod.stride, mod.padding, mod.dilation, mod.groups,
            mod.bias is not None, mod.padding_mode)


def plain_conv(mod):
    """A plain convolution with the parameters of one for training."""
    made = mod._FLOAT_CONV_MODULE(*conv_arguments(mod))
    made.weight = Parameter(mod.weight.detach())
    if mod.bias is not None:
        made.bias = Parameter(mod.bias.detach())
    return made


def joined(mod, plain):
    """``plain``, with a ReLU after it if the module for training has one."""
    relu = getattr(mod, "_FLOAT_RELU_MODULE", None)
    made = plain if relu is None else mod._FUSED_FLOAT_MODULE(plain, relu())
    return made.train(mod.training)


class Conv1d(_Conv, float_conv.Conv1d):
    """A :class:`torch.nn.Conv1d` with a weight that is rounded; see :class:`Linear`."""

    _FLOAT_MODULE = _FLOAT_CONV_MODULE = float_conv.Conv1d


class Conv2d(_Conv, float_conv.Conv2d):
    """A :class:`torch.nn.Conv2d` with a weight that is rounded; see :class:`Linear`."""

    _FLOAT_MODULE = _FLOAT_CONV_MODULE = float_conv.Conv2d


class Conv3d(_Conv, float_conv.Conv3d):
    """A :class:`torch.nn.Conv3d` with a weight that is rounded; see :class:`Linear`."""

    _FLOAT_MODULE = _FLOAT_CONV_MODULE = float_conv.Conv3d


def _check_embedding(qconfig):
    _needs_qconfig(qconfig)
    scheme = qconfig.weight().qscheme
    if scheme is not per_channel_affine_float_qparams:
        raise AssertionError("Embedding weights requires a qscheme of torch.per_channel_affine_float_qparams Got "
                             + str(scheme))


class Embedding(float_sparse.Embedding):
    """A :class:`torch.nn.Embedding` with a weight that is rounded; see :class:`Linear`."""

    _FLOAT_MODULE = float_sparse.Embedding

    def __init__(self, num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0,
                 scale_grad_by_freq=False, sparse=False, _weight=None, device=None, dtype=None, qconfig=None):
        super().__init__(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
                         _weight, device=device, dtype=dtype)
        _check_embedding(qconfig)
        self.qconfig = qconfig
        self.weight_fake_quant = qconfig.weight(factory_kwargs=factory_of(device, dtype))

    def forward(self, input):
        return F.embedding(input, self.weight_fake_quant(self.weight), self.padding_idx, self.max_norm, self.norm_type,
                           self.scale_grad_by_freq, self.sparse)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The same layer for training, with the parameters of a plain one."""
        check_source(cls, mod, cls._FLOAT_MODULE)
        made = cls(mod.num_embeddings, mod.embedding_dim, mod.padding_idx, mod.max_norm, mod.norm_type,
                   mod.scale_grad_by_freq, mod.sparse, mod.weight, qconfig=mod.qconfig)
        made.weight = mod.weight
        return made

    def to_float(self):
        """A plain layer with the same parameters."""
        made = float_sparse.Embedding(self.num_embeddings, self.embedding_dim, self.padding_idx, self.max_norm,
                                      self.norm_type, self.scale_grad_by_freq, self.sparse)
        made.weight = Parameter(self.weight.detach())
        return made.train(self.training)


class EmbeddingBag(float_sparse.EmbeddingBag):
    """A :class:`torch.nn.EmbeddingBag` with a weight that is rounded; see :class:`Linear`."""

    _FLOAT_MODULE = float_sparse.EmbeddingBag

    def __init__(self, num_embeddings, embedding_dim, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, mode="mean",
                 sparse=False, _weight=None, include_last_offset=False, padding_idx=None, qconfig=None, device=None,
                 dtype=None):
        super().__init__(num_embeddings, embedding_dim, max_norm, norm_type, scale_grad_by_freq, mode, sparse, _weight,
                         include_last_offset, padding_idx, device, dtype)
        _check_embedding(qconfig)
        self.qconfig = qconfig
        self.weight_fake_quant = qconfig.weight(factory_kwargs=factory_of(device, dtype))

    def forward(self, input, offsets=None, per_sample_weights=None):
        return F.embedding_bag(input, self.weight_fake_quant(self.weight), offsets, self.max_norm, self.norm_type,
                               self.scale_grad_by_freq, self.mode, self.sparse, per_sample_weights,
                               self.include_last_offset, self.padding_idx)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The same layer for training, with the parameters of a plain one."""
        check_source(cls, mod, cls._FLOAT_MODULE)
        made = cls(mod.num_embeddings, mod.embedding_dim, mod.max_norm, mod.norm_type, mod.scale_grad_by_freq, mod.mode,
                   mod.sparse, mod.weight, mod.include_last_offset, mod.padding_idx, qconfig=mod.qconfig)
        made.weight = mod.weight
        return made

    def to_float(self):
        """A plain layer with the same parameters."""
        made = float_sparse.EmbeddingBag(self.num_embeddings, self.embedding_dim, self.max_norm, self.norm_type,
                                         self.scale_grad_by_freq, self.mode, self.sparse, None, self.include_last_offset,
                                         self.padding_idx)
        made.weight = Parameter(self.weight.detach())
        return made.train(self.training)
