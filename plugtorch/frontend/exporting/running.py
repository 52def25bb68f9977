"""Running an exported program on whatever backend its tensors lie on."""

from __future__ import annotations

import math

from plugtorch.autograd.base import TensorBase, wrap
from plugtorch.autograd.mode import NO_GRAD, mode, no_grad
from plugtorch.autograd.record import differentiable
from plugtorch.spec.device import Device
from plugtorch.spec.program import Instruction, Program, interpret
from plugtorch.transforms.passes import simplified
from plugtorch.transforms.tracing.recorder import RECORDER

from .. import pytree
from ..nn.modules.module import Module
from ..nn.parameter import Parameter
from .signature import ConstantArgument, InputKind, OutputKind


def placed(program: Program, k) -> Program:
    """The program for backend ``k``: what it makes of nothing is made on that backend's device."""
    device = k.default_device()
    instructions = [
        Instruction(one.op, one.operands, {n: device if isinstance(v, Device) else v for n, v in one.params.items()},
                    one.outputs, one.where) if any(isinstance(v, Device) for v in one.params.values()) else one
        for one in program.instructions]
    return Program(program.inputs, program.constants, program.numbers, instructions, program.outputs, program.updates)


class Runner:
    """Runs a program; it is compiled once for each backend."""

    def __init__(self, program: Program):
        self.program = program
        self._compiled: dict = {}

    def __call__(self, tensors) -> list:
        """The outputs for tensors that lie on one backend, as tensors; gradients flow where they are recorded."""
        k = tensors[0]._k
        if RECORDER.get() is not None or k.level or (not mode() & NO_GRAD and any(t.requires_grad for t in tensors)):
            return interpret(differentiable(k), placed(self.program, k), tensors)
        run = self._compiled.get(k)
        if run is None:
            run = self._compiled[k] = k.compile_program(simplified(placed(self.program, k), k))
        return [wrap(array, k) for array in run([t._a for t in tensors], [])]


