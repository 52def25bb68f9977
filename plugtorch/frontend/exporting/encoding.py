"""A program and its signature as JSON, and back. What is read is checked: ops, parameters, shapes and dtypes are those that
the contract says, or it is refused."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

from plugtorch.spec.abstract import Abstract
from plugtorch.spec.backend import infer
from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import BY_NAME, DType
from plugtorch.spec.op import OPS, REQUIRED
from plugtorch.spec.program import Instruction, Program, Symbol

from .. import pytree
from .geometry import check_geometry
from .signature import (
    ConstantArgument,
    ExportGraphSignature,
    InputKind,
    InputSpec,
    OutputKind,
    OutputSpec,
    TensorArgument,
)

# Ops that move arrays to and from the host, or whose result's size depends on values.
REFUSED_OPS = frozenset({"from_host", "to_host"})
LARGEST = 1 << 40  # elements of one value
DEEPEST = 64


class FormatError(ValueError):
    """A file that is no exported program, or a broken one."""


# Values.

def encode(value) -> Any:
    """A parameter, number or None as JSON; floats that JSON has no form for are written by name."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if type(value) is complex:
        return {"complex": [encode(value.real), encode(value.imag)]}
    if isinstance(value, DType):
        return {"dtype": value.name}
    if isinstance(value, Device):
        return {"device": "default"}
    if isinstance(value, (tuple, list)):
        return [encode(v) for v in value]
    raise FormatError(f"a {type(value).__name__} cannot be written into a program")


def decode(value, device: Device) -> Any:
    """What :func:`encode` wrote; lists are tuples."""
    if value is None or type(value) in (bool, int, str, float):
        return value
    if type(value) is list:
        return tuple([decode(v, device) for v in value])
    if type(value) is dict and len(value) == 1:
        [(kind, inner)] = value.items()
        if kind == "float" and inner in ("inf", "-inf", "nan"):
            return float(inner)
        if kind == "complex" and type(inner) is list and len(inner) == 2:
            parts = [decode(v, device) for v in inner]
            if all(type(v) is float for v in parts):
                return complex(*parts)
        if kind == "dtype" and type(inner) is str and inner in BY_NAME:
            return BY_NAME[inner]
        if kind == "device" and inner == "default":
            return device
    raise FormatError(f"no value of a program: {str(value)[:80]}")


# Structures.

_CONTAINERS = {"tuple": tuple, "list": list, "dict": dict, "OrderedDict": OrderedDict}


def encode_structure(spec) -> Any:
    """A structure of tuples, lists and dictionaries as JSON."""
    if spec.type is None:
        return None
    if spec.type not in _CONTAINERS.values():
        raise FormatError(f"a {spec.type.__name__} among the arguments or results cannot be written into a file; give "
                          "tuples, lists and dictionaries")
    keys = [encode(key) for key in spec.context] if spec.context is not None else None
    return [spec.type.__name__, keys, [encode_structure(c) for c in spec.children_specs]]


def decode_structure(value, depth: int = 0):
    """What :func:`encode_structure` wrote."""
    if value is None:
        return pytree.TreeSpec()
    if depth > DEEPEST or type(value) is not list or len(value) != 3:
        raise FormatError("no structure of arguments")
    name, keys, children = value
    if not isinstance(name, str) or name not in _CONTAINERS or type(children) is not list:
        raise FormatError(f"no container: {str(name)[:40]}")
    cls = _CONTAINERS[name]
    if issubclass(cls, dict):
        if type(keys) is not list or len(keys) != len(children) or any(type(k) not in (str, int, bool) for k in keys):
            raise FormatError("a dictionary needs a key for each value")
    elif keys is not None:
        raise FormatError("only dictionaries have keys")
    return pytree.TreeSpec(cls, keys, [decode_structure(c, depth + 1) for c in children])


# Signatures.

def _encode_argument(arg):
    return {"name": arg.name, "value": encode(arg.value)} if isinstance(arg, ConstantArgument) else {"name": arg.name}


