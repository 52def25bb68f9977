"""A captured call made ready to run: its conditions, its compiled program, and what is done with the results."""

from __future__ import annotations

from weakref import ref

import numpy as np

from plugtorch.autograd.aliasing import forget_alias, overwrite, view
from plugtorch.autograd.base import InferenceCell, TensorBase, edge_of, wrap
from plugtorch.autograd.mode import INFERENCE, NO_GRAD, mode
from plugtorch.autograd.plans import PlanBase
from plugtorch.autograd.record import cell_of, count_version, make_node, slot
from plugtorch.spec.program import Program
from plugtorch.transforms.passes import simplified
from plugtorch.transforms.tracing.tensors import ALIAS

from .. import pytree
from .capture import Argument, Capture, Given, Held, Number, Plain, Slot, Value, View
from .recorder import RUN


def _finder(source):
    """A function from the leaves of a call to the tensor of a source, None where it is gone."""
    if type(source) is Argument:
        index = source.index
        return lambda leaves: leaves[index]
    if type(source) is Held:
        tensor = source.tensor
        return lambda leaves: tensor()
    if type(source) is Slot:
        space, name = source
        return lambda leaves: space.get(name)
    owner = _finder(source.owner)

    def find(leaves):
        t = owner(leaves)
        return None if t is None else t._grad

    return find


class SpentPlan(PlanBase):
    """The place of a result in a graph that a backward pass inside of the compiled function has used up."""

    user = keeps = True

    def call(self, node, g, create_graph):
        raise RuntimeError("Trying to backward through the graph a second time: a compiled function already ran the "
                           "backward pass of its result, and keeps no graph of it")

    def node_name(self, node):
        return "CompiledFunctionBackward"


class BackwardPlan(PlanBase):
    """Runs the compiled backward pass of a call."""

    user = keeps = True

    def __init__(self, run, shapes):
        self.run_program, self.shapes, self.results = run, shapes, len(shapes)

    def call(self, node, g, create_graph):
        if create_graph:
            raise RuntimeError("torch.compile with aot_autograd does not currently support double backward: call the "
                               "function without compiling it, or take the higher gradients inside of it")
        k = node._k
        gs = []
        for one, (shape, dtype) in zip(g if self.results > 1 else [g], self.shapes, strict=True):
            if one is None:
                one = k.full(shape=shape, value=0, dtype=dtype, device=k.default_device())
            gs.append(one._a if isinstance(one, TensorBase) else one)
        arrays, numbers = node._kept
        return tuple(self.run_program([*arrays, *gs], numbers))

    def node_name(self, node):
        return "CompiledFunctionBackward"