class ExportedModule(Module):
    """A module that runs an exported program; its parameters and buffers have the names that they were exported with.

    It is called as the module was: with arguments of the same structure, shapes and dtypes, on the backend of its
    parameters.
    """

    def __init__(self, ep):
        super().__init__()
        self.__dict__["_ep"] = ep
        self.__dict__["_runners"] = {}
        self.__dict__["_constants"] = dict(ep.lifted)
        self.training = False
        made: dict[int, object] = {}
        kinds = {s.target: s for s in ep.graph_signature.input_specs if s.target is not None}
        for name, t in ep.all_state().items():
            folder, _, last = name.rpartition(".")
            place = self
            for part in folder.split(".") if folder else ():
                if part not in place._modules:
                    place.add_module(part, Module())
                place = place._modules[part]
            t = made.setdefault(id(t), t)
            spec = kinds.get(name)
            if isinstance(t, Parameter):
                place.register_parameter(last, t)
            else:
                place.register_buffer(last, t, persistent=spec is None or spec.persistent is not False)

    def train(self, mode: bool = True):
        """Refused, as in PyTorch: the mode is part of the program."""
        raise NotImplementedError("Calling train() is not supported yet.")

    def eval(self):
        """Refused, as in PyTorch: the mode is part of the program."""
        raise NotImplementedError("Calling eval() is not supported yet.")

    def _tensor(self, spec):
        if spec.kind is InputKind.CONSTANT_TENSOR:
            return self._constants[spec.arg.name]
        folder, _, last = spec.target.rpartition(".")
        return getattr(self.get_submodule(folder), last)

    def forward(self, *args, **kwargs):
        """Runs the program.

        Raises:
            ValueError: arguments of another structure than the program was recorded for.
            AssertionError: a shape, dtype or value that it was not recorded for.
        """
        ep = self._ep
        leaves, in_spec = pytree.tree_flatten((args, {key: kwargs[key] for key in ep.keywords if key in kwargs}
                                               | {key: v for key, v in kwargs.items() if key not in ep.keywords}))
        if in_spec != ep.call_spec.in_spec:
            raise ValueError(f"Trying to flatten user inputs with exported input tree spec: \n{ep.call_spec.in_spec}\nbut "
                             f"actually got inputs with tree spec of: \n{in_spec}.\nPlease check that the inputs have the "
                             "same number and type of args and kwargs as the ones you used when tracing.")
        program = self._program(ep, leaves)
        given, tensors = iter(leaves), []
        symbols = iter(program.inputs)
        by_name = {}
        for spec in ep.graph_signature.input_specs:
            if spec.kind is not InputKind.USER_INPUT:
                tensors.append(self._tensor(spec))
                next(symbols)
                continue
            value = next(given)
            if isinstance(spec.arg, ConstantArgument):
                _check_constant(spec.arg, value)
                continue
            _check_tensor(spec.arg.name, next(symbols), value)
            by_name[spec.arg.name] = value
            tensors.append(value)
        if not tensors:
            return self._result(ep, [wrap(a, k) for k in [ep.backend()]
                                     for a in k.compile_program(placed(program, k))([], [])], by_name)
        self._constants_on(tensors, ep)
        for name, end, comparison, number, answer in ep.bounds:
            _check_bound(name, by_name[name], end, comparison, number, answer)
        return self._result(ep, self._runner(program)(tensors), by_name)

    def _program(self, ep, leaves):
        """The program for the sizes of these arguments."""
        if ep.family is None:
            return ep.program
        shapes = [s.shape for s in ep.program.inputs]
        tensors = [s for s in ep.graph_signature.input_specs if not isinstance(s.arg, ConstantArgument)]
        users = [s for s in ep.graph_signature.input_specs if s.kind is InputKind.USER_INPUT]
        values = {s.arg.name: v for s, v in zip(users, leaves, strict=True)}
        for n, _ in ep.family.places:
            name, value = tensors[n].arg.name, values[tensors[n].arg.name]
            if not isinstance(value, TensorBase) or value.dim() != len(shapes[n]):
                raise AssertionError(f"Guard failed: len({name}.size()) == {len(shapes[n])}")
            shapes[n] = tuple(value.shape)
        return ep.family.program(ep.family.size(shapes))

    def _runner(self, program):
        runners = self._runners
        if program not in runners:
            if len(runners) >= 16:
                runners.clear()
            runners[program] = Runner(program)
        return runners[program]

    def _constants_on(self, tensors, ep):
        """Brings the constants to the backend of the other tensors."""
        specs = [s for s in ep.graph_signature.input_specs if not isinstance(s.arg, ConstantArgument)]
        k = next((t._k for s, t in zip(specs, tensors, strict=True) if s.kind is not InputKind.CONSTANT_TENSOR), None)
        if k is None or RECORDER.get() is not None:
            return
        for i, (spec, t) in enumerate(zip(specs, tensors, strict=True)):
            if spec.kind is InputKind.CONSTANT_TENSOR and t._k is not k:
                moved = wrap(k.from_host(t._k.to_host(t._a), device=k.default_device()), k)
                tensors[i] = self._constants[spec.arg.name] = moved

    def _result(self, ep, outputs, by_name):
        outputs, leaves = iter(outputs), []
        for spec in ep.graph_signature.output_specs:
            if isinstance(spec.arg, ConstantArgument):
                leaves.append(spec.arg.value)
            elif spec.kind is OutputKind.USER_OUTPUT:
                leaves.append(next(outputs))
            else:
                folder, _, last = spec.target.rpartition(".")
                target = by_name[spec.target] if spec.kind is OutputKind.USER_INPUT_MUTATION else getattr(
                    self.get_submodule(folder), last)
                with no_grad():
                    target.copy_(next(outputs).detach())
        return pytree.tree_unflatten(leaves, ep.call_spec.out_spec)

    def __reduce__(self):
        raise TypeError("an exported module is not pickled; keep its program with torch.export.save")


def _check_constant(arg, value):
    same = value == arg.value and type(value) is type(arg.value)
    if not same and not (value != value and arg.value != arg.value):
        raise AssertionError(f"Guard failed: {arg.name} == {arg.value!r}")


def _check_tensor(name, symbol, value):
    if not isinstance(value, TensorBase):
        raise AssertionError(f"Guard failed: {name} is a tensor, but got {type(value)}")
    shape = tuple(value.shape)
    if len(shape) != len(symbol.shape):
        raise AssertionError(f"Guard failed: len({name}.size()) == {len(symbol.shape)}")
    for i, (n, want) in enumerate(zip(shape, symbol.shape, strict=True)):
        if n != want:
            raise AssertionError(f"Guard failed: {name}.size()[{i}] == {want}")
    if value.dtype is not symbol.dtype:
        raise AssertionError(f"Guard failed: {name}.dtype == {symbol.dtype}")


_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


def _check_bound(name, t, end, comparison, number, answer):
    import operator

    if RECORDER.get() is not None or math.prod(t.shape) == 0:
        return
    bounds = t._k.bounds(t._a)
    if bounds is not None and getattr(operator, comparison)(bounds[end], number) is not answer:
        what = f"{name}.{('min', 'max')[end]}() {_SIGNS[comparison]} {number}"
        raise AssertionError(f"Guard failed: {what if answer else f'not {what}'}")
