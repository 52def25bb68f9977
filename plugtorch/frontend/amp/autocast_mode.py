"""``torch.autocast`` and the settings behind it."""

from __future__ import annotations

import collections.abc
import functools
import warnings

from plugtorch.autograd.base import TensorBase
from plugtorch.autograd.mode import AUTOCAST, MODE
from plugtorch.spec import dtypes
from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import FLOAT

from .. import state
from . import casting

# Kinds of devices for which there are lists.
AVAILABLE = ("cpu", "cuda", "xpu", "mps", "xla", "tpu", "hpu", "mtia", "maia", "ipu")

__all__ = [
    "autocast", "autocast_decrement_nesting", "autocast_increment_nesting", "clear_autocast_cache", "get_autocast_dtype",
    "is_autocast_cache_enabled", "is_autocast_enabled", "set_autocast_cache_enabled", "set_autocast_dtype",
    "set_autocast_enabled",
]


def is_autocast_available(device_type: str) -> bool:
    """Whether autocast has lists for a kind of device.

    Raises:
        RuntimeError: there is no such kind.
    """
    return Device(device_type).type in AVAILABLE


# The settings of this context.

def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether autocast is on for a kind of device ("cuda" if none is named)."""
    return ("cuda" if device_type is None else Device(device_type).type) in casting.ENABLED.get()


def set_autocast_enabled(device_type, enabled: bool | None = None) -> None:
    """Switches autocast on or off for a kind of device (with one argument: for "cuda")."""
    if enabled is None:
        device_type, enabled = "cuda", device_type
    kinds = casting.ENABLED.get()
    kinds = kinds | {device_type} if enabled else kinds - {device_type}
    casting.ENABLED.set(kinds)
    MODE.set(MODE.get() | AUTOCAST if kinds else MODE.get() & ~AUTOCAST)


def get_autocast_dtype(device_type: str):
    """The dtype to which autocast casts on a kind of device.

    Raises:
        RuntimeError: autocast has no lists for it.
    """
    if not is_autocast_available(device_type):
        raise RuntimeError(f"unsupported scalarType for autocast device type {device_type!r}")
    return casting.dtype_for(device_type)


def set_autocast_dtype(device_type: str, dtype) -> None:
    """Chooses the dtype to which autocast casts on a kind of device."""
    casting.DTYPES.set({**casting.DTYPES.get(), device_type: dtype})


def is_autocast_cache_enabled() -> bool:
    """Whether casts of leaves that require grad are kept until the outermost block ends."""
    return casting.CACHES.get()


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Switches the keeping of casts on or off."""
    casting.CACHES.set(bool(enabled))


def clear_autocast_cache() -> None:
    """Forgets the kept casts."""
    casting.CASTS.kept.clear()


def autocast_increment_nesting() -> int:
    """Enters a block; returns how many are open."""
    casting.CASTS.depth += 1
    return casting.CASTS.depth


def autocast_decrement_nesting() -> int:
    """Leaves a block; returns how many are open."""
    casting.CASTS.depth -= 1
    return casting.CASTS.depth


def _define_legacy(kind, device_type):
    def get():
        return get_autocast_dtype(device_type)

    def set_dtype(dtype):
        set_autocast_dtype(device_type, dtype)

    def is_enabled():
        return is_autocast_enabled(device_type)

    def set_enabled(enabled):
        set_autocast_enabled(device_type, enabled)

    for name, function, doc in (
        (f"get_autocast_{kind}_dtype", get, f'Older name of ``get_autocast_dtype("{device_type}")``.'),
        (f"set_autocast_{kind}_dtype", set_dtype, f'Older name of ``set_autocast_dtype("{device_type}", dtype)``.'),
        (f"is_autocast_{kind}_enabled", is_enabled, f'Older name of ``is_autocast_enabled("{device_type}")``.'),
        (f"set_autocast_{kind}_enabled", set_enabled, f'Older name of ``set_autocast_enabled("{device_type}", enabled)``.'),
    ):
        function.__name__, function.__doc__ = name, doc
        globals()[name] = function
        __all__.append(name)


for _kind, _device_type in (("cpu", "cpu"), ("gpu", "cuda"), ("xla", "xla"), ("ipu", "ipu")):
    _define_legacy(_kind, _device_type)


def _is_present(device_type):
    return device_type == "cpu" or any(d.type == device_type for d in state.current_backend().devices())


