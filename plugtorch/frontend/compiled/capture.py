"""Recording one call of a function: its program, and all that the call does to tensors.

What a call reads and writes is found by running it on symbols: parameters, buffers, gradients, the state of optimizers
and of generators are inputs and outputs of the program like its arguments and results, though nobody lists them.
"""

from __future__ import annotations

import functools
import gc
import types
from typing import Any, NamedTuple
from weakref import ref

from plugtorch.autograd.base import TensorBase, wrap
from plugtorch.autograd.engine import run_backward
from plugtorch.autograd.layout import layout_of, memory_order, overlap
from plugtorch.spec.program import HostFloat, Program
from plugtorch.spec.registry import load_backend
from plugtorch.transforms.tracing.backend import TraceBackend
from plugtorch.transforms.tracing.recorder import cannot
from plugtorch.transforms.tracing.tensors import ALIAS, BACKEND, Touched, hooked

from .. import pytree, state
from ..amp.casting import CASTS
from .recorder import RUN, CallRecorder, following


@functools.cache
def tracer_of(base) -> TraceBackend:
    """The tracing backend of a backend."""
    return TraceBackend(base)


# Where a tensor of a call comes from.

class Argument(NamedTuple):
    """A tensor that is a leaf of the call's arguments."""

    index: int


class Held(NamedTuple):
    """A tensor that the function finds by itself: a weak reference, so that one that was replaced is noticed."""

    tensor: Any


class GradientOf(NamedTuple):
    """The gradient of another tensor."""

    owner: Any


class Slot(NamedTuple):
    """A tensor that a module has under a name, in ``space``, and that the call replaces."""

    space: Any
    name: str

    def __hash__(self):
        return hash((id(self.space), self.name))

    def __eq__(self, other):
        return type(other) is Slot and self.space is other.space and self.name == other.name


# Leaves of the result.

class Value(NamedTuple):
    """An output of the program as a tensor of its own."""

    output: int
    requires_grad: bool


class View(NamedTuple):
    """A view, by ``steps``, of another leaf of the result (a number) or of a tensor that was there (a source); without
    ``requires_grad`` it is outside of the graph."""

    root: Any
    steps: tuple
    requires_grad: bool


class Given(NamedTuple):
    """A tensor that was there."""

    source: Any


class Plain(NamedTuple):
    """Something else, which is the same at each run."""

    value: Any


class Number(NamedTuple):
    """A Python float that is read at each run."""

    read: Any


class Differentiable(NamedTuple):
    """How gradients pass through the call.

    Attributes:
        outputs: places among the result's leaves of the tensors that gradients come from.
        sources: tensors that gradients go to.
        instructions: of the backward pass.
        incoming: symbols of the gradients of ``outputs``.
        results: per source the symbol of its gradient, or None.
    """

    outputs: list
    sources: list
    instructions: list
    incoming: list
    results: list


_LATER = (types.AsyncGeneratorType, types.CoroutineType, types.GeneratorType)


class Capture:
    """A recorded call.

    Attributes:
        base: the backend.
        recorder: what recorded it.
        instructions: in order.
        entries: ``(source, entry)`` of the tensors that were there, by which the values begin.
        outputs: symbols.
        writes: ``(source, output)``: tensors that are written over.
        grads: ``(source, None, an output or a source)``: gradients that are set.
        slots: ``(slot, output)``: attributes of modules that are set to new tensors.
        created: ``(weak tensor, symbol, array, output)``: tensors that the call made of nothing and somebody keeps; they are
            state from now on, beginning with ``array``, and hold the output after the call.
        escaped: ``(weak tensor, output)``: other tensors of the call that somebody keeps.
        structure, leaves: the result.
        spent: whether a backward pass through the result was run inside.
        differentiable: see :class:`Differentiable`, or None.
        grad_guards: ``(source, whether it had a gradient)`` of the tensors whose gradient the call looked at.
    """

    def __init__(self, recorder):
        self.recorder, self.base = recorder, recorder.base
        self.outputs, self.writes, self.grads, self.slots, self.created, self.escaped = [], [], [], [], [], []
        self.differentiable, self.spent = None, False

    def program(self) -> Program:
        """The forward program; its inputs are those of the entries, then the host values."""
        r = self.recorder
        inputs = [*(entry.first for _, entry in self.entries), *(symbol for symbol, _ in r.host)]
        return Program(inputs, r.constants, r.numbers, self.instructions, self.outputs)

    def output(self, symbol) -> int:
        self.outputs.append(symbol)
        return len(self.outputs) - 1


