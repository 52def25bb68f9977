"""The shared backend class: binding of the namespace, creation and transfer."""

from __future__ import annotations

from .. import dtypes
from ..backend import Backend
from ..device import CPU
from ..half import halve
from .elementwise import ElementwiseKernels, bind_direct
from .index import IndexKernels
from .linalg import LinalgKernels
from .reduction import ReductionKernels
from .shape import ShapeKernels


class DTypeTable(dict):
    """Native dtype -> spec dtype, filled as dtypes are met."""

    def __missing__(self, native):
        found = dtypes.BY_NAME.get(getattr(native, "name", str(native)))
        if found is None:
            raise TypeError(f"there is no tensor dtype for an array of {native}")
        self[native] = found
        return found


class XPBackend(ElementwiseKernels, ReductionKernels, ShapeKernels, IndexKernels, LinalgKernels, Backend):
    """All primitives over ``self.xp``.

    Class keyword ``xp`` is the namespace; ``array_type`` is given where functions may
    return scalars that are no arrays (NumPy), and results are then wrapped.

    Attributes:
        native_half: whether the library has half types of its own, in which products and comparisons are right.
    """

    xp = None
    array_type = None
    native_half = False

    def __init_subclass__(cls, xp=None, array_type=None, **kwargs):
        super().__init_subclass__(**kwargs)
        if xp is not None:
            cls.xp, cls.array_type = xp, array_type
            cls.native_dtypes = DTypeTable()
            bind_direct(cls, xp, array_type)
            halve(cls)

    def native(self, dtype):
        """The library's dtype object."""
        return dtype.numpy

    def spec_dtype(self, native):
        return self.native_dtypes[native]

    def dtype_of(self, x):
        return self.native_dtypes[x.dtype]

    def device_of(self, x):
        return CPU

    def array(self, x):
        """A result as an array: wraps a scalar where the library returns one."""
        return x if self.array_type is None or type(x) is self.array_type else self.xp.asarray(x)

    def from_host(self, array, *, device):
        return self.xp.array(array)

    def to_host(self, x):
        return x

    def from_dlpack(self, source):
        take = getattr(self.xp, "from_dlpack", None)
        return take(source) if take is not None else super().from_dlpack(source)

    def full(self, *, shape, value, dtype, device):
        xp, native = self.xp, self.native(dtype)
        if value == 0 and not isinstance(value, complex):
            return xp.zeros(shape, native)
        if dtype.category == dtypes.INT:
            value = wrap_integer(int(value.real if isinstance(value, complex) else value), dtype)
        return xp.full(shape, value, native)

    def arange(self, *, start, stop, step, dtype, device):
        count = self.arange_length(start, stop, step)
        if dtype.category == dtypes.INT and isinstance(start, int) and isinstance(step, int):
            return self.xp.arange(start, start + count * step, step, dtype=self.native(dtype))[:count]
        line = self.xp.arange(count, dtype=self.native(dtypes.float64))
        return self.cast(line * step + start, dtype=dtype)

    @staticmethod
    def arange_length(start, stop, step):
        import math

        return max(0, math.ceil((stop - start) / step))

    def cast(self, x, *, dtype):
        native = self.native(dtype)
        if x.dtype == native:
            return x
        source = self.dtype_of(x)
        if source.is_complex and not dtype.is_complex and dtype is not dtypes.bool_:
            x = self.xp.real(x)
        if dtype.category == dtypes.INT and source.category == dtypes.FLOAT and dtype is not dtypes.int64:
            x = x.astype(self.native(dtypes.int64))  # wraps to the width, as PyTorch does inside int64's range
        return x.astype(native)

    def bitcast(self, x, *, dtype):
        return x.view(self.native(dtype))

    def copy(self, x):
        return self.xp.array(x, copy=True, order="C")


def wrap_integer(value, dtype):
    """A Python integer reduced to the range of an integer dtype."""
    bits = 8 * dtype.itemsize
    value &= (1 << bits) - 1
    return value - (1 << bits) if dtype.is_signed and value >> (bits - 1) else value
