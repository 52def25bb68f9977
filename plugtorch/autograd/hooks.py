"""Hooks on tensors, and ``retain_grad``."""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from typing import Any

from .base import NodeHooks, TensorBase

_ids = itertools.count()


class RemovableHandle:
    """Returned by every ``register_..._hook``; ``remove()`` takes the hook out of its dictionary.

    Also a context manager that removes the hook on exit. The dictionaries are held weakly, so a handle
    keeps no module alive.

    Args:
        hooks_dict: the dictionary the hook lives in, keyed by ``handle.id``.
        extra_dict: further dictionaries with entries under the same id, one or a list of them.
    """

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        self.id = next(_ids)
        extras = [] if extra_dict is None else extra_dict if isinstance(extra_dict, list) else [extra_dict]
        self._references = tuple(weakref.ref(d) for d in (hooks_dict, *extras))

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        for reference in self._references:
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self) -> dict[str, Any]:
        return {"id": self.id, "dictionaries": tuple(reference() for reference in self._references)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.id = state["id"]
        # A dictionary that died before pickling becomes an empty one, dead at once.
        self._references = tuple(
            weakref.ref(OrderedDict() if d is None else d) for d in state["dictionaries"]
        )

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.remove()


def node_hooks(node) -> NodeHooks:
    if node._hooks is None:
        node._hooks = NodeHooks()
    return node._hooks


def register_node_hook(node, kind: str, hook) -> RemovableHandle:
    """Adds a hook to a node of the graph: "ahead" of it or "after" it."""
    hooks = getattr(node_hooks(node), kind)
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def _leaf_hooks(t, kind):
    if t._hooks is None:
        t._hooks = {}
    return t._hooks.setdefault(kind, OrderedDict())


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
