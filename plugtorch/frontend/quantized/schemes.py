"""The dtypes of quantised tensors, and the ways of quantising."""

from __future__ import annotations

from plugtorch.spec import dtypes

from .. import layouts
from ..opaque_dtypes import QuantizedDType, register

__all__ = ["per_channel_affine", "per_channel_affine_float_qparams", "per_channel_symmetric", "per_tensor_affine",
           "per_tensor_symmetric", "qint32", "qint8", "qscheme", "quint2x4", "quint4x2", "quint8"]


class qscheme(layouts._Named):  # noqa: N801  (PyTorch's name)
    """A way of quantising: one scale for a tensor, or one for each index of a dimension."""

    __slots__ = ()

    def __reduce__(self):
        return _scheme, (self.name,)


def _scheme(name):
    return globals()[name]


per_tensor_affine = qscheme("per_tensor_affine")
per_channel_affine = qscheme("per_channel_affine")
per_tensor_symmetric = qscheme("per_tensor_symmetric")
per_channel_symmetric = qscheme("per_channel_symmetric")
per_channel_affine_float_qparams = qscheme("per_channel_affine_float_qparams")


def _quantized_dtype(name, itemsize, legacy, storage, smallest, largest):
    made = QuantizedDType(name, dtypes.INT, itemsize, legacy, True,
                          "tensors of it are made by quantize_per_tensor() and quantize_per_channel()")
    made.storage, made.smallest, made.largest = storage, smallest, largest
    return register(made)


quint8 = _quantized_dtype("quint8", 1, "QUInt8", dtypes.uint8, 0, 255)
qint8 = _quantized_dtype("qint8", 1, "QInt8", dtypes.int8, -128, 127)
qint32 = _quantized_dtype("qint32", 4, "QInt32", dtypes.int32, -(1 << 31), (1 << 31) - 1)
quint4x2 = _quantized_dtype("quint4x2", 1, "QUInt4x2", dtypes.uint8, 0, 15)
quint2x4 = _quantized_dtype("quint2x4", 1, "QUInt2x4", dtypes.uint8, 0, 3)