def encode_signature(signature: ExportGraphSignature) -> dict:
    """The specs as JSON."""
    return {
        "inputs": [{"kind": s.kind.name, "arg": _encode_argument(s.arg), "target": s.target, "persistent": s.persistent}
                   for s in signature.input_specs],
        "outputs": [{"kind": s.kind.name, "arg": _encode_argument(s.arg), "target": s.target}
                    for s in signature.output_specs]}


def _text(value, allow_none=False):
    if (allow_none and value is None) or (type(value) is str and len(value) < 4096):
        return value
    raise FormatError(f"no name: {str(value)[:80]}")


def _fields(value, *names):
    if type(value) is not dict or set(value) != set(names):
        raise FormatError(f"expected the fields {', '.join(names)}")
    return [value[name] for name in names]


def _list(value):
    if type(value) is not list:
        raise FormatError("expected a list")
    return value


def _decode_argument(value):
    if type(value) is dict and "value" in value:
        name, constant = _fields(value, "name", "value")
        constant = decode(constant, None)
        if constant is not None and type(constant) not in (bool, int, float, str):
            raise FormatError("no constant argument")
        return ConstantArgument(_text(name), constant)
    [name] = _fields(value, "name")
    return TensorArgument(_text(name))


def _kind(enumeration, name, allowed):
    if name not in allowed:
        raise FormatError(f"an input or output of kind {str(name)[:40]} is not known")
    return enumeration[name]


def decode_signature(value) -> ExportGraphSignature:
    """What :func:`encode_signature` wrote."""
    inputs, outputs = _fields(value, "inputs", "outputs")
    ins, outs, names = [], [], set()
    for one in _list(inputs):
        kind, arg, target, persistent = _fields(one, "kind", "arg", "target", "persistent")
        kind = _kind(InputKind, kind, ("USER_INPUT", "PARAMETER", "BUFFER", "CONSTANT_TENSOR"))
        spec = InputSpec(kind, _decode_argument(arg), _text(target, True), persistent)
        if persistent not in (None, True, False) or (target is None) is not (kind is InputKind.USER_INPUT):
            raise FormatError("an input's target does not go with its kind")
        if spec.arg.name in names or (target is not None and isinstance(spec.arg, ConstantArgument)):
            raise FormatError("two inputs have one name, or a parameter has a plain value")
        names.add(spec.arg.name)
        ins.append(spec)
    written = {InputKind.PARAMETER: OutputKind.PARAMETER_MUTATION, InputKind.BUFFER: OutputKind.BUFFER_MUTATION,
               InputKind.USER_INPUT: OutputKind.USER_INPUT_MUTATION}
    targets = {(written[s.kind], s.target or s.arg.name) for s in ins
               if s.kind in written and isinstance(s.arg, TensorArgument)}
    for one in _list(outputs):
        kind, arg, target = _fields(one, "kind", "arg", "target")
        kind = _kind(OutputKind, kind, ("USER_OUTPUT", *(k.name for k in written.values())))
        spec = OutputSpec(kind, _decode_argument(arg), _text(target, True))
        if kind is OutputKind.USER_OUTPUT and target is not None or \
                kind is not OutputKind.USER_OUTPUT and (kind, target) not in targets:
            raise FormatError("an output is written to what is no parameter, buffer or argument")
        outs.append(spec)
    return ExportGraphSignature(ins, outs)


# Programs.

def encode_program(program: Program) -> dict:
    """The program as JSON: values are numbered, the inputs first. The lines that called for the ops are left out: they
    name files of one machine."""
    numbers = {s: i for i, s in enumerate(program.inputs)}

    def operand(o):
        return {"v": numbers[o]} if type(o) is Symbol else encode(o)

    instructions = []
    for one in program.instructions:
        operands = [operand(o) for o in one.operands]
        for s in one.outputs:
            numbers[s] = len(numbers)
        instructions.append({"op": one.op, "operands": operands, "params": {k: encode(v) for k, v in one.params.items()},
                             "outputs": [_encode_type(s) for s in one.outputs]})
    return {"inputs": [_encode_type(s) for s in program.inputs], "instructions": instructions,
            "outputs": [numbers[s] for s in program.outputs]}


