"""The backward pass.

Iterative: ready nodes wait in a heap ordered by creation number, so every node
runs after all nodes that use its result, whatever the depth of the graph.
Gradients are raw arrays, or tensors under ``create_graph``.
"""

from __future__ import annotations

from heapq import heappop, heappush, heappushpop
from sys import getrefcount

from . import anomaly
from .base import Node, NodeHooks, TensorBase, edge_of, wrap
from .function import FREED
from .mode import ANOMALY, ANOMALY_NAN, MODE, NO_GRAD
from .record import SLOT, count_version, differentiable, saved_tensors


def fit(ops, k, g, shape, dtype):
    """A gradient reduced to an operand's shape and dtype: sums over broadcast axes, takes real parts, casts."""
    have = g.shape
    if have != shape:
        lead = len(have) - len(shape)
        if lead >= 0 and all(n in (m, 1) for n, m in zip(shape, have[lead:], strict=True)):
            axes = (*range(lead), *(i + lead for i, n in enumerate(shape) if n == 1 != have[i + lead]))
            if axes:
                g = ops.sum(g, axis=axes)
            if g.shape != shape:
                g = ops.reshape(g, shape=shape)
        else:
            g = ops.broadcast_to(g, shape=shape)
    target = k.spec_dtype(dtype)
    source = ops.dtype_of(g)
    if source is not target:
        if source.is_complex and not target.is_complex:
            g = ops.real(g)
        g = ops.cast(g, dtype=target)
    return g


