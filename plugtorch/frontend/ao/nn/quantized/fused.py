"""Quantised layers with an activation: what fused modules become."""

from __future__ import annotations

from plugtorch.frontend import functions as fn
from plugtorch.frontend.ao.nn import intrinsic as nni
from plugtorch.frontend.ao.nn import intrinsic_qat as nniqat
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.quantized.schemes import qint8

from . import conv, dynamic, linear, normalization
from .utils import quantize, values

__all__ = ["BNReLU2d", "BNReLU3d", "ConvAdd2d", "ConvAddReLU2d", "ConvReLU1d", "ConvReLU2d", "ConvReLU3d",
           "DynamicLinearReLU", "LinearLeakyReLU", "LinearReLU", "LinearTanh"]


class _ReLU:
    """Clips the values before they are quantised; a base beside a quantised layer."""

    def _activation(self, y):
        return F.relu(y)


class LinearReLU(_ReLU, linear.Linear):
    """A quantised linear layer and a ReLU; see :class:`torch.nn.quantized.Linear`."""

    _FLOAT_MODULE = nni.LinearReLU

    def _get_name(self):
        return "QuantizedLinearReLU"


class LinearLeakyReLU(linear.Linear):
    """A quantised linear layer and a leaky ReLU.

    Args:
        in_features, out_features, bias, dtype: those of :class:`torch.nn.quantized.Linear`.
        negative_slope: the slope where values are negative.
    """

    _FLOAT_MODULE = nni.LinearLeakyReLU

    def __init__(self, in_features, out_features, negative_slope, bias=True, dtype=qint8):
        super().__init__(in_features, out_features, bias, dtype)
        self.negative_slope = negative_slope

    def _activation(self, y):
        return F.leaky_relu(y, self.negative_slope)

    def _get_name(self):
        return "QuantizedLinearLeakyReLU"

    @classmethod
    def _arguments(cls, source):
        return (source[1].negative_slope,)


class LinearTanh(linear.Linear):
    """A quantised linear layer and a tanh; see :class:`torch.nn.quantized.Linear`."""

    _FLOAT_MODULE = nni.LinearTanh

    def _activation(self, y):
        return fn.tanh(y)

    def _get_name(self):
        return "QuantizedLinearTanh"


class ConvReLU1d(_ReLU, conv.Conv1d):
    """A quantised convolution and a ReLU; see :class:`torch.nn.quantized.Conv1d`."""

    _FLOAT_MODULE, _WITH_BN = nni.ConvReLU1d, nniqat.ConvBnReLU1d


class ConvReLU2d(_ReLU, conv.Conv2d):
    """A quantised convolution and a ReLU; see :class:`torch.nn.quantized.Conv2d`."""

    _FLOAT_MODULE, _WITH_BN = nni.ConvReLU2d, nniqat.ConvBnReLU2d


class ConvReLU3d(_ReLU, conv.Conv3d):
    """A quantised convolution and a ReLU; see :class:`torch.nn.quantized.Conv3d`."""

    _FLOAT_MODULE, _WITH_BN = nni.ConvReLU3d, nniqat.ConvBnReLU3d


class ConvAdd2d(conv.Conv2d):
    """A quantised convolution whose result another quantised tensor is added to; see :class:`torch.nn.quantized.Conv2d`."""

    _FLOAT_MODULE = nni.ConvAdd2d

    def forward(self, input, extra_input):
        self._check_input(input)
        y = self._computed(values(input, "conv2d_add")) + values(extra_input, "conv2d_add")
        return quantize(self._activation(y), self.scale, self.zero_point, input.dtype)


class ConvAddReLU2d(_ReLU, ConvAdd2d):
    """:class:`ConvAdd2d` and a ReLU."""

    _FLOAT_MODULE = nni.ConvAddReLU2d


class BNReLU2d(_ReLU, normalization.BatchNorm2d):
    """Quantised batch normalisation and a ReLU; see :class:`torch.nn.quantized.BatchNorm2d`."""


class BNReLU3d(_ReLU, normalization.BatchNorm3d):
    """Quantised batch normalisation and a ReLU; see :class:`torch.nn.quantized.BatchNorm3d`."""


class DynamicLinearReLU(_ReLU, dynamic.Linear):
    """A linear layer whose input is quantised as it comes, and a ReLU; see :class:`torch.nn.quantized.dynamic.Linear`."""

    _FLOAT_MODULE = nni.LinearReLU

    def _get_name(self):
        return "DynamicQuantizedLinearReLU"


DynamicLinearReLU.__name__ = DynamicLinearReLU.__qualname__ = "LinearReLU"