def _encode_type(symbol):
    return [symbol.dtype.name, list(symbol.shape)]


def decode_type(value) -> Symbol:
    """A value of a program with the dtype and shape that were written."""
    if type(value) is not list or len(value) != 2 or type(value[0]) is not str or value[0] not in BY_NAME:
        raise FormatError(f"no dtype and shape: {str(value)[:80]}")
    shape = _list(value[1])
    if any(type(n) is not int or n < 0 for n in shape) or math.prod(shape) > LARGEST or len(shape) > DEEPEST:
        raise FormatError(f"no shape: {str(shape)[:80]}")
    return Symbol(tuple(shape), BY_NAME[value[0]])


def decode_program(value, device: Device) -> Program:
    """What :func:`encode_program` wrote, each op checked against its rule."""
    inputs, instructions, outputs = _fields(value, "inputs", "instructions", "outputs")
    values = [decode_type(one) for one in _list(inputs)]
    count, made = len(values), []
    for one in _list(instructions):
        name, operands, params, types = _fields(one, "op", "operands", "params", "outputs")
        op = OPS.get(name) if type(name) is str else None
        if op is None or name in REFUSED_OPS:
            raise FormatError(f"the op {str(name)[:80]!r} is not known")
        given = tuple([_decode_operand(o, values, device) for o in _list(operands)])
        if type(params) is not dict:
            raise FormatError("parameters are a dictionary")
        params = {_text(k): decode(v, device) for k, v in params.items()}
        results = tuple([decode_type(t) for t in _list(types)])
        _check(op, given, params, results)
        values += results
        made.append(Instruction(name, given, params, results))
    chosen = []
    for n in _list(outputs):
        if type(n) is not int or not 0 <= n < len(values):
            raise FormatError("an output is made by nothing")
        chosen.append(values[n])
    return Program(values[:count], {}, [], made, chosen)


def _decode_operand(o, values, device):
    if type(o) is dict and set(o) == {"v"}:
        if type(o["v"]) is not int or not 0 <= o["v"] < len(values):
            raise FormatError("an operand is made by nothing before it")
        return values[o["v"]]
    found = decode(o, device)
    if found is not None and type(found) not in (bool, int, float, complex):
        raise FormatError("an operand is neither a value nor a number")
    return found


def _check(op, operands, params, results):
    unknown = set(params) - set(op.params)
    missing = {name for name, default in op.params.items() if default is REQUIRED} - set(params)
    if unknown or missing or len(results) != len(op.outputs):
        raise FormatError(f"op {op.name}: parameters or results are not those of the contract: {sorted(unknown | missing)}")
    if op.name == "nonzero" and type(params.get("size")) is not int:
        raise FormatError("op nonzero: the size of the result is not fixed")
    sizes = [n for v in params.values() for n in (v if type(v) is tuple else (v,)) if type(n) is int]
    if any(abs(n) > LARGEST for n in sizes):
        raise FormatError(f"op {op.name}: a parameter is too large")
    try:
        found = infer(op.name, *[Abstract(o.shape, o.dtype) if type(o) is Symbol else o for o in operands], **params)
    except Exception as error:
        raise FormatError(f"op {op.name} refuses its operands: {error}") from error
    try:
        check_geometry(op.name, operands, params, results)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ZeroDivisionError) as error:
        raise FormatError(f"op {op.name}: {error}") from error
    found = found if isinstance(found, tuple) else (found,)
    if [(f.shape, f.dtype) for f in found] != [(r.shape, r.dtype) for r in results]:
        raise FormatError(f"op {op.name}: the results are not of the shapes and dtypes that were written")
