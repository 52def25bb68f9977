"""Convolutions with quantised weights."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.ao.nn import intrinsic as nni
from plugtorch.frontend.ao.nn import intrinsic_qat as nniqat
from plugtorch.frontend.ao.nn.qat import conv_arguments
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules import conv as float_conv
from plugtorch.frontend.nn.modules.utils import _ntuple, _reverse_repeat_tuple
from plugtorch.frontend.nn.utils.fusion import fuse_conv_bn_weights
from plugtorch.frontend.quantized.schemes import qint8
from plugtorch.spec import dtypes

from .utils import WeightedQuantizedModule, blank_weight, quantize, quantize_weight, values

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_SHAPES = {1: "(N, C, L)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}


class _ConvNd(WeightedQuantizedModule):
    """Weight, bias, state and printing of all quantised convolutions."""

    _spatial = 0
    _transposed = False
    _FLOAT_MODULE: Any = None
    _WITH_BN: Any = None

    def _init(self, in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
              padding_mode):
        super().__init__()
        if out_channels <= 0:
            raise ValueError(f"out_channels must be greater than 0, got {out_channels}")
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups != 0:
                raise ValueError(f"{name} must be divisible by groups")
        if padding_mode not in ("zeros", "reflect"):
            raise ValueError(f"'padding_mode' {padding_mode} is not supported by quantized convolution")
        each = _ntuple(self._spatial, "each")
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride, self.dilation = each(kernel_size), each(stride), each(dilation)
        self.padding = padding if isinstance(padding, str) else each(padding)
        self.transposed, self.output_padding = self._transposed, each(output_padding)
        self.groups, self.padding_mode = groups, padding_mode
        first, second = (in_channels, out_channels) if self._transposed else (out_channels, in_channels)
        self.set_weight_bias(blank_weight((first, second // groups, *self.kernel_size)),
                             fn.zeros(out_channels) if bias else None)
        self.scale, self.zero_point = 1.0, 0

    def _get_name(self):
        return f"Quantized{type(self).__name__}"

    def set_weight_bias(self, w, b):
        """Set both: the weight quantised, the bias float32 or None."""
        self._weight, self._bias = w, None if b is None else b.detach()

    def _weight_bias(self):
        return self._weight, self._bias

    def weight(self):
        """The quantised weight."""
        return self._weight

    def bias(self):
        """The bias, float32, or None."""
        return self._bias

    def extra_repr(self):
        n = len(self.kernel_size)
        text = (f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"scale={self.scale}, zero_point={self.zero_point}")
        for name, plain in (("padding", (0,) * n), ("dilation", (1,) * n), ("output_padding", (0,) * n), ("groups", 1)):
            if getattr(self, name) != plain:
                text += f", {name}={getattr(self, name)}"
        return text + (", bias=False" if self._bias is None else "")

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "weight"], destination[prefix + "bias"] = self._weight_bias()
        destination[prefix + "scale"] = fn.tensor(self.scale)
        destination[prefix + "zero_point"] = fn.tensor(self.zero_point)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        self.set_weight_bias(state_dict.pop(prefix + "weight"), state_dict.pop(prefix + "bias"))
        self.scale = float(state_dict.pop(prefix + "scale"))
        self.zero_point = int(state_dict.pop(prefix + "zero_point"))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)

    def _check_input(self, input):
        if input.dim() != self._spatial + 2:
            raise ValueError(f"Input shape must be `{_SHAPES[self._spatial]}`!")

    def _activation(self, y):
        """What is done to the values before they are quantised."""
        return y

    def _op(self) -> str:
        return f"conv{'_transpose' if self._transposed else ''}{self._spatial}d"

    def forward(self, input):
        self._check_input(input)
        y = self._computed(values(input, self._op()))
        return quantize(self._activation(y), self.scale, self.zero_point, input.dtype)

    @classmethod
    def get_qconv(cls, mod, activation_post_process, weight_post_process=None):
        """A quantised convolution with the parameters of a plain one and the scales that observers chose.

        Raises:
            AssertionError: weights are not to be qint8.
        """
        observer = mod.qconfig.weight() if weight_post_process is None else weight_post_process
        observer(mod.weight)
        if observer.dtype is not qint8:
            raise AssertionError(f"Weight observer must have a dtype of qint8, got {observer.dtype}")
        made = cls(*cls._arguments(mod))
        made.set_weight_bias(quantize_weight(mod.weight.float(), observer), mod.bias)
        if activation_post_process is not None and activation_post_process.dtype is not dtypes.float32:
            scale, zero_point = activation_post_process.calculate_qparams()
            made.scale, made.zero_point = float(scale), int(zero_point)
        return made

    @classmethod
    def _arguments(cls, mod):
        return conv_arguments(mod)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A quantised convolution of one with observers, or of one in training.

        Raises:
            AssertionError: another class, no configuration, or weights that are not to be qint8.
        """
        observer = None
        if hasattr(mod, "weight_fake_quant"):
            if type(mod) is cls._WITH_BN:
                mod.weight, mod.bias = fuse_conv_bn_weights(mod.weight, mod.bias, mod.bn.running_mean, mod.bn.running_var,
                                                            mod.bn.eps, mod.bn.weight, mod.bn.bias)
            if not hasattr(mod, "activation_post_process"):
                raise AssertionError("Input QAT module must have observer attached")
            observer = mod.weight_fake_quant
        else:
            if type(mod) is not cls._FLOAT_MODULE:
                raise AssertionError(f"nnq.{cls.__name__}.from_float only works for {cls._FLOAT_MODULE.__name__} but got: "
                                     f"{type(mod).__name__}")
            if not hasattr(mod, "qconfig"):
                raise AssertionError("Input float module must have qconfig defined.")
        activation = getattr(mod, "activation_post_process", None)
        if observer is None and isinstance(mod, nni._FusedModule):
            mod = mod[0]
        return cls.get_qconv(mod, activation, observer)


