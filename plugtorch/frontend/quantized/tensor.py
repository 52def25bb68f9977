"""The class of quantised tensors. They are stored, converted, indexed and rearranged; what PyTorch computes on them is
computed on their values and quantised again (:mod:`.kernels`), as no array library has kernels of small integers."""

from __future__ import annotations

from typing import Any

from plugtorch.spec import dtypes

from .. import creation
from ..creation import as_subclass
from ..dispatch import is_tensor
from ..overrides import answer_by_table, install_in_layers
from ..tensor import Tensor

__all__ = ["QuantizedTensor", "Quantizer", "integers_of", "quantized"]


class Quantizer:
    """The scheme and its parameters.

    Attributes:
        dtype: the quantised dtype.
        scheme: a :class:`qscheme`.
        scale, zero_point: numbers, or 1-d tensors of a number per channel.
        axis: the dimension of the channels, or None.
    """

    def __init__(self, dtype, scheme, scale, zero_point, axis=None):
        self.dtype, self.scheme, self.scale, self.zero_point, self.axis = dtype, scheme, scale, zero_point, axis

    def _along(self, parameter, ndim):
        return parameter.to(dtypes.float32).reshape([-1 if d == self.axis else 1 for d in range(ndim)])

    def quantize(self, t):
        """Integers nearest to ``t / scale + zero_point``, halves to even, as far as the dtype has them; nan becomes the
        smallest."""
        if self.axis is None:  # computed in float32 with the inverse of the scale, as PyTorch computes it
            inverse = creation.tensor(1.0, dtype=dtypes.float32).to(t) / float(self.scale) if self.scale else None
            shifted = (t * inverse if inverse is not None else t * float("inf")) + float(self.zero_point)
            whole = shifted.round().nan_to_num(self.dtype.smallest, 2.0**31, -(2.0**31))
        else:
            inverse = 1.0 / self._along(self.scale, t.dim())
            zero = self._along(self.zero_point, t.dim())
            whole = (t * inverse + zero).round()
        return whole.to(dtypes.float64).clamp(self.dtype.smallest, self.dtype.largest).to(self.dtype.storage)

    def dequantize(self, integers):
        """``(integer - zero_point) * scale`` in float32."""
        values = integers.to(dtypes.float32)
        if self.axis is None:
            return (values - float(self.zero_point)) * float(self.scale)
        scale, zero = self._along(self.scale, integers.dim()), self._along(self.zero_point, integers.dim())
        return (values - zero) * scale

    def same(self, other) -> bool:
        """Whether both have the same scheme and parameters."""
        if self.dtype is not other.dtype or self.scheme is not other.scheme or self.axis != other.axis:
            return False
        if self.axis is None:
            return self.scale == other.scale and self.zero_point == other.zero_point
        return bool((self.scale == other.scale).all()) and bool((self.zero_point == other.zero_point).all())

    def moved(self, axis):
        """The same with its channels in another dimension."""
        return self if self.axis is None else Quantizer(self.dtype, self.scheme, self.scale, self.zero_point, axis)


def quantized(integers, quantizer):
    """A quantised tensor on the memory of its integers."""
    t = as_subclass(integers.detach(), QuantizedTensor)
    t.__dict__["_quantizer"] = quantizer
    return t


def integers_of(t):
    """The integers of a quantised tensor, on its memory; other tensors as they are."""
    return as_subclass(t, Tensor) if type(t) is QuantizedTensor else t