def capture(function, args, kwargs, base, places: bool = False, gradients: bool = True, around=None) -> Capture:
    """Records ``function(*args, **kwargs)`` for backend ``base``. No tensor is changed by it.

    Args:
        places: keep the line of the program with each instruction.
        gradients: record a backward pass too, where the result requires grad.
        around: the :class:`~plugtorch.frontend.compiled.surroundings.Surroundings` of the function, if they matter.

    Raises:
        TraceError: it does something that a program cannot do; the message names the line.
        Exception: what the function itself raises; everything is then as it was before.
    """
    recorder = CallRecorder(base, tracer_of(base), places)
    recorder.around = around
    leaves, _ = pytree.tree_flatten((args, kwargs))
    place_of: dict[int, Any] = {}
    for i, leaf in enumerate(leaves):
        if isinstance(leaf, TensorBase):
            place_of.setdefault(id(leaf), Argument(i))
    call_args, call_kwargs = _with_host_floats(args, kwargs, recorder)
    try:
        with following(recorder), hooked(recorder):
            token = state._context_backend.set(recorder.tracer)
            try:
                for module in around.modules[:] if around is not None else ():
                    recorder.note_module(module, ())
                casts, CASTS.kept = CASTS.kept, {}
                try:
                    held = [function(*call_args, **call_kwargs)]
                finally:
                    CASTS.kept = casts
                if isinstance(held[0], _LATER):
                    getattr(held[0], "close", bool)()
                    raise cannot("a generator or coroutine function cannot be compiled: its body runs after the call")
                found = _read(recorder, held, place_of, gradients)
            finally:
                state._context_backend.reset(token)
        _check_memory(recorder)
    except BaseException:
        recorder.put_back()
        if around is not None:
            around.put_back()
        raise
    recorder.put_back_tensors()
    if around is not None:
        around.close([(slot.space, slot.name) for slot, _, _ in found.slots])
    return found


def _with_host_floats(args, kwargs, recorder):
    """Arguments whose Python floats are read at each run."""
    leaves, structure = pytree.tree_flatten((args, kwargs))
    RUN.leaves = leaves
    if not any(type(leaf) is float for leaf in leaves):
        return args, kwargs
    return pytree.tree_unflatten(
        [recorder.host_float(functools.partial(recorder.leaf, i)) if type(leaf) is float else leaf
         for i, leaf in enumerate(leaves)], structure)


def _source(entry: Touched, place_of):
    place = place_of.get(id(entry.tensor))
    if place is not None:
        return place
    if entry.owner is not None:
        return GradientOf(_source(entry.owner, place_of))
    return Held(ref(entry.tensor))


def _is_inside(t, recorder) -> bool:
    return BACKEND.__get__(t) is recorder.tracer


