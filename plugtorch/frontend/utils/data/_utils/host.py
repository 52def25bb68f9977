"""What a worker process may use: NumPy. Other array libraries have threads and devices that do not survive a fork."""

from __future__ import annotations

import copy
import types

from plugtorch.frontend.tensor import Tensor
from plugtorch.spec.registry import load_backend, loaded_backends

_PLAIN = (bool, int, float, complex, str, bytes, bytearray, type(None), type, types.ModuleType, types.FunctionType,
          types.BuiltinFunctionType)


def for_workers(dataset):
    """The dataset with its tensors on the NumPy backend: those in its attributes, in lists, tuples and dicts, and in the
    attributes of objects there. Where there are none on another backend it is the dataset itself; otherwise what holds
    them is copied, and the rest is shared. Tensors in closures and in slots are not found."""
    return dataset if loaded_backends().keys() <= {"numpy"} else _moved(dataset, {})


def _moved(obj, memo):
    if isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, Tensor):
        return _on_host(obj)
    known = memo.get(id(obj))
    if known is not None:
        return known[0]
    memo[id(obj)] = [obj, obj]  # within a cycle an object stands for itself
    new = _inside(obj, memo)
    memo[id(obj)][0] = new
    return new


def _inside(obj, memo):
    """An object with the tensors inside it moved; the object itself if there are none."""
    if isinstance(obj, dict):
        parts = {key: _moved(value, memo) for key, value in obj.items()}
        changed = {key: value for key, value in parts.items() if value is not obj[key]}
        if not changed:
            return obj
        new = copy.copy(obj)
        new.update(changed)
        return new
    if isinstance(obj, (list, tuple)):
        parts = [_moved(value, memo) for value in obj]
        if all(a is b for a, b in zip(parts, obj, strict=True)):
            return obj
        if type(obj) in (list, tuple):
            return type(obj)(parts)
        return type(obj)(*parts) if hasattr(obj, "_fields") else type(obj)(parts)
    own = getattr(obj, "__dict__", None)
    if not isinstance(own, dict):
        return obj
    changed = {name: new for name, value in own.items() if (new := _moved(value, memo)) is not value}
    if not changed:
        return obj
    new = copy.copy(obj)
    new.__dict__.update(changed)
    return new


def _on_host(t):
    k = load_backend("numpy")
    if t._k is k or t.is_meta:
        return t
    new = t.detach().to(backend="numpy").requires_grad_(t.requires_grad and t.is_leaf)
    if type(t) is not Tensor:
        new.__class__ = type(t)
    new.__dict__.update(t.__dict__)
    return new


class _Refusing:
    """A backend that must not be used in this process."""

    def __getattribute__(self, name):
        if name.startswith("__") or name in ("name", "aliases", "level"):
            return object.__getattribute__(self, name)
        own = object.__getattribute__(self, "name")
        raise RuntimeError(
            f"a worker process of a DataLoader cannot use the backend {own!r}: its library does not survive a fork. Keep "
            "the dataset's tensors in its attributes, from where they are moved to NumPy, make them in the worker, or give "
            "the DataLoader multiprocessing_context='spawn'")


def refuse_other_backends() -> None:
    """In a forked process: what uses a backend other than NumPy gets an error, where it could hang for ever."""
    for name, k in loaded_backends().items():
        if name != "numpy":
            object.__setattr__(k, "name", name)
            object.__setattr__(k, "__class__", _Refusing)
