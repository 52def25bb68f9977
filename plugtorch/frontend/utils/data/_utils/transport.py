"""Batches and indices on their way between processes: tensors travel as NumPy arrays outside the pickle stream, without
copies, and are made again on the receiver's current backend."""

from __future__ import annotations

import io
import pickle

import numpy as np

from plugtorch.frontend import functions as fn
from plugtorch.frontend.tensor import Tensor


class _BatchPickler(pickle.Pickler):
    def reducer_override(self, obj):
        if isinstance(obj, Tensor):
            if obj.requires_grad and not obj.is_leaf:
                raise RuntimeError(
                    "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not "
                    "support crossing process boundaries.  If you just want to transfer the data, call detach() on the "
                    "tensor before serializing (e.g., putting it on the queue)."
                )
            array = np.ascontiguousarray(obj._k.to_host(obj._a)).reshape(obj._a.shape)
            return _received, (array, type(obj), obj.requires_grad, obj.__dict__ or None)
        return NotImplemented


def _received(array, kind, requires_grad, attributes):
    t = fn.from_numpy(array)
    if kind is not Tensor:
        t.__class__ = kind
    if requires_grad:
        t.requires_grad_()
    if attributes:
        t.__dict__.update(attributes)
    return t


def pack(obj) -> list:
    """The message of an object: a pickle stream and the memory of its arrays.

    Raises:
        Exception: whatever pickling raises.
    """
    stream, buffers = io.BytesIO(), []
    _BatchPickler(stream, protocol=5, buffer_callback=buffers.append).dump(obj)
    return [stream.getbuffer(), *(b.raw() for b in buffers)]


def unpack(parts: list):
    """The object of a message.

    Raises:
        Exception: whatever making it again raises.
    """
    return pickle.loads(parts[0], buffers=parts[1:])
