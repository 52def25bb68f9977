"""An exported program as an ONNX model."""

from __future__ import annotations

import numpy as np

from plugtorch.spec import registry
from plugtorch.spec.dtypes import bfloat16
from plugtorch.spec.program import Program
from plugtorch.transforms.expansion import expanded
from plugtorch.transforms.passes import simplified

from ..running import placed
from ..signature import ConstantArgument, InputKind, OutputKind
from . import arrangement, elementwise, layers, reductions  # noqa: F401  (they fill TABLE)
from .varying import merged
from .writer import OPSETS, TABLE, Writer

DEFAULT_OPSET = 20


class OnnxExporterError(RuntimeError):
    """A program cannot be said in ONNX."""


class UnsupportedOperatorError(OnnxExporterError):
    """An op has no equivalent in ONNX; the message names it."""


def _library():
    try:
        import onnx
    except ImportError as error:
        raise ImportError("torch.onnx.export needs the library onnx: pip install 'plugtorch[onnx]'") from error
    return onnx


def supported_ops() -> list[str]:
    """The ops that are written as nodes of their own; other derived ops are written as what they are made of."""
    return sorted(TABLE)


def host_program(program: Program, opset: int, constants: dict | None = None, fold: bool = True) -> Program:
    """A program of ops that ONNX has, for NumPy; ``fold``: with what is known of it computed.

    Raises:
        UnsupportedOperatorError: an op has no equivalent.
    """
    k = registry.load_backend("numpy")

    def whole(one, used):
        found = TABLE.get(one.op)
        return found is not None and found[1](one, used, opset)

    program = placed(program, k)
    program = Program(program.inputs, constants or {}, program.numbers, program.instructions, program.outputs)
    program = simplified(expanded(program, k, whole), k, fold)
    used = {s for one in program.instructions for s in one.symbols()} | set(program.outputs)
    missing = sorted({one.op for one in program.instructions
                      if one.op not in TABLE or not TABLE[one.op][1](one, used, opset)})
    if missing:
        raise UnsupportedOperatorError(f"ONNX opset {opset} has no equivalent of: {', '.join(missing)}")
    values = [*program.inputs, *program.constants, *(s for one in program.instructions for s in one.outputs)]
    if any(s.dtype.is_complex for s in values):
        raise UnsupportedOperatorError("ONNX has no arithmetic of complex numbers: " + ", ".join(sorted(
            {one.op for one in program.instructions if any(s.dtype.is_complex for s in (*one.symbols(), *one.outputs))})))
    return program


def _initializer(array, name):
    from onnx import TensorProto, helper, numpy_helper

    array = np.ascontiguousarray(array) if array.ndim else array
    if array.dtype == bfloat16.numpy:
        return helper.make_tensor(name, TensorProto.BFLOAT16, array.shape, array.tobytes(), raw=True)
    return numpy_helper.from_array(array, name)


def write_nodes(g: Writer, program: Program) -> None:
    """Adds the nodes of a program to a writer that knows the names of its inputs."""
    g.known.update(program.constants)
    for one in program.instructions:
        g.where = f"{one.op}" + (f" ({one.where[0].rpartition('/')[2]}:{one.where[1]})" if one.where else "")
        found = TABLE[one.op][0](g, one)
        found = found if isinstance(found, tuple) else (found,)
        g.names.update((s, name) for s, name in zip(one.outputs, found, strict=True) if name is not None)


def build_model(ep, input_names=None, output_names=None, opset: int | None = None, inputs_too: bool = False,
                export_params: bool = True):
    """The ``onnx.ModelProto`` of an exported program.

    Args:
        input_names, output_names: of the tensors that the caller gives and gets, in order; fewer than there are leave the
            rest with the names of the program.
        opset: the version of ONNX's ops, 18 to 23.
        inputs_too: list the initializers as inputs.
        export_params: False makes inputs of the parameters and buffers.

    Raises:
        UnsupportedOperatorError: an op has no equivalent in ONNX.
        ValueError: an unknown version, or more names than tensors.
    """
    onnx = _library()
    opset = DEFAULT_OPSET if opset is None else opset
    if opset not in OPSETS:
        raise ValueError(f"opset_version {opset} is not offered; those from {OPSETS[0]} to {OPSETS[-1]} are")
    names = list(input_names or ()), list(output_names or ())
    if ep.family is None:
        return _build(onnx, ep, ep.program, *names, opset, inputs_too, export_params, True)
    first, second = (_build(onnx, ep, program, *names, opset, inputs_too, export_params, False)
                     for program in (ep.family.first, ep.family.second))
    return merged(first, second, ep.family.dim.__name__)


