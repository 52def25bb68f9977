"""Applying an op to tensors: unwrap, compute, wrap, record. The one place where a tensor is unwrapped
(besides the operators' fast paths, which do the same inline)."""

from __future__ import annotations

import functools

from plugtorch.spec.half import composition
from plugtorch.spec.op import OPS, Op
from plugtorch.spec.refuse import refused

from . import saved
from .anomaly import remember
from .base import InferenceCell, Node, TensorBase, edge_of, next_seq, wrap
from .mode import ANOMALY, DUAL, INFERENCE, NO_GRAD, SAVED_HOOKS, WATCHED, mode
from .plans import PlanBase, is_nondifferentiable, rule_for


def common_backend(operands):
    """The one backend of all tensors among the operands.

    Raises:
        RuntimeError: they belong to different backends; the message says how to move them.
        TypeError: there is no tensor.
    """
    k = None
    for o in operands:
        if isinstance(o, TensorBase):
            if k is None:
                k = o._k
            elif o._k is not k:
                if o._k.level or k.level:
                    k = max(k, o._k, key=_level)
                    continue
                raise RuntimeError(
                    f"Expected all tensors to be on the same device and backend, but found at least two: "
                    f"{k.name!r} ({k.device_of(_first(operands)._a)}) and {o._k.name!r} ({o._k.device_of(o._a)}). "
                    f"Move one first: x.to(backend={k.name!r}) or x.to(other.device)"
                )
    if k is None:
        raise TypeError("an op needs at least one tensor among its operands")
    return k


def _level(k):
    return k.level


def lifted(operands) -> tuple:
    """Operands of which some belong to a transform, all as tensors of the innermost one."""
    k = max((o._k for o in operands if isinstance(o, TensorBase)), key=_level)
    return tuple(k.lift(o) for o in operands)


def _first(operands):
    return next(o for o in operands if isinstance(o, TensorBase))


def cell_of(t: TensorBase):
    """The version cell of a tensor about to be saved or aliased."""
    cell = t._cell
    if cell is None:
        cell = t._cell = [0]
    return cell


def count_version(t: TensorBase) -> None:
    """Notes that ``t``'s memory was written."""
    cell = t._cell
    if cell is None:
        t._cell = [1]
    elif type(cell) is not InferenceCell:
        cell[0] += 1


def apply(name: str, operands: tuple, params: dict | None = None):
    """Runs op ``name`` on tensors, numbers and None, already promoted to one dtype.

    Returns:
        A tensor, or a tuple of tensors for an op with several results. It is recorded when an
        operand requires grad and grad mode is on.
    """
    op = OPS[name]
    params = params or {}
    k = common_backend(operands)
    if k.level:
        operands = lifted(operands)
    mask, arrays = 0, []
    for i, o in enumerate(operands):
        if isinstance(o, TensorBase):
            arrays.append(o._a)
            if o._req:
                mask |= 1 << i
        else:
            arrays.append(o)
    return finish(op, k, operands, arrays, params, mask)


def finish(op: Op, k, operands, arrays, params, mask):
    """Computes on arrays that stand for ``operands`` (cast ones, perhaps) and records."""
    flags = mode()
    if flags & DUAL:
        from .tangents import push

        return push(finish, op, k, operands, arrays, params, mask)
    name = op.name
    if mask and not flags & NO_GRAD:
        rule = rule_for(name)
        if rule is None and not is_nondifferentiable(name):
            if op.primitive:
                raise RuntimeError(f"op {name!r} has no gradient rule")
            return _compose(op, k, operands, arrays, params)
        if name == "cast" and not params["dtype"].differentiable:
            rule = None
    else:
        rule = None
    try:
        out = getattr(k, name)(*arrays, **params)
    except Exception as error:
        refused(error, k, name, arrays, params)
    if type(out) is not tuple:
        t = wrap(out, k)
        if rule is not None:
            record(t, rule.plan(mask, len(operands)), k, operands, arrays, params, out)
        elif flags & INFERENCE:
            t._cell = InferenceCell((0,))
        return t
    results = tuple(wrap(o, k) for o in out)
    if rule is not None:
        record_many(results, rule.plan(mask, len(operands)), k, operands, arrays, params, out)
    elif flags & INFERENCE:
        for t in results:
            t._cell = InferenceCell((0,))
    return results


def _compose(op, k, operands, arrays, params):
    """Differentiates a derived op by running its composition on tensors."""
    lifted = []
    for o, a in zip(operands, arrays, strict=True):
        if isinstance(o, TensorBase) and a is not o._a:  # cast on the way in
            t = wrap(a, k)
            if o._req:
                t._req, t._node = True, cast_node(o, t)
            o = t
        lifted.append(o)
    return composition(op)(differentiable(k), *lifted, **params)


def cast_node(source, target):
    """A node for a conversion that was already computed."""
    plan = rule_for("cast").plan(1, 1)
    return make_node(plan, target._k, (edge_of(source),), target._a, (), ())


def make_node(plan, k, edges, out, kept, check) -> Node:
    node = Node.__new__(Node)
    node._plan = plan
    node._k = k
    node._edges = edges
    node._seq = next_seq()
    node._shape = out.shape
    node._dtype = out.dtype
    node._kept = kept
    node._check = check
    node._hooks = node.extra = None
    if mode() & WATCHED:
        watch(node)
    return node