def _read(recorder, held, place_of, gradients) -> Capture:
    """The capture of what was recorded; ``held`` is a list with the function's result, which is taken out of it."""
    found = Capture(recorder)
    replaced = [(space, name, old) for space, name, old in recorder.slots if space.get(name) is not old]
    for space, name, old in replaced:
        place_of.setdefault(id(old), Slot(space, name))
    for entry in list(recorder.touched.values()):
        entry.tensor._a  # noqa: B018  (one whose storage was written reads itself again)
    leaves, found.structure = pytree.tree_flatten(held.pop())
    _refresh(leaves, recorder)
    found.spent = any(entry.grad_written and entry.grad is not None for entry in recorder.touched.values())
    if found.spent:
        for entry in recorder.touched.values():
            if entry.grad_written and entry.grad is not None and entry.real_node is not None:
                raise cannot("a backward pass inside of a compiled function reaches a graph that was recorded outside of it")
    _read_leaves(found, leaves, place_of)
    if gradients and not found.spent:
        _record_backward(found, leaves, place_of)
    if found.differentiable is None:
        found.instructions = list(recorder.instructions)
    leaves.clear()
    for entry in list(recorder.touched.values()):
        if entry.requires_now is not entry.requires:
            raise cannot("a compiled function changes whether a tensor that was there requires grad; do that outside of it")
        if entry.symbol.shape != entry.first.shape or entry.symbol.dtype is not entry.first.dtype:
            raise cannot("a compiled function gives a tensor that was there another shape or dtype")
        if entry.node_now is not None:
            raise cannot("a compiled function changes a tensor in place whose history was recorded outside of it")
        if entry.written:
            found.writes.append((_source(entry, place_of), found.output(entry.symbol)))
    found.grad_guards = [(_source(entry, place_of), entry.had_grad) for entry in recorder.touched.values()
                         if entry.grad_read]
    kept = _read_gradients(found, place_of)
    for space, name, _ in replaced:
        t = space.get(name)
        if isinstance(t, TensorBase) and _is_inside(t, recorder) and t._alias is None and not t._req:
            found.slots.append((Slot(space, name), ref(t), found.output(t._a)))
            kept.append(t)
    _read_survivors(found, kept)
    used = {o for one in found.instructions for o in one.symbols()} | set(found.outputs)
    if found.differentiable is not None:
        used |= {o for one in found.differentiable.instructions for o in one.symbols()}
        used |= {s for s in found.differentiable.results if s is not None}
    found.entries = [(_source(entry, place_of), entry) for entry in recorder.touched.values()
                     if entry.first in used or entry.written]
    return found


def _refresh(leaves, recorder):
    """Lets results whose storage was written read themselves again."""
    for t in leaves:
        if isinstance(t, TensorBase) and _is_inside(t, recorder):
            t._a  # noqa: B018


def _check_memory(recorder):
    """Raises TraceError if a tensor is written whose memory another one has too: each has a value of its own here."""
    groups: dict[int, list] = {}
    for entry in recorder.touched.values():
        at = ALIAS.__get__(entry.tensor)
        if at is not None:
            groups.setdefault(id(at.storage), []).append(entry)
    for entries in groups.values():
        for one in entries:
            if one.written and any(other is not one and _may_overlap(one.tensor, other.tensor) for other in entries):
                raise cannot("a compiled function writes to a tensor whose memory another tensor that it uses shares")


def _may_overlap(a, b) -> bool:
    if overlap(a, b) is not None:
        return True
    return any(memory_order(*layout_of(t)[:2]) is None and 0 not in layout_of(t)[0] for t in (a, b))


def _record_backward(found, leaves, place_of):
    """Records the backward pass from the results that require grad to the tensors that were there."""
    recorder = found.recorder
    places = [i for i, (t, leaf) in enumerate(zip(leaves, found.leaves, strict=True))
              if type(leaf) is Value and t._req and t._node is not None]
    entries = [e for e in recorder.touched.values() if e.requires]
    if not places or not entries:
        return
    cut = len(recorder.instructions)
    roots = [leaves[i] for i in places]
    incoming = [recorder.symbol(tuple(t._a.shape), t._k.dtype_of(t._a), "gradient") for t in roots]
    recorder.bare = True  # hooks of the tensors outside run in the pass outside
    try:
        results = run_backward([t._node for t in roots], [wrap(g, recorder.tracer) for g in incoming], True, False,
                               inputs=[e.tensor for e in entries], accumulate=False)
    except RuntimeError as error:
        if "second time" not in str(error):
            raise
        found.spent = True
        del recorder.instructions[cut:]
        return
    finally:
        recorder.bare = False
    reached = [(e, g._a) for e, g in zip(entries, results, strict=True) if g is not None]
    found.instructions = recorder.instructions[:cut]
    found.differentiable = Differentiable(
        places, [_source(e, place_of) for e, _ in reached], recorder.instructions[cut:], incoming, [g for _, g in reached])


