"""Dtypes that exist by name and hold no tensors here: integers of fewer than eight bits, bare bits, half complex
numbers, floats of eight bits, pairs of four-bit floats, and those of quantised tensors, which
:mod:`plugtorch.frontend.quantized` stores as integers."""

from __future__ import annotations

from plugtorch.spec.dtypes import COMPLEX, FLOAT, INT, DType

from .not_offered import REFUSED, message

__all__: list[str] = []


class OpaqueDType(DType):
    """A dtype of which no array can be made."""

    __slots__ = ("why",)

    def __init__(self, name, category, itemsize, legacy, signed, why):
        super().__init__(name, category, itemsize, legacy, signed)
        self.why = why

    @property
    def numpy(self):
        """There is none.

        Raises:
            NotImplementedError: always; the message says what the dtype is for.
        """
        raise NotImplementedError(message(self.name, self.why))

    differentiable = False

    def __reduce__(self):
        return _by_name, (self.name,)


class QuantizedDType(OpaqueDType):
    """The dtype of a quantised tensor.

    Attributes:
        storage: the dtype of the integers.
        smallest, largest: their bounds.
    """

    __slots__ = ("storage", "smallest", "largest")

    is_quantized = True

    @property
    def is_signed(self):
        """Not defined.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("isSignedType not supported for quantized types")

    @is_signed.setter
    def is_signed(self, value):
        pass

    is_floating_point = False


_BY_NAME: dict[str, OpaqueDType] = {}


def _by_name(name):
    return _BY_NAME[name]


def register(made):
    """Makes a dtype known by its name, by which it is pickled; returns it."""
    _BY_NAME[made.name] = made
    return made


def _add(name, category, itemsize, legacy, signed, why):
    globals()[name] = register(OpaqueDType(name, category, itemsize, legacy, signed, why))
    REFUSED[name] = why
    __all__.append(name)


_BITS = "no array library has integers of this size: use int8 or uint8"
for _n in range(1, 8):
    _add(f"int{_n}", INT, 1, f"Int{_n}", True, _BITS)
    _add(f"uint{_n}", INT, 1, f"UInt{_n}", False, _BITS)
for _name, _size in {"bits1x8": 1, "bits2x4": 1, "bits4x2": 1, "bits8": 1, "bits16": 2}.items():
    _add(_name, INT, _size, _name.capitalize(), False, "no array library has bare bits: use uint8 or uint16")
_add("complex32", COMPLEX, 4, "ComplexHalf", True, "no array library has half complex numbers: use complex64")
_add("float4_e2m1fn_x2", FLOAT, 1, "Float4_e2m1fn_x2", True,
     "no array library packs two floats in a byte: use bfloat16")
for _name in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"):
    _add(_name, FLOAT, 1, _name.capitalize(), True, "no kernels compute with it: use bfloat16 or float16")
bit, chalf = _BY_NAME["uint1"], _BY_NAME["complex32"]
__all__ += ["bit", "chalf"]
