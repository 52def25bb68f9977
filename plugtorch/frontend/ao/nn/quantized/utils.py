"""What quantised modules share: quantising weights, computing with values, and printing."""

from __future__ import annotations

from plugtorch.frontend import functions as fn
from plugtorch.frontend.ao.quantization.utils import bounds, is_per_tensor
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.quantized import functions as quantized_functions
from plugtorch.frontend.quantized import schemes
from plugtorch.frontend.quantized.tensor import integers_of, quantized
from plugtorch.spec import dtypes

__all__ = ["WeightedQuantizedModule", "blank_weight", "dynamic", "observed_scale", "quantize", "quantize_weight",
           "repr_without", "values"]


class WeightedQuantizedModule(Module):
    """Base class of the modules with a quantised weight.

    Attributes:
        scale, zero_point: of the result.
    """

    @classmethod
    def from_reference(cls, ref_module, output_scale, output_zero_point):
        """Not offered.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"not offered: {cls.__name__}.from_reference(): there are no reference modules; use "
                                  "from_float() of a module with observers")


def values(t, op: str):
    """The values of a quantised tensor, float32.

    Raises:
        NotImplementedError: another tensor, which PyTorch has no kernel ``quantized::OP`` for.
    """
    if not t.is_quantized:
        raise NotImplementedError(f"Could not run 'quantized::{op}' with arguments from the '{t.device.type.upper()}' "
                                  "backend: the module takes quantised tensors. Mark with QuantStub where values are to be "
                                  "quantised.")
    return t.dequantize()


def quantize(y, scale, zero_point, dtype=schemes.quint8):
    """A quantised tensor of a float one."""
    return fn.quantize_per_tensor(y.to(dtypes.float32), float(scale), int(zero_point), dtype)


def dynamic(x):
    """The values nearest to those of ``x`` among the 128 of a scale chosen by its bounds: what is multiplied with quantised
    weights where activations are quantised as they come. One bit stays unused, as in PyTorch on processors that add products
    in 16 bits."""
    return quantized_functions.quantize_per_tensor_dynamic(x.detach().to(dtypes.float32), schemes.quint8, True).dequantize()


def blank_weight(shape, dtype=schemes.qint8):
    """A weight of zeros."""
    return quantize(fn.zeros(tuple(shape)), 1.0, 0, dtype)


def quantize_weight(weight, observer):
    """A weight as integers with the scale, or the scales, that an observer of it chooses.

    Raises:
        ValueError: the observer has a scheme of another kind.
    """
    scale, zero_point = observer.calculate_qparams()
    inner = getattr(observer, "activation_post_process", observer)
    scheme, weight = observer.qscheme, weight.detach()
    if is_per_tensor(scheme):
        found = fn.quantize_per_tensor(weight, float(scale), int(zero_point), schemes.qint8)
    elif scheme in (schemes.per_channel_affine, schemes.per_channel_symmetric):
        found = fn.quantize_per_channel(weight, scale.to(dtypes.float64), zero_point.to(dtypes.int64), observer.ch_axis,
                                        schemes.qint8)
    elif scheme is schemes.per_channel_affine_float_qparams:
        return fn.quantize_per_channel(weight, scale.to(dtypes.float32), zero_point.to(dtypes.float32), observer.ch_axis,
                                       observer.dtype)
    else:
        raise ValueError(f"Unexpected qscheme {scheme}")
    low, high = bounds(found.dtype)
    if inner.quant_min > low or inner.quant_max < high:
        return quantized(integers_of(found).clamp(inner.quant_min, inner.quant_max), found._quantizer)
    return found


def observed_scale(module) -> tuple[float, int]:
    """The scale and the zero point that the observer of a module's results chooses."""
    scale, zero_point = module.activation_post_process.calculate_qparams()
    return float(scale), int(zero_point)


def repr_without(module: Module, hidden: type) -> str:
    """How a module prints without its children of a class."""
    shown = Module()
    shown._modules = {name: child for name, child in module._modules.items() if not isinstance(child, hidden)}
    shown._get_name, shown.extra_repr = module._get_name, module.extra_repr
    return repr(shown)