class QuantizedTensor(Tensor):
    """A quantised tensor; made by :func:`quantize_per_tensor` and :func:`quantize_per_channel`. It has no gradients."""

    __module__ = "plugtorch"

    def __new__(cls, *args, **kwargs):
        raise TypeError("quantised tensors are made by quantize_per_tensor() and quantize_per_channel()")

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        found = TABLE.get(func.__name__)
        if found is None:
            raise NotImplementedError(
                f"Could not run 'aten::{func.__name__}' with arguments from the 'QuantizedCPU' backend. Quantised kernels "
                "are not offered: dequantize() the tensors, compute, and quantise the result.")
        return found(*args, **(kwargs or {}))

    dtype = property(lambda self: self._quantizer.dtype, doc="The quantised dtype.")
    is_quantized = property(lambda self: True, doc="Whether it is a quantised tensor.")
    itemsize = property(lambda self: self._quantizer.dtype.itemsize)

    def element_size(self):
        return self._quantizer.dtype.itemsize

    def is_floating_point(self):
        return False

    def is_complex(self):
        return False

    def is_signed(self):
        return self._quantizer.dtype.is_signed

    def int_repr(self):
        """A copy of the integers."""
        return integers_of(self).clone()

    def dequantize(self):
        """The values, float32."""
        return self._quantizer.dequantize(integers_of(self))

    def qscheme(self):
        """The scheme."""
        return self._quantizer.scheme

    def _per_tensor(self):
        if self._quantizer.axis is not None:
            raise RuntimeError("Expected quantizer->qscheme() == kPerTensorAffine to be true, but got false.")
        return self._quantizer

    def _per_channel(self):
        if self._quantizer.axis is None:
            raise RuntimeError("Expected quantizer->qscheme() == kPerChannelAffine || quantizer->qscheme() == "
                               "kPerChannelAffineFloatQParams to be true, but got false.")
        return self._quantizer

    def q_scale(self):
        """The scale.

        Raises:
            RuntimeError: there is one per channel.
        """
        return self._per_tensor().scale

    def q_zero_point(self):
        """The integer of zero.

        Raises:
            RuntimeError: there is one per channel.
        """
        return self._per_tensor().zero_point

    def q_per_channel_scales(self):
        """The scales, 1-d.

        Raises:
            RuntimeError: there is one for all.
        """
        return self._per_channel().scale

    def q_per_channel_zero_points(self):
        """The integers of zero, 1-d.

        Raises:
            RuntimeError: there is one for all.
        """
        return self._per_channel().zero_point

    def q_per_channel_axis(self):
        """The dimension of the channels.

        Raises:
            RuntimeError: there are none.
        """
        return self._per_channel().axis

    def requires_grad_(self, requires_grad=True):
        if requires_grad:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        return self

    def copy_(self, src, non_blocking=False):
        """Writes a float tensor, quantised, or another quantised tensor."""
        if type(src) is QuantizedTensor:
            if self.dtype is not src.dtype:
                raise RuntimeError("Quantized Copy only works with the same dtype")
            integers_of(self).copy_(integers_of(src))
            self._quantizer = src._quantizer
        else:
            if src.dtype is not dtypes.float32:
                raise RuntimeError("Quantized copy only works with kFloat as source Tensor")
            integers_of(self).copy_(self._quantizer.quantize(src.expand(self._a.shape)))
        return self

    def item(self):
        """The value of the only element."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return self.dequantize().item()

    def __deepcopy__(self, memo):
        return quantized(integers_of(self).clone(), self._quantizer)

    def __reduce_ex__(self, protocol):
        q = self._quantizer
        return _rebuild, (integers_of(self), q.dtype, q.scheme, q.scale, q.zero_point, q.axis)

    def __repr__(self, *, tensor_contents=None):
        from ..printing import add_suffixes, numbers

        q = self._quantizer
        suffixes = [f"size={tuple(self._a.shape)}", f"dtype={q.dtype!r}", f"quantization_scheme={q.scheme!r}"]
        names = ("scale", "zero_point")
        suffixes += [f"{name}={getattr(q, name)!r}" for name in names]
        if q.axis is not None:
            suffixes.append(f"axis={q.axis}")
        text = numbers(self.dequantize().cpu().numpy(), dtypes.FLOAT, 7) if self.numel() else "[]"
        return add_suffixes("tensor(" + text, suffixes, 7)


def _rebuild(integers, dtype, scheme, scale, zero_point, axis):
    return quantized(integers, Quantizer(dtype, scheme, scale, zero_point, axis))


# What functions do with quantised tensors.

TABLE: dict[str, Any] = {}
_ATTRIBUTES = ("size", "dim", "ndimension", "numel", "nelement", "get_device", "is_inference", "stride", "is_contiguous",
               "storage_offset", "__len__", "_is_view", "is_conj", "is_neg", "data_ptr", "is_pinned", "is_shared")
# Rearrangements that keep the channels in their dimension, or any of a tensor with one scale.
_FREE = ("reshape", "view", "flatten", "t", "transpose", "permute", "squeeze", "unsqueeze", "select", "movedim", "swapaxes",
         "ravel", "__getitem__", "index_select", "narrow", "view_as", "expand", "expand_as", "flip", "unbind",
         "chunk", "split")
_KEEPING = ("clone", "contiguous", "cpu", "detach", "data")


def _free(name):
    call = getattr(Tensor, name)

    def function(self, *args, **kwargs):
        if self._quantizer.axis is not None:
            raise RuntimeError(f"{name} of a tensor with a scale per channel is not offered: dequantize() it first")
        found = call(integers_of(self), *args, **kwargs)
        if isinstance(found, (tuple, list)):
            return type(found)(quantized(f, self._quantizer) for f in found)
        return quantized(found, self._quantizer)

    return function


def _keeping(name):
    call = getattr(Tensor, name)
    return lambda self, *args, **kwargs: quantized(call(integers_of(self), *args, **kwargs), self._quantizer)


def _to(self, *args, **kwargs):
    wanted = [a for a in (*args, *kwargs.values()) if isinstance(a, dtypes.DType)]
    if wanted and wanted[0] is not self.dtype:
        raise RuntimeError("Creation of quantized tensor requires quantized dtype like torch.quint8")
    rest = [a for a in args if not isinstance(a, dtypes.DType)]
    keywords = {n: v for n, v in kwargs.items() if not isinstance(v, dtypes.DType)}
    return quantized(integers_of(self).to(*rest, **keywords), self._quantizer) if rest or keywords else self


def _cat(tensors, dim=0, *, out=None):
    first = tensors[0]
    if any(type(t) is not QuantizedTensor or not t._quantizer.same(first._quantizer) for t in tensors) or \
            first._quantizer.axis is not None:
        raise RuntimeError("cat takes quantised tensors of one dtype, scale and zero point: dequantize() others first")
    from ..joining import cat

    return quantized(cat([integers_of(t) for t in tensors], dim), first._quantizer)


def _compared(name):
    call = getattr(Tensor, name)
    return lambda self, other: call(*(t.dequantize() if is_tensor(t) else t for t in (self, other)))


def _relu(self):
    return quantized(integers_of(self).clamp(min=self._per_tensor().zero_point), self._quantizer)


def _extreme(name):
    call = getattr(Tensor, name)
    return lambda self: quantized(call(integers_of(self)), self._per_tensor())


def _empty_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    return quantized(creation.empty_like(integers_of(input)), input._quantizer)


def _dequantize(tensor=None, *, tensors=None):
    given = tensors if tensor is None else tensor
    if isinstance(given, (list, tuple)):
        return tuple(t.dequantize() for t in given)
    return vars(QuantizedTensor)["dequantize"](given)


def _refused_conversion(self, *args, **kwargs):
    raise RuntimeError("Creation of quantized tensor requires quantized dtype like torch.quint8")


def _no_numpy(self, *args, **kwargs):
    raise TypeError(f"Got unsupported ScalarType {self.dtype.legacy}")


def _no_list(self):
    raise RuntimeError("load_scalar: invalid type")


TABLE.update({n: getattr(Tensor, n) for n in _ATTRIBUTES if hasattr(Tensor, n)})
TABLE.update({n: _free(n) for n in _FREE})
TABLE.update({n: _keeping(n) for n in _KEEPING if n != "data"})
TABLE.update({n: _compared(n) for n in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "eq", "ne", "lt", "le",
                                        "gt", "ge", "equal")})
TABLE.update({n: _refused_conversion for n in ("float", "double", "half", "bfloat16", "int", "long", "short", "bool")})
TABLE.update({"to": _to, "cat": _cat, "relu": _relu, "min": _extreme("min"), "max": _extreme("max"),
              "empty_like": _empty_like, "numpy": _no_numpy, "tolist": _no_list, "is_tensor": lambda obj: True})


def _refuse(name, self, args, kwargs):
    method = vars(type(self))[name]
    return type(self).__torch_function__(method, (type(self),), (self, *args), kwargs)


_OWN = answer_by_table(QuantizedTensor, TABLE, _refuse)
for _name in _OWN & {"int_repr", "q_scale", "q_zero_point", "q_per_channel_scales", "q_per_channel_zero_points",
                     "q_per_channel_axis", "qscheme", "item", "copy_", "is_floating_point", "is_complex"}:
    TABLE[_name] = vars(QuantizedTensor)[_name]
TABLE["dequantize"] = _dequantize


def _empty_quantized(size, qtensor, **options):
    q = qtensor._per_tensor()
    return quantized(creation.zeros(tuple(size), dtype=q.dtype.storage, device=options.get("device") or qtensor.device), q)


TABLE["empty_quantized"] = _empty_quantized

from . import kernels as _kernels  # noqa: E402  (they fill the table above)

install_in_layers()
_kernels.install()