def version_error(node, position):
    """PyTorch's error for a saved tensor that was modified in place."""
    arrays = [(kind, i, value) for (kind, i), value in zip(node.plan.sources, node.saved, strict=True)
              if kind in ("operand", "output") and hasattr(value, "shape")]
    what = "a saved tensor"
    if position // 2 < len(arrays):
        kind, i, value = arrays[position // 2]
        maker = node if kind == "output" else node.edges[i]
        dtype = node.k.dtype_of(value)
        what = f"[torch.{dtype.legacy}Tensor {list(value.shape)}]"
        if maker is not None and not isinstance(maker, TensorBase):
            what += f", which is output 0 of {maker.name()},"
    cell, version = node.check[position], node.check[position + 1]
    return RuntimeError(
        f"one of the variables needed for gradient computation has been modified by an inplace operation: {what} "
        f"is at version {cell[0]}; expected version {version} instead (needed by {node.name()}). Hint: enable "
        "anomaly detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True)."
    )


class Pass:
    """One backward pass.

    Args:
        retain: keep saved values for another pass.
        create_graph: record the pass itself.
        captures: edges whose gradients are wanted; None accumulates into all leaves.
        inner: nodes through which a captured edge is reached; None means all.
    """

    def __init__(self, retain, create_graph, captures=None, inner=None):
        self.retain, self.create_graph = retain, create_graph
        self.anomaly = MODE.get() & (ANOMALY | ANOMALY_NAN)
        self.captures, self.inner = captures, inner
        self.needed = None if captures is None else _Either(inner, captures)
        self.buffer, self.heap, self.leaves = {}, [], {}
        self.owned = set()  # edges whose buffered array was made here, so that sums may be written into it
        self.captured = {}

    def deliver(self, edge, g, k):
        """Adds a gradient to what has arrived at an edge."""
        if isinstance(edge, TensorBase):
            a = edge._a
            shape, dtype, into = a.shape, a.dtype, self.leaves
        else:
            shape, dtype, into = edge.shape, edge.dtype, self.buffer
        ops = differentiable(k) if self.create_graph else k
        array = g._a if self.create_graph else g
        if array.shape != shape or array.dtype is not dtype:
            g = fit(ops, k, g, shape, dtype)
        if edge in into:
            before = into[edge]
            if edge in self.owned:
                into[edge] = k.accumulate(before, g)
            else:
                into[edge] = ops.add(before, g)
                if not self.create_graph:
                    self.owned.add(edge)
        else:
            into[edge] = g
            if into is self.buffer:
                heappush(self.heap, (-edge.seq, edge))

    def run(self):
        heap, buffer, needed, create_graph = self.heap, self.buffer, self.needed, self.create_graph
        leaves, captures, owned, retain = self.leaves, self.captures, self.owned, self.retain
        ready = None  # the newest node found last, not yet in the heap
        while ready is not None or heap:
            node = (heappop(heap) if ready is None else heappushpop(heap, ready))[1]
            ready = None
            g = buffer.pop(node)
            k = node.k
            if node.hooks is not None:
                g = self.run_hooks(node.hooks, g, k, node)
            if captures is not None:
                if node in captures:
                    self.captured[node] = g
                if node not in self.inner:
                    continue
            plan = node.plan
            if plan is SLOT:
                self.into_slot(node, g, k)
                continue
            saved = node.saved
            if saved is None:
                raise RuntimeError(FREED)
            check = node.check
            for i in range(0, len(check), 2):
                if check[i][0] != check[i + 1]:
                    if self.anomaly:
                        anomaly.warn(node)
                    raise version_error(node, i)
            if self.anomaly:
                gs = self.watched(node, plan, k, g)
            elif plan.user:
                gs = plan.call(node, g, create_graph)
            elif create_graph:
                gs = plan.run(differentiable(k), g, saved_tensors(node))
            else:
                gs = plan.run(k, g, saved)
            if plan.keeps and not retain:
                node.saved = None
                node.check = ()
            g = saved = None
            if create_graph or captures is not None:
                for edge, gi in zip(node.edges, gs, strict=True):
                    if edge is not None and gi is not None and (needed is None or edge in needed):
                        self.deliver(edge, gi, k)
                continue
            # The ordinary pass, with deliver() written out: this is the engine's hot loop.
            for edge, gi in zip(node.edges, gs):  # noqa: B905
                if edge is None or gi is None:
                    continue
                if type(edge) is Node or not isinstance(edge, TensorBase):
                    if gi.shape != edge.shape or gi.dtype is not edge.dtype:
                        gi = fit(k, k, gi, edge.shape, edge.dtype)
                    if edge in buffer:
                        self.deliver(edge, gi, k)
                    else:
                        buffer[edge] = gi
                        if ready is not None:
                            heappush(heap, ready)
                        ready = (-edge.seq, edge)
                    continue
                a = edge._a
                if gi.shape != a.shape or gi.dtype is not a.dtype:
                    gi = fit(k, k, gi, a.shape, a.dtype)
                if edge not in leaves:
                    leaves[edge] = gi
                elif edge in owned:
                    leaves[edge] = k.accumulate(leaves[edge], gi)
                else:
                    leaves[edge] = k.add(leaves[edge], gi)
                    owned.add(edge)

    def watched(self, node, plan, k, g):
        """The gradients of a node under anomaly detection."""
        try:
            if plan.user:
                gs = plan.call(node, g, self.create_graph)
            elif self.create_graph:
                gs = plan.run(differentiable(k), g, saved_tensors(node))
            else:
                gs = plan.run(k, g, node.saved)
            if self.anomaly & ANOMALY_NAN:
                anomaly.check(node, k, gs, self.create_graph)
        except Exception:
            anomaly.warn(node)
            raise
        return gs

    def into_slot(self, slot, g, k):
        """Stores the gradient of one result of a node with several."""
        parent = slot.edges[0]
        if self.needed is not None and parent not in self.needed:
            return
        held = self.buffer.get(parent)
        if held is None:
            held = self.buffer[parent] = [None] * parent.extra
            heappush(self.heap, (-parent.seq, parent))
        if held[slot.extra] is None:
            held[slot.extra] = g
        else:
            ops = differentiable(k) if self.create_graph else k
            held[slot.extra] = ops.add(held[slot.extra], g)

    def run_hooks(self, hooks, g, k, owner):
        """Tensor hooks at a node, then ``retain_grad``."""
        if hooks.before:
            t = g if self.create_graph else wrap(g, k)
            for hook in list(hooks.before.values()):
                result = hook(t)
                if result is not None:
                    _check_hook_result(t, result)
                    t = result
            g = t if self.create_graph else t._a
        holder = hooks.retain and hooks.retain()
        if holder is not None:
            self.store(holder, g, k)
        return g

    def finish(self):
        """Hands the gathered gradients to the leaves."""
        for leaf in list(self.leaves):
            g = self.leaves.pop(leaf)
            k = leaf._k
            if leaf._hooks:
                g = self.run_leaf_hooks(leaf, g, k)
            if self.captures is not None:
                if leaf in self.captures:
                    self.captured[leaf] = g
                continue
            # With no other holder the array itself becomes the gradient; the count is this frame's own two.
            fresh = not k.aliases or (getrefcount(g) <= 2 and getattr(g, "base", None) is None)
            self.store(leaf, g, k, fresh)
            for hook in (leaf._hooks or {}).get("after", {}).copy().values():
                hook(leaf)

    def run_leaf_hooks(self, leaf, g, k):
        before = leaf._hooks.get("before")
        if not before:
            return g
        hooks = NodeHooks()
        hooks.before = before
        return self.run_hooks(hooks, g, k, leaf)

    def store(self, t, g, k, fresh=False):
        """``t.grad += g``: in place where there is a gradient already, as PyTorch does."""
        old = t._grad
        if self.create_graph:
            if old is None:
                t._grad = g if g._node is not None or g._req else wrap(k.copy(g._a), k)
            else:
                t._grad = differentiable(k).add(old, g)
            return
        if old is None:
            t._grad = wrap(g if fresh else k.copy(g), k)
        elif old._req:
            t._grad = wrap(k.add(old._a, g), k)
        elif k.aliases:
            if not k.update("add", old._a, g):
                k.assign(old._a, k.add(old._a, g))
            count_version(old)
        else:
            from .aliasing import overwrite

            overwrite(old, k.add(old._a, g))


def _check_hook_result(given, result):
    if not isinstance(result, TensorBase):
        raise TypeError(f"hook must return None or a Tensor, got {type(result).__name__}")
    if result._a.shape != given._a.shape:
        raise RuntimeError(f"hook has changed the size of value: got {list(result._a.shape)}, "
                           f"expected {list(given._a.shape)}")


def _reachable(roots, targets):
    """Nodes from which a target can be reached, and the targets: one iterative walk in creation order."""
    seen, order, stack = set(), [], [e for e in roots if not isinstance(e, TensorBase)]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        order.append(node)
        stack.extend(e for e in node.edges if e is not None and not isinstance(e, TensorBase) and e not in seen)
    order.sort(key=lambda n: n.seq)
    needed = set()
    for node in order:
        if any(e is not None and (e in targets or e in needed) for e in node.edges):
            needed.add(node)
    return needed


class _Either:
    """Membership in two sets without building their union."""

    def __init__(self, *sets):
        self.sets = sets

    def __contains__(self, edge):
        return any(edge in s for s in self.sets)


def run_backward(tensors, gradients, retain_graph, create_graph, inputs=None, accumulate=True):
    """Runs a backward pass from ``tensors`` with the given gradient tensors.

    Args:
        inputs: tensors to which gradients are wanted; None for all leaves.
        accumulate: add to ``.grad``; otherwise return gradients for ``inputs`` (None where unreachable).
    """
    captures = inner = None
    if inputs is not None:
        captures = {edge_of(t) for t in inputs if t._req}
        inner = _reachable([edge_of(t) for t in tensors if t._req], captures)
    state = Pass(retain_graph, create_graph, captures, inner)
    needed = state.needed
    flags = MODE.get()
    MODE.set(flags & ~NO_GRAD if create_graph else flags | NO_GRAD)
    try:
        for t, g in zip(tensors, gradients, strict=True):
            edge = edge_of(t)
            if needed is None or edge in needed:
                state.deliver(edge, g if create_graph else g._a, t._k)
        state.run()
        state.finish()
    finally:
        MODE.set(flags)
        state.heap.clear()
        state.buffer.clear()
    if inputs is None:
        return None
    results = [state.captured.get(edge_of(t)) if t._req else None for t in inputs]
    if not create_graph:
        results = [None if g is None else wrap(g, t._k) for g, t in zip(results, inputs, strict=True)]
    if not accumulate:
        return results
    for t, g in zip(inputs, results, strict=True):
        if g is not None:
            state.store(t, g if create_graph else g._a, t._k)
    return None
