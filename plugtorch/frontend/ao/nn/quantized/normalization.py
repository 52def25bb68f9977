"""Normalisation of quantised tensors."""

from __future__ import annotations

from plugtorch.frontend import functions as fn
from plugtorch.frontend.ao.nn import intrinsic as nni
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules import batchnorm as float_batchnorm
from plugtorch.frontend.nn.modules import instancenorm as float_instancenorm
from plugtorch.frontend.nn.modules import normalization as float_normalization

from .utils import observed_scale, quantize, values

__all__ = ["BatchNorm2d", "BatchNorm3d", "GroupNorm", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LayerNorm"]


class _Scaled:
    """Buffers of the result's scale and zero point, and the printed name; a base beside a plain layer."""

    def _add_scale(self, scale, zero_point, device=None):
        self.register_buffer("scale", fn.tensor(scale, device=device))
        self.register_buffer("zero_point", fn.tensor(zero_point, device=device))

    def _get_name(self):
        return f"Quantized{type(self).__name__}"

    def _quantized(self, y, like):
        return quantize(y, self.scale, self.zero_point, like.dtype)


class _BatchNorm(_Scaled):
    _NNI_BN_RELU_MODULE = None

    def __init__(self, num_features, eps=1e-5, momentum=0.1, device=None, dtype=None):
        super().__init__(num_features, eps, momentum, True, True, device, dtype)
        self._add_scale(1.0, 0, device)

    def _activation(self, y):
        """What is done to the values before they are quantised."""
        return y

    def forward(self, input):
        y = F.batch_norm(values(input, f"batch_norm{input.dim() - 2}d"), self.running_mean, self.running_var, self.weight,
                         self.bias, False, 0.0, self.eps)
        return self._quantized(self._activation(y.detach()), input)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A quantised layer of one with an observer."""
        scale, zero_point = mod.activation_post_process.calculate_qparams()
        if type(mod) is cls._NNI_BN_RELU_MODULE:
            mod = mod[0]
        made = cls(mod.num_features, mod.eps)
        for name in ("weight", "bias", "running_mean", "running_var"):
            setattr(made, name, getattr(mod, name))
        made.scale, made.zero_point = scale, zero_point
        return made


class BatchNorm2d(_BatchNorm, float_batchnorm.BatchNorm2d):
    """Batch normalisation of quantised ``(N, C, H, W)`` by running statistics, computed in float32.

    Args:
        num_features, eps, momentum: those of :class:`torch.nn.BatchNorm2d`.
    """

    _NNI_BN_RELU_MODULE = nni.BNReLU2d


class BatchNorm3d(_BatchNorm, float_batchnorm.BatchNorm3d):
    """Batch normalisation of quantised ``(N, C, D, H, W)``; see :class:`BatchNorm2d`."""

    _NNI_BN_RELU_MODULE = nni.BNReLU3d


class LayerNorm(_Scaled, float_normalization.LayerNorm):
    """Layer normalisation of a quantised tensor, computed in float32.

    Args:
        normalized_shape, eps, elementwise_affine: those of :class:`torch.nn.LayerNorm`.
        weight, bias: its parameters.
        scale, zero_point: of the result.
    """

    def __init__(self, normalized_shape, weight, bias, scale, zero_point, eps=1e-5, elementwise_affine=True, device=None,
                 dtype=None):
        super().__init__(normalized_shape, eps, elementwise_affine, device=device, dtype=dtype)
        self.weight, self.bias = weight, bias
        self._add_scale(scale, zero_point, device)

    def forward(self, input):
        y = F.layer_norm(values(input, "layer_norm"), self.normalized_shape, self.weight, self.bias, self.eps)
        return self._quantized(y, input)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A quantised layer of one with an observer."""
        return cls(mod.normalized_shape, mod.weight, mod.bias, *observed_scale(mod), mod.eps, mod.elementwise_affine)


class GroupNorm(_Scaled, float_normalization.GroupNorm):
    """Group normalisation of a quantised tensor, computed in float32.

    Args:
        num_groups, num_channels, eps, affine: those of :class:`torch.nn.GroupNorm`.
        weight, bias: its parameters.
        scale, zero_point: of the result.
    """

    def __init__(self, num_groups, num_channels, weight, bias, scale, zero_point, eps=1e-5, affine=True, device=None,
                 dtype=None):
        super().__init__(num_groups, num_channels, eps, affine, device=device, dtype=dtype)
        self.weight, self.bias = weight, bias
        self._add_scale(scale, zero_point, device)

    def forward(self, input):
        return self._quantized(F.group_norm(values(input, "group_norm"), self.num_groups, self.weight, self.bias, self.eps),
                               input)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A quantised layer of one with an observer."""
        return cls(mod.num_groups, mod.num_channels, mod.weight, mod.bias, *observed_scale(mod), mod.eps, mod.affine)


class _InstanceNorm(_Scaled):
    def __init__(self, num_features, weight, bias, scale, zero_point, eps=1e-5, momentum=0.1, affine=False,
                 track_running_stats=False, device=None, dtype=None):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype)
        self.weight, self.bias = weight, bias
        self._add_scale(scale, zero_point, device)

    def forward(self, input):
        return self._quantized(F.instance_norm(values(input, "instance_norm"), weight=self.weight, bias=self.bias,
                                               eps=self.eps), input)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A quantised layer of one with an observer."""
        return cls(mod.num_features, mod.weight, mod.bias, *observed_scale(mod), mod.eps, mod.affine)


class InstanceNorm1d(_InstanceNorm, float_instancenorm.InstanceNorm1d):
    """Instance normalisation of quantised ``(N, C, L)`` by its own statistics, computed in float32.

    Args:
        num_features, eps, momentum, affine, track_running_stats: those of :class:`torch.nn.InstanceNorm1d`.
        weight, bias: its parameters, or None.
        scale, zero_point: of the result.
    """


class InstanceNorm2d(_InstanceNorm, float_instancenorm.InstanceNorm2d):
    """Instance normalisation of quantised ``(N, C, H, W)``; see :class:`InstanceNorm1d`."""


class InstanceNorm3d(_InstanceNorm, float_instancenorm.InstanceNorm3d):
    """Instance normalisation of quantised ``(N, C, D, H, W)``; see :class:`InstanceNorm1d`."""