def watch(node) -> None:
    """What anomaly detection and hooks on saved tensors do with a new node."""
    flags = mode()
    if flags & ANOMALY:
        remember(node)
    if flags & SAVED_HOOKS:
        saved.pack(node)


def _checks(plan, operands, results):
    """Version cells of everything the plan saves."""
    check = ()
    for kind, i in plan.sources:
        if kind == "operand":
            if isinstance(operands[i], TensorBase):
                cell = cell_of(operands[i])
                check += (cell, cell[0])
        elif kind == "output":
            cell = cell_of(results[i])
            check += (cell, cell[0])
        elif kind == "operands":
            for o in operands[i:]:
                if isinstance(o, TensorBase):
                    cell = cell_of(o)
                    check += (cell, cell[0])
    return check


def record(t, plan, k, operands, arrays, params, out):
    """Makes ``t`` the recorded result of an op."""
    edges = tuple([edge_of(o) if isinstance(o, TensorBase) else None for o in operands])
    kept = plan.collect(arrays, params, (out,))
    t._node = make_node(plan, k, edges, out, kept, _checks(plan, operands, (t,)) if plan.keeps else ())
    t._req = True


def record_many(results, plan, k, operands, arrays, params, out):
    """Records an op with several results: one node for the op, and one slot per differentiable result."""
    edges = tuple([edge_of(o) if isinstance(o, TensorBase) else None for o in operands])
    kept = plan.collect(arrays, params, out)
    check = _checks(plan, operands, results) if plan.keeps else ()
    node = make_node(plan, k, edges, out[0], kept, check)
    for i, t in enumerate(results):
        if k.dtype_of(t._a).differentiable:
            t._node, t._req = slot(node, i, t._a), True


def slot(node, i, like):
    """The edge for result ``i`` of a node with several; ``like`` has the result's shape and dtype."""
    edge = make_node(SLOT, node._k, (node,), like, (), ())
    edge.extra = i
    return edge


class SlotPlan(PlanBase):
    """Marks a node that stands for one of several results of the node it leads to."""

    is_slot = True

    @staticmethod
    def node_name(node):
        return node._edges[0].name()


SLOT = SlotPlan()


class DifferentiableOps:
    """The op namespace on tensors: what rules and compositions run on when the gradient itself is recorded."""

    def __init__(self, k):
        self._backend = k

    def __getattr__(self, name):
        op = OPS.get(name)
        if op is None:
            raise AttributeError(f"there is no op {name!r}")
        if op.operands:
            def run(*operands, **params):
                if not any(isinstance(o, TensorBase) for o in operands):
                    return getattr(self._backend, name)(*operands, **params)
                return apply(name, tuple(self._lifted(o) for o in operands), params)
        else:
            def run(**params):
                return wrap(getattr(self._backend, name)(**params), self._backend)
        run.__name__ = name
        setattr(self, name, run)
        return run

    def _lifted(self, o):
        """Raw arrays among a rule's values (indices, statistics) become constants."""
        if o is None or isinstance(o, (TensorBase, bool, int, float, complex)):
            return o
        return wrap(o, self._backend)

    def conj(self, x):
        """The conjugate; a real tensor itself, so that the graph of a real gradient has no nodes for it."""
        if not isinstance(x, TensorBase):
            return self._backend.conj(x)
        return apply("conj", (x,)) if self.dtype_of(x).is_complex else x

    def dtype_of(self, x):
        return x._k.dtype_of(x._a) if isinstance(x, TensorBase) else self._backend.dtype_of(x)

    def device_of(self, x):
        return x._k.device_of(x._a) if isinstance(x, TensorBase) else self._backend.device_of(x)


@functools.cache
def differentiable(k) -> DifferentiableOps:
    """The differentiable namespace of a backend."""
    return DifferentiableOps(k)


def saved_tensors(node, values=None, only=None):
    """The saved values of a node (or those given in their place) as tensors that lead back into the graph, for
    ``create_graph``; ``only`` names the one that is wanted."""
    out = []
    for n, ((kind, i), value) in enumerate(zip(node._plan.sources, values or node._kept, strict=True)):
        if only is not None and n != only:
            value = None
        elif kind == "operand":
            value = _relink(value, node._edges[i], node._k)
        elif kind == "operands":
            value = tuple(_relink(v, e, node._k) for v, e in zip(value, node._edges[i:], strict=True))
        elif kind == "output":
            value = _relink(value, _output_edge(node, i, value), node._k)
        out.append(value)
    return out


def _output_edge(node, i, value):
    """The edge of a node's own result; a fresh slot if it has several."""
    if len(node._plan.op.outputs) == 1:
        return node
    return slot(node, i, value) if node._k.dtype_of(value).differentiable else None


def _relink(value, edge, k):
    if value is None or not hasattr(value, "shape"):
        return value
    t = wrap(value, k)
    if edge is not None:
        if isinstance(edge, TensorBase):
            return edge if edge._a is value else _leaf_copy(t, edge)
        t._req, t._node = True, edge
    return t


def _leaf_copy(t, leaf):
    """A converted saved value of a leaf: the conversion leads to the leaf."""
    t._req, t._node = True, cast_node(leaf, t)
    return t