class CompiledCall:
    """One program of a compiled function."""

    def __init__(self, found: Capture):
        self.base, self.recorder, self.structure = found.base, found.recorder, found.structure
        self.leaves, self.spent = found.leaves, found.spent
        self.escaped, self.slots = found.escaped, found.slots
        self.scalars = [(t, getattr(number, "read", None) or (lambda value=number: value))
                        for t, number in found.recorder.scalars]
        self._prepare(found)
        self._guard(found)

    # Preparation.

    def _prepare(self, found):
        base, recorder = found.base, found.recorder
        program = found.program()
        forward_outputs = len(found.outputs)
        backward = found.differentiable
        if backward is not None:
            kept = self._residuals(found)
            program.outputs = [*program.outputs, *kept]
        inputs = [entry.first for _, entry in found.entries]
        self.sources = [source for source, _ in found.entries]
        arrays = [entry.array for _, entry in found.entries]
        updates = {}
        index_of = {}
        for n, (source, _) in enumerate(found.entries):
            index_of.setdefault(source, n)
        for source, output in found.writes:
            updates[output] = index_of[source]
        for _, first, array, output in found.created:
            updates[output] = len(inputs)
            inputs.append(first)
            arrays.append(array)
        self.created = [(t, output) for t, _, _, output in found.created]
        self.sources += [Held(t) for t, _ in self.created]
        host = [symbol for symbol, _ in recorder.host]
        self.makers = [make for _, make in recorder.host]
        program = Program([*inputs, *host], program.constants, program.numbers, program.instructions, program.outputs,
                          updates)
        program = simplified(program, base)
        self.program = program
        self.readers = recorder.readers
        self.run = base.compile_program(program)
        self.first_arrays = arrays
        self.natives = [(tuple(a.shape), a.dtype) for a in arrays]
        self.finders = [_finder(source) for source in self.sources]
        self.writes = [(_finder(source), output) for source, output in found.writes]
        self.grads = [(_finder(source), target if target is None or type(target) is int else _finder(target))
                      for source, target in found.grads]
        self.forward_outputs = forward_outputs
        self.backward = None
        if backward is not None:
            self._prepare_backward(found, backward)

    def _residuals(self, found):
        """The values of the forward pass that the backward pass needs, as further outputs; inputs are handed over anew."""
        backward = found.differentiable
        made = {o for one in backward.instructions for o in one.outputs}
        needed = {o for one in backward.instructions for o in one.symbols()} | set(backward.results)
        forward = {o for one in found.instructions for o in one.outputs}
        drawn = {s for s, _ in found.recorder.host}
        # An input that the call writes over is kept as it was.
        drawn |= {entry.first for _, entry in found.entries if entry.written}
        kept = [s for s in needed if s not in made and (s in forward or s in drawn)]
        self.residuals = kept
        firsts = {entry.first: n for n, (_, entry) in enumerate(found.entries) if not entry.written}
        self.reused = [(s, firsts[s]) for s in needed if s in firsts]
        return kept

    def _prepare_backward(self, found, backward):
        inputs = [*self.residuals, *(s for s, _ in self.reused), *backward.incoming]
        program = Program(inputs, found.recorder.constants, found.recorder.numbers, backward.instructions, backward.results)
        program = simplified(program, found.base)
        run = found.base.compile_program(program)
        outputs = [found.leaves[i] for i in backward.outputs]
        shapes = [(s.shape, s.dtype) for s in backward.incoming]
        self.backward = BackwardPlan(run, shapes)
        self.backward_program = program
        self.backward_outputs = [(i, leaf.output) for i, leaf in zip(backward.outputs, outputs, strict=True)]
        self.backward_finders = [_finder(source) for source in backward.sources]

    # Conditions.

    def _guard(self, found):
        recorder = found.recorder
        self.conditions = recorder.conditions
        places = {id(entry): n for n, (_, entry) in enumerate(found.entries)}
        self.bounds, self.looked_at = {}, {}
        for entry, end, condition in recorder.input_conditions:
            n = places.get(id(entry))
            if n is None:  # looked at, and not otherwise used
                continue
            self.bounds.setdefault(n, []).append((end, condition))
        self.flags = [entry.requires for _, entry in found.entries] + [False] * len(self.created)
        # Hooks of tensors are part of a backward pass inside.
        self.hooked = [(_finder(source), _hook_keys(entry.tensor)) for source, entry in found.entries
                       if entry.requires] if found.spent else []
        self.grad_flags = [(_finder(source), had) for source, had in found.grad_guards]

    def arrays_for(self, leaves):
        """The arrays of a run, or None if the program is not for these tensors."""
        arrays = []
        for find, (shape, native), flag in zip(self.finders, self.natives, self.flags, strict=True):
            t = find(leaves)
            if t is None or t._k is not self.base or t._req is not flag:
                return None
            a = t._a
            if a.shape != shape or a.dtype != native:
                return None
            arrays.append(a)
        for find, had in self.grad_flags:
            t = find(leaves)
            if t is None or (t._grad is not None) is not had:
                return None
        for find, keys in self.hooked:
            hooks = find(leaves)._hooks
            if hooks is not keys and _hook_keys(find(leaves)) != keys:
                return None
        RUN.leaves = leaves
        for condition in self.conditions:
            if not condition():
                return None
        for n, conditions in self.bounds.items():
            a = arrays[n]
            if self.looked_at.get(n) is not None and self.looked_at[n]() is a:
                continue  # an array that cannot change, of which it is known
            bounds = self.base.bounds(a) if 0 not in a.shape else (0, 0)
            if not all(condition(bounds[end]) for end, condition in conditions):
                return None
            if not self.base.aliases:
                self.looked_at[n] = ref(a)
        return arrays

    def why_once(self) -> str:
        """Why the program can run only once, in words."""
        shapes = ", ".join(str(list(self.program.outputs[o].shape)) for _, o in self.escaped[:3])
        return f"a tensor that the function made stays in use after it (shape {shapes}), and is another one at each call"

    # Runs.

    def first(self, leaves):
        """The run of the call that was recorded: with the values that were drawn while recording."""
        arrays, self.first_arrays = self.first_arrays, None
        drawn, self.recorder.drawn = self.recorder.drawn, []
        numbers, self.recorder.first_numbers = self.recorder.first_numbers, []
        RUN.leaves = leaves
        result = self._run(leaves, arrays, drawn, numbers)
        # From now on they are state like any other.
        self.writes += [(t, output) for t, output in ((_finder(Held(t)), output) for t, output in self.created)]
        self.created, self.escaped = [], [(None, output) for _, output in self.escaped]
        return result

    def again(self, leaves, arrays):
        """A later run."""
        numbers = [read() for read in self.readers]
        if not self.makers:
            return self._run(leaves, arrays, (), numbers)
        before = [(g, g.state_bytes()) for g in self.recorder.generators]
        try:
            return self._run(leaves, arrays, [make() for make in self.makers], numbers)
        except BaseException:
            for generator, kept in before:
                generator.load_state_bytes(kept)
            raise

    def _run(self, leaves, arrays, drawn, numbers):
        k = self.base
        targets = [find(leaves) for find, _ in self.writes]
        inputs = list(arrays)
        if drawn:
            device = k.default_device()
            inputs += [k.adopt(np.asarray(a), device=device) for a in drawn]
        scalars = [read() for _, read in self.scalars]
        outputs = self.run(inputs, numbers)
        for (t, _), value in zip(self.scalars, scalars, strict=True):
            host = t._k
            if host.aliases and t._alias is None:
                host.assign(t._a, value)
                count_version(t)
            else:
                overwrite(t, host.full(shape=(), value=value, dtype=t.dtype, device=host.device_of(t._a)))
        return self._finish(leaves, targets, arrays, outputs, numbers)

    def _finish(self, leaves, targets, arrays, outputs, numbers):
        k = self.base
        for t, (_, output) in zip(targets, self.writes, strict=True):
            cell = t._cell
            if t._alias is None and type(cell) is list:
                t._a = outputs[output]
                cell[0] += 1
            else:
                self._write(t, outputs[output])
        for t, output in self.created:
            t = t()
            if t is not None:
                self._write(t, outputs[output])
                t._k = k
        for t, output in self.escaped:
            t = t and t()
            if t is not None:
                t._a, t._k, t._alias, t._node, t._req = outputs[output], k, None, None, False
        for slot_, first, output in self.slots:
            self._fill(slot_, first, outputs[output])
        made = {}
        for find, target in self.grads:
            t = find(leaves)
            if target is None:
                t._grad = None
            elif type(target) is int:
                if target not in made:
                    made[target] = wrap(outputs[target], k)
                t._grad = made[target]
            else:
                t._grad = target(leaves)
        return self._result(leaves, arrays, outputs, numbers)

    def _fill(self, place, first, array):
        """Gives an attribute of a module its new tensor: at the first run the one that the recording made."""
        t = first()
        if t is not None and t._k is not self.base:
            t._a, t._k, t._node, t._req = array, self.base, None, False
        else:
            place.space[place.name] = wrap(array, self.base)

    def _write(self, t, array):
        if ALIAS.__get__(t) is not None and not forget_alias(t):
            if t._a is array:
                count_version(t)
            else:
                overwrite(t, array)
            return
        if t._a is not array:
            t._a = array
        if type(t._cell) is not InferenceCell:
            count_version(t)

    def _result(self, leaves, arrays, outputs, numbers):
        k, results = self.base, []
        inference = mode() & INFERENCE
        for leaf in self.leaves:
            kind = type(leaf)
            if kind is Value:
                t = wrap(outputs[leaf.output], k)
                if leaf.requires_grad and self.backward is None and self.spent:
                    t._req, t._node = True, make_node(SpentPlan(), k, (), t._a, (), ())
                elif inference:
                    t._cell = InferenceCell((0,))
                results.append(t)
            elif kind is Plain:
                results.append(leaf.value)
            elif kind is Given:
                results.append(results[leaf.source] if type(leaf.source) is int else _finder(leaf.source)(leaves))
            elif kind is Number:
                results.append(leaf.read())
            else:
                results.append(leaf)
        if self.backward is not None:
            self._attach(leaves, arrays, outputs, numbers, results)
        for i, leaf in enumerate(results):
            if type(leaf) is View:
                root = results[leaf.root] if type(leaf.root) is int else _finder(leaf.root)(leaves)
                results[i] = _viewed(root, leaf)
        return pytree.tree_unflatten(results, self.structure)

    def _attach(self, leaves, arrays, outputs, numbers, results):
        """Gives the results their place in the graph outside."""
        if mode() & NO_GRAD:
            return
        k = self.base
        kept = (*outputs[self.forward_outputs:], *(arrays[n] for _, n in self.reused))
        check = ()
        for _, n in self.reused:
            t = self.finders[n](leaves)
            cell = cell_of(t)
            check += (cell, cell[0])
        edges = tuple([edge_of(find(leaves)) for find in self.backward_finders])
        first = results[self.backward_outputs[0][0]]
        node = make_node(self.backward, k, edges, first._a, (kept, numbers), check)
        many = len(self.backward_outputs) > 1
        for i, _ in self.backward_outputs:
            t = results[i]
            t._req, t._node = True, slot(node, i, t._a) if many else node
        if many:
            for number, (i, _) in enumerate(self.backward_outputs):
                results[i]._node.extra = number


def _hook_keys(t):
    """Which hooks a leaf has; None for none."""
    hooks = t._hooks
    return tuple((kind, tuple(some)) for kind, some in hooks.items() if some) or None if hooks else None


def _viewed(root, leaf):
    if not leaf.requires_grad:
        root = root.detach()
    for name, params in leaf.steps or [("reshape", {"shape": tuple(root._a.shape)})]:
        root = view(root, name, params)
    return root