class autocast:  # noqa: N801  (PyTorch's name)
    """Mixed precision for the calls inside: products of matrices and convolutions in a short dtype, losses and what needs
    range in float32. Context manager and decorator.

    Args:
        device_type: the kind of device whose tensors it is for.
        dtype: the short dtype; bfloat16 on CPU, float16 elsewhere.
        enabled: False leaves tensors as they are, inside another block too.
        cache_enabled: keep the casts of weights until the outermost block ends.

    Raises:
        ValueError: device_type is no string.
        RuntimeError: there is no such kind of device, or no lists for it.
    """

    def __init__(self, device_type: str, dtype=None, enabled: bool = True, cache_enabled: bool | None = None):
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device = device_type
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        if not _is_present(device_type):
            if enabled:
                what = "CUDA is not available or torch_xla is imported" if device_type == "cuda" else \
                    f"the active backend has no {device_type!r} device"
                warnings.warn(f"{what}. Disabling autocast.", stacklevel=2)
            enabled = False
        elif enabled and self.fast_dtype not in (dtypes.bfloat16, dtypes.float16):
            warnings.warn(f"In {device_type.upper()} autocast, but the target dtype is not supported. Disabling autocast.\n"
                          f"{device_type.upper()} Autocast only supports dtypes of torch.bfloat16, torch.float16 currently.",
                          stacklevel=2)
            enabled = False
        self._enabled = enabled

    def __enter__(self):
        self.prev = is_autocast_enabled(self.device)
        self.prev_fastdtype = get_autocast_dtype(self.device)
        self.prev_cache_enabled = is_autocast_cache_enabled()
        set_autocast_enabled(self.device, self._enabled)
        set_autocast_dtype(self.device, self.fast_dtype)
        set_autocast_cache_enabled(self._cache_enabled)
        autocast_increment_nesting()
        return self

    def __exit__(self, *exc):
        if autocast_decrement_nesting() == 0:
            clear_autocast_cache()
        set_autocast_enabled(self.device, self.prev)
        set_autocast_dtype(self.device, self.prev_fastdtype)
        set_autocast_cache_enabled(self.prev_cache_enabled)
        return False

    def __call__(self, function):
        @functools.wraps(function)
        def decorated(*args, **kwargs):
            with self._again():
                return function(*args, **kwargs)

        return decorated

    def _again(self):
        """A block of its own for each call, so that recursion and threads do not share what was before."""
        fresh = object.__new__(autocast)
        fresh.__dict__.update(self.__dict__)
        return fresh


# Custom autograd functions.

def _cast_all(value, device_type, dtype):
    if isinstance(value, TensorBase):
        from ..dispatch import to_dtype

        fits = value.dtype.category == FLOAT and value.device.type == device_type and value.dtype is not dtypes.float64
        return to_dtype(value, dtype) if fits else value
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, collections.abc.Mapping):
        return {_cast_all(k, device_type, dtype): _cast_all(v, device_type, dtype) for k, v in value.items()}
    if isinstance(value, collections.abc.Iterable):
        items = (_cast_all(v, device_type, dtype) for v in value)
        return type(value)(items) if isinstance(value, (list, tuple)) else items
    return value


def custom_fwd(fwd=None, *, device_type: str, cast_inputs=None):
    """Decorates ``forward`` of a custom autograd function for use within autocast.

    Args:
        device_type: the kind of device it runs on.
        cast_inputs: within autocast, floating operands are cast to this dtype and the function runs without autocast; with
            None it runs as its caller does.

    Raises:
        ValueError: device_type is no string.
    """
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorated(*args, **kwargs):
        args[0]._dtype = get_autocast_dtype(device_type)
        args[0]._fwd_used_autocast = is_autocast_enabled(device_type)
        if cast_inputs is None or not args[0]._fwd_used_autocast:
            return fwd(*args, **kwargs)
        args[0]._fwd_used_autocast = False
        with autocast(device_type=device_type, enabled=False):
            return fwd(*_cast_all(args, device_type, cast_inputs), **_cast_all(kwargs, device_type, cast_inputs))

    return decorated


def custom_bwd(bwd=None, *, device_type: str):
    """Decorates ``backward`` of a custom autograd function: it runs within autocast if ``forward`` did.

    Raises:
        ValueError: device_type is no string.
    """
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorated(*args, **kwargs):
        with autocast(device_type=device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)

    return decorated
