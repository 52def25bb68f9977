"""The backward pass.

Iterative: ready nodes wait in a heap ordered by creation number, so every node
runs after all nodes that use its result, whatever the depth of the graph.
Gradients are raw arrays, or tensors under ``create_graph``.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from heapq import heappop, heappush, heappushpop
from sys import getrefcount

from . import anomaly
from .base import Node, NodeHooks, TensorBase, shape_and_dtype, wrap
from .mode import ANOMALY, ANOMALY_NAN, DUAL, IN_PASS, MODE, NO_GRAD
from .record import SLOT, count_version, differentiable, saved_tensors
from .saved import FREED


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
    arrays = [] if node._plan.user else [
        (kind, i, value) for (kind, i), value in zip(node._plan.sources, node._kept, strict=True)
        if kind in ("operand", "output") and hasattr(value, "shape")]
    what = "a saved tensor"
    if position // 2 < len(arrays):
        kind, i, value = arrays[position // 2]
        maker = node if kind == "output" else node._edges[i]
        dtype = node._k.dtype_of(value)
        what = f"[torch.{dtype.legacy}Tensor {list(value.shape)}]"
        if maker is not None and not isinstance(maker, TensorBase):
            what += f", which is output 0 of {maker.name().removesuffix('Backward0')},"
    if MODE.get() & ANOMALY:
        hint = ("the backtrace further above shows the operation that failed to compute its gradient. The variable in "
                "question was changed in there or anywhere later. Good luck!")
    else:
        hint = ("enable anomaly detection to find the operation that failed to compute its gradient, with "
                f"torch.autograd.set_detect_anomaly(True, check_nan=False). The gradient was that of {node.name()}.")
    cell, version = node._check[position], node._check[position + 1]
    return RuntimeError(
        f"one of the variables needed for gradient computation has been modified by an inplace operation: {what} "
        f"is at version {cell[0]}; expected version {version} instead. Hint: {hint}"
    )


def check_versions(node) -> None:
    """Raises if a tensor that a node saved was modified in place since."""
    check = node._check
    for i in range(0, len(check), 2):
        if check[i][0] != check[i + 1]:
            if MODE.get() & ANOMALY:
                anomaly.warn(node)
            raise version_error(node, i)


CURRENT: ContextVar = ContextVar("plugtorch_backward_pass", default=None)  # the Pass that runs in this context
STORING = threading.RLock()  # several threads may add to the gradient of one leaf


class Pass:
    """One backward pass.

    Args:
        retain: keep saved values for another pass.
        create_graph: record the pass itself.
        captures: edges whose gradients are wanted; None accumulates into all leaves.
        inner: nodes through which a captured edge is reached; None means all.
        accumulate: whether leaves among the captures get their gradient added to ``.grad``.
    """

    def __init__(self, retain, create_graph, captures=None, inner=None, accumulate=True):
        self.retain, self.create_graph, self.accumulate = retain, create_graph, accumulate
        self.anomaly = MODE.get() & (ANOMALY | ANOMALY_NAN)
        self.captures, self.inner = captures, inner
        self.needed = None if captures is None else _Either(inner, captures)
        self.buffer, self.heap, self.leaves = {}, [], {}
        self.owned = set()  # edges whose buffered array was made here, so that sums may be written into it
        self.captured = {}
        self.sparse = {}  # leaf -> the sparse gradients that arrived at it, apart from the arrays in ``leaves``

    def deliver(self, edge, g, k):
        """Adds a gradient to what has arrived at an edge."""
        shape, dtype = shape_and_dtype(edge)
        into = self.leaves if isinstance(edge, TensorBase) else self.buffer
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
                heappush(self.heap, (-edge._seq, edge))

    def run(self):
        heap, buffer, needed, create_graph = self.heap, self.buffer, self.needed, self.create_graph
        leaves, captures, owned, retain = self.leaves, self.captures, self.owned, self.retain
        ready = None  # the newest node found last, not yet in the heap
        while ready is not None or heap:
            node = (heappop(heap) if ready is None else heappushpop(heap, ready))[1]
            ready = None
            g = buffer.pop(node)
            k = node._k
            hooks = node._hooks
            if hooks is not None:
                g = self.run_hooks(hooks, g, k)
            if captures is not None:
                if node in captures:
                    self.captured[node] = g
                if node not in self.inner:
                    continue
            plan = node._plan
            if plan is SLOT:
                self.into_slot(node, g, k)
                continue
            saved = node._kept
            if saved is None:
                raise RuntimeError(FREED)
            check = node._check
            for i in range(0, len(check), 2):
                if check[i][0] != check[i + 1]:
                    check_versions(node)
            if hooks is not None and hooks.ahead:
                g = self.run_hooks_ahead(hooks, g, k)
            if self.anomaly:
                gs = self.watched(node, plan, k, g)
            elif plan.user:
                gs = plan.call(node, g, create_graph)
            elif create_graph:
                gs = plan.run(differentiable(k), g, saved_tensors(node))
            else:
                gs = plan.run(k, g, saved)
            if plan.keeps and not retain:
                node._kept = None
                node._check = ()
            if hooks is not None and hooks.after:
                gs = self.run_hooks_after(node, gs, g)
            g = saved = None
            if create_graph or captures is not None:
                for edge, gi in zip(node._edges, gs, strict=True):
                    if edge is not None and gi is not None and (needed is None or edge in needed):
                        self.deliver(edge, gi, k)
                continue
            # The ordinary pass, with deliver() written out: this is the engine's hot loop.
            for edge, gi in zip(node._edges, gs):  # noqa: B905
                if edge is None or gi is None:
                    continue
                if type(edge) is Node or not isinstance(edge, TensorBase):
                    if gi.shape != edge._shape or gi.dtype is not edge._dtype:
                        gi = fit(edge._k, edge._k, gi, edge._shape, edge._dtype)
                    if edge in buffer:
                        self.deliver(edge, gi, edge._k)  # after a move between backends not the node's own
                    else:
                        buffer[edge] = gi
                        if ready is not None:
                            heappush(heap, ready)
                        ready = (-edge._seq, edge)
                    continue
                a = edge._a
                if gi.shape != a.shape or gi.dtype is not a.dtype:
                    gi = fit(edge._k, edge._k, gi, a.shape, a.dtype)
                if edge not in leaves:
                    leaves[edge] = gi
                elif edge in owned:
                    leaves[edge] = k.accumulate(leaves[edge], gi)
                else:
                    leaves[edge] = k.add(leaves[edge], gi)
                    owned.add(edge)

    def will_reach(self, edges) -> list[bool]:
        """Which edges a gradient may arrive at in this pass."""
        seen, stack = set(), list(self.roots)
        while stack:
            edge = stack.pop()
            if edge is None or edge in seen or self.needed is not None and edge not in self.needed:
                continue
            seen.add(edge)
            if not isinstance(edge, TensorBase) and (self.inner is None or edge in self.inner):
                stack.extend(edge._edges)
        return [edge in seen for edge in edges]

    def watched(self, node, plan, k, g):
        """The gradients of a node under anomaly detection."""
        token = anomaly.RUNNING.set(node)
        try:
            if plan.user:
                gs = plan.call(node, g, self.create_graph)
            elif self.create_graph:
                gs = plan.run(differentiable(k), g, saved_tensors(node))
            else:
                gs = plan.run(k, g, node._kept)
            if self.anomaly & ANOMALY_NAN:
                anomaly.check(node, k, gs, self.create_graph)
        except Exception:
            anomaly.warn(node)
            raise
        finally:
            anomaly.RUNNING.reset(token)
        return gs

    def into_slot(self, slot, g, k):
        """Stores the gradient of one result of a node with several."""
        parent = slot._edges[0]
        if self.needed is not None and parent not in self.needed:
            return
        held = self.buffer.get(parent)
        if held is None:
            held = self.buffer[parent] = [None] * parent._plan.results
            heappush(self.heap, (-parent._seq, parent))
        if held[slot.extra] is None:
            held[slot.extra] = g
        else:
            ops = differentiable(k) if self.create_graph else k
            held[slot.extra] = ops.add(held[slot.extra], g)

    def run_hooks(self, hooks, g, k):
        """Tensor hooks at a node, then ``retain_grad``."""
        if hooks.before:
            t = g if self.create_graph else wrap(g, k)
            for hook in list(hooks.before.values()):
                result = hook(t)
                if result is not None:
                    check_hook_result(hook, t, result)
                    t = result
            g = t if self.create_graph else t._a
        holder = hooks.retain and hooks.retain()
        if holder is not None:
            self.store(holder, g, k)
        return g

    def shown(self, gs, k):
        """Gradients as the tuple of tensors that hooks of nodes get."""
        return tuple(g if g is None or self.create_graph else wrap(g, k) for g in gs)

    def taken(self, gs):
        """The reverse of :meth:`shown`."""
        return [g if g is None or self.create_graph else g._a for g in gs]

    def run_hooks_ahead(self, hooks, g, k):
        """Hooks of a node that see its incoming gradients, before it runs."""
        many = type(g) is list
        gs = self.shown(g if many else (g,), k)
        for hook in list(hooks.ahead.values()):
            gs = checked_hook_results(hook, gs, hook(gs))
        gs = self.taken(gs)
        return gs if many else gs[0]

    def run_hooks_after(self, node, gs, g):
        """Hooks of a node that see what it computed."""
        k = node._k
        ops = differentiable(k) if self.create_graph else k
        fitted = []
        for edge, gi in zip(node._edges, gs, strict=True):
            if edge is None or gi is None:
                fitted.append(None)
                continue
            fitted.append(fit(ops, k, gi, *shape_and_dtype(edge)))
        inputs, outputs = self.shown(fitted, k), self.shown(g if type(g) is list else (g,), k)
        for hook in list(node._hooks.after.values()):
            inputs = checked_hook_results(hook, inputs, hook(inputs, outputs))
        return self.taken(inputs)

    def finish(self):
        """Hands the gathered gradients to the leaves."""
        if self.sparse:
            self.finish_sparse()
        for leaf in list(self.leaves):
            g = self.leaves.pop(leaf)
            k = leaf._k
            hooks = leaf._hooks
            node = None
            if hooks:
                if "before" in hooks:
                    g = self.run_leaf_hooks(hooks["before"], g, k)
                node = hooks["node"]() if "node" in hooks else None
            if self.captures is not None:
                if leaf in self.captures:
                    self.captured[leaf] = g
                if not self.accumulate or leaf not in self.captures:
                    continue
            node_hooks = node and node._hooks
            if node_hooks and node_hooks.ahead:
                g = self.run_hooks_ahead(node_hooks, g, k)
            # With no other holder the array itself becomes the gradient; the count is this frame's own two.
            fresh = not k.aliases or (not self.create_graph and getrefcount(g) <= 2 and k.owns(g))
            self.store(leaf, g, k, fresh)
            for hook in list((leaf._hooks or {}).get("after", {}).values()):
                hook(leaf)
            if node_hooks:
                for hook in list(node_hooks.after.values()):
                    checked_hook_results(hook, (), hook((), self.shown((g,), k)))

    def finish_sparse(self):
        """Hands sparse gradients, with the dense ones that arrived at the same leaf, to the leaves: as tensors."""
        for leaf, arrived in self.sparse.items():
            g = arrived[0]
            for more in arrived[1:]:
                g = g + more
            dense = self.leaves.pop(leaf, None)
            if dense is not None:
                g = wrap(dense, leaf._k) + g
            for hook in list((leaf._hooks or {}).get("before", {}).values()):
                result = hook(g)
                if result is not None:
                    check_hook_result(hook, g, result)
                    g = result
            if self.captures is not None:
                if leaf in self.captures:
                    self.captured[leaf] = g
                if not self.accumulate or leaf not in self.captures:
                    continue
            with STORING:
                leaf._grad = g if leaf._grad is None else leaf._grad + g
            for hook in list((leaf._hooks or {}).get("after", {}).values()):
                hook(leaf)

    def run_leaf_hooks(self, before, g, k):
        hooks = NodeHooks()
        hooks.before = before
        return self.run_hooks(hooks, g, k)

    def store(self, t, g, k, fresh=False):
        """``t.grad += g``: in place where there is a gradient already, as PyTorch does. One thread at a time."""
        with STORING:
            self._store(t, g, k, fresh)

    def _store(self, t, g, k, fresh):
        old = t._grad
        if self.create_graph:
            if old is None:
                t._grad = g if g._node is not None or g._req else wrap(k.copy(g._a), k)
            else:
                t._grad = differentiable(k).add(old, g)
            return
        if old is None:
            t._grad = wrap(g if fresh else k.copy(g), k)
        elif old._k is not k:  # a sparse gradient
            t._grad = wrap(g, k) + old
        elif old._req:
            t._grad = wrap(k.add(old._a, g), k)
        elif k.aliases:
            if not k.update("add", old._a, g):
                k.assign(old._a, k.add(old._a, g))
            count_version(old)
        else:
            from .aliasing import overwrite

            overwrite(old, k.add(old._a, g))


def _hook_name(hook):
    return getattr(hook, "__name__", type(hook).__name__)


def check_hook_result(hook, given, result):
    """Raises PyTorch's errors if a hook returned something that cannot stand for the gradient it was given."""
    if not isinstance(result, TensorBase):
        raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")
    if given is None:
        return
    have, want = result._k.dtype_of(result._a), given._k.dtype_of(given._a)
    if have is not want:
        raise RuntimeError(f"hook '{_hook_name(hook)}' has changed the type of value (was torch.{want.legacy}Tensor "
                           f"got torch.{have.legacy}Tensor)")
    if tuple(result._a.shape) != tuple(given._a.shape):
        raise RuntimeError(f"hook '{_hook_name(hook)}' has changed the size of value")


