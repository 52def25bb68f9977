"""Fused layers for training: weights are rounded with batch normalisation folded into them, as they are when the model is
converted (Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", 2018, section 3.2.2)."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn import init
from plugtorch.frontend.nn.modules import batchnorm
from plugtorch.frontend.nn.modules import conv as float_conv
from plugtorch.frontend.nn.modules import linear as float_linear
from plugtorch.frontend.nn.modules.activation import ReLU
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

from . import intrinsic as nni
from . import qat

__all__ = ["ConvBn1d", "ConvBn2d", "ConvBn3d", "ConvBnReLU1d", "ConvBnReLU2d", "ConvBnReLU3d", "ConvReLU1d", "ConvReLU2d",
           "ConvReLU3d", "LinearBn1d", "LinearReLU", "freeze_bn_stats", "update_bn_stats"]


class _WithBn:
    """A layer, here with parameters ``weight`` and ``bias``, and the batch normalisation of its result, ``bn``.

    The weight is scaled by ``bn.weight / sqrt(bn.running_var + bn.eps)`` and rounded, the layer applied, the scale taken off
    the result, and the result normalised: the rounded weight is that of the folded layer, and the statistics are those of
    the layer alone.
    """

    def _add_bn(self, kind, channels, eps, momentum, freeze_bn, qconfig, bias):
        if not qconfig:
            raise AssertionError("qconfig must be provided for QAT module")
        self.qconfig = qconfig
        self.freeze_bn = freeze_bn if self.training else True
        self.bn = kind(channels, eps, momentum, True, True)
        self.weight_fake_quant = qconfig.weight()
        if bias:
            self.bias = Parameter(fn.empty(channels))
        else:
            self.register_parameter("bias", None)
        self.reset_bn_parameters()
        if self.training and not freeze_bn:
            self.update_bn_stats()
        else:
            self.freeze_bn_stats()

    def reset_running_stats(self):
        """Mean 0, variance 1."""
        self.bn.reset_running_stats()

    def reset_bn_parameters(self):
        """Reset the statistics and draw the parameters of the normalisation again."""
        self.bn.reset_running_stats()
        init.uniform_(self.bn.weight)
        init.zeros_(self.bn.bias)

    def update_bn_stats(self):
        """Normalise by the statistics of each batch, and keep averages of them; returns the module."""
        self.freeze_bn = False
        self.bn.training = True
        return self

    def freeze_bn_stats(self):
        """Normalise by the averages, and leave them as they are; returns the module."""
        self.freeze_bn = True
        self.bn.training = False
        return self

    def _forward(self, input):
        if self.bn.running_var is None:
            raise AssertionError("self.bn.running_var must not be None")
        factor = self.bn.weight / fn.sqrt(self.bn.running_var + self.bn.eps)
        weight = self.weight_fake_quant(self.weight * factor.reshape([-1] + [1] * (self.weight.dim() - 1)))
        along = [1, -1] + [1] * (self.weight.dim() - 2)
        y = self._without_bias(input, weight) / factor.reshape(along)
        if self.bias is not None:
            y = y + self.bias.reshape(along)
        return self.bn(y)

    def forward(self, input):
        return self._forward(input)

    def train(self, mode: bool = True):
        """Set training mode; normalisation that is frozen stays in evaluation mode."""
        self.training = mode
        if not self.freeze_bn:
            for module in self.children():
                module.train(mode)
        return self

    def _take_bn(self, bn):
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            setattr(self.bn, name, getattr(bn, name))


# Names of the first version of the state, when normalisation was no module of its own.
_OLD_NAMES = {"bn.weight": "gamma", "bn.bias": "beta", "bn.running_mean": "running_mean", "bn.running_var": "running_var",
              "bn.num_batches_tracked": "num_batches_tracked"}


class _ConvBn(_WithBn):
    _version = 2
    _bn: Any = None
    _FLOAT_MODULE: Any = None
    _FLOAT_RELU_MODULE: Any = None
    _FUSED_FLOAT_MODULE: Any = None

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=None,
                 padding_mode="zeros", eps=1e-05, momentum=0.1, freeze_bn=False, qconfig=None):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, False, padding_mode)
        self._add_bn(self._bn, out_channels, eps, momentum, freeze_bn, qconfig, bias)

    def reset_bn_parameters(self):
        """Reset the statistics and draw the parameters of the normalisation, and the bias, again."""
        super().reset_bn_parameters()
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            bound = fan_in**-0.5
            init.uniform_(self.bias, -bound, bound)

    def _without_bias(self, input, weight):
        return self._conv_forward(input, weight, fn.zeros(self.out_channels, device=weight.device, dtype=input.dtype))

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        version = local_metadata.get("version", None)
        if version is None or version == 1:
            for new, old in _OLD_NAMES.items():
                if prefix + old in state_dict:
                    state_dict[prefix + new] = state_dict.pop(prefix + old)
                elif prefix + new not in state_dict and strict:
                    missing_keys.append(prefix + new)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The same layers for training, with the parameters of a fused module."""
        qat.check_source(cls, mod, cls._FLOAT_MODULE)
        conv, bn = mod[0], mod[1]
        made = cls(*qat.conv_arguments(conv), bn.eps, bn.momentum, False, mod.qconfig)
        made.weight, made.bias = conv.weight, conv.bias
        made._take_bn(bn)
        return made

    def to_float(self):
        """A plain convolution with normalisation folded into it; with a ReLU, a fused module."""
        conv = qat.plain_conv(self)
        conv.weight, conv.bias = fuse_conv_bn_weights(conv.weight, conv.bias, self.bn.running_mean, self.bn.running_var,
                                                      self.bn.eps, self.bn.weight, self.bn.bias)
        return qat.joined(self, conv)


