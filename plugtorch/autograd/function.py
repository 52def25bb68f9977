"""User-defined gradients: ``Function`` with ``forward``, ``backward`` and, if wanted, ``setup_context``."""

from __future__ import annotations

import functools

from .aliasing import rebase, share
from .anomaly import remember
from .base import InferenceCell, Node, TensorBase, edge_of, next_seq, wrap
from .mode import ANOMALY, MODE, NO_GRAD, mode
from .plans import PlanBase
from .record import SLOT, cell_of, count_version, make_node

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
    "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
    "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
    "saved tensors after calling backward."
)


class FunctionCtx:
    """What ``forward`` leaves for ``backward``: saved tensors and flags, and any attribute the user sets."""

    def save_for_backward(self, *tensors) -> None:
        """Keeps tensors (inputs, outputs or others; None allowed) for :attr:`saved_tensors`."""
        for t in tensors:
            if t is not None and not isinstance(t, TensorBase):
                raise TypeError(f"save_for_backward can only save variables, but argument is of type "
                                f"{type(t).__name__}")
        self._to_save = tensors

    def save_for_forward(self, *tensors) -> None:
        """Keeps tensors for a ``jvp``."""
        self._saved_for_forward = tensors

    def mark_dirty(self, *tensors) -> None:
        """Names inputs that ``forward`` modified in place and returned."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors) -> None:
        """Names outputs without gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` gets zeros (default) or None for outputs that no gradient reached."""
        self._materialize = value

    _to_save: tuple = ()
    _dirty: tuple = ()
    _non_differentiable: tuple = ()
    _materialize = True
    needs_input_grad: tuple = ()

    @property
    def saved_tensors(self) -> tuple:
        """The tensors given to :meth:`save_for_backward`.

        Raises:
            RuntimeError: they were freed by an earlier pass, or modified in place since.
        """
        return self._unpack()


class BackwardCFunction(FunctionCtx, Node):
    """The node of one application of a Function; it is the ``ctx`` of its methods."""

    def _unpack(self):
        saved = self.saved
        if saved is None:
            raise RuntimeError(FREED)
        out = []
        for value, cell, version, edge in saved:
            if value is None:
                out.append(None)
                continue
            if cell[0] != version:
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an inplace operation: "
                    f"[torch.{self.k.dtype_of(value).legacy}Tensor {list(value.shape)}] is at version {cell[0]}; "
                    f"expected version {version} instead. Hint: enable anomaly detection to find the operation that "
                    "failed to compute its gradient, with torch.autograd.set_detect_anomaly(True)."
                )
            if isinstance(edge, TensorBase):
                out.append(edge)
                continue
            t = wrap(value, self.k)
            if edge is not None:
                t._req, t._node = True, self if edge is _SELF else edge
            out.append(t)
        return tuple(out)


_SELF = object()


@functools.cache
def _ctx_class(cls):
    return type(cls.__name__ + "Backward", (BackwardCFunction,), {"_forward_cls": cls})


def once_differentiable(backward):
    """Marks a ``backward`` whose result cannot be differentiated again."""

    @functools.wraps(backward)
    def wrapper(ctx, *grads):
        recording = not mode() & NO_GRAD
        flags = MODE.get()
        MODE.set(flags | NO_GRAD)
        try:
            outputs = backward(ctx, *grads)
        finally:
            MODE.set(flags)
        if not recording or not any(isinstance(g, TensorBase) and g._req for g in grads):
            return outputs
        single = not isinstance(outputs, tuple)
        blocked = tuple(_blocked(o) for o in ((outputs,) if single else outputs))
        return blocked[0] if single else blocked

    return wrapper


class _BlockedPlan(PlanBase):

    @staticmethod
    def run(k, g, saved):
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")

    @staticmethod
    def node_name(node):
        return "Error"


def _blocked(o):
    if not isinstance(o, TensorBase):
        return o
    t = wrap(o._a, o._k)
    t._req, t._node = True, make_node(_BlockedPlan, o._k, (), o._a, (), ())
    return t


class Function:
    """Subclass with static methods ``forward(ctx, *args)`` and ``backward(ctx, *grads)``; call ``apply``.

    With a static method ``setup_context(ctx, inputs, output)``, ``forward`` takes no ctx. ``backward``
    returns one gradient (or None) per argument of ``forward``.
    """

    def __init__(self, *args, **kwargs):
        raise RuntimeError(
            f"{type(self).__name__} should not be instantiated. Methods on autograd functions are all static, so you "
            "should invoke them on the class itself. Instantiating an autograd function will raise an error"
        )

    @staticmethod
    def forward(*args, **kwargs):
        """Computes the result; no gradients are recorded inside."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Saves what ``backward`` needs, where ``forward`` takes no ctx."""
        raise TypeError("setup_context is not implemented")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """Gradients of the arguments for the gradients of the results."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    @classmethod
    def apply(cls, *args, **kwargs):
        """Runs ``forward`` and records the node."""
        tensors = [a for a in args if isinstance(a, TensorBase)]
        flags = mode()
        recording = not flags & NO_GRAD and any(t._req for t in tensors)
        ctx = _new_ctx(cls, args, recording)
        edges_before = tuple(edge_of(a) if isinstance(a, TensorBase) else None for a in args)
        MODE.set(flags | NO_GRAD)
        try:
            if cls.setup_context is not Function.setup_context:
                output = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        finally:
            MODE.set(flags)
        single = not isinstance(output, tuple)
        outputs = (output,) if single else output
        for o in ctx._dirty:
            if not any(o is out for out in outputs):
                raise RuntimeError("Some elements marked as dirty during the forward method were not returned as "
                                   "output. The inputs that are modified inplace must all be outputs of the Function.")
        if recording:
            outputs = _record(ctx, cls, args, outputs, edges_before)
        return outputs[0] if single else outputs


def _new_ctx(cls, args, recording):
    ctx = _ctx_class(cls).__new__(_ctx_class(cls))
    ctx.hooks = ctx.extra = None
    ctx.saved, ctx.check = (), ()
    ctx.needs_input_grad = tuple(recording and isinstance(a, TensorBase) and a._req for a in args)
    return ctx


def _record(ctx, cls, args, outputs, edges):
    first = next(a for a in args if isinstance(a, TensorBase))
    k = first._k
    results = []
    for o in outputs:
        if isinstance(o, TensorBase) and not any(o is d for d in ctx._dirty):
            if any(o is a for a in args) or o._req:  # an input handed on: a new tensor on the same memory
                o = share(o, o._a)
        results.append(o)
    tensors = [o for o in results if isinstance(o, TensorBase)]
    skip = [id(o) for o in ctx._non_differentiable]
    live = [(i, o) for i, (o, given) in enumerate(zip(results, outputs, strict=True))
            if isinstance(o, TensorBase) and id(given) not in skip and k.dtype_of(o._a).differentiable]
    if not live:
        return tuple(results)
    ctx.plan = UserPlan(cls, len(args), len(results), [o._a if isinstance(o, TensorBase) else None for o in results])
    ctx.k = tensors[0]._k
    ctx.edges = edges
    ctx.seq = next_seq()
    if mode() & ANOMALY:
        remember(ctx)
    ctx.shape, ctx.dtype = live[0][1]._a.shape, live[0][1]._a.dtype
    multiple = len(results) > 1
    if multiple:
        ctx.extra = len(results)
    for i, o in live:
        node = ctx
        if multiple:
            node = make_node(SLOT, o._k, (ctx,), o._a, (), ())
            node.extra = i
        if any(o is d for d in ctx._dirty):
            holder = wrap(o._a, o._k)
            holder._req, holder._node = True, node
            count_version(o)
            rebase(o, holder)
        else:
            o._req, o._node = True, node
    ctx.saved = tuple(_save(t, args, outputs, results, ctx, multiple) for t in ctx._to_save)
    ctx._to_save = ctx._dirty = ctx._non_differentiable = ()
    return tuple(results)


def _save(t, args, outputs, results, ctx, multiple):
    if t is None:
        return (None, None, 0, None)
    cell = cell_of(t)
    if type(cell) is InferenceCell:
        cell = [0]
    for given, result in zip(outputs, results, strict=True):
        if t is given:  # an output: its node is this one, which must not hold itself
            cell = cell_of(result)
            edge = _SELF if result._req and not multiple else None
            return (t._a, cell, cell[0], edge)
    return (t._a, cell, cell[0], edge_of(t))


class UserPlan(PlanBase):
    """Calls the user's backward with tensors and hands its results to the engine."""

    keeps = user = True

    def __init__(self, cls, arity, count, like):
        self.cls, self.arity, self.count = cls, arity, count
        self.shapes = [None if a is None else (a.shape, a.dtype) for a in like]

    def node_name(self, node):
        return self.cls.__name__ + "Backward"

    def call(self, ctx, g, create_graph):
        """Gradients per argument: tensors under ``create_graph``, else arrays."""
        k = ctx.k
        gs = g if self.count > 1 else [g]
        given = []
        for one, meta in zip(gs, self.shapes, strict=True):
            if one is None and ctx._materialize and meta is not None:
                shape, dtype = meta
                one = k.full(shape=shape, value=0, dtype=k.spec_dtype(dtype), device=k.default_device())
                given.append(wrap(one, k))
            else:
                given.append(one if one is None or isinstance(one, TensorBase) else wrap(one, k))
        result = self.cls.backward(ctx, *given)
        results = result if isinstance(result, (tuple, list)) else (result,)
        if len(results) > self.arity:
            if any(r is not None for r in results[self.arity:]):
                raise RuntimeError(f"function {self.node_name(ctx)} returned an incorrect number of gradients "
                                   f"(expected {self.arity}, got {len(results)})")
            results = results[:self.arity]
        if len(results) < self.arity:
            raise RuntimeError(f"function {self.node_name(ctx)} returned an incorrect number of gradients "
                               f"(expected {self.arity}, got {len(results)})")
        checked = []
        for i, (r, edge) in enumerate(zip(results, ctx.edges, strict=True)):
            checked.append(self._checked(ctx, i, r, edge, create_graph))
        return tuple(checked)

    def _checked(self, ctx, i, r, edge, create_graph):
        if r is None or edge is None:
            return None
        if not isinstance(r, TensorBase):
            raise TypeError(f"expected Variable or None (got {type(r).__name__}) as gradient {i} of "
                            f"{self.node_name(ctx)}")
        want = tuple(edge._a.shape if isinstance(edge, TensorBase) else edge.shape)
        have = tuple(r._a.shape)
        if have != want:
            lead = len(have) - len(want)
            if lead < 0 or any(n not in (m, 1) for n, m in zip(want, have[lead:], strict=True)):
                raise RuntimeError(
                    f"Function {self.node_name(ctx)} returned an invalid gradient at index {i} - got {list(have)} but "
                    f"expected shape compatible with {list(want)}"
                )
        return r if create_graph else r._a