def checked_hook_results(hook, given, results):
    """What a node's hook returned, or what it was given if that is None.

    Raises:
        TypeError, RuntimeError: it is no tuple of as many gradients, of the same shapes and dtypes.
    """
    if results is None:
        return given
    if not isinstance(results, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(results).__name__}'")
    if len(results) != len(given):
        raise RuntimeError(f"hook '{_hook_name(hook)}' has returned an incorrect number of values (got {len(results)}, "
                           f"but expected {len(given)})")
    for before, after in zip(given, results, strict=True):
        if after is not None:
            check_hook_result(hook, before, after)
    return results


def _reachable(roots, targets):
    """Nodes from which a target can be reached, and the targets: one iterative walk in creation order."""
    seen, order, stack = set(), [], [e for e in roots if not isinstance(e, TensorBase)]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        order.append(node)
        stack.extend(e for e in node._edges if e is not None and not isinstance(e, TensorBase) and e not in seen)
    order.sort(key=lambda n: n._seq)
    needed = set()
    for node in order:
        if any(e is not None and (e in targets or e in needed) for e in node._edges):
            needed.add(node)
    return needed


class _Either:
    """Membership in two sets without building their union."""

    def __init__(self, *sets):
        self.sets = sets

    def __contains__(self, edge):
        return any(edge in s for s in self.sets)


