"""Exported programs: recording, running, saving, hostile files, pictures and counts."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
import zipfile

import numpy as np
import pytest
from exporting import NETWORKS, network

import plugtorch as torch
from plugtorch import nn
from plugtorch.export import Dim, export, load, save
from plugtorch.export.graph_signature import InputKind, OutputKind
from plugtorch.frontend.exporting.drawing import dot_text, draw, svg_text
from plugtorch.frontend.exporting.explaining import counts_of
from plugtorch.transforms.tracing.recorder import TraceError
from plugtorch.utils._pytree import tree_leaves


def same(got, want, tolerance=1e-5):
    got, want = tree_leaves(got), tree_leaves(want)
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert a.shape == b.shape and a.dtype is b.dtype
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance)


def saved(ep):
    file = io.BytesIO()
    save(ep, file)
    return file.getvalue()


@pytest.mark.parametrize("name", NETWORKS)
def test_programs_give_what_modules_give_also_after_a_file(name):
    module, args = network(name)
    ep = export(module, args)
    ep.validate()
    other = tuple(torch.flip(a, (0,)) for a in args)
    with torch.no_grad():
        want = module(*other)
        same(ep.module()(*other), want)
        same(ep.run_decompositions().module()(*other), want)
        again = load(io.BytesIO(saved(ep)))
        same(again.module()(*other), want)
    assert saved(again) == saved(ep)
    assert list(again.state_dict) == list(module.state_dict())


@pytest.mark.parametrize("name", ["mlp", "resnet", "gru", "gpt"])
def test_a_file_runs_on_another_backend(name, backend):
    module, args = network(name)
    with torch.no_grad():
        want = [t.numpy() for t in tree_leaves(module(*args))]
    content = saved(export(module, args))
    hosts = [a.numpy() for a in args]
    torch.set_backend("numpy")
    ep = load(io.BytesIO(content))
    assert ep.backend().name == "numpy"
    found = tree_leaves(ep.module()(*(torch.tensor(h) for h in hosts)))
    for a, b in zip(found, want, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b, rtol=2e-5, atol=2e-5)


def test_gradients_flow_through_a_program():
    module, args = network("resnet")
    runs = export(module, args).module()
    runs(*args).sum().backward()
    found = {n: p.grad.numpy().copy() for n, p in runs.named_parameters()}
    assert all(p is q for p, q in zip(runs.parameters(), module.parameters(), strict=True))
    module.zero_grad()
    module(*args).sum().backward()
    for name, p in module.named_parameters():
        np.testing.assert_allclose(found[name], p.grad.numpy(), rtol=1e-4, atol=1e-4)


class Mixed(nn.Module):
    """Parameters, both kinds of buffers, a plain tensor, and arguments of every kind."""

    def __init__(self):
        super().__init__()
        self.line, self.norm = nn.Linear(3, 2), nn.BatchNorm1d(2)
        self.register_buffer("shift", torch.ones(2), persistent=False)
        self.plain = torch.full((2,), 2.0)

    def forward(self, x, times=2, *, pair):
        y = self.norm(self.line(x)) * times + self.shift + self.plain + pair["a"]
        return {"y": y, "times": times, "x": x}


def mixed():
    torch.manual_seed(3)
    return Mixed(), (torch.randn(4, 3),), {"pair": {"a": torch.randn(2), "b": None}}


def test_signature_names_what_goes_in_and_out():
    module, args, kwargs = mixed()
    ep = export(module, args, kwargs)
    s = ep.graph_signature
    assert s.parameters == ("line.weight", "line.bias", "norm.weight", "norm.bias")
    assert s.buffers == ("shift", "norm.running_mean", "norm.running_var", "norm.num_batches_tracked")
    assert s.non_persistent_buffers == {"shift"} and s.lifted_tensor_constants == ("plain",)
    assert s.user_inputs == ("x", "pair_a", None) and s.inputs_to_parameters["p_line_weight"] == "line.weight"
    assert set(s.buffers_to_mutate.values()) == {"norm.running_mean", "norm.running_var", "norm.num_batches_tracked"}
    assert s.user_outputs[1:] == (2, "x")
    assert [n for n, _ in ep.named_parameters()] == list(s.parameters)
    assert [k for k in ep.constants] == ["plain", "shift"] and list(ep.state_dict) == list(module.state_dict())
    assert "p_line_weight: PARAMETER target='line.weight'" in str(ep)
    assert 'x: "f32[4, 3]"' in str(ep) and "plugtorch.spec.ops.linear(x, p_line_weight, p_line_bias)" in str(ep)
    assert any(n.op == "call_function" and n.target.__name__ == "linear" for n in ep.graph.nodes)
    assert s.input_specs[0].kind is InputKind.PARAMETER and s.output_specs[-1].kind is OutputKind.USER_OUTPUT
    assert ep.example_inputs[0] == args and ep.call_spec.in_spec.num_leaves == 3


def test_training_mode_writes_buffers():
    module, args, kwargs = mixed()
    twin, _, _ = mixed()
    ep = export(module, args, kwargs)
    assert int(module.norm.num_batches_tracked) == 0  # recording changes nothing
    runs = load(io.BytesIO(saved(ep))).module()
    for _ in range(2):
        same(runs(*args, **kwargs)["y"], twin(*args, **kwargs)["y"])
    same(dict(runs.named_buffers())["norm.running_mean"], twin.norm.running_mean)
    assert int(runs.norm.num_batches_tracked) == 2 and int(module.norm.num_batches_tracked) == 0


VARYING = {"mlp": 0, "cnn": 0, "resnet": 0, "lstm": 1, "gpt": 0}


@pytest.mark.parametrize("name", VARYING)
def test_a_size_may_vary(name):
    module, args = network(name)
    axis = VARYING[name]
    ep = export(module, args, dynamic_shapes=({axis: Dim("batch", max=64)},))
    assert ep.range_constraints == {"batch": (0, 64)}
    content = saved(ep)
    again = load(io.BytesIO(content))
    assert saved(again) == content
    with torch.no_grad():
        for n in (1, 3):
            other = args[0].index_select(axis, torch.arange(n) % 2)
            want = module(other)
            for runs in (ep.module(), again.module(), ep.run_decompositions().module() if name != "lstm" else ep.module()):
                same(runs(other), want)
    with pytest.raises(AssertionError, match="Guard failed: 0 <= batch <= 64"):
        ep.module()(args[0].index_select(axis, torch.arange(65) % 2))


class Squared(nn.Module):
    """Makes what has the size of its argument, squared."""

    def forward(self, x):
        return (x[:, None] * x).reshape(-1)


class Pair(nn.Module):
    """Takes several arguments, in containers."""

    def forward(self, pair, *, last=None):
        return torch.cat([pair[0], pair[1]["a"]]) * 2 + (0 if last is None else last)


def test_sizes_in_containers_and_what_cannot_vary():
    batch = Dim("batch")
    a, b = torch.randn(3, 2), torch.randn(3, 2)
    ep = export(Pair(), ((a, {"a": b}),), {"last": torch.ones(2)},
                dynamic_shapes={"pair": ({0: batch}, {"a": {0: batch}}), "last": None})
    runs = ep.module()
    same(runs((a[:2], {"a": b[:2]}), last=torch.ones(2)), torch.cat([a[:2], b[:2]]) * 2 + 1)
    with pytest.raises(AssertionError, match="the size batch is"):
        runs((a[:2], {"a": b}), last=torch.ones(2))
    with pytest.raises(NotImplementedError, match="not linear"):
        export(Squared(), (torch.ones(3),), dynamic_shapes=({0: batch},))
    with pytest.raises(ValueError, match="names arguments that are not there"):
        export(Squared(), (torch.ones(3),), dynamic_shapes={"y": {0: batch}})
    with pytest.raises(ValueError, match="in the example arguments"):
        export(Pair(), ((a, {"a": b[:1]}),), dynamic_shapes={"pair": ({0: batch}, {"a": {0: batch}})})


class Indexed(nn.Module):
    """Takes an argument whose name is that of a function, writes to it, and looks rows up by another."""

    def __init__(self):
        super().__init__()
        self.rows = nn.Embedding(4, 2)

    def forward(self, input, max):
        input.add_(1)
        return self.rows(max) * input


def test_names_that_are_taken_and_arguments_that_are_written():
    module = Indexed()
    ep = load(io.BytesIO(saved(export(module, (torch.ones(2), torch.tensor([1, 3]))))))
    assert set(ep.graph_signature.user_inputs_to_mutate.values()) == {"input_1"}
    x = torch.zeros(2)
    same(ep.module()(x, torch.tensor([0, 2])), module.rows(torch.tensor([0, 2])))
    assert x.tolist() == [1, 1]
    with pytest.raises(AssertionError, match=r"Guard failed: max_1.max\(\) < 4|not max_1.max\(\) >= 4"):
        ep.module()(x, torch.tensor([0, 4]))


def test_graph_module_runs():
    module, args = network("mlp")
    ep = export(module, args)
    same(ep.graph_module(*ep.parameters(), *args)[0], module(*args))


def test_what_does_not_fit_is_said():
    module, args, kwargs = mixed()
    ep = export(module.eval(), args, kwargs)
    runs = ep.module()
    with pytest.raises(RuntimeError, match="Unable to call ExportedProgram directly"):
        ep(*args)
    with pytest.raises(NotImplementedError, match="Calling train"):
        runs.train()
    with pytest.raises(AssertionError, match=r"Guard failed: x.size\(\)\[0\] == 4"):
        runs(torch.ones(5, 3), **kwargs)
    with pytest.raises(AssertionError, match="Guard failed: x.dtype"):
        runs(args[0].double(), **kwargs)
    with pytest.raises(ValueError, match="Trying to flatten user inputs"):
        runs(*args, 3, **kwargs)
    block, text = network("gpt")
    runs = export(block, text).module()
    with pytest.raises(AssertionError, match=r"Guard failed: .*text.*max\(\)"):
        runs(text[0] + 11)


class Kept(nn.Module):
    """Keeps a tensor that it made."""

    def forward(self, x):
        self.last = x * 2
        return self.last


class Noting(nn.Module):
    """Notes whether it is exported."""

    seen: list = []

    def forward(self, x):
        self.seen.append(torch.compiler.is_exporting())
        return x


@pytest.mark.one_backend
def test_code_knows_that_it_is_exported(backend):
    export(Noting(), (torch.ones(1),))
    Noting()(torch.ones(1))
    assert Noting.seen == [True, False]


class Branching(nn.Module):
    """Looks at a value."""

    def forward(self, x):
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize("module, words", [
    (nn.Dropout(), r"draws random numbers.*eval\(\)"), (Kept(), "register a buffer"), (Branching(), "reads a value")])
def test_what_a_program_cannot_do_is_refused(module, words):
    torch.manual_seed(5)
    before = torch.get_rng_state().numpy().copy()
    with pytest.raises(TraceError, match=words):
        export(module, (torch.ones(3),))
    assert (torch.get_rng_state().numpy() == before).all()


@pytest.mark.one_backend
def test_arguments_of_export_are_checked(backend):
    with pytest.raises(ValueError, match="instance of `torch.nn.Module`"):
        export(lambda x: x, (torch.ones(1),))
    with pytest.raises(TypeError, match="tuple of example positional inputs"):
        export(nn.Identity(), torch.ones(1))
    with pytest.raises(NotImplementedError, match="one size of a program may vary, not several: height, width"):
        export(nn.ReLU(), (torch.ones(1, 2),), dynamic_shapes=({0: Dim("width"), 1: Dim("height")},))
    assert export(nn.ReLU(), (torch.ones(1),), dynamic_shapes=({0: Dim.STATIC},)).family is None
    with pytest.raises(TypeError, match="instance of 'ExportedProgram'"):
        save(nn.ReLU(), io.BytesIO())


def test_tied_parameters_and_types_survive_a_file():
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].weight = module[0].weight
    module.register_buffer("narrow", torch.ones(2, dtype=torch.bfloat16))
    ep = load(io.BytesIO(saved(export(module, (torch.ones(1, 3),)))))
    assert ep.state_dict["0.weight"] is ep.state_dict["1.weight"] and ep.state_dict["narrow"].dtype is torch.bfloat16
    assert len(list(ep.module().parameters())) == 3 and isinstance(ep.state_dict["0.bias"], nn.Parameter)


@pytest.mark.one_backend
def test_extra_files(backend, tmp_path):
    save(export(nn.ReLU(), (torch.ones(2),)), tmp_path / "a.pt2", extra_files={"notes": "words"})
    extra = {"notes": ""}
    load(tmp_path / "a.pt2", extra_files=extra)
    assert extra == {"notes": "words"}
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "b.pt2")


# Hostile files.

def changed(change, arrays=None, more=None, compress=zipfile.ZIP_STORED):
    """A file whose JSON went through ``change``."""
    module, args = nn.Sequential(nn.Linear(3, 2), nn.ReLU()).eval(), (torch.ones(1, 3),)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(export(module, args)))) as old, zipfile.ZipFile(out, "w", compress) as new:
        described = json.loads(old.read("program.json"))
        change(described)
        for name in old.namelist():
            content = json.dumps(described) if name == "program.json" else old.read(name)
            new.writestr(name, content if arrays is None or name == "program.json" else arrays(content))
        for name, content in (more or {}).items():
            new.writestr(name, content)
    out.seek(0)
    return out


def put(*path):
    *path, value = path

    def change(described):
        place = described
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


FIRST = ("program", "instructions", 0)
HOSTILE = {
    "an unknown op": put(*FIRST, "op", "system"),
    "an op that reads the host": put(*FIRST, "op", "to_host"),
    "an op that is no name": put(*FIRST, "op", ["add"]),
    "an unknown parameter": put(*FIRST, "params", {"path": "/etc/passwd"}),
    "an operand before it is made": put(*FIRST, "operands", 0, {"v": 99}),
    "a negative operand": put(*FIRST, "operands", 0, {"v": -1}),
    "a wrong shape": put(*FIRST, "outputs", 0, ["float32", [1, 5]]),
    "a giant shape": put(*FIRST, "outputs", 0, ["float32", [1 << 40, 1 << 40]]),
    "a negative shape": put("program", "inputs", 0, ["float32", [-3, 2]]),
    "an unknown dtype": put("program", "inputs", 0, ["object", [2, 3]]),
    "an output that nothing makes": put("program", "outputs", [17]),
    "a parameter of another shape": put("state", "0.weight", "type", ["float32", [2, 4000]]),
    "a giant parameter": put("state", "0.weight", "type", ["float32", [1 << 20, 1 << 19]]),
    "a member outside": put("state", "0.weight", "array", "../../x"),
    "a missing member": put("state", "0.weight", "array", 7),
    "a missing parameter": lambda d: d["state"].pop("0.weight"),
    "a class to import": put("in", ["os.system", None, []]),
    "a structure too deep": put("in", json.loads("[\"tuple\",null,[" * 90 + "null" + "]]" * 90)),
    "an unknown kind": put("signature", "inputs", 0, "kind", "CUSTOM_OBJ"),
    "a write to nothing": put("signature", "outputs", 0, {"kind": "BUFFER_MUTATION", "arg": {"name": "y"}, "target": "z"}),
    "no fields": lambda d: d.pop("out"),
    "another format": put("format", "pickle"),
    "another version": put("version", 99),
    "a size that is nobody's": put("family", {"name": "n", "min": 0, "max": None, "places": [], "first": 1, "second": 2}),
    "a bound on nothing": put("bounds", [["nobody", 0, "lt", 3, True]]),
}


@pytest.mark.one_backend
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_programs_are_refused(name, backend):
    with pytest.raises(ValueError, match=r"\w"):
        load(changed(HOSTILE[name]))


class Windows(nn.Module):
    """Takes windows of memory in many ways."""

    def __init__(self):
        super().__init__()
        self.conv, self.back = nn.Conv2d(2, 4, 3, 2, 1, groups=2), nn.ConvTranspose2d(4, 2, 3, 2)

    def forward(self, x):
        y = self.back(self.conv(x))
        y = nn.functional.max_pool2d(y, 3, 2, 1, ceil_mode=True) + nn.functional.avg_pool2d(y, 2, ceil_mode=True)[:, :, :1]
        return y.as_strided((2, 3), (4, 1), 1) + x.unfold(3, 3, 2)[0, 0, :2, 0]


GEOMETRY = [("as_strided", "strides", [1 << 30, 1]), ("as_strided", "offset", 1 << 33), ("as_strided", "offset", -1),
            ("conv", "stride", [0, 1]), ("conv", "dilation", [-9, 1]), ("conv", "padding", [-1, 0]), ("conv", "groups", 3),
            ("conv_input", "input_size", [2, 2]), ("conv_input", "padding", [9, 9]), ("unfold_dim", "size", 99),
            ("unfold_dim", "axis", -1), ("max_pool_window", "dilation", [50, 50]), ("avg_pool", "kernel_size", [0, 1]),
            ("slice", "start", [0, 0, -3, 0])]


@pytest.mark.one_backend
@pytest.mark.parametrize("op, param, value", GEOMETRY)
def test_windows_outside_of_memory_are_refused(op, param, value, backend):
    module, x = Windows().eval(), torch.randn(1, 2, 8, 8)
    content = saved(export(module, (x,)))
    same(load(io.BytesIO(content)).module()(x), module(x))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        described = json.loads(old.read("program.json"))
        one = next(i for i in described["program"]["instructions"] if i["op"] == op)
        one["params"][param] = value
        for name in old.namelist():
            new.writestr(name, json.dumps(described) if name == "program.json" else old.read(name))
    with pytest.raises(ValueError, match=f"op {op}"):
        load(out)


@pytest.mark.one_backend
def test_hostile_archives_are_refused(backend):
    def nothing(d):
        pass

    load(changed(nothing))
    pickled = io.BytesIO()
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for file in (changed(nothing, arrays=lambda content: content[:-4]), changed(nothing, arrays=lambda c: b"x" * len(c)),
                 changed(nothing, arrays=lambda c: pickled.getvalue()), changed(nothing, more={"../../etc/x": "x"}),
                 changed(nothing, more={"arrays/99.npy": "x"}), changed(nothing, compress=zipfile.ZIP_DEFLATED),
                 io.BytesIO(b"PK\x03\x04 nothing"), io.BytesIO(b"")):
        with pytest.raises(ValueError, match=r"\w"):
            load(file)


# Pictures, counts and explanations.

@pytest.mark.one_backend
def test_pictures(backend, tmp_path):
    module, args = network("resnet")
    ep = export(module, args)
    root = ET.fromstring(svg_text(ep, "line"))
    kinds = [g.get("class") for g in root.iter("{http://www.w3.org/2000/svg}g")]
    assert kinds.count("input") == 1 and kinds.count("output") == 1 and kinds.count("op") == len(ep.program.instructions)
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "conv1.weight" in texts and "f32[2, 6, 5, 5]" in texts and any("exporting.py:" in t for t in texts)
    boxes = [tuple(float(r.get(k)) for k in ("x", "y", "width", "height"))
             for g in root.iter("{http://www.w3.org/2000/svg}g") for r in g if r.tag.endswith("rect")]
    for i, (x, y, w, h) in enumerate(boxes):  # no box covers another
        assert not any(x < x2 + w2 and x2 < x + w and y < y2 + h2 and y2 < y + h for x2, y2, w2, h2 in boxes[:i])
    text = dot_text(ep, "line")
    assert text.startswith("digraph") and text.count(" -> ") >= len(ep.program.instructions) and "subgraph" in text
    for name in ("a.svg", "a.dot"):
        ep.draw(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 500
    with pytest.raises(ValueError, match="not '.png'"):
        ep.draw(tmp_path / "a.png")
    double = torch.compile(lambda x: x * 2)
    with pytest.raises(ValueError, match="call it first"):
        draw(double, tmp_path / "b.svg")
    double(torch.ones(2))
    draw(double, tmp_path / "b.svg")
    with pytest.raises(TypeError, match="can be drawn"):
        draw(3, tmp_path / "b.svg")


def test_counts_are_those_of_the_formulas():
    x, w = torch.ones(4, 8), nn.Linear(8, 16)
    counts = counts_of(lambda x: w(x).relu().reshape(64), x)
    assert counts.flops == 2 * 4 * 8 * 16 and counts.by_op()["reshape"][2:] == (0, 0)
    assert counts.by_op()["linear"] == (1, 1024, 4 * (32 + 128 + 16), 4 * 64)
    assert counts.inputs == 4 * (32 + 128 + 16) and counts.peak == counts.inputs + 2 * 4 * 64
    module, args = network("lstm")
    twice = counts_of(export(module, args)).flops
    gates = 2 * 4 * 2 * 24 * (5 + 6) + 2 * 4 * 2 * 24 * (12 + 6)
    assert twice == 2 * gates + 2 * 2 * 12 * 3
    conv = counts_of(nn.Conv2d(2, 3, 3), torch.ones(1, 2, 6, 6))
    assert conv.flops == 2 * 3 * 16 * 18 and "Peak memory" in str(conv)


def test_explain():
    module, args = network("mlp")
    found = torch._dynamo.explain(module)(*args)
    assert found.graph_count == 1 and found.graph_break_count == 0 and found.op_count == len(found.ops_per_graph[0]) == 4
    assert "Graph Count: 1" in str(found) and "Op Count: 4" in str(found) and "linear" in str(found)
    torch.manual_seed(2)
    state = torch.get_rng_state().numpy().copy()
    torch._dynamo.explain(nn.Dropout())(torch.ones(4))
    assert (torch.get_rng_state().numpy() == state).all()
    broken = torch._dynamo.explain(Branching())(torch.ones(3))
    assert (broken.graph_count, broken.graph_break_count) == (0, 1) and "test_export.py" in str(broken)
    graph, _ = torch._dynamo.export(lambda a, b: a @ b + 1)(torch.ones(2, 3), torch.ones(3, 4))
    same(graph(torch.ones(2, 3), torch.ones(3, 4)), torch.full((2, 4), 4.0))
    assert torch.compiler.explain is torch._dynamo.explain


def test_a_compiled_call_is_one_event_of_a_profile():
    double = torch.compile(lambda x: x * 2 + 1)
    x = torch.ones(3)
    double(x)
    with torch.autograd.profiler.profile() as prof:
        double(x)
    top = [e for e in prof.function_events if e.cpu_parent is None]
    assert [e.name for e in top] == ["Torch-Compiled Region (2 ops)"]
    triple = torch.compile(lambda x: x * 3 - 1)
    with torch.autograd.profiler.profile() as prof:  # recorded while it is profiled
        same(triple(x), torch.full((3,), 2.0))
    count = len(prof._events)
    same(triple(x), torch.full((3,), 2.0))
    assert len(prof._events) == count
