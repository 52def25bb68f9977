"""Activations of quantised tensors, and attention."""

from __future__ import annotations

import warnings

from plugtorch.frontend import functions as fn
from plugtorch.frontend.ao.nn import quantizable
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules import activation as float_activation
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.quantized.functions import quantize_per_tensor_dynamic
from plugtorch.frontend.quantized.schemes import quint8

from .normalization import _Scaled
from .utils import observed_scale, quantize, values

__all__ = ["ELU", "Hardswish", "LeakyReLU", "MultiheadAttention", "PReLU", "ReLU6", "Sigmoid", "Softmax"]


class ReLU6(float_activation.ReLU):
    """``min(max(x, 0), 6)`` of a quantised tensor, which keeps its scale.

    Args:
        inplace: write the result to the input.
    """

    def __init__(self, inplace=False):
        super().__init__(inplace)
        self.inplace = inplace

    def _get_name(self):
        return "QuantizedReLU6"

    def forward(self, input):
        y = quantize(F.relu6(values(input, "relu6")), input.q_scale(), input.q_zero_point(), input.dtype)
        return input.copy_(y) if self.inplace else y

    @staticmethod
    def from_float(mod, use_precomputed_fake_quant=False):
        """A quantised module of a plain one."""
        return ReLU6(mod.inplace)


class Hardswish(_Scaled, float_activation.Hardswish):
    """``x relu6(x + 3) / 6`` of a quantised tensor.

    Args:
        scale, zero_point: of the result.
    """

    def __init__(self, scale, zero_point, device=None, dtype=None):
        super().__init__()
        self._add_scale(scale, zero_point, device)

    def forward(self, input):
        return self._quantized(F.hardswish(values(input, "hardswish")), input)

    @staticmethod
    def from_float(mod, use_precomputed_fake_quant=False):
        """A quantised module of one with an observer."""
        return Hardswish(*observed_scale(mod))


class ELU(float_activation.ELU):
    """``x`` where positive, ``alpha (exp(x) - 1)`` elsewhere, of a quantised tensor.

    Args:
        scale, zero_point: of the result.
        alpha: see above.
    """

    def __init__(self, scale, zero_point, alpha=1.0):
        super().__init__(alpha)
        self.scale, self.zero_point = scale, zero_point

    def _get_name(self):
        return "QuantizedELU"

    def forward(self, input):
        return quantize(F.elu(values(input, "elu"), self.alpha), self.scale, self.zero_point, input.dtype)

    @staticmethod
    def from_float(mod, use_precomputed_fake_quant=False):
        """A quantised module of one with an observer."""
        return ELU(*observed_scale(mod), mod.alpha)


class LeakyReLU(_Scaled, float_activation.LeakyReLU):
    """``x`` where positive, ``negative_slope x`` elsewhere, of a quantised tensor.

    Args:
        scale, zero_point: of the result.
        negative_slope: see above.
        inplace: kept.
    """

    def __init__(self, scale, zero_point, negative_slope=1e-2, inplace=False, device=None, dtype=None):
        super().__init__(negative_slope, inplace)
        self._add_scale(scale, zero_point, device)

    def forward(self, input):
        return self._quantized(F.leaky_relu(values(input, "leaky_relu"), self.negative_slope), input)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A quantised module of one with an observer."""
        return cls(*observed_scale(mod), mod.negative_slope, mod.inplace)


class Sigmoid(float_activation.Sigmoid):
    """``1 / (1 + exp(-x))`` of a quantised tensor.

    Args:
        output_scale, output_zero_point: of the result.
    """

    def __init__(self, output_scale, output_zero_point):
        super().__init__()
        self.output_scale, self.output_zero_point = output_scale, output_zero_point

    def forward(self, input):
        return quantize(fn.sigmoid(values(input, "sigmoid")), self.output_scale, self.output_zero_point, input.dtype)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A quantised module of one with an observer."""
        return cls(*observed_scale(mod))


class Softmax(float_activation.Softmax):
    """The softmax of a quantised tensor.

    Args:
        dim: the dimension that sums to 1.
        scale, zero_point: of the result.
    """

    def __init__(self, dim=None, scale=1.0, zero_point=0):
        super().__init__(dim)
        self.scale, self.zero_point = scale, zero_point

    def _get_name(self):
        return "QuantizedSoftmax"

    def forward(self, input):
        return quantize(F.softmax(values(input, "softmax"), self.dim), self.scale, self.zero_point, input.dtype)

    @staticmethod
    def from_float(mod, use_precomputed_fake_quant=False):
        """A quantised module of one with an observer."""
        return Softmax(mod.dim, *observed_scale(mod))


class PReLU(Module):
    """``x`` where positive, ``weight x`` elsewhere, of a quantised tensor.

    As in PyTorch, positive values are multiplied by the number nearest to 1 that the weight's dtype and scale have, which is
    less than 1 if the scale is so small that 1 is out of range.

    Args:
        output_scale, output_zero_point: of the result.
        num_parameters: 1, or the number of channels.
    """

    def __init__(self, output_scale, output_zero_point, num_parameters=1):
        super().__init__()
        self.num_parameters = num_parameters
        self.scale, self.zero_point = output_scale, output_zero_point
        self.set_weight(quantize(fn.randn(num_parameters), 1.0, 0))

    def _get_name(self):
        return "QuantizedPReLU"

    def set_weight(self, w):
        """Set the weight, a quantised tensor."""
        self.weight = w

    def forward(self, input):
        x, weight = values(input, "prelu"), self.weight.dequantize()
        one = quantize(fn.ones(()), self.weight.q_scale(), self.weight.q_zero_point(), self.weight.dtype).item()
        y = x.clamp(min=0.0) * one + F.prelu(x.clamp(max=0.0), weight)
        return quantize(y, self.scale, self.zero_point, input.dtype)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A quantised module of one with an observer."""
        made = cls(*observed_scale(mod), mod.num_parameters)
        observer = mod.qconfig.weight()
        weight = mod.weight.detach().float()
        observer(weight)
        if observer.dtype is not quint8:
            warnings.warn(f"PReLU's weight observer should have dtype quint8 but got {observer.dtype}", stacklevel=2)
        scale, zero_point = observer.calculate_qparams()
        made.set_weight(quantize(weight, scale, zero_point))
        return made


class MultiheadAttention(quantizable.MultiheadAttention):
    """Attention on quantised tensors: projections quantised, scores and their products with the values in floats."""

    _FLOAT_MODULE = quantizable.MultiheadAttention

    def _get_name(self):
        return "QuantizedMultiheadAttention"

    @classmethod
    def from_float(cls, other):
        """Refused: the module has to be observed first.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("It looks like you are trying to convert a non-observed MHA module. Please, see the "
                                  "examples on quantizable MHAs.")

    @classmethod
    def from_observed(cls, other):
        """A quantised module of a :class:`torch.nn.quantizable.MultiheadAttention` that has seen data."""
        from plugtorch.frontend.ao.quantization.quantize import convert

        converted = convert(other)
        converted.__class__ = cls
        for name in ("bias_k", "bias_v"):
            bias = converted._parameters.pop(name)
            setattr(converted, name, None if bias is None else quantize_per_tensor_dynamic(bias.detach(), quint8, False))
        for name in ("in_proj_weight", "in_proj_bias"):
            delattr(converted, name)
        return converted
