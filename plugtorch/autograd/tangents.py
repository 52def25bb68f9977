"""Forward-mode differentiation: tangents that tensors carry, and how ops push them.

The derivative of an op along tangents is the transpose of its gradient rule: the rule is linear in the gradient that it
is given, so it is evaluated on a dummy gradient u with differentiable ops, and the gradient of ``<rule(u), tangents>`` by
u is the tangent of the result. No op needs a second rule. All this happens while the mode has the bit ``DUAL``.
"""

from __future__ import annotations

from .aliasing import overwrite, view
from .base import TensorBase, edge_of, wrap
from .engine import fit, run_backward
from .mode import DUAL, IN_PASS, MODE, NO_GRAD, mode
from .plans import StandIn, is_nondifferentiable, rule_for
from .record import apply, cell_of, differentiable, saved_tensors

_level: object = None  # the level that is entered; tangents of an earlier one do not count


def enter(level) -> None:
    """Makes ``level`` the one that tangents belong to; None for none."""
    global _level
    _level = level


def tangent_of(t):
    """The tangent that a tensor carries at the level that is entered, or None."""
    if not isinstance(t, TensorBase):
        return None
    held = t.__dict__.get("_dual")
    return held[1] if held is not None and held[0] is _level and _level is not None else None


def attach(t, tangent) -> None:
    """Gives a tensor a tangent, or takes it away (None)."""
    if tangent is None:
        t.__dict__.pop("_dual", None)
    else:
        t.__dict__["_dual"] = (_level, tangent)


class _without:
    """While values and tangents themselves are computed. Ops of a transform go on outside as they did."""

    def __init__(self, k=None, more=0):
        self.more = more | IN_PASS if k is not None and k.level else more

    def __enter__(self):
        self.flags = MODE.get()
        MODE.set(self.flags & ~DUAL | self.more)

    def __exit__(self, *exc):
        MODE.set(self.flags)


def push(finish, op, k, operands, arrays, params, mask):
    """Runs an op as ``finish`` does, and gives its results their tangents."""
    tangents = [tangent_of(o) for o in operands]
    if all(t is None for t in tangents):
        with _without(k):
            return finish(op, k, operands, arrays, params, mask)
    operands = tuple(_converted(o, a, k) for o, a in zip(operands, arrays, strict=True))
    tangents = [tangent_of(o) for o in operands]
    rule = rule_for(op.name)
    if rule is None and not is_nondifferentiable(op.name):
        return op.body(differentiable(k), *operands, **params)
    with _without(k):
        arrays = [o._a if isinstance(o, TensorBase) else o for o in operands]
        result = finish(op, k, operands, arrays, params, mask)
        results = result if type(result) is tuple else (result,)
        live = [k.dtype_of(r._a).differentiable for r in results]
        if rule is None or not any(live):
            return result
        chosen = sum(1 << i for i, t in enumerate(tangents) if t is not None)
        plan = rule.plan(chosen, len(operands))
        values = _values(plan, operands, params, results)
        pushed = _transposed(plan, k, operands, tangents, values, results, live)
        recorded = [r._node for r in results if r._req]
    for r, t in zip(results, pushed, strict=True):
        attach(r, t)
    if recorded:
        node = recorded[0]
        node = node._edges[0] if node._plan.is_slot else node
        if node._plan.keeps and not node._plan.user:
            node._plan = DualPlan(node._plan, _level, _saved_tangents(node._plan, operands, results))
    return result


def _converted(o, array, k):
    """An operand in the dtype in which the op computes, with its tangent."""
    if not isinstance(o, TensorBase) or o._a is array:
        return o
    if tangent_of(o) is None and not o._req:
        return wrap(array, k)
    return apply("cast", (o,), {"dtype": k.dtype_of(array)})


def _values(plan, operands, params, results):
    """What the plan saves, as tensors."""
    values = []
    for kind, i in plan.sources:
        if kind == "operand":
            values.append(operands[i])
        elif kind == "operands":
            values.append(operands[i:])
        elif kind == "output":
            values.append(results[i])
        elif kind == "param":
            values.append(params.get(i, plan.op.params[i]))
        elif kind == "shape":
            values.append(tuple(operands[i]._a.shape) if isinstance(operands[i], TensorBase) else ())
        else:
            values.append(tuple(tuple(o._a.shape) if isinstance(o, TensorBase) else None for o in operands))
    return values


