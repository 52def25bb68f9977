"""Recording a module's call as a program that stands by itself."""

from __future__ import annotations

import inspect
import re
from typing import Any

from plugtorch.autograd.base import wrap
from plugtorch.autograd.mode import no_grad
from plugtorch.spec.program import Instruction, Program, Symbol
from plugtorch.transforms.passes import without_dead_code, without_repetitions
from plugtorch.transforms.tracing.recorder import TraceError

from .. import pytree, state
from ..compilation import EXPORTING
from ..compiled.capture import Argument, Capture, GradientOf, Held, Slot, Value, capture
from ..tensor import Tensor
from .signature import ConstantArgument, ExportGraphSignature, InputKind, InputSpec, OutputKind, OutputSpec, TensorArgument


class Recorded:
    """A recorded call of a module.

    Attributes:
        program: without constants and numbers; inputs and outputs in the order of the tensors of ``signature``.
        signature: an :class:`ExportGraphSignature`.
        state: tensors by input name, other than the user's.
        in_spec, out_spec: structures of ``(args, kwargs)`` and of the result.
        bounds: ``(name of a user's input, 0 or 1, comparison, number, answer)``: what its least or greatest value fulfils.
    """

    def __init__(self, program, signature, tensors, in_spec, out_spec, bounds):
        self.program, self.signature, self.state = program, signature, tensors
        self.in_spec, self.out_spec, self.bounds = in_spec, out_spec, bounds


