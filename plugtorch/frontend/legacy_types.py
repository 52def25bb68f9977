"""``FloatTensor`` and its kin: constructors of one dtype, and the types that ``isinstance`` and ``type()`` know."""

from __future__ import annotations

from plugtorch.spec import dtypes

from . import creation, state
from .dispatch import is_tensor, shape_from
from .tensor import Size

__all__ = ["set_default_tensor_type"]


class _OfDtype(type):
    """Makes ``isinstance(x, FloatTensor)`` ask for the dtype and the CPU."""

    def __instancecheck__(cls, obj):
        return is_tensor(obj) and obj.dtype is cls.dtype and obj.device.type == "cpu"

    def __repr__(cls):
        return f"<class 'torch.{cls.__name__}'>"


def _new(cls, *args, device=None):
    if not args:
        return creation.empty(0, dtype=cls.dtype)
    data = args[0]
    if is_tensor(data):
        if data.dtype is not cls.dtype:
            raise TypeError(f"expected {cls.__name__} (got {data.type()})")
        return data.detach()
    if isinstance(data, (int, Size)):
        return creation.empty(shape_from(args), dtype=cls.dtype)
    return creation.tensor(data, dtype=cls.dtype)


def _legacy(dtype):
    name = f"{dtype.legacy}Tensor"
    return _OfDtype(name, (), {"dtype": dtype, "__new__": _new, "__module__": "plugtorch", "is_cuda": False,
                               "__doc__": f"``{name}(*sizes)`` or ``{name}(data)``: a tensor of {dtype.name}."})


for _dtype in (dtypes.float32, dtypes.float64, dtypes.float16, dtypes.bfloat16, dtypes.int64, dtypes.int32, dtypes.int16,
               dtypes.int8, dtypes.uint8, dtypes.bool_):
    _class = _legacy(_dtype)
    globals()[_class.__name__] = _class
    __all__.append(_class.__name__)


def set_default_tensor_type(t) -> None:
    """Sets the default floating dtype to that of a legacy type, or of its name such as ``torch.DoubleTensor``.

    Raises:
        TypeError: no floating type.
    """
    name = t.rsplit(".", 1)[-1] if isinstance(t, str) else getattr(t, "__name__", "")
    found = globals().get(name) if name in __all__ else None
    if found is None or not found.dtype.is_floating_point:
        raise TypeError(f"invalid type object: only floating-point types are supported as the default type, got {t!r}")
    state.set_default_dtype(found.dtype)
