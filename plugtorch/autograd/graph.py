"""The graph as users meet it; names of ``torch.autograd.graph``."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .base import GraphNode as Node
from .base import InferenceCell, TensorBase, edge_of, wrap
from .edges import GradientEdge, get_gradient_edge
from .engine import CURRENT
from .hooks import RemovableHandle, register_hook
from .mode import MODE, SAVED_HOOKS
from .record import cell_of
from .saved import HOOKS, MUTABLE, REFUSED, SavedTensor

__all__ = [
    "GradientEdge", "Node", "SavedTensor", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks",
    "get_gradient_edge", "increment_version", "region_activation_memory_budget", "register_multi_grad_hook",
    "save_on_cpu", "saved_tensors_hooks", "set_override_stale_capture_stream",
    "set_warn_on_accumulate_grad_stream_mismatch",
]


class saved_tensors_hooks:  # noqa: N801  (PyTorch's name)
    """Inside, each tensor that a node saves for the backward pass is kept as ``pack_hook(tensor)``, and comes back as
    ``unpack_hook(packed)`` when it is needed. Of nested contexts the innermost holds. Local to the thread.

    Args:
        pack_hook: takes a tensor, gives anything; it must not change the tensor in place.
        unpack_hook: takes what ``pack_hook`` gave, gives a tensor of the same shape, dtype and values.
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]):
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        refused = REFUSED.get()
        if refused is not None:
            raise RuntimeError(refused)
        HOOKS.set((*HOOKS.get(), (self.pack_hook, self.unpack_hook)))
        MODE.set(MODE.get() | SAVED_HOOKS)

    def __exit__(self, *exc: object) -> None:
        HOOKS.set(HOOKS.get()[:-1])
        if not HOOKS.get():
            MODE.set(MODE.get() & ~SAVED_HOOKS)


class save_on_cpu(saved_tensors_hooks):  # noqa: N801
    """Inside, saved tensors wait in the memory of the host, as NumPy arrays, and go back to their device when they are
    needed.

    Args:
        pin_memory: accepted for PyTorch's sake; the array library owns its staging buffers.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda"):
        def pack(t):
            k = t._k
            return k, k.device_of(t._a), k.to_host(t._a)

        def unpack(packed):
            k, device, host = packed
            return wrap(k.from_host(host, device=device), k)

        super().__init__(pack, unpack)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str):
    """Inside, setting hooks on saved tensors is a RuntimeError with this message; so is entering while some are set."""
    if HOOKS.get():
        raise RuntimeError(error_message)
    token = REFUSED.set(error_message)
    try:
        yield
    finally:
        REFUSED.reset(token)


class _MultiHandle(RemovableHandle):
    """Removes several hooks at once."""

    def __init__(self, handles: Sequence[RemovableHandle]):
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __getstate__(self):
        return self.handles

    def __setstate__(self, state):
        self.handles = state


def register_multi_grad_hook(tensors: Sequence[TensorBase], fn: Callable[..., None], *, mode: str = "all"):
    """Calls ``fn`` in a backward pass when gradients of several tensors were computed.

    Args:
        tensors: tensors that require grad.
        fn: with mode "all" called once per pass with the list of gradients (None where none will come); with "any"
            called with the first gradient of the pass.
        mode: "all" or "any".

    Returns:
        A handle whose ``remove()`` takes the hooks away.

    Raises:
        ValueError: another mode.
        AssertionError: a tensor does not require grad.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    for t in tensors:
        if not t._req:
            raise AssertionError("Expected gradient function to be set")
    gather = _Gather([edge_of(t) for t in tensors], fn, mode == "any")
    return _MultiHandle([register_hook(t, gather.hook(n)) for n, t in enumerate(tensors)])


class _Gather:
    """The gradients of several edges, per backward pass."""

    def __init__(self, edges, function, first_only):
        self.edges, self.function, self.first_only = edges, function, first_only
        self.passes = weakref.WeakKeyDictionary()  # pass -> [gradients, how many are still to come]
        self.lock = threading.Lock()

    def hook(self, n):
        def seen(g):
            with self.lock:
                running = CURRENT.get()
                entry = self.passes.get(running)
                if entry is None:
                    expected = 1 if self.first_only else sum(running.will_reach(self.edges))
                    entry = self.passes[running] = [[None] * len(self.edges), expected]
                entry[0][n] = g
                entry[1] -= 1
                complete = entry[1] == 0
            if complete:
                self.function(g if self.first_only else entry[0])

        return seen


def increment_version(tensor: TensorBase | Iterable[TensorBase]) -> None:
    """Tells the engine that the memory of a tensor (or of several) was written by means it did not see, so that a
    backward pass that needs the old values is an error.

    Raises:
        RuntimeError: an entry is no tensor, or an inference tensor.
    """
    for t in (tensor,) if isinstance(tensor, TensorBase) else tensor:
        if not isinstance(t, TensorBase):
            raise RuntimeError("increment_version expects each element of the iterable to be a tensor")
        cell = cell_of(t)
        if type(cell) is InferenceCell:
            raise RuntimeError("Inplace update to inference tensor outside InferenceMode is not allowed.You can make a "
                               "clone to get a normal tensor before doing inplace update.")
        cell[0] += 1


class _Mutable:
    """What :class:`allow_mutation_on_saved_tensors` keeps: copies of the saved tensors that were written over."""

    def __init__(self):
        self.open = True

    def clear(self) -> None:
        """Forgets the copies; graphs recorded inside cannot be run any more."""
        self.open = False


@contextlib.contextmanager
def allow_mutation_on_saved_tensors():
    """Inside, tensors that nodes saved may be changed in place: the nodes keep the values of the time of saving. The
    backward pass has to run inside too.

    Raises:
        RuntimeError: it is entered twice.
    """
    if MUTABLE.get() is not None:
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    context = _Mutable()

    def pack(t):
        return t._k.copy(t._a) if t._k.aliases else t._a, t._k

    def unpack(packed):
        if not context.open:
            raise AssertionError("Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
                                 "in which the graph was originally recorded.")
        array, k = packed
        return wrap(array, k)

    token = MUTABLE.set(context)
    try:
        with saved_tensors_hooks(pack, unpack):
            yield context
    finally:
        MUTABLE.reset(token)
        context.clear()


def set_warn_on_accumulate_grad_stream_mismatch(enabled: bool) -> None:
    """Accepted for PyTorch's sake: gradients gather on no stream but the library's own, so there is nothing to warn
    of."""


def set_override_stale_capture_stream(enabled: bool) -> None:
    """Accepted for PyTorch's sake, like :func:`set_warn_on_accumulate_grad_stream_mismatch`."""


@contextlib.contextmanager
def region_activation_memory_budget(budget: float):
    """Accepted for PyTorch's sake: what a compiled region recomputes is decided by the array library.

    Raises:
        ValueError: the budget is not in [0, 1].
    """
    if not 0 <= budget <= 1:
        raise ValueError(f"budget must be in [0, 1], got {budget}")
    yield
