"""ONNX models: valid by ONNX's own checker, and with the program's results in ONNX Runtime."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from exporting import NETWORKS, network

import plugtorch as torch
from plugtorch import nn
from plugtorch.conformance.samples import SAMPLES
from plugtorch.frontend.exporting.onnx_format.model import UnsupportedOperatorError, build_model, supported_ops
from plugtorch.frontend.exporting.program import CallSpec, ExportedProgram
from plugtorch.frontend.exporting.signature import (
    ExportGraphSignature,
    InputKind,
    InputSpec,
    OutputKind,
    OutputSpec,
    TensorArgument,
)
from plugtorch.spec import Abstract, infer, load_backend
from plugtorch.spec.dtypes import BY_NAME
from plugtorch.spec.op import OPS
from plugtorch.spec.program import Instruction, Program, Symbol
from plugtorch.utils._pytree import tree_leaves

onnxruntime.set_default_logger_severity(4)
pytestmark = pytest.mark.one_backend  # programs are the same on every backend


def distance(got, want):
    """The largest difference, by the largest value."""
    return max(float(np.abs(np.asarray(a, np.float64) - b).max() / max(np.abs(b).max(), 1e-30))
               for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_agree(name):
    module, args = network(name)
    made = torch.onnx.export(module, args)
    onnx.checker.check_model(made.model_proto, full_check=True)
    other = tuple(torch.flip(a, (0,)) for a in args)
    with torch.no_grad():
        want = [t.detach().numpy() for t in tree_leaves(module(*other))]
    assert distance([t.numpy() for t in made(*other)], want) < 1e-5


WHOLE = {"mlp": {"Gemm", "Tanh", "Softmax"}, "cnn": {"Conv", "MaxPool", "AveragePool", "LogSoftmax", "Relu", "Gemm"},
         "resnet": {"Conv", "BatchNormalization", "ReduceMean"}, "lstm": {"LSTM"}, "gru": {"GRU"}, "rnn": {"RNN"},
         "gpt": {"LayerNormalization", "Gelu", "MatMul", "Gather"}}


@pytest.mark.one_backend
@pytest.mark.parametrize("name", WHOLE)
def test_layers_are_one_node_each(name, backend):
    module, args = network(name)
    kinds = [n.op_type for n in torch.onnx.export(module, args).model_proto.graph.node]
    assert WHOLE[name] <= set(kinds)
    if name in ("lstm", "gru", "rnn"):
        assert sum(k in ("LSTM", "GRU", "RNN") for k in kinds) == 4


@pytest.mark.one_backend
@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet", "lstm", "gru", "gpt"])
def test_a_size_may_vary(name, backend):
    module, args = network(name)
    axis = 1 if name in ("lstm", "gru") else 0
    made = torch.onnx.export(module, args, input_names=["x"], dynamic_axes={"x": {axis: "batch"}, "y": {0: "batch"}})
    onnx.checker.check_model(made.model_proto, full_check=True)
    assert made.model_proto.graph.input[0].type.tensor_type.shape.dim[axis].dim_param == "batch"
    for n in (1, 5):
        other = args[0].index_select(axis, torch.arange(n) % 2)
        with torch.no_grad():
            want = [t.numpy() for t in tree_leaves(module(other))]
        assert distance([t.numpy() for t in made(other)], want) < 1e-5


# One op at a time: the samples of the conformance suite whose values every runtime agrees on.

# Whose samples differ by the runtime alone: sums of a million numbers one after the other, a variance of 1e-12 in float32.
LONG = {"sum", "cumsum", "layer_norm", "conv_input"}
RISKY = {"floor_divide", "remainder", "fmod"}  # a runtime may end the process at a division by zero


def plain(s):
    arrays = [o for o in s.operands if isinstance(o, np.ndarray)]
    if not arrays or s.features & {"nan", "inf", "half", "extreme", "-0", "empty"}:
        return False
    if any(o.dtype.kind in "cV" or (s.op in LONG and o.size > 1000) for o in arrays):
        return False
    if s.op == "layer_norm" and s.params["eps"] < 1e-6:
        return False
    divisor = s.operands[-1]
    if s.op in RISKY and any(o.dtype.kind in "iu" for o in arrays):
        return bool(np.all(np.asarray(divisor) != 0)) and all(abs(o.astype(float)).max() < 2 ** 31 for o in arrays)
    return all(v not in (torch.complex64, torch.complex128, torch.bfloat16, torch.float16) for v in s.params.values()
               if not isinstance(v, (tuple, float)))


def one_op(s):
    """An exported program of one op on float32 and the sample's integers, its arrays, and what NumPy's backend gives."""
    k = load_backend("numpy")
    given = [np.ascontiguousarray(o, np.float32 if o.dtype == np.float64 else None).reshape(o.shape)
             if isinstance(o, np.ndarray) else o for o in s.operands]
    params = {n: BY_NAME["float32"] if v is BY_NAME["float64"] else v for n, v in s.params.items()}
    symbols = [Symbol(o.shape, k.dtype_of(o)) if isinstance(o, np.ndarray) else o for o in given]
    found = infer(s.op, *[Abstract(o.shape, o.dtype) if type(o) is Symbol else o for o in symbols], **params)
    outputs = tuple(Symbol(f.shape, f.dtype) for f in (found if isinstance(found, tuple) else (found,)))
    inputs = [o for o in symbols if type(o) is Symbol]
    program = Program(inputs, {}, [], [Instruction(s.op, tuple(symbols), params, outputs)], outputs)
    signature = ExportGraphSignature(
        [InputSpec(InputKind.USER_INPUT, TensorArgument(f"x{i}"), None) for i in range(len(inputs))],
        [OutputSpec(OutputKind.USER_OUTPUT, TensorArgument(""), None) for _ in outputs])
    structure = torch.utils._pytree.tree_structure(((0,) * len(inputs), {}))
    ep = ExportedProgram(program, signature, {}, {}, CallSpec(structure, None), ())
    want = getattr(k, s.op)(*given, **params)
    arrays = [o for o in given if isinstance(o, np.ndarray)]
    return ep, arrays, want if isinstance(want, tuple) else (want,)


REFUSED = {"bitcast", "to_host", "from_host", "complex", "fft", "rfft", "irfft", "nonzero", "cholesky", "lu", "qr", "eigh",
           "svd", "eig", "solve", "solve_triangular", "slogdet", "pinv", "cholesky_solve", "frexp", "nextafter", "signbit",
           "view_as_complex", "real", "imag", "view_as_real", "sgn", "angle", "lu_permutation", "matrix_exp", "geqrf"}
OF_DATA = sorted(name for name in SAMPLES if name not in REFUSED and any(map(plain, SAMPLES[name])))


@pytest.mark.one_backend
@pytest.mark.parametrize("name", OF_DATA)
def test_ops_agree(name, backend):
    samples = [s for s in SAMPLES[name] if plain(s)]
    for s in [*samples[:3], *samples[3::4]]:
        ep, arrays, want = one_op(s)
        model = build_model(ep)
        onnx.checker.check_model(model, full_check=True)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        names = [i.name for i in session.get_inputs()]
        for got, right in zip(session.run(None, dict(zip(names, arrays, strict=True))), want, strict=True):
            assert got.shape == right.shape and got.dtype == right.dtype, s
            np.testing.assert_allclose(got, right, rtol=2e-5, atol=2e-5, err_msg=repr(s))


@pytest.mark.one_backend
def test_every_primitive_is_written_or_refused(backend):
    primitives = {op.name for op in OPS.values() if op.primitive}
    assert primitives - set(supported_ops()) == primitives & REFUSED
    assert not set(supported_ops()) - set(OPS) and len(OF_DATA) > 130


class Inverse(nn.Module):
    """Solves a system, which ONNX has no op for."""

    def forward(self, x):
        return torch.linalg.solve(x, x + 1)


@pytest.mark.one_backend
def test_what_onnx_has_not_is_named(backend):
    with pytest.raises(UnsupportedOperatorError, match="no equivalent of: solve"):
        torch.onnx.export(Inverse(), torch.eye(3))
    with pytest.raises(UnsupportedOperatorError, match="complex"):
        torch.onnx.export(nn.Identity(), torch.ones(2, dtype=torch.complex64))
    with pytest.raises(NotImplementedError, match="one size of a program may vary"):
        torch.onnx.export(nn.ReLU(), torch.ones(2, 2), dynamic_axes={"input": {0: "batch", 1: "width"}})
    with pytest.raises(ValueError, match="opset_version 9"):
        torch.onnx.export(nn.ReLU(), torch.ones(2), opset_version=9)
    with pytest.raises(ValueError, match="2 input names"):
        torch.onnx.export(nn.ReLU(), torch.ones(2), input_names=["a", "b"])
    with pytest.raises(TypeError, match="Module or an ExportedProgram"):
        torch.onnx.export(torch.relu, torch.ones(2))


@pytest.mark.one_backend
def test_the_library_is_asked_for_by_its_extra(backend, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"plugtorch\[onnx\]"):
        torch.onnx.export(nn.ReLU(), torch.ones(2))


class Flagged(nn.Module):
    """Notes whether it is exported."""

    def __init__(self):
        super().__init__()
        self.line, self.seen = nn.Linear(3, 2), []

    def forward(self, x, scale=1.0):
        self.seen.append(torch.onnx.is_in_onnx_export())
        return self.line(x) * scale


@pytest.mark.one_backend
@pytest.mark.parametrize("opset", [18, 20, 21, 23])
def test_names_files_and_versions(opset, backend, tmp_path, capsys):
    module, x = Flagged(), torch.randn(2, 3)
    made = torch.onnx.export(module, (x, {"scale": 2.0}), tmp_path / "m.onnx", input_names=["image"],
                             output_names=["scores"], opset_version=opset, verify=True, verbose=True)
    assert module.seen[0] is True and not torch.onnx.is_in_onnx_export() and "Gemm 1" in capsys.readouterr().out
    read = onnx.load(tmp_path / "m.onnx")
    onnx.checker.check_model(read, full_check=True)
    assert [i.name for i in read.graph.input] == ["image"] and [o.name for o in read.graph.output] == ["scores"]
    assert {"line.weight", "line.bias"} <= {i.name for i in read.graph.initializer}
    assert read.opset_import[0].version == opset
    made.save(tmp_path / "e.onnx", external_data=True, keep_initializers_as_inputs=True)
    session = onnxruntime.InferenceSession(tmp_path / "e.onnx", providers=["CPUExecutionProvider"])
    found = session.run(None, {"image": x.numpy()})
    assert distance(found, [module(x, 2.0).detach().numpy()]) < 1e-6
    made.apply_weights({"line.bias": torch.full((2,), 7.0)})
    assert distance([made(x)[0].numpy() - found[0]], [2 * (7 - module.line.bias.detach().numpy()) + np.zeros((2, 2))]) < 1e-5
    gelu = torch.onnx.export(nn.Sequential(nn.GELU(), nn.GroupNorm(2, 4)).eval(), torch.randn(2, 4, 3), opset_version=opset,
                             verify=True)
    assert ("Gelu" in repr(gelu)) is (opset >= 20) and ("GroupNormalization" in repr(gelu)) is (opset >= 21)


@pytest.mark.one_backend
def test_parameters_as_inputs_and_buffers_as_outputs(backend):
    module, x = nn.BatchNorm1d(3), torch.randn(4, 3)
    made = torch.onnx.export(module, x, export_params=False)
    names = [i.name for i in made.model_proto.graph.input]
    assert "weight" in names and "running_mean" in names
    made = torch.onnx.export(module, x)
    outputs = [o.name for o in made.model_proto.graph.output]
    assert outputs[1:] == ["new_num_batches_tracked", "new_running_mean", "new_running_var"]
    found = dict(zip(outputs, made(x), strict=True))
    y = module(x)
    assert distance([found[outputs[0]].numpy(), found["new_running_mean"].numpy()],
                    [y.detach().numpy(), module.running_mean.numpy()]) < 1e-5