def _build(onnx, ep, source, input_names, output_names, opset, inputs_too, export_params, fixed):
    helper = onnx.helper
    g = Writer(opset, sharing=fixed)
    specs = [s for s in ep.graph_signature.input_specs if not isinstance(s.arg, ConstantArgument)]
    outs = [s for s in ep.graph_signature.output_specs if not isinstance(s.arg, ConstantArgument)]
    written = [s for s in outs if s.kind is not OutputKind.USER_OUTPUT]
    state = {**ep.all_state(), **ep.constants}
    host = {symbol: np.asarray(state[s.target]._k.to_host(state[s.target]._a)).reshape(symbol.shape)
            for s, symbol in zip(specs, source.inputs, strict=True) if s.kind is not InputKind.USER_INPUT}
    constants = {symbol: host[symbol] for s, symbol in zip(specs, source.inputs, strict=True)
                 if s.kind is InputKind.CONSTANT_TENSOR}
    program = Program([s for s in source.inputs if s not in constants], {}, [], source.instructions, source.outputs)
    kept = [(s, symbol) for s, symbol in zip(specs, source.inputs, strict=True) if symbol not in constants]
    program = host_program(program, opset, constants, fixed)
    # The symbols of the program are its own now; the order of its inputs is the same.
    users = [spec for spec, _ in kept if spec.kind is InputKind.USER_INPUT]
    if len(input_names) > len(users) + (0 if export_params else len(kept)):
        raise ValueError(f"{len(input_names)} input names for {len(users)} inputs")
    given = iter(input_names)
    inputs, listed = [], []
    used = {s for one in program.instructions for s in one.symbols()} | set(program.outputs)
    for (spec, old), symbol in zip(kept, program.inputs, strict=True):
        if spec.kind is InputKind.USER_INPUT:
            name = g.fresh(next(given, spec.arg.name))
            inputs.append((name, symbol))
        elif symbol in used:
            name = g.fresh(spec.target)
            if export_params:
                g.known[symbol] = host[old]
                g.initializers[name] = host[old]
            if not export_params or inputs_too:
                listed.append((name, symbol))
        else:
            continue
        g.names[symbol] = name
    write_nodes(g, program)
    results = _outputs(g, program, outs, written, output_names)
    info = [helper.make_tensor_value_info(name, g.type_of(s.dtype), s.shape) for name, s in (*inputs, *listed)]
    result_info = [helper.make_tensor_value_info(name, g.type_of(s.dtype), s.shape) for name, s in results]
    read = {name for node in g.nodes for name in node.input} | {name for name, _ in results}
    initializers = [_initializer(a, name) for name, a in g.initializers.items() if name in read]
    graph = helper.make_graph(g.nodes, "main_graph", info, result_info, initializers)
    import plugtorch

    version = 8 if opset == 18 else 9 if opset < 21 else 10
    return helper.make_model(graph, producer_name="plugtorch", producer_version=plugtorch.__version__,
                             opset_imports=[helper.make_opsetid("", opset)], ir_version=version)


def _outputs(g, program, outs, written, output_names):
    """Outputs under names of their own: the results first, then the buffers that the program writes."""
    pairs = list(zip(outs, program.outputs, strict=True))
    ordered = [p for p in pairs if p[0] not in written] + [p for p in pairs if p[0] in written]
    if len(output_names) > len(ordered):
        raise ValueError(f"{len(output_names)} output names for {len(ordered)} outputs")
    given, results = iter(output_names), []
    for spec, symbol in ordered:
        hint = spec.arg.name if spec.kind is OutputKind.USER_OUTPUT else f"new_{spec.target}"
        g.where = ""
        results.append((g.node("Identity", g.name(symbol), outputs=[g.fresh(next(given, hint) or "output")]), symbol))
    return results
