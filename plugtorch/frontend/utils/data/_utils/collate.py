"""From a list of samples to a batch."""

from __future__ import annotations

import collections.abc
import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from plugtorch.autograd.base import wrap
from plugtorch.frontend import functions as fn
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec import dtypes

__all__ = ["collate", "collate_float_fn", "collate_int_fn", "collate_numpy_array_fn", "collate_numpy_scalar_fn",
           "collate_str_fn", "collate_tensor_fn", "default_collate", "default_collate_fn_map", "default_convert"]

_EXPECTED = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _is_text(array) -> bool:
    return array.dtype.kind in "SUO"


def is_namedtuple(data) -> bool:
    return isinstance(data, tuple) and hasattr(data, "_fields")


def default_convert(data: Any) -> Any:
    """NumPy arrays and scalars as tensors, inside nested sequences and mappings too; anything else as it is."""
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        if _is_text(data):
            return data
        return fn.as_tensor(np.asarray(data) if isinstance(data, np.generic) else data)
    if isinstance(data, collections.abc.Mapping):
        return rebuilt_mapping(data, {key: default_convert(value) for key, value in data.items()})
    if is_namedtuple(data):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, tuple):
        return [default_convert(value) for value in data]
    if isinstance(data, collections.abc.Sequence) and not isinstance(data, (str, bytes)):
        return rebuilt_sequence(data, [default_convert(value) for value in data])
    return data


def rebuilt_mapping(like, values: dict):
    """A mapping of the kind of ``like``; a plain dict where that kind cannot be made so."""
    try:
        if isinstance(like, collections.abc.MutableMapping):
            made = copy.copy(like)
            made.update(values)
            return made
        return type(like)(values)
    except TypeError:
        return values


def rebuilt_sequence(like, values: list):
    """A sequence of the kind of ``like``; a plain list where that kind cannot be made so."""
    if type(like) is list:
        return values
    try:
        if isinstance(like, collections.abc.MutableSequence):
            made = copy.copy(like)
            made[:] = values
            return made
        return type(like)(values)
    except TypeError:
        return values


def collate_tensor_fn(batch, *, collate_fn_map=None):
    """Tensors of one shape, stacked along a new first dimension."""
    first = batch[0]
    k, dtype, row = first._k, first._a.dtype, (1, *first._a.shape)
    if any(type(t) is not Tensor or t._k is not k or t._req or t._a.dtype != dtype or (1, *t._a.shape) != row
           for t in batch):
        return fn.stack(list(batch), 0)
    # The ordinary batch needs none of what a view per sample would record.
    return wrap(k.concat(*[k.reshape(t._a, shape=row) for t in batch], axis=0), k)


def collate_numpy_array_fn(batch, *, collate_fn_map=None):
    """NumPy arrays or scalars as a tensor.

    Raises:
        TypeError: arrays of text.
    """
    first = batch[0]
    if _is_text(first):
        raise TypeError(_EXPECTED.format(first.dtype))
    if all(isinstance(a, (np.ndarray, np.generic)) and a.shape == first.shape and a.dtype == first.dtype
           for a in batch):
        return fn.as_tensor(np.stack(batch))
    return fn.stack([fn.as_tensor(a) for a in batch], 0)


collate_numpy_scalar_fn = collate_numpy_array_fn


def collate_float_fn(batch, *, collate_fn_map=None):
    """Numbers as a float64 tensor."""
    return fn.tensor(batch, dtype=dtypes.float64)


def collate_int_fn(batch, *, collate_fn_map=None):
    """Integers as a tensor."""
    return fn.tensor(batch)


def collate_str_fn(batch, *, collate_fn_map=None):
    """Text as it is."""
    return batch


#: Functions ``f(batch, *, collate_fn_map)`` by the type of the samples; a custom map is given to :func:`collate`.
default_collate_fn_map: dict[type | tuple[type, ...], Callable] = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def collate(batch, *, collate_fn_map: dict | None = None):
    """Collates samples, looking inside mappings and sequences, with the functions of ``collate_fn_map``.

    Raises:
        TypeError: samples of a kind that the map does not know.
        RuntimeError: sequences of different lengths.
    """
    first = batch[0]
    kind = type(first)
    if collate_fn_map is not None:
        function = collate_fn_map.get(kind)
        if function is None:
            function = next((f for known, f in collate_fn_map.items() if isinstance(first, known)), None)
        if function is not None:
            return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(first, collections.abc.Mapping):
        return rebuilt_mapping(first, {
            key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map) for key in first})
    if is_namedtuple(first):
        return kind(*(collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=True)))
    if isinstance(first, collections.abc.Sequence):
        batch = list(batch)
        size = len(first)
        if any(len(sample) != size for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch, strict=True)]
        return columns if isinstance(first, tuple) else rebuilt_sequence(first, columns)
    raise TypeError(_EXPECTED.format(kind))


def default_collate(batch):
    """A batch of a list of samples: tensors and arrays stacked along a new first dimension, numbers as a tensor,
    strings as a list; mappings and sequences (tuples become lists) element by element.

    Raises:
        TypeError: samples of another kind.
        RuntimeError: tensors of different shapes or sequences of different lengths.
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)
