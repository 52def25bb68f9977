"""``ExportedProgram``: a module's call as a program with its parameters, and ``torch.export.export``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from plugtorch.spec.op import OPS
from plugtorch.spec.program import Program
from plugtorch.transforms.expansion import expanded

from .. import pytree, state
from ..fx.graph_module import GraphModule
from ..nn.modules.module import Module
from .dims import Axes, axes_of, only_dim
from .family import record_family
from .graph import code_text, named_graph
from .recording import detached, record
from .running import ExportedModule, placed
from .signature import ExportGraphSignature, InputKind


class CallSpec(NamedTuple):
    """The structures of ``(args, kwargs)`` and of the result."""

    in_spec: Any
    out_spec: Any


class ModuleCallSignature(NamedTuple):
    """The inputs and outputs of a module's call, with their structures."""

    inputs: list
    outputs: list
    in_spec: Any
    out_spec: Any


class ModuleCallEntry(NamedTuple):
    """A call of a module, by the module's name; the whole program's is ''."""

    fqn: str
    signature: ModuleCallSignature | None = None


class ExportedProgram:
    """A module's call as a program of ops, with the parameters and buffers that it needs.

    Attributes:
        program: a :class:`~plugtorch.spec.program.Program` without constants: its inputs are the tensors of the input
            specs, its outputs those of the output specs.
        graph: the same as a ``torch.fx`` graph, whose nodes call ops of the contract.
        graph_signature: what goes in and comes out.
        state_dict: parameters and persistent buffers; those of the module that was exported.
        constants: other tensors: buffers that are not persistent, and tensors that are neither state nor given.
        bounds: ``(input, 0 or 1, comparison, number, answer)``: what the least (0) or greatest (1) value of an input
            has to fulfil.
        family: the programs for other sizes, where one varies, a :class:`~.family.Family`; else None. ``program`` and
            ``graph`` are for the sizes of the example.
        example_inputs: ``(args, kwargs)`` of the recorded call, or None.
        call_spec: structures of arguments and result.
    """

    def __init__(self, program: Program, signature: ExportGraphSignature, tensors: dict, module_state: dict,
                 call_spec: CallSpec, bounds, example_inputs=None, family=None):
        self.program, self.call_spec, self.family = program, call_spec, family
        self._example_inputs = example_inputs
        self._state_dict = dict(module_state)
        self.graph, self.graph_signature = named_graph(program, signature)
        names = {old.arg.name: new.arg.name for old, new in
                 zip(signature.input_specs, self.graph_signature.input_specs, strict=True)}
        self.bounds = [(names[name], *rest) for name, *rest in bounds]
        self.lifted = {names[s.arg.name]: tensors[s.arg.name] for s in signature.input_specs
                       if s.kind is InputKind.CONSTANT_TENSOR}
        self._unsaved = {s.target: tensors[s.arg.name] for s in signature.input_specs
                         if s.kind is InputKind.BUFFER and s.persistent is False}

    # What PyTorch's has.

    @property
    def graph_module(self) -> GraphModule:
        """A module of the graph, whose inputs are all tensors of the input specs."""
        return GraphModule({}, self.graph)

    @property
    def state_dict(self) -> dict:
        return self._state_dict

    @property
    def constants(self) -> dict:
        return {**{s.target: self.lifted[s.arg.name] for s in self.graph_signature.input_specs
                   if s.kind is InputKind.CONSTANT_TENSOR}, **self._unsaved}

    tensor_constants = constants

    @property
    def example_inputs(self):
        return self._example_inputs

    @example_inputs.setter
    def example_inputs(self, value):
        args, kwargs = value
        if pytree.tree_structure((args, kwargs)) != self.call_spec.in_spec:
            raise ValueError(f"Example inputs should have the structure {self.call_spec.in_spec}")
        self._example_inputs = value

    @property
    def range_constraints(self) -> dict:
        """The bounds of the size that varies, by its name; empty if all are fixed."""
        dim = self.family and self.family.dim
        return {dim.__name__: (dim.min, dim.max)} if dim else {}

    @property
    def module_call_graph(self) -> list[ModuleCallEntry]:
        """One entry, of the whole program."""
        s = self.graph_signature
        inputs = [i.arg for i in s.input_specs if i.kind is InputKind.USER_INPUT]
        outputs = [o.arg for o in s.output_specs if o.kind.name == "USER_OUTPUT"]
        return [ModuleCallEntry("", ModuleCallSignature(inputs, outputs, *self.call_spec))]

    @property
    def dialect(self) -> str:
        """The set of ops that the graph is made of: those of the contract."""
        return "PLUGTORCH"

    @property
    def keywords(self) -> list[str]:
        """Names of the keyword arguments, in the order of the recorded call."""
        return list(self.call_spec.in_spec.child(1).context or ())

    def parameters(self):
        """The parameters."""
        return (p for _, p in self.named_parameters())

    def named_parameters(self):
        """``(name, parameter)``."""
        return ((name, self._state_dict[name]) for name in self.graph_signature.parameters)

    def buffers(self):
        """The buffers."""
        return (b for _, b in self.named_buffers())

    def named_buffers(self):
        """``(name, buffer)``; those that are not persistent too."""
        state_dict = self.all_state()
        return ((name, state_dict[name]) for name in self.graph_signature.buffers)

    def all_state(self) -> dict:
        """Parameters and all buffers by name."""
        return {**self._state_dict, **self._unsaved}

    def backend(self):
        """The backend of its tensors; that which makes new tensors if it has none."""
        for t in (*self.all_state().values(), *self.lifted.values()):
            return t._k
        return state.current_backend()

    def module(self, check_guards: bool = True) -> Module:
        """A module that runs the program on the parameters of this one."""
        return ExportedModule(self)

    def __call__(self, *args, **kwargs):
        """Refused, as in PyTorch.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("Unable to call ExportedProgram directly. You should use `exported_program.module()` instead.")

    def run_decompositions(self, decomp_table=None, decompose_custom_triton_ops: bool = False) -> ExportedProgram:
        """The program with derived ops written out as what they are made of.

        Args:
            decomp_table: names of the ops to write out (a mapping or iterable); None for all that are no primitives.
        """
        def whole(one, used):
            return decomp_table is not None and one.op not in decomp_table

        k = self.backend()
        def written_out(program):
            return detached(expanded(placed(program, k), k, whole))

        if self.family is None:
            return self.with_program(written_out(self.program))
        family = self.family.mapped(written_out)
        if family.first.constants:
            raise NotImplementedError("an op with constants of its own cannot be written out while a size varies")
        return self.with_program(family.program(self.family.size([s.shape for s in self.program.inputs])), family)

    def with_program(self, program: Program, family=None) -> ExportedProgram:
        """Another program of the same inputs and outputs; arrays that it holds become constants of this."""
        from plugtorch.autograd.base import wrap

        from .signature import InputSpec, TensorArgument

        signature = self.graph_signature
        tensors = {s.arg.name: (self.all_state() | self.constants)[s.target]
                   for s in signature.input_specs if s.kind is not InputKind.USER_INPUT}
        more, n = [], sum(s.kind is InputKind.CONSTANT_TENSOR for s in signature.input_specs)
        for array in program.constants.values():
            name = f"c_lifted_tensor_{n}"
            tensors[name] = wrap(array, self.backend())
            more.append(InputSpec(InputKind.CONSTANT_TENSOR, TensorArgument(name), name[2:]))
            n += 1
        specs = signature.input_specs
        first = next((i for i, s in enumerate(specs) if s.kind is InputKind.USER_INPUT), len(specs))
        at = sum(isinstance(s.arg, TensorArgument) for s in specs[:first])
        inputs = [*program.inputs[:at], *program.constants, *program.inputs[at:]]
        lifted = Program(inputs, {}, [], program.instructions, program.outputs)
        return ExportedProgram(lifted, ExportGraphSignature([*specs[:first], *more, *specs[first:]], signature.output_specs),
                               tensors, self._state_dict, self.call_spec, self.bounds, self._example_inputs, family)

    def validate(self) -> None:
        """Checks that every value of the program is made before it is used, by an op of the contract.

        Raises:
            ValueError: it is not.
        """
        known = set(self.program.inputs)
        for one in self.program.instructions:
            if one.op not in OPS or any(s not in known for s in one.symbols()):
                raise ValueError(f"{one!r} uses a value that nothing made, or is no op of the contract")
            known.update(one.outputs)
        if not known.issuperset(self.program.outputs):
            raise ValueError("an output of the program is made by nothing")

    def draw(self, path, group_by: str | None = None) -> None:
        """Writes a picture of the graph; see :func:`plugtorch.frontend.exporting.drawing.draw`."""
        from .drawing import draw

        draw(self, path, group_by)

    def __str__(self):
        return (f"ExportedProgram:\n{code_text(self.graph)}\nGraph signature: {self.graph_signature}\n"
                f"Range constraints: {self.range_constraints}\n")

    __repr__ = __str__


def export(mod: Module, args: tuple, kwargs: Mapping[str, Any] | None = None, *, dynamic_shapes=None, strict: bool = False,
           preserve_module_call_signature: tuple[str, ...] = (),
           prefer_deferred_runtime_asserts_over_guards: bool = False) -> ExportedProgram:
    """Records ``mod(*args, **kwargs)``, without gradients, as a program of ops.

    Args:
        mod: the module, in the mode in which it is to run: what it is in training mode it is in the program too. Buffers
            that it writes (the statistics of a batch normalisation) are outputs of the program; random numbers are refused.
        args, kwargs: example arguments: tensors, numbers, strings and None in nested containers. The program is for their
            shapes, dtypes and numbers.
        dynamic_shapes: per argument, by name or in order, ``{axis: Dim(name)}``: axes whose size may vary, which has one
            name in all. The sizes inside the program must be linear in it.
        strict, preserve_module_call_signature, prefer_deferred_runtime_asserts_over_guards: accepted; calls are recorded
            in one way.

    Raises:
        ValueError: ``mod`` is no Module.
        TypeError: ``args`` is no tuple.
        NotImplementedError: several sizes are to vary, or the program is not the same for all of them.
        TraceError: the call depends on values of tensors, or does what a program cannot.
    """
    if not isinstance(mod, Module):
        raise ValueError(f"Expected `mod` to be an instance of `torch.nn.Module`, got {type(mod)}.")
    if not isinstance(args, tuple):
        raise TypeError(f"Expecting `args` to be a tuple of example positional inputs, got {type(args)}")
    if isinstance(mod, ExportedModule):
        raise ValueError("the module runs an exported program already: use that")
    kwargs = dict(kwargs or {})
    names = [p.name for p in inspect.signature(mod.forward).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    return export_with_axes(mod, args, kwargs, axes_of(dynamic_shapes, args, kwargs, names))


def export_with_axes(mod: Module, args: tuple, kwargs: dict, axes: Axes) -> ExportedProgram:
    """:func:`export` with the axes that vary by place among the leaves of the arguments."""
    leaves = pytree.tree_leaves((args, kwargs))
    dim = only_dim(axes, lambda place, axis: leaves[place].shape[axis])
    recorded, family = (record(mod, args, kwargs), None) if dim is None else record_family(mod, args, kwargs, axes, dim)
    return ExportedProgram(recorded.program, recorded.signature, recorded.state, mod.state_dict(keep_vars=True),
                           CallSpec(recorded.in_spec, recorded.out_spec), recorded.bounds, (args, kwargs), family)


__all__ = ["CallSpec", "ExportedProgram", "ModuleCallEntry", "ModuleCallSignature", "export", "export_with_axes"]
