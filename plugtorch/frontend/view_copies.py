"""The views' twins that copy: ``NAME_copy`` for each view ``NAME``."""

from __future__ import annotations

import builtins

from . import shaping, splitting, storage
from .dispatch import normalize_axis, store
from .methods import exporter
from .tensor import Tensor
from .transfer import detach

__all__: list[str] = []
_export = exporter(__all__)


def _alias(input):
    return input.view(tuple(input._a.shape))


def slice(input, dim=0, start=None, end=None, step=1):
    """The view ``input[start:end:step]`` along a dimension.

    Raises:
        RuntimeError: a step that is not positive.
    """
    if step <= 0:
        raise RuntimeError("slice step must be positive")
    axis = normalize_axis(dim, input.dim())
    return input[(builtins.slice(None),) * axis + (builtins.slice(start, end, step),)]


def _expand(input, size, *, implicit=False):
    return shaping.expand(input, *size)


def _permute(input, dims):
    return shaping.permute(input, dims)


def _view(input, size=None, *, dtype=None):
    return Tensor.view(input, size if dtype is None else dtype)


def _unfold(input, dimension, size, step):
    return Tensor.unfold(input, dimension, size, step)


_VIEWS = {
    "alias": _alias, "as_strided": storage.as_strided, "detach": detach, "diagonal": shaping.diagonal, "expand": _expand,
    "narrow": shaping.narrow, "permute": _permute, "select": shaping.select, "slice": slice, "split": splitting.split,
    "split_with_sizes": splitting.split_with_sizes, "squeeze": shaping.squeeze, "t": shaping.t,
    "transpose": shaping.transpose, "unbind": splitting.unbind, "unfold": _unfold, "unsqueeze": shaping.unsqueeze,
    "view": _view, "view_as_complex": shaping.view_as_complex, "view_as_real": shaping.view_as_real,
}


def _copying(name, view):
    def function(*args, out=None, **kwargs):
        y = view(*args, **kwargs)
        if isinstance(y, tuple):
            copies = tuple(part.clone() for part in y)
            if out is None:
                return copies
            for target, part in zip(out, copies, strict=True):
                store(target, part)
            return None
        return store(out, y.clone())

    function.__name__ = function.__qualname__ = name + "_copy"
    function.__doc__ = f"A copy of what :func:`{name}` is a view of, with the same arguments."
    return _export(function)


for _name, _function in _VIEWS.items():
    globals()[_name + "_copy"] = _copying(_name, _function)

Tensor.narrow_copy = globals()["narrow_copy"]


@_export
def slice_inverse(input, src, dim=0, start=None, end=None, step=1):
    """The tensor in the shape of ``src`` of which ``input`` is the slice: a view of the storage of ``input``."""
    return storage.as_strided(input, tuple(src._a.shape), src.stride(), src.storage_offset())


Tensor.slice_inverse = slice_inverse
