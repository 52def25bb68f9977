"""All quantised modules, and those at the borders of what is quantised."""

from __future__ import annotations

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.modules.dropout import Dropout as FloatDropout
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.modules.pooling import MaxPool2d
from plugtorch.spec import dtypes

from . import activation, conv, embedding, functional_modules, linear, normalization, rnn

__all__ = ["DeQuantize", "Dropout", "MaxPool2d", "Quantize"]


class Quantize(Module):
    """Quantises a float32 tensor.

    Args:
        scale, zero_point: numbers.
        dtype: a quantised dtype.
        factory_kwargs: ``device`` and ``dtype`` of the buffers.
    """

    def __init__(self, scale, zero_point, dtype, factory_kwargs=None):
        super().__init__()
        factory = factory_kwargs or {}
        self.register_buffer("scale", fn.tensor([scale], **factory))
        self.register_buffer("zero_point", fn.tensor([zero_point], dtype=dtypes.int64, device=factory.get("device")))
        self.dtype = dtype

    def forward(self, X):
        return fn.quantize_per_tensor(X, float(self.scale), int(self.zero_point), self.dtype)

    @staticmethod
    def from_float(mod, use_precomputed_fake_quant=False):
        """One with the scale that the observer of a mark chose.

        Raises:
            AssertionError: there is no observer.
        """
        if not hasattr(mod, "activation_post_process"):
            raise AssertionError(f"Module {type(mod).__name__} must have activation_post_process attribute")
        scale, zero_point = mod.activation_post_process.calculate_qparams()
        return Quantize(scale.float().item(), zero_point.long().item(), mod.activation_post_process.dtype)

    def extra_repr(self):
        return f"scale={self.scale}, zero_point={self.zero_point}, dtype={self.dtype}"


class DeQuantize(Module):
    """The values of a quantised tensor, float32."""

    def forward(self, Xq):
        return Xq.dequantize()

    @staticmethod
    def from_float(mod, use_precomputed_fake_quant=False):
        """One in place of a mark."""
        return DeQuantize()


class Dropout(FloatDropout):
    """The identity: quantised models are not trained. The arguments are those of :class:`torch.nn.Dropout`."""

    def forward(self, input):
        return input

    def _get_name(self):
        return "QuantizedDropout"

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """One in place of a plain one."""
        return cls(mod.p, mod.inplace)


_PARTS = (activation, conv, embedding, functional_modules, linear, normalization, rnn)
for _part in _PARTS:
    globals().update({name: getattr(_part, name) for name in _part.__all__})
    __all__ += [name for name in _part.__all__ if not name.endswith("PackedParams")]