def _transposed(plan, k, operands, tangents, values, results, live):
    """The tangents of the results."""
    recording = not mode() & NO_GRAD and any(
        t._req for t in (*operands, *(t for t in tangents if t is not None)) if isinstance(t, TensorBase))
    dummies = []
    for r, alive in zip(results, live, strict=True):
        u = wrap(k.zeros_like(r._a), k)
        u._req = alive
        dummies.append(u)
    flags = MODE.get()
    MODE.set(flags & ~(NO_GRAD | IN_PASS))
    try:
        gradients = plan.run(differentiable(k), dummies if plan.results > 1 or len(results) > 1 else dummies[0], values)
        roots, seeds = [], []
        for g, o, t in zip(gradients, operands, tangents, strict=True):
            if t is None or g is None:
                continue
            g = fit(differentiable(k), k, g, o._a.shape, o._a.dtype)
            if g._req:
                roots.append(edge_of(g))
                seeds.append(t if t._k.dtype_of(t._a) is k.dtype_of(o._a) else apply("cast", (t,), {
                    "dtype": k.dtype_of(o._a)}))
        wanted = [u if u._req else None for u in dummies]
        found = run_backward(roots, seeds, False, recording, wanted, False) if roots else [None] * len(dummies)
    finally:
        MODE.set(flags)
    return [wrap(k.zeros_like(r._a), k) if t is None and alive else t
            for t, r, alive in zip(found, results, live, strict=True)]


class DualPlan(StandIn):
    """The plan of a node whose saved values carry tangents: a pass at the same level pushes them too."""

    def __init__(self, plan, level, tangents):
        super().__init__(plan)
        self.level, self.tangents = level, tangents

    def call(self, node, g, create_graph):
        """Gradients per operand: tensors under ``create_graph``, else arrays."""
        if not create_graph:
            return self.plan.run(node._k, g, node._kept)
        values = saved_tensors(node)
        if self.level is _level:
            for value, tangent in zip(values, self.tangents, strict=True):
                if tangent is not None and isinstance(value, TensorBase) and tangent_of(value) is None:
                    attach(value, tangent)
        return self.plan.run(differentiable(node._k), g, values)


def _saved_tangents(plan, operands, results):
    return [tangent_of(operands[i]) if kind == "operand" else tangent_of(results[i]) if kind == "output" else None
            for kind, i in plan.sources]


def share_tangent(t, source) -> None:
    """Gives ``t``, another tensor with the values of ``source``, its tangent."""
    if mode() & DUAL:
        attach(t, tangent_of(source))


def push_view(t, x, name, params) -> None:
    """The tangent of a view is the view of the tangent, so that writes through it are seen too."""
    push_by(t, x, lambda tangent: view(tangent, name, params))


def push_by(t, x, function) -> None:
    """Gives ``t``, a linear function of ``x``, its tangent: the same function of x's."""
    if not mode() & DUAL:
        return
    tangent = tangent_of(x)
    if tangent is not None and t._k.dtype_of(t._a).differentiable:
        with _without():
            attach(t, function(tangent))


def written(t, source) -> None:
    """``t`` was written over with ``source``: so is its tangent."""
    new, old = tangent_of(source), tangent_of(t)
    if new is None and old is None:
        return
    with _without(more=NO_GRAD):
        k = t._k
        if new is not None and k.dtype_of(new._a) is not k.dtype_of(t._a):
            new = apply("cast", (new,), {"dtype": k.dtype_of(t._a)})
        if new is not None and tuple(new._a.shape) != tuple(t._a.shape):
            new = apply("broadcast_to", (new,), {"shape": tuple(t._a.shape)})
        array = k.zeros_like(t._a) if new is None else new._a
        if old is not None and old._node is None and not (new is not None and new._req):
            overwrite(old, array)
            return
        at = t._alias
        if at is None or at.base is None or not at.steps:
            attach(t, new)
            return
        base = at.base
        whole = wrap(k.zeros_like(base._a), k)
        attach(base, whole)
        part = whole
        for name, params in at.steps:
            part = view(part, name, params)
        overwrite(part, array)
        attach(t, part)


def push_function(cls, ctx, args, outputs) -> None:
    """The tangents of the results of a user's Function, by its ``jvp``."""
    tangents = [tangent_of(a) for a in args]
    if all(t is None for t in tangents):
        return
    kept, ctx._k = ctx._kept, next(a._k for a in args if isinstance(a, TensorBase))
    if ctx.saved_for_forward is not None:
        ctx._kept = tuple((None, None, 0, None) if t is None else (t._a, cell_of(t), cell_of(t)[0], edge_of(t))
                          for t in ctx.saved_for_forward)
    try:
        with _without():
            result = cls.jvp(ctx, *tangents)
    finally:
        ctx._kept = kept
    result = result if isinstance(result, tuple) else (result,)
    for o, t in zip(outputs, result, strict=True):
        if t is not None and isinstance(o, TensorBase):
            if tuple(t._a.shape) != tuple(o._a.shape):
                raise RuntimeError(f"A custom Function's jvp returned a tangent of shape {list(t._a.shape)} for an "
                                   f"output of shape {list(o._a.shape)}")
            attach(o, t)