def record(mod, args: tuple, kwargs: dict) -> Recorded:
    """Records ``mod(*args, **kwargs)``; see :class:`Recorded`.

    Raises:
        TraceError: the call does something that a program cannot do, or that a program by itself cannot repeat.
    """
    leaves, in_spec = pytree.tree_flatten((args, kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
    out_specs: list = []

    def call(*tensors):
        given = list(leaves)
        for i, t in zip(places, tensors, strict=True):
            given[i] = t
        call_args, call_kwargs = pytree.tree_unflatten(given, in_spec)
        found, out_spec = pytree.tree_flatten(mod(*call_args, **call_kwargs))
        out_specs.append(out_spec)
        return tuple(t.clone() if isinstance(t, Tensor) else t for t in found)

    tensors = tuple(leaves[i] for i in places)
    base = _backend(mod, tensors)
    token = EXPORTING.set(True)
    try:
        with no_grad():
            found = capture(call, tensors, {}, base, places=True, gradients=False)
    finally:
        EXPORTING.reset(token)
    found.recorder.put_back()
    _refuse(found)
    return _Reader(mod, found, leaves, places, args, kwargs, in_spec).recorded(out_specs[0])


def _backend(mod, tensors):
    backends = {t._k for t in (*tensors, *mod.parameters(), *mod.buffers())}
    if len(backends) > 1:
        raise TraceError(f"the module and its inputs lie on several backends: {sorted(k.name for k in backends)}")
    k = backends.pop() if backends else state.current_backend()
    return getattr(k, "base", k) if getattr(k, "lazy", False) else k


def _refuse(found: Capture) -> None:
    """Raises for what a program by itself cannot repeat."""
    recorder = found.recorder
    if recorder.host:
        raise TraceError("the module draws random numbers (dropout in training mode?), which an exported program does not; "
                         "export it in eval() mode")
    if recorder.numbers or recorder.optimizers:
        raise TraceError("the module makes a step of an optimizer, which is not exported")
    if found.spent or found.grads:
        raise TraceError("the module runs a backward pass, which is not exported")
    if found.created or found.escaped:
        raise TraceError("the module keeps a tensor that it made; an exported program keeps parameters and buffers only: "
                         "register a buffer for it")


def _identifier(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z_]", "_", text)


def leaf_names(mod, args, kwargs) -> list[str]:
    """Names of the leaves of the arguments, after the parameters of the module's ``forward``."""
    names: list[str] = []

    def walk(name, value):
        kind = type(value)
        if kind in (list, tuple) or pytree.is_namedtuple(value):
            for i, v in enumerate(value):
                walk(f"{name}_{i}", v)
        elif isinstance(value, dict):
            for key, v in value.items():
                walk(f"{name}_{_identifier(str(key))}", v)
        else:
            names.extend([name] if pytree.tree_is_leaf(value) else
                         [f"{name}_{i}" for i in range(len(pytree.tree_leaves(value)))])

    parameters = inspect.signature(mod.forward).parameters.values()
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    star = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")
    for i, value in enumerate(args):
        walk(positional[i] if i < len(positional) else f"{star}_{i - len(positional)}", value)
    for key, value in kwargs.items():
        walk(key, value)
    taken: dict[str, int] = {}
    unique = []
    for name in names:
        seen = taken[name] = taken.get(name, -1) + 1
        unique.append(f"{name}_{seen}" if seen else name)
    return unique


class _Reader:
    """Makes the program and its signature of a capture."""

    def __init__(self, mod, found, leaves, places, args, kwargs, in_spec):
        self.mod, self.found, self.leaves, self.places, self.in_spec = mod, found, leaves, places, in_spec
        self.user_names = leaf_names(mod, args, kwargs)

    def recorded(self, out_spec) -> Recorded:
        """The parts, put together."""
        found = self.found
        entries = {}
        for source, entry in found.entries:
            entries.setdefault(self._key(source), entry)
        self.specs: list[InputSpec] = []
        self.inputs: list[Symbol] = []
        self.tensors: dict[str, Any] = {}
        self.names: dict[Any, str] = {}
        self._add_state(entries)
        constants = self._add_constants(entries)
        self._add_user_inputs(entries)
        outputs, output_specs = self._outputs()
        program = Program(self.inputs, {}, [], found.instructions, outputs)
        program = detached(without_repetitions(without_dead_code(program)))
        return Recorded(program, ExportGraphSignature(self.specs, output_specs), {**self.tensors, **constants}, self.in_spec,
                        out_spec, self._bounds())

    def _key(self, source):
        """What names a source: its place among the arguments, or the identity of a tensor."""
        if type(source) is Argument:
            return source.index
        if type(source) is Held:
            return ("tensor", id(source.tensor()))
        if type(source) is Slot:
            return ("slot", id(source.space), source.name)
        raise TraceError("the module reads gradients, which an exported program does not have"
                         if type(source) is GradientOf else f"the module reads a tensor from {source!r}")

    def _add(self, kind, name, target, symbol, tensor=None, persistent=None, key=None):
        self.specs.append(InputSpec(kind, TensorArgument(name), target, persistent))
        self.inputs.append(symbol)
        self.names[key] = name
        if tensor is not None:
            self.tensors[name] = tensor

    def _symbol(self, entries, keys, tensor):
        for key in keys:
            if key in entries:
                return entries.pop(key).first
        return Symbol(tuple(tensor.shape), tensor.dtype)

    def _add_state(self, entries):
        for name, p in self.mod.named_parameters():
            key = ("tensor", id(p))
            self._add(InputKind.PARAMETER, f"p_{_identifier(name)}", name, self._symbol(entries, [key], p), p, None, key)
        for name, b in self.mod.named_buffers():
            prefix, _, last = name.rpartition(".")
            owner = self.mod.get_submodule(prefix)
            key, place = ("tensor", id(b)), ("slot", id(owner._buffers), last)
            persistent = last not in owner._non_persistent_buffers_set
            symbol = self._symbol(entries, [key, place], b)
            self._add(InputKind.BUFFER, f"b_{_identifier(name)}", name, symbol, b, persistent, key)
            self.names[place] = self.names[key]

    def _add_constants(self, entries) -> dict:
        """Tensors that are neither arguments nor state, and arrays that the program holds."""
        attributes = {id(t): f"{prefix}.{name}" if prefix else name for prefix, m in self.mod.named_modules()
                      for name, t in vars(m).items() if isinstance(t, Tensor)}
        found, n = {}, 0
        for key in [key for key in entries if type(key) is tuple]:
            entry = entries.pop(key)
            target = attributes.get(id(entry.tensor), f"lifted_tensor_{n}")
            n += target not in attributes.values()
            self._add(InputKind.CONSTANT_TENSOR, f"c_{_identifier(target)}", target, entry.first, None, None, key)
            found[self.names[key]] = entry.tensor.detach()
        for symbol, array in self.found.recorder.constants.items():
            target = f"lifted_tensor_{n}"
            n += 1
            self._add(InputKind.CONSTANT_TENSOR, f"c_{target}", target, symbol, None, None, symbol)
            found[f"c_{target}"] = wrap(array, self.found.base)
        return found

    def _add_user_inputs(self, entries):
        taken = set(self.names.values())
        index = {place: i for i, place in enumerate(self.places)}
        first: dict[int, int] = {}
        for place, leaf in enumerate(self.leaves):
            name = self.user_names[place]
            while name in taken:
                name += "_"
            taken.add(name)
            if place not in index:
                self.specs.append(InputSpec(InputKind.USER_INPUT, ConstantArgument(name, _constant(leaf)), None))
                continue
            same = first.setdefault(id(leaf), index[place])
            key = index[place]
            entry = entries.get(key) if same == key else None
            symbol = entry.first if entry is not None else Symbol(tuple(leaf.shape), leaf.dtype)
            self._add(InputKind.USER_INPUT, name, None, symbol, key=key)

    def _outputs(self):
        found = self.found
        outputs, specs = [], []
        for source, output in found.writes:
            self._add_write(self._key(source), found.outputs[output], outputs, specs)
        for slot, _, output in found.slots:
            self._add_write(("slot", id(slot.space), slot.name), found.outputs[output], outputs, specs)
        for leaf in found.leaves:
            if type(leaf) is Value:
                outputs.append(found.outputs[leaf.output])
                specs.append(OutputSpec(OutputKind.USER_OUTPUT, TensorArgument(""), None))
            elif hasattr(leaf, "value"):
                specs.append(OutputSpec(OutputKind.USER_OUTPUT, ConstantArgument("", _constant(leaf.value)), None))
            else:
                raise TraceError("the module gives a tensor of another backend, or one that is a gradient")
        return outputs, specs

    def _add_write(self, key, symbol, outputs, specs):
        name = self.names.get(key)
        target = next((s for s in self.specs if s.arg.name == name), None)
        kinds = {InputKind.BUFFER: OutputKind.BUFFER_MUTATION, InputKind.PARAMETER: OutputKind.PARAMETER_MUTATION,
                 InputKind.USER_INPUT: OutputKind.USER_INPUT_MUTATION}
        if target is None or target.kind not in kinds:
            raise TraceError("the module writes to a tensor that is no parameter, buffer or argument; register a buffer "
                             "for it")
        specs.append(OutputSpec(kinds[target.kind], TensorArgument(""), target.target or name))
        outputs.append(symbol)

    def _bounds(self):
        """Conditions on the values of the user's inputs; those on other tensors hold as they are."""
        keys = {id(entry): self._key(source) for source, entry in self.found.entries}
        found = []
        for entry, end, condition in self.found.recorder.input_conditions:
            key = keys.get(id(entry))
            if type(key) is int:
                found.append((self.names[key], end, *condition))
        return list(dict.fromkeys(found))


def _constant(value):
    if value is None or type(value) in (int, float, bool, str):
        return value
    raise TraceError(f"a {type(value).__name__} is no tensor, number, string or None, and cannot go into or out of an "
                     "exported program")


def detached(program: Program) -> Program:
    """The program on symbols of its own, which keep nothing of the recording alive."""
    names: dict[Symbol, Symbol] = {}

    def known(o):
        if type(o) is not Symbol:
            return o
        if o not in names:
            names[o] = Symbol(o.shape, o.dtype)
        return names[o]

    inputs = [known(s) for s in program.inputs]
    instructions = [
        Instruction(one.op, tuple(map(known, one.operands)), one.params, tuple(map(known, one.outputs)), one.where)
        for one in program.instructions]
    return Program(inputs, {known(s): a for s, a in program.constants.items()}, [known(s) for s in program.numbers],
                   instructions, [known(s) for s in program.outputs], program.updates)