def _read_leaves(found, leaves, place_of):
    recorder = found.recorder
    # Who shares whose memory: the storages of tensors outside, then those of whole results.
    roots = {id(e.alias.storage): _source(e, place_of) for e in recorder.touched.values() if e.alias is not None}
    whole = [(i, t) for i, t in enumerate(leaves) if isinstance(t, TensorBase) and _is_inside(t, recorder)
             and t._alias is not None and not t._alias.path]
    for i, t in sorted(whole, key=lambda one: not one[1]._req):  # a detached one can be made of one in the graph
        roots.setdefault(id(t._alias.storage), i)
    grads = {id(e.grad): _source(e, place_of) for e in recorder.touched.values() if e.grad_written and e.grad is not None}
    found.leaves = []
    for i, t in enumerate(leaves):
        same = next((j for j in range(i) if leaves[j] is t), None)
        if isinstance(t, HostFloat):
            found.leaves.append(Number(t.read))
        elif not isinstance(t, TensorBase):
            found.leaves.append(Plain(t))
        elif same is not None:
            found.leaves.append(Given(same))
        elif id(t) in grads:
            found.leaves.append(Given(GradientOf(grads[id(t)])))
        elif not _is_inside(t, recorder):
            entry = recorder.touched.get(id(t))
            found.leaves.append(Plain(t) if entry is None else Given(_source(entry, place_of)))
        else:
            root = roots.get(id(t._alias.storage)) if t._alias is not None else None
            if root is None or root == i:
                found.leaves.append(Value(found.output(t._a), t._req))
            else:
                found.leaves.append(View(root, t._alias.path, t._req))


def _read_gradients(found, place_of) -> list:
    """Notes the gradients that were set; returns their tensors."""
    kept, recorder, outputs = [], found.recorder, {}
    for entry in list(recorder.touched.values()):
        if not entry.grad_written:
            continue
        g, target = entry.grad, None
        if g is not None and _is_inside(g, recorder):
            kept.append(g)
            if id(g) not in outputs:
                outputs[id(g)] = found.output(g._a)
            target = outputs[id(g)]
        elif g is not None:
            target = _source(recorder.entry(g), place_of)
        found.grads.append((_source(entry, place_of), target))
    return kept


def _made_now(k, one):
    """The array of an instruction without operands; by way of the host, where a library would compile a program for it."""
    if one.op != "full":
        return getattr(k, one.op)(**one.params)
    p = one.params
    host = load_backend("numpy").full(shape=p["shape"], value=p["value"], dtype=p["dtype"], device=None)
    return k.from_host(host, device=k.default_device() if p["device"] is None else p["device"])


def _read_survivors(found, kept) -> None:
    """Notes the tensors of the call that somebody goes on holding."""
    recorder = found.recorder

    def alive():
        return [(t, first) for r, first in recorder.made if (t := r()) is not None and _is_inside(t, recorder)
                and not any(t is g for g in kept)]

    survivors = alive()
    if not survivors:
        return
    makers = {o: n for n, one in enumerate(recorder.instructions) if not one.symbols() for o in one.outputs}
    if any(first not in makers and first not in recorder.constants for _, first in survivors):
        del survivors
        gc.collect()  # cycles of the function's own
        survivors = alive()
    hoisted, drawn = set(), {s for s, _ in recorder.host}
    for t, first in survivors:
        now = t._a
        if t._alias is None and first not in drawn and (first in makers or first in recorder.constants):
            if first in makers:
                one = recorder.instructions[makers[first]]
                array = _made_now(found.base, one)
                hoisted.add(makers[first])
            else:
                array = found.base.copy(recorder.constants.pop(first))
            # What goes on must not be shared with a constant of the same value.
            found.created.append((ref(t), first, array, found.output(now)))
        else:
            if t._req and found.differentiable is not None:
                raise cannot("a compiled function keeps a tensor that requires grad without returning it; return it too, or "
                             "keep it detached")
            found.escaped.append((ref(t), found.output(now)))
    if hoisted:
        gone = {id(recorder.instructions[n]) for n in hoisted}
        found.instructions = [one for one in found.instructions if id(one) not in gone]

