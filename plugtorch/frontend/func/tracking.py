"""What the transforms that differentiate share: tracked twins of the arguments, and passes over their graph.

A twin is a tensor on the argument's memory that requires grad; the argument itself is left alone. Where the argument
requires grad, its twin leads to it, so that results are differentiable outside. Nested transforms keep apart because
each asks for the gradients of its own twins.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar

from plugtorch.autograd.aliasing import share
from plugtorch.autograd.base import TensorBase, edge_of, wrap
from plugtorch.autograd.engine import run_backward
from plugtorch.autograd.mode import MODE, NO_GRAD, enable_grad, mode
from plugtorch.autograd.plans import rule_for
from plugtorch.autograd.record import make_node
from plugtorch.autograd.tangents import share_tangent
from plugtorch.transforms.levels import innermost

# Whether the function of a transform runs.
RUNNING: ContextVar[bool] = ContextVar("plugtorch_differentiating", default=False)


class Call:
    """One call of a transformed function; its leaves know it.

    Attributes:
        running: whether the function runs.
    """

    __slots__ = ("running",)

    def __init__(self):
        self.running = False


class Twins:
    """The tracked twins of a transform's arguments.

    Attributes:
        tensors: what the function is called with.
        edges: where their gradients arrive.
        own: those edges that lead nowhere else.
        outside: whether results are recorded for what is outside.
        call: whether the function runs: only then do other transforms meet these twins.
    """

    def __init__(self, arguments, leaves=True):
        """``leaves``: the twins are leaves where the arguments require no grad, and so cannot be written in place."""
        self.outside, self.call, self.leaves, self.own = not mode() & NO_GRAD, Call(), leaves, set()
        self.tensors = [self._twin(t) for t in arguments]
        self.edges = [edge_of(t) for t in self.tensors]
        self.own.update(e for e in self.edges if isinstance(e, TensorBase))

    def _twin(self, t):
        if not isinstance(t, TensorBase):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(t)}")
        if not t._k.dtype_of(t._a).differentiable:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        level = innermost()
        if level is not None:
            t = level.lift(t)
        twin = share(t, t._a)
        twin._req = True
        share_tangent(twin, t)
        twin._call = self.call
        source = t if t._req and self.outside else None
        if source is None and not self.leaves:
            source = share(twin, twin._a)
            source._req, source._call = True, self.call
            self.own.add(source)
        if source is not None:
            twin._node = make_node(rule_for("copy").plan(1, 1), t._k, (edge_of(source),), t._a, (), ())
        return twin

    @contextlib.contextmanager
    def run(self):
        """While the function runs: it is recorded, also under ``no_grad`` outside."""
        self.call.running = True
        token = RUNNING.set(True)
        try:
            with enable_grad():
                yield
        finally:
            RUNNING.reset(token)
            self.call.running = False

    def release(self, t):
        """A result of the function as it is seen outside: without the part of its graph that is the transform's."""
        if not isinstance(t, TensorBase) or not t._req:
            return t
        if self.outside and leads_elsewhere([edge_of(t)], self.own):
            return t
        result = share(t, t._a)
        share_tangent(result, t)
        return result


def leads_elsewhere(roots, own) -> bool:
    """Whether a graph has a leaf that is not among ``own``, and no twin of a transform that is over."""
    seen, stack = set(), list(roots)
    while stack:
        edge = stack.pop()
        if edge is None or edge in seen:
            continue
        seen.add(edge)
        if not isinstance(edge, TensorBase):
            stack.extend(edge._edges)
        elif edge not in own:
            call = getattr(edge, "_call", None)
            if call is None or call.running:
                return True
    return False


def requires_grad_somewhere(t) -> bool:
    """Whether a tensor requires grad, at its own level or outside."""
    while t._k.level:
        if t._req:
            return True
        t = t._a.value
    return t._req


def pull(outputs, cotangents, edges, own, outside, like, retain=False):
    """Gradients at ``edges``, as tensors; zeros shaped as ``like`` where nothing arrives.

    Args:
        outputs: tensors; those that require no grad are passed over.
        cotangents: one tensor for each.
        own: leaves on which nothing outside depends.
        outside: whether the results are recorded for what is outside.
    """
    pairs = [(o, g) for o, g in zip(outputs, cotangents, strict=True) if o._req]
    roots = [edge_of(o) for o, _ in pairs]
    seeds = [g for _, g in pairs]
    if not pairs:
        return [zeros_like(t) for t in like]
    deeper = any(g._k is not o._k for o, g in pairs)
    recording = outside and (leads_elsewhere(roots, own) or any(map(requires_grad_somewhere, seeds))
                             or deeper and bool(pairs[0][0]._k.level))
    flags = MODE.get()
    if recording:
        MODE.set(flags & ~NO_GRAD)
    try:
        results = run_backward(roots, seeds, retain, recording or deeper, edges, False, recording)
    finally:
        MODE.set(flags)
    return [zeros_like(t) if g is None else g for g, t in zip(results, like, strict=True)]


def zeros_like(t):
    return wrap(t._k.zeros_like(t._a), t._k)


def ones_like(t):
    return wrap(t._k.ones_like(t._a), t._k)
