"""Hooks on tensors, and ``retain_grad``."""

from __future__ import annotations

import itertools
import weakref

from .base import NodeHooks, TensorBase

_ids = itertools.count()


class RemovableHandle:
    """Takes a hook away again by ``remove()``; also a context manager."""

    def __init__(self, hooks: dict):
        self.hooks = hooks
        self.id = next(_ids)

    def remove(self) -> None:
        self.hooks.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.remove()


def node_hooks(node) -> NodeHooks:
    if node.hooks is None:
        node.hooks = NodeHooks()
    return node.hooks


def _leaf_hooks(t, kind):
    if t._hooks is None:
        t._hooks = {}
    return t._hooks.setdefault(kind, {})


def register_hook(t: TensorBase, hook) -> RemovableHandle:
    """Calls ``hook(grad)`` whenever the gradient of ``t`` is computed; a returned tensor replaces it.

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    if not t._req:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    hooks = _leaf_hooks(t, "before") if t._node is None else node_hooks(t._node).before
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def register_post_accumulate_grad_hook(t: TensorBase, hook) -> RemovableHandle:
    """Calls ``hook(t)`` after a backward pass has added to ``t.grad``; for leaves only."""
    if not t._req:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if t._node is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    hooks = _leaf_hooks(t, "after")
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def retain_grad(t: TensorBase) -> None:
    """Lets a non-leaf keep its ``.grad``; nothing happens on a leaf."""
    if not t._req:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if t._node is not None:
        node_hooks(t._node).retain = weakref.ref(t)
