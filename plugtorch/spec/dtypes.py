"""The element types of the contract, and PyTorch's promotion rules over them.

A :class:`DType` is a name and a few facts; a backend maps it to its own dtype
objects. The rules follow PyTorch's "type promotion" documentation (tensor
attributes, `torch.dtype`) and its lattice: a category (bool, integer, float,
complex) beats a lower one, and inside a category the wider type wins.
"""

from __future__ import annotations

import functools

import numpy as np

BOOL, INT, FLOAT, COMPLEX = range(4)


class DType:
    """An element type such as ``float32``.

    Attributes:
        name: the canonical name, e.g. ``"float32"``.
        category: ``BOOL``, ``INT``, ``FLOAT`` or ``COMPLEX`` of this module.
        itemsize: bytes per element.
        is_signed: whether negative values exist.
    """

    __slots__ = ("name", "category", "itemsize", "is_signed", "legacy", "_numpy")

    def __init__(self, name, category, itemsize, legacy, signed=True):
        self.name, self.category, self.itemsize = name, category, itemsize
        self.legacy, self.is_signed = legacy, signed
        self._numpy = None

    @property
    def numpy(self) -> np.dtype:
        """The NumPy dtype of host arrays (bfloat16 comes from ml_dtypes)."""
        if self._numpy is None:
            if self is bfloat16:
                import ml_dtypes

                self._numpy = np.dtype(ml_dtypes.bfloat16)
            else:
                self._numpy = np.dtype(self.name)
        return self._numpy

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOAT

    @property
    def is_complex(self) -> bool:
        return self.category == COMPLEX

    @property
    def differentiable(self) -> bool:
        """Whether tensors of this type can require gradients."""
        return self.category >= FLOAT

    def to_real(self) -> DType:
        """The real type of the same precision."""
        return {complex64: float32, complex128: float64}.get(self, self)

    def to_complex(self) -> DType:
        """The complex type of the same precision (complex64 for the half types)."""
        return self if self.is_complex else (complex128 if self is float64 else complex64)

    def __repr__(self):
        return f"torch.{self.name}"

    def __reduce__(self):
        return _dtype_by_name, (self.name,)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


def _dtype_by_name(name):
    return BY_NAME[name]


bool_ = DType("bool", BOOL, 1, "Bool", signed=False)
uint8 = DType("uint8", INT, 1, "Byte", signed=False)
uint16 = DType("uint16", INT, 2, "UInt16", signed=False)
uint32 = DType("uint32", INT, 4, "UInt32", signed=False)
uint64 = DType("uint64", INT, 8, "UInt64", signed=False)
int8 = DType("int8", INT, 1, "Char")
int16 = DType("int16", INT, 2, "Short")
int32 = DType("int32", INT, 4, "Int")
int64 = DType("int64", INT, 8, "Long")
float16 = DType("float16", FLOAT, 2, "Half")
bfloat16 = DType("bfloat16", FLOAT, 2, "BFloat16")
float32 = DType("float32", FLOAT, 4, "Float")
float64 = DType("float64", FLOAT, 8, "Double")
complex64 = DType("complex64", COMPLEX, 8, "ComplexFloat")
complex128 = DType("complex128", COMPLEX, 16, "ComplexDouble")

ALL = (bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64,
       float16, bfloat16, float32, float64, complex64, complex128)
BY_NAME = {d.name: d for d in ALL}
ALIASES = {
    "half": float16, "float": float32, "double": float64, "cfloat": complex64,
    "cdouble": complex128, "short": int16, "int": int32, "long": int64,
}
HALF = frozenset({float16, bfloat16})


@functools.cache
def promote_types(a: DType, b: DType) -> DType:
    """The smallest type that both operand types convert to under PyTorch's rules.

    Raises:
        RuntimeError: uint16, uint32 or uint64 with another integer type, which PyTorch
            leaves without a common type.
    """
    if a is b:
        return a
    if a.category != b.category:
        low, high = sorted((a, b), key=lambda d: d.category)
        if high.category == COMPLEX and low.category == FLOAT:
            return complex128 if float64 in (low, high.to_real()) else complex64
        return high
    if a.category == FLOAT:
        return float32 if {a, b} == {float16, bfloat16} else max(a, b, key=lambda d: d.itemsize)
    if a.category == COMPLEX:
        return complex128
    wide_unsigned = {uint16, uint32, uint64} & {a, b}
    if wide_unsigned:
        raise RuntimeError(
            f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {a} and {b}"
        )
    if a.is_signed == b.is_signed:
        return max(a, b, key=lambda d: d.itemsize)
    signed, _ = (a, b) if a.is_signed else (b, a)
    return int16 if signed is int8 else signed  # the unsigned one is uint8


def number_category(value) -> int:
    """Category of a Python number."""
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return INT
    return FLOAT if isinstance(value, float) else COMPLEX


def result_type(dimensioned, scalars, numbers, default: DType) -> DType:
    """The type of an arithmetic result.

    Args:
        dimensioned: types of operands with one dimension or more.
        scalars: types of 0-d tensor operands; they matter only where their category
            is higher than that of every dimensioned operand.
        numbers: categories of Python numbers; lowest in priority.
        default: the default floating type, taken where a number brings in a fraction.
    """
    result = _join(dimensioned)
    zero_dim = _join(scalars)
    if zero_dim is not None and (result is None or zero_dim.category > result.category):
        # A higher category from a 0-d tensor wins, in that tensor's own width.
        result = zero_dim if result is None else _lift(result, zero_dim)
    if numbers:
        top = max(numbers)
        if result is None or top > result.category:
            number = {BOOL: bool_, INT: int64, FLOAT: default, COMPLEX: default.to_complex()}[top]
            result = number if result is None else _lift(result, number)
    return result


def _lift(low, high):
    if high.category == COMPLEX and low.category == FLOAT:
        return low.to_complex()
    return high


def _join(types):
    return functools.reduce(promote_types, types) if types else None


def can_cast(source: DType, target: DType) -> bool:
    """Whether an in-place result of type ``source`` may be stored as ``target``."""
    return source.category <= target.category
