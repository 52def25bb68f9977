"""Layers with quantised weights whose inputs are quantised as they come, and whose results are floats."""

from __future__ import annotations

from plugtorch.frontend.ao.nn import intrinsic as nni
from plugtorch.frontend.ao.nn import qat
from plugtorch.frontend.ao.quantization.qconfig import default_dynamic_qconfig
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules import linear as float_linear
from plugtorch.frontend.quantized.schemes import qint8
from plugtorch.spec import dtypes

from . import conv, linear
from .dynamic_rnn import GRU, LSTM, GRUCell, LSTMCell, RNNCell
from .utils import dynamic, quantize_weight

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "GRU", "GRUCell", "LSTM",
           "LSTMCell", "Linear", "RNNCell"]


class Linear(linear.Linear):
    """A linear layer on floats: the input is rounded to 128 values between its bounds, the weight is quantised, and both are
    multiplied in float32. With a weight of float16, only that is rounded.

    Args:
        in_features, out_features, bias_: those of :class:`torch.nn.Linear`.
        dtype: of the weight, qint8 or float16.
    """

    _version = 4
    _SOURCES = (float_linear.Linear, float_linear.NonDynamicallyQuantizableLinear, nni.LinearReLU, qat.DynamicLinear)

    def __init__(self, in_features, out_features, bias_=True, dtype=qint8):
        super().__init__(in_features, out_features, bias_, dtype)
        self.version = 4

    def forward(self, x):
        weight, bias = self._weight_bias()
        if self._packed_params.dtype is qint8:
            y = F.linear(dynamic(x), weight.dequantize(), bias)
        else:
            y = F.linear(x.detach().float(), weight, bias)
        return self._activation(y).to(x.dtype)

    def _get_name(self):
        return "DynamicQuantizedLinear"

    def extra_repr(self):
        dtype = self._packed_params.dtype
        text = f"in_features={self.in_features}, out_features={self.out_features}, dtype={dtype}"
        return text + (f", qscheme={self.weight().qscheme()}" if dtype is qint8 else "")

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        self.version = local_metadata.get("version", None)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A layer of a plain one with a configuration.

        Raises:
            AssertionError: another class, no configuration, or a weight of another dtype.
        """
        if type(mod) not in cls._SOURCES:
            raise AssertionError("nn.quantized.dynamic.Linear.from_float only works for one of"
                                 f"{[kind.__name__ for kind in cls._SOURCES]}, got {type(mod)}")
        if not hasattr(mod, "qconfig"):
            raise AssertionError("Input float module must have qconfig defined")
        if type(mod) is nni.LinearReLU:
            mod = mod[0]
        given = mod.qconfig is not None and mod.qconfig.weight is not None
        observer = (mod.qconfig if given else default_dynamic_qconfig).weight()
        if observer.dtype not in (qint8, dtypes.float16):
            raise AssertionError("The only supported dtypes for dynamic quantized linear are qint8 and float16, got: "
                                 f"{observer.dtype}")
        observer(mod.weight)
        weight = mod.weight.detach().float()
        made = cls(mod.in_features, mod.out_features, dtype=observer.dtype)
        made.set_weight_bias(quantize_weight(weight, observer) if observer.dtype is qint8 else weight, mod.bias)
        return made


class _Dynamic:
    """The forward pass on floats; a base beside a quantised convolution."""

    def _get_name(self):
        return f"DynamicQuantized{type(self).__name__}"

    def forward(self, input, reduce_range=True):
        self._check_input(input)
        return self._computed(dynamic(input)).to(input.dtype)


class Conv1d(_Dynamic, conv.Conv1d):
    """A convolution of floats, rounded as for :class:`Linear`; the arguments are those of
    :class:`torch.nn.quantized.Conv1d`."""


class Conv2d(_Dynamic, conv.Conv2d):
    """A convolution of ``(N, C, H, W)``; see :class:`Conv1d`."""


class Conv3d(_Dynamic, conv.Conv3d):
    """A convolution of ``(N, C, D, H, W)``; see :class:`Conv1d`."""


class ConvTranspose1d(_Dynamic, conv.ConvTranspose1d):
    """A transposed convolution of floats; see :class:`Conv1d`."""


class ConvTranspose2d(_Dynamic, conv.ConvTranspose2d):
    """A transposed convolution of ``(N, C, H, W)``; see :class:`Conv1d`."""


class ConvTranspose3d(_Dynamic, conv.ConvTranspose3d):
    """A transposed convolution of ``(N, C, D, H, W)``; see :class:`Conv1d`."""