class ConvBn1d(_ConvBn, float_conv.Conv1d, nni._FusedModule):
    """A Conv1d and a BatchNorm1d, trained as one.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode: of the convolution.
        eps, momentum: of the normalisation.
        freeze_bn: normalise by the running statistics.
        qconfig: its ``weight`` makes the module that rounds, ``weight_fake_quant``.

    Raises:
        AssertionError: no ``qconfig``.
    """

    _bn = batchnorm.BatchNorm1d
    _FLOAT_MODULE, _FLOAT_CONV_MODULE = nni.ConvBn1d, float_conv.Conv1d


class ConvBn2d(_ConvBn, float_conv.Conv2d, nni._FusedModule):
    """A Conv2d and a BatchNorm2d, trained as one; see :class:`ConvBn1d`."""

    _bn = batchnorm.BatchNorm2d
    _FLOAT_MODULE, _FLOAT_CONV_MODULE = nni.ConvBn2d, float_conv.Conv2d


class ConvBn3d(_ConvBn, float_conv.Conv3d, nni._FusedModule):
    """A Conv3d and a BatchNorm3d, trained as one; see :class:`ConvBn1d`."""

    _bn = batchnorm.BatchNorm3d
    _FLOAT_MODULE, _FLOAT_CONV_MODULE = nni.ConvBn3d, float_conv.Conv3d


class ConvBnReLU1d(ConvBn1d):
    """A Conv1d, a BatchNorm1d and a ReLU, trained as one; see :class:`ConvBn1d`."""

    _FLOAT_MODULE, _FLOAT_RELU_MODULE, _FUSED_FLOAT_MODULE = nni.ConvBnReLU1d, ReLU, nni.ConvReLU1d

    def forward(self, input):
        return F.relu(self._forward(input))


class ConvBnReLU2d(ConvBn2d):
    """A Conv2d, a BatchNorm2d and a ReLU, trained as one; see :class:`ConvBn1d`."""

    _FLOAT_MODULE, _FLOAT_RELU_MODULE, _FUSED_FLOAT_MODULE = nni.ConvBnReLU2d, ReLU, nni.ConvReLU2d

    def forward(self, input):
        return F.relu(self._forward(input))


