"""What autocast does to a call: casting its operands, with the casts of weights kept for the whole block."""

from __future__ import annotations

import functools
import threading
from contextvars import ContextVar

from plugtorch.autograd.base import TensorBase
from plugtorch.autograd.mode import AUTOCAST, MODE, NO_GRAD, mode
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import FLOAT, HALF

from . import lists

# What an accelerator's autocast casts to, and what the CPU's does, until a program says otherwise.
DEFAULT_DTYPES = {"cpu": dtypes.bfloat16, "xla": dtypes.bfloat16, "tpu": dtypes.bfloat16}
ENABLED: ContextVar[frozenset] = ContextVar("plugtorch_autocast_enabled", default=frozenset())
DTYPES: ContextVar[dict] = ContextVar("plugtorch_autocast_dtypes", default={})  # noqa: B039  (never written to)
CACHES: ContextVar[bool] = ContextVar("plugtorch_autocast_cache", default=True)


class _Casts(threading.local):
    """The casts of leaves that this thread has made since it entered its outermost block."""

    def __init__(self):
        self.depth, self.kept = 0, {}


CASTS = _Casts()


def dtype_for(device_type: str):
    """The dtype to which autocast casts on a kind of device."""
    return DTYPES.get().get(device_type) or DEFAULT_DTYPES.get(device_type, dtypes.float16)


def _cast(t, dtype, device_type):
    from ..dispatch import to_dtype

    have = t.dtype
    if have is dtype or have.category != FLOAT or have is dtypes.float64 or t.device.type != device_type:
        return t
    leaf = dtype in HALF and t._req and t._node is None and CACHES.get() and not mode() & NO_GRAD
    if not leaf:
        return to_dtype(t, dtype)
    found = CASTS.kept.get(id(t))
    if found is None or found[0] is not t or found[1].dtype is not dtype:
        found = CASTS.kept[id(t)] = (t, to_dtype(t, dtype))
    return found[1]


def _tensors(values):
    for value in values:
        if isinstance(value, TensorBase):
            yield value
        elif type(value) in (list, tuple):
            yield from _tensors(value)


def _mapped(value, cast):
    if isinstance(value, TensorBase):
        return cast(value)
    if type(value) in (list, tuple):
        return type(value)(_mapped(v, cast) for v in value)
    return value


def _widest(tensors, dtype):
    wide = dtype
    for t in tensors:
        if t.dtype.category == FLOAT and (t.dtype is dtypes.float32 or t.dtype in HALF) and t.dtype is not wide:
            wide = dtypes.float32
    return wide


def _kind(name, args, kwargs):
    """How a call is cast on the first of its tensors' devices for which autocast is on, and the kind of that device."""
    tensors = list(_tensors((*args, *kwargs.values())))
    device_type = next((t.device.type for t in tensors if t.device.type in ENABLED.get()), None)
    return None if device_type is None else lists.kind_for(name, device_type), device_type, tensors


def recast(name, function, *args, **kwargs):
    """A listed function called within autocast: with its operands cast as the lists say, and autocast off inside."""
    return _recast(_kind(name, args, kwargs), name, function, args, kwargs)


def _recast(found, name, function, args, kwargs):
    kind, device_type, tensors = found
    if kind == lists.BANNED:
        raise RuntimeError(
            f"torch.nn.functional.{name} and torch.nn.BCELoss are unsafe to autocast. Many models use a sigmoid layer right "
            "before the binary cross entropy layer. In this case, combine the two layers using "
            f"torch.nn.functional.{name}_with_logits or torch.nn.BCEWithLogitsLoss, which are safe to autocast.")
    before = MODE.get()
    MODE.set(before & ~AUTOCAST)
    try:
        if kind in (None, lists.AS_IS):
            return function(*args, **kwargs)
        if kind == lists.FP32_SET_OPT_DTYPE:
            if kwargs.get("dtype") is None and tensors[0].dtype in HALF:
                kwargs = {**kwargs, "dtype": dtypes.float32}
            return function(*args, **kwargs)
        lower = dtype_for(device_type)
        target = lower if kind == lists.LOWER else _widest(tensors, lower) if kind == lists.PROMOTE else dtypes.float32
        out = kwargs.pop("out", None)

        def cast(t):
            return _cast(t, target, device_type)

        args = tuple(_mapped(a, cast) for a in args)
        kwargs = {key: _mapped(value, cast) for key, value in kwargs.items()}
        return function(*args, **kwargs) if out is None else function(*args, out=out, **kwargs)
    finally:
        MODE.set(before)


def autocasts(function, name: str | None = None):
    """Marks a function of autocast's lists (see :mod:`.lists`): within autocast its operands are cast first. A function
    that is not listed for the device at hand runs as it is, so that what it calls may be cast."""
    name = name or function.__name__

    @functools.wraps(function)
    def listed(*args, **kwargs):
        if mode() & AUTOCAST:
            found = _kind(name, args, kwargs)
            if found[0] is not None:
                return _recast(found, name, function, args, kwargs)
        return function(*args, **kwargs)

    listed.autocasts = name
    return listed
