"""Copies and pickles of tensors: what lies on one memory stays on one memory."""

from __future__ import annotations

import copy
import warnings
import weakref

import numpy as np

from plugtorch.autograd.aliasing import Storage, alias_of, read_steps
from plugtorch.autograd.base import wrap
from plugtorch.autograd.layout import contiguous_strides, layout_of
from plugtorch.frontend.state import backend_named

from .methods import method
from .storage import line_steps, place_on
from .strides import arrange, preserved_order


def _like(source, t):
    """``t`` with the class and the leaf's flag of source."""
    t.__class__ = source.__class__
    t._req = source._req
    return t


@method
def __copy__(self):
    """Another tensor on the same memory, with the same attributes."""
    new = _like(self, self.detach())
    new.__dict__.update(self.__dict__)
    return new


@method
def __deepcopy__(self, memo):
    """A copy of a leaf with its gradient and attributes; tensors on one memory are copied to one memory.

    Raises:
        RuntimeError: a tensor made by a recorded op.
    """
    if id(self) in memo:
        return memo[id(self)]
    if self._node is not None:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment: "
            "this one was made by a recorded op. detach() it first"
        )
    k, at = self._k, self._alias
    if at is None:
        new = arrange(wrap(k.copy(self._a), k), preserved_order(self))
    else:
        kept = memo.get(id(at.storage))
        if kept is None:
            root = wrap(at.storage.root, k)
            whole = arrange(wrap(k.copy(root._a), k), preserved_order(root)) if k.aliases else wrap(k.copy(root._a), k)
            # The old storage is kept as well: its id must not be used again while the memo lives.
            kept = memo[id(at.storage)] = (Storage(whole._a), at.storage)
        storage = kept[0]
        new = wrap(None, k)
        place_on(new, storage, k, at.path, read_steps(k, storage.root, at.path))
    _like(self, new)
    memo[id(self)] = new
    if self._grad is not None:
        new._grad = copy.deepcopy(self._grad, memo)
    if self.__dict__:
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
    return new


# Pickles.

class Memory:
    """A storage on its way into a pickle: one object for all tensors on it, so that the pickle holds it once."""

    def __init__(self, storage, k):
        self.storage, self.k = storage, k

    def __reduce__(self):
        k, root = self.k, self.storage.root
        return _memory, (np.array(k.to_host(read_steps(k, root, line_steps(k, root)))), k.name)


_memories: weakref.WeakValueDictionary = weakref.WeakValueDictionary()


def _memory(array, backend):
    k = backend_named(backend)
    return Memory(Storage(k.from_host(array, device=k.default_device())), k)


def _restored(cls, memory, shape, strides, offset, requires_grad, attributes):
    k, storage = memory.k, memory.storage
    t = wrap(None, k)
    n = storage.root.shape[0]
    if offset == 0 and shape == (n,) and strides == (1,):
        path = ()
    elif offset == 0 and strides == contiguous_strides(shape) and int(np.prod(shape)) == n:
        path = (("reshape", {"shape": shape}),)
    else:
        path = (("as_strided", {"shape": shape, "strides": strides, "offset": offset}),)
    place_on(t, storage, k, path, read_steps(k, storage.root, path))
    t.__class__, t._req = cls, requires_grad
    t.__dict__.update(attributes)
    return t


def lost_hooks(t) -> list:
    """The hooks of a leaf that a pickled copy would not have, and that nobody marked as known to be lost."""
    return [h for kind in (t._hooks or {}).values() for h in kind.values() if not hasattr(h, "__torch_unserializable__")]


@method
def __reduce_ex__(self, protocol):
    """Pickles the memory on the host, the place in it, the backend's name, and the attributes; the result is a leaf."""
    hooks = lost_hooks(self)
    if hooks:
        warnings.warn(f"backward hook {hooks[0]!r} on tensor will not be serialized: remove it, or register it again on "
                      "the loaded tensor", stacklevel=2)
    t = self
    if self._alias is not None and self._k.dtype_of(self._alias.storage.root) is not self.dtype:
        t = self.detach().clone()
    elif self._alias is None:
        t = self.detach()
    try:
        line_steps(t._k, t._alias.storage.root if t._alias is not None else t._a)
    except RuntimeError:  # memory with gaps: the tensor goes alone
        t = self.detach().clone()
    storage = alias_of(t).storage
    memory = _memories.get(id(storage))
    if memory is None or memory.storage is not storage:
        memory = _memories[id(storage)] = Memory(storage, t._k)
    shape, strides, offset = layout_of(t)
    return _restored, (self.__class__, memory, shape, strides, offset, self._req, dict(self.__dict__))


