"""Linear layers with quantised weights."""

from __future__ import annotations

from plugtorch.frontend import functions as fn
from plugtorch.frontend.ao.nn import intrinsic as nni
from plugtorch.frontend.ao.nn import intrinsic_qat as nniqat
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules import linear as float_linear
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.utils.fusion import fuse_linear_bn_weights
from plugtorch.frontend.nn.utils.parametrize import type_before_parametrizations
from plugtorch.frontend.quantized.schemes import qint8
from plugtorch.spec import dtypes

from .utils import WeightedQuantizedModule, blank_weight, observed_scale, quantize, quantize_weight, repr_without, values

__all__ = ["Linear", "LinearPackedParams"]


class LinearPackedParams(Module):
    """Weight and bias of a :class:`Linear`, which are one entry of its state.

    Args:
        dtype: qint8, or float16 for weights that are merely rounded to it.
    """

    _version = 3

    def __init__(self, dtype=qint8):
        super().__init__()
        self.dtype = dtype
        self.set_weight_bias(blank_weight((1, 1)) if dtype is qint8 else fn.zeros(1, 1), None)

    def set_weight_bias(self, weight, bias):
        """Set both.

        Raises:
            RuntimeError: ``dtype`` is another.
        """
        if self.dtype not in (qint8, dtypes.float16):
            raise RuntimeError("Unsupported dtype on dynamic quantized linear!")
        if self.dtype is dtypes.float16:
            weight = half_weight(weight)
        self._packed_params = (weight, None if bias is None else bias.detach())

    def _weight_bias(self):
        return self._packed_params

    def forward(self, x):
        return x

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "dtype"] = self.dtype
        destination[prefix + "_packed_params"] = self._packed_params

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        version = local_metadata.get("version", None)
        self.dtype = qint8 if version is None or version < 2 else state_dict.pop(prefix + "dtype")
        if version is None or version < 3:
            self.set_weight_bias(state_dict.pop(prefix + "weight"), state_dict.pop(prefix + "bias"))
        else:
            self.set_weight_bias(*state_dict.pop(prefix + "_packed_params"))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)

    def __repr__(self):
        return repr(self._packed_params)


def half_weight(weight):
    """A float32 weight of the values that float16 has, its largest for those beyond."""
    return weight.detach().clamp(-65504.0, 65504.0).to(dtypes.float16).to(dtypes.float32)


class Linear(WeightedQuantizedModule):
    """A linear layer on quantised tensors: ``quantize(dequantize(x) dequantize(W)^T + b, scale, zero_point)``, in float32.
    The results are those of PyTorch's integer kernels, but for values close to the middle between two quanta, which may
    become either.

    Args:
        in_features, out_features: sizes of the last dimension.
        bias_: whether there is a bias, which stays float32.
        dtype: of the weight; qint8.

    Attributes:
        scale, zero_point: of the result.

    Raises:
        RuntimeError: another dtype.
        NotImplementedError: in forward, for an input that is not quantised.
    """

    _version = 3
    _FLOAT_MODULE = (float_linear.Linear, float_linear.NonDynamicallyQuantizableLinear)

    def __init__(self, in_features, out_features, bias_=True, dtype=qint8):
        super().__init__()
        if dtype not in (qint8, dtypes.float16):
            raise RuntimeError("Unsupported dtype specified for quantized Linear!")
        self.in_features, self.out_features = in_features, out_features
        self._packed_params = LinearPackedParams(dtype)
        shape = (out_features, in_features)
        self.set_weight_bias(blank_weight(shape) if dtype is qint8 else fn.zeros(shape),
                             fn.zeros(out_features) if bias_ else None)
        self.scale, self.zero_point = 1.0, 0

    def _get_name(self):
        return "QuantizedLinear"

    def extra_repr(self):
        return (f"in_features={self.in_features}, out_features={self.out_features}, scale={self.scale}, "
                f"zero_point={self.zero_point}, qscheme={self.weight().qscheme()}")

    def __repr__(self):
        return repr_without(self, LinearPackedParams)

    def _activation(self, y):
        """What is done to the values before they are quantised."""
        return y

    def forward(self, x):
        weight, bias = self._weight_bias()
        y = F.linear(values(x, "linear"), weight.dequantize(), bias)
        return quantize(self._activation(y), self.scale, self.zero_point, x.dtype)

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "scale"] = fn.tensor(self.scale)
        destination[prefix + "zero_point"] = fn.tensor(self.zero_point)

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        self.scale = float(state_dict.pop(prefix + "scale"))
        self.zero_point = int(state_dict.pop(prefix + "zero_point"))
        version = local_metadata.get("version", None)
        if version is None or version == 1:  # when weight and bias were no submodule
            for name in ("weight", "bias"):
                state_dict[f"{prefix}_packed_params.{name}"] = state_dict.pop(prefix + name)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)

    def _weight_bias(self):
        return self._packed_params._weight_bias()

    def weight(self):
        """The quantised weight, ``(out_features, in_features)``."""
        return self._weight_bias()[0]

    def bias(self):
        """The bias, float32, or None."""
        return self._weight_bias()[1]

    def set_weight_bias(self, w, b):
        """Set both."""
        self._packed_params.set_weight_bias(w, b)

    @classmethod
    def _arguments(cls, source):
        """More arguments of the class, of the fused module it is made of."""
        return ()

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """A quantised layer of one with observers, or of one in training.

        Raises:
            AssertionError: another class, no configuration, or weights that are not to be qint8.
        """
        source = mod
        if hasattr(mod, "weight_fake_quant"):
            if type_before_parametrizations(mod) is nniqat.LinearBn1d:
                mod.weight, mod.bias = fuse_linear_bn_weights(mod.weight, mod.bias, mod.bn.running_mean, mod.bn.running_var,
                                                              mod.bn.eps, mod.bn.weight, mod.bn.bias)
            observer = mod.weight_fake_quant
        else:
            kinds = cls._FLOAT_MODULE if isinstance(cls._FLOAT_MODULE, tuple) else (cls._FLOAT_MODULE,)
            if type_before_parametrizations(mod) not in kinds:
                names = ", ".join(kind.__name__ for kind in kinds)
                raise AssertionError(f"nnq.{cls.__name__}.from_float only works for {names}, but got: {type(mod)}")
            if not hasattr(mod, "qconfig"):
                raise AssertionError("Input float module must have qconfig defined")
            if isinstance(mod, nni._FusedModule):
                mod = mod[0]
            observer = mod.weight_fake_quant if hasattr(mod, "weight_fake_quant") else mod.qconfig.weight()
        if not use_precomputed_fake_quant:
            observer(mod.weight)
        if observer.dtype is not qint8:
            raise AssertionError(f"Weight observer must have dtype torch.qint8, got {observer.dtype}")
        made = cls(mod.in_features, mod.out_features, *cls._arguments(source), dtype=observer.dtype)
        made.set_weight_bias(quantize_weight(mod.weight.float(), observer), mod.bias)
        made.scale, made.zero_point = observed_scale(source)
        return made