def _capture(edge):
    """``(edge, n)``: where a gradient is caught, a slot's at the node whose result it is."""
    if edge is None or isinstance(edge, TensorBase) or not edge._plan.is_slot:
        return edge, None
    return edge._edges[0], edge.extra


def run_backward(roots, gradients, retain_graph, create_graph, inputs=None, accumulate=True, recording=True):
    """Runs a backward pass.

    Args:
        roots: edges from which it starts.
        gradients: a gradient tensor for each.
        inputs: edges to which gradients are wanted, None among them for what requires none; None for all leaves.
        accumulate: add to ``.grad`` of the leaves.
        recording: False runs a pass with ``create_graph`` on tensors and records nothing.

    Returns:
        With ``inputs``, a gradient tensor (None where unreachable) per input.
    """
    captures = inner = places = None
    if not create_graph and (MODE.get() & DUAL or any(
            g._k.level and g._k is not edge._k for edge, g in zip(roots, gradients, strict=True))):
        create_graph, recording = True, False  # tangents, or gradients of a transform inside: on tensors only
    if inputs is not None:
        places = [_capture(edge) for edge in inputs]
        captures = {edge for edge, _ in places if edge is not None}
        inner = _reachable(roots, captures)
    state = Pass(retain_graph, create_graph, captures, inner, accumulate)
    state.roots = roots
    needed = state.needed
    flags = MODE.get()
    token = CURRENT.set(state)
    MODE.set(flags | NO_GRAD | IN_PASS if not create_graph else flags & ~(NO_GRAD | IN_PASS) if recording
             else (flags | NO_GRAD) & ~IN_PASS)
    try:
        for edge, g in zip(roots, gradients, strict=True):
            if needed is None or edge in needed:
                state.deliver(edge, g if create_graph else g._a, g._k)
        state.run()
        state.finish()
    finally:
        MODE.set(flags)
        CURRENT.reset(token)
        state.heap.clear()
        state.buffer.clear()
    if places is None:
        return None
    results = []
    for edge, n in places:
        g = state.captured.get(edge)
        if g is not None and n is not None:
            g = g[n]
        if g is not None and not create_graph and not isinstance(g, TensorBase):
            g = wrap(g, edge._k)
        results.append(g)
    return results