class _Conv(_ConvNd):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 padding_mode="zeros", device=None, dtype=None):
        self._init(in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode)

    def _computed(self, x):
        padding = self.padding
        if self.padding_mode != "zeros":
            x = F.pad(x, _reverse_repeat_tuple(self.padding, 2), self.padding_mode)
            padding = 0
        return getattr(F, f"conv{self._spatial}d")(x, self._weight.dequantize(), self._bias, self.stride, padding,
                                                   self.dilation, self.groups)


class Conv1d(_Conv):
    """A convolution of quantised ``(N, C, L)``, computed in float32 and quantised; see :class:`Linear` for how close that is
    to integer kernels. The arguments are those of :class:`torch.nn.Conv1d`, with padding of zeros or by reflection.

    Attributes:
        scale, zero_point: of the result.

    Raises:
        ValueError: other paddings, channels that groups do not divide, or in forward an input of another shape.
    """

    _spatial = 1
    _FLOAT_MODULE, _WITH_BN = float_conv.Conv1d, nniqat.ConvBn1d


class Conv2d(_Conv):
    """A convolution of quantised ``(N, C, H, W)``; see :class:`Conv1d`."""

    _spatial = 2
    _FLOAT_MODULE, _WITH_BN = float_conv.Conv2d, nniqat.ConvBn2d


class Conv3d(_Conv):
    """A convolution of quantised ``(N, C, D, H, W)``; see :class:`Conv1d`. No padding by reflection."""

    _spatial = 3
    _FLOAT_MODULE, _WITH_BN = float_conv.Conv3d, nniqat.ConvBn3d

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 padding_mode="zeros", device=None, dtype=None):
        if padding_mode == "reflect":
            raise AssertionError("Conv3d does not support reflection padding")
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode)


class _ConvTranspose(_ConvNd):
    _transposed = True

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1, bias=True,
                 dilation=1, padding_mode="zeros", device=None, dtype=None):
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        self._init(in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias,
                   padding_mode)

    @classmethod
    def _arguments(cls, mod):
        return (mod.in_channels, mod.out_channels, mod.kernel_size, mod.stride, mod.padding, mod.output_padding, mod.groups,
                mod.bias is not None, mod.dilation, mod.padding_mode)

    def _computed(self, x):
        return getattr(F, f"conv_transpose{self._spatial}d")(
            x, self._weight.dequantize(), self._bias, self.stride, self.padding, self.output_padding, self.groups,
            self.dilation)


class ConvTranspose1d(_ConvTranspose):
    """A transposed convolution of quantised ``(N, C, L)``; see :class:`Conv1d`. The arguments are those of
    :class:`torch.nn.ConvTranspose1d`; the weight has one scale."""

    _spatial = 1
    _FLOAT_MODULE = float_conv.ConvTranspose1d


class ConvTranspose2d(_ConvTranspose):
    """A transposed convolution of quantised ``(N, C, H, W)``; see :class:`ConvTranspose1d`."""

    _spatial = 2
    _FLOAT_MODULE = float_conv.ConvTranspose2d


class ConvTranspose3d(_ConvTranspose):
    """A transposed convolution of quantised ``(N, C, D, H, W)``; see :class:`ConvTranspose1d`."""

    _spatial = 3
    _FLOAT_MODULE = float_conv.ConvTranspose3d