class ConvBnReLU3d(ConvBn3d):
    """A Conv3d, a BatchNorm3d and a ReLU, trained as one; see :class:`ConvBn1d`."""

    _FLOAT_MODULE, _FLOAT_RELU_MODULE, _FUSED_FLOAT_MODULE = nni.ConvBnReLU3d, ReLU, nni.ConvReLU3d

    def forward(self, input):
        return F.relu(self._forward(input))


class ConvReLU1d(qat.Conv1d, nni._FusedModule):
    """A Conv1d and a ReLU, trained as one; the arguments are those of :class:`torch.nn.qat.Conv1d`."""

    _FLOAT_MODULE, _FLOAT_RELU_MODULE, _FUSED_FLOAT_MODULE = nni.ConvReLU1d, ReLU, nni.ConvReLU1d

    def forward(self, input):
        return F.relu(super().forward(input))


class ConvReLU2d(qat.Conv2d, nni._FusedModule):
    """A Conv2d and a ReLU, trained as one; the arguments are those of :class:`torch.nn.qat.Conv2d`."""

    _FLOAT_MODULE, _FLOAT_RELU_MODULE, _FUSED_FLOAT_MODULE = nni.ConvReLU2d, ReLU, nni.ConvReLU2d

    def forward(self, input):
        return F.relu(super().forward(input))


class ConvReLU3d(qat.Conv3d, nni._FusedModule):
    """A Conv3d and a ReLU, trained as one; the arguments are those of :class:`torch.nn.qat.Conv3d`."""

    _FLOAT_MODULE, _FLOAT_RELU_MODULE, _FUSED_FLOAT_MODULE = nni.ConvReLU3d, ReLU, nni.ConvReLU3d

    def forward(self, input):
        return F.relu(super().forward(input))


class LinearReLU(qat.Linear, nni._FusedModule):
    """A Linear and a ReLU, trained as one; the arguments are those of :class:`torch.nn.qat.Linear`."""

    _FLOAT_MODULE = nni.LinearReLU

    def forward(self, input):
        return F.relu(super().forward(input))

    def to_float(self):
        """A fused module of plain layers with the same parameters."""
        return nni.LinearReLU(super().to_float(), ReLU()).train(self.training)


class LinearBn1d(_WithBn, float_linear.Linear, nni._FusedModule):
    """A Linear and a BatchNorm1d, trained as one; see :class:`ConvBn1d`."""

    def __init__(self, in_features, out_features, bias=True, eps=1e-05, momentum=0.1, freeze_bn=False, qconfig=None):
        super().__init__(in_features, out_features, bias)
        self._add_bn(batchnorm.BatchNorm1d, out_features, eps, momentum, freeze_bn, qconfig, bias)

    def _without_bias(self, input, weight):
        return F.linear(input, weight)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The same layers for training, with the parameters of a fused module."""
        qat.check_source(cls, mod, nni.LinearBn1d)
        linear, bn = mod[0], mod[1]
        made = cls(linear.in_features, linear.out_features, linear.bias is not None, bn.eps, bn.momentum, False, mod.qconfig)
        made.weight, made.bias = linear.weight, linear.bias
        made._take_bn(bn)
        return made

    def to_float(self):
        """A plain layer with normalisation folded into it."""
        linear = float_linear.Linear(self.in_features, self.out_features)
        linear.weight, linear.bias = fuse_linear_bn_weights(
            self.weight, self.bias, self.bn.running_mean, self.bn.running_var, self.bn.eps, self.bn.weight, self.bn.bias)
        return linear


_WITH_BN = frozenset({ConvBn1d, ConvBn2d, ConvBn3d, ConvBnReLU1d, ConvBnReLU2d, ConvBnReLU3d})


def update_bn_stats(mod) -> None:
    """Lets a fused module in training normalise by batches again; for ``model.apply``."""
    if type(mod) in _WITH_BN:
        mod.update_bn_stats()


def freeze_bn_stats(mod) -> None:
    """Lets a fused module in training normalise by its running statistics; for ``model.apply``."""
    if type(mod) in _WITH_BN:
        mod.freeze_bn_stats()
