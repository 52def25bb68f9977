"""What programs call around tensors: scripting, tracing, compiling, profiling, downloads, comparing results."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import sys
import zipfile

import pytest

import plugtorch as torch
from plugtorch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("offset", torch.ones(2))

    def forward(self, x):
        self.traced = torch.jit.is_tracing()
        return torch.relu(self.linear(x)) + self.offset

    def twice(self, x):
        return self(x) * 2


def double(x):
    return x * 2


def test_scripted_modules_share_their_state_and_run():
    net, x = Net(), torch.ones(4, 3)
    for scripted in (torch.jit.script(net), torch.jit.trace(net, x)):
        assert isinstance(scripted, torch.jit.ScriptModule) and scripted.original_name == "Net"
        assert torch.equal(scripted(x), net(x)) and torch.equal(scripted.twice(x), net.twice(x))
        assert list(scripted.state_dict()) == list(net.state_dict()) and scripted.linear is net.linear
        scripted.eval()
        assert not net.training
        net.train()
        assert "RecursiveScriptModule(\n  original_name=Net" in repr(scripted)
        with pytest.raises(RuntimeError, match="no TorchScript graph"):
            scripted.graph  # noqa: B018
    assert not torch.jit.is_tracing() and not torch.jit.is_scripting()


def test_a_trace_tells_what_it_runs():
    seen = []
    torch.jit.trace(lambda x: (seen.append(torch.jit.is_tracing()), x)[1], torch.ones(1))
    assert seen == [True] and not torch.jit.is_tracing()


def test_frozen_modules_are_copies_without_gradients():
    net = torch.jit.script(Net())
    with pytest.raises(RuntimeError, match="only implemented for modules in eval mode"):
        torch.jit.freeze(net)
    frozen = torch.jit.freeze(net.eval())
    assert not any(p.requires_grad for p in frozen.parameters()) and all(p.requires_grad for p in net.parameters())


def test_scripted_things_are_saved_and_loaded(tmp_path):
    net, x = torch.jit.script(Net()), torch.ones(1, 3)
    net.save(tmp_path / "net.pt", _extra_files={"note": "hello"})
    files = {"note": ""}
    with pytest.raises(pickle.UnpicklingError, match="Net was not an allowed global"):
        torch.jit.load(tmp_path / "net.pt")
    with torch.serialization.safe_globals([Net]):
        found = torch.jit.load(tmp_path / "net.pt", _extra_files=files)
    assert torch.equal(found(x), net(x)) and files == {"note": b"hello"}
    torch.jit.save(torch.jit.script(double), tmp_path / "double.pt")
    with torch.serialization.safe_globals([double]):
        assert torch.jit.load(tmp_path / "double.pt")(x).sum().item() == 6
    with pytest.raises(ValueError, match="takes|writes a ScriptModule"):
        torch.jit.save(Net(), tmp_path / "plain.pt")


@pytest.mark.one_backend
def test_torchscript_archives_are_refused(backend, tmp_path):
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("model/constants.pkl", b"")
        archive.writestr("model/code/__torch__.py", b"")
    with pytest.raises(RuntimeError, match="TorchScript archive"):
        torch.jit.load(tmp_path / "model.pt")
    with pytest.raises(ValueError, match="does not exist"):
        torch.jit.load(tmp_path / "none.pt")


def test_compiled_functions_and_modules_run_eagerly():
    net, x = Net(), torch.ones(2, 3)
    compiled = torch.compile(net, mode="reduce-overhead")
    assert torch.equal(compiled(x), net(x)) and list(compiled.state_dict())[0] == "_orig_mod.offset"
    compiled.eval()
    assert not net.training and compiled.linear is net.linear
    compiled.note = 3
    assert net.note == 3

    @torch.compile(backend="inductor", fullgraph=True)
    def square(v):
        """Its square."""
        return v * v

    assert square(x).sum().item() == 6 and square.__doc__ == "Its square."
    with pytest.raises(RuntimeError, match="Invalid backend"):
        torch.compile(square, backend="nonesuch")
    with pytest.raises(RuntimeError, match="Unrecognized mode"):
        torch.compile(square, mode="nonesuch")
    assert not torch.compiler.is_compiling()
    net.compile()
    assert torch.equal(net(x), compiled(x))


def test_branches_and_loops():
    x = torch.tensor([2.0], requires_grad=True)
    torch.cond(x.sum() > 0, lambda v: v * 3, lambda v: v, (x,)).backward()
    assert x.grad.item() == 3
    n, total = torch.while_loop(lambda n, t: n < 4, lambda n, t: (n + 1, t + n), (torch.tensor(0), torch.tensor(0)))
    assert (n.item(), total.item()) == (4, 6)
    with pytest.raises(RuntimeError, match="same number of elements"):
        torch.while_loop(lambda n: n < 1, lambda n: (n, n), (torch.tensor(0),))


def test_graphs_are_recorded_changed_and_run():
    net, x = Net(), torch.ones(2, 3)
    traced = torch.fx.symbolic_trace(net)
    assert torch.equal(traced(x), net(x)) and torch.equal(torch.fx.Interpreter(traced).run(x), net(x))
    assert [n.op for n in traced.graph.nodes] == ["placeholder", "call_module", "call_function", "get_attr",
                                                  "call_function", "output"]
    relu = next(n for n in traced.graph.nodes if n.target is torch.relu)
    with traced.graph.inserting_after(relu):
        new = traced.graph.call_function(torch.sigmoid, relu.args)
        relu.replace_all_uses_with(new)
    with pytest.raises(RuntimeError, match="still had 1 users"):
        traced.graph.erase_node(new)
    traced.graph.erase_node(relu)
    traced.graph.lint()
    traced.recompile()
    assert torch.allclose(traced(x), torch.sigmoid(net.linear(x)) + 1)
    with pytest.raises(ValueError, match="cannot be used as inputs to control flow"):
        torch.fx.symbolic_trace(lambda v: v if v.sum() > 0 else -v)
    module = torch.fx.symbolic_trace(lambda a, b: torch.relu(a + b) * 2)
    assert len(torch.fx.replace_pattern(module, lambda a, b: torch.relu(a + b), lambda a, b: a - b)) == 1
    assert module(torch.tensor(5.0), torch.tensor(2.0)).item() == 6


def test_profiles_of_steps(tmp_path):
    ready = []
    wanted = torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    with torch.profiler.profile(schedule=wanted, on_trace_ready=lambda p: ready.append(p.step_num)) as prof:
        for _ in range(6):
            torch.ones(3) + 1
            prof.step()
    assert ready == [4]
    names = [e.name for e in prof.events()]
    assert names.count("aten::add") == 2 and "ProfilerStep#2" in names and "ProfilerStep#1" not in names
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    assert len(json.loads((tmp_path / "trace.json").read_text())) == len(names)
    assert [wanted(i).name for i in range(5)] == ["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE", "NONE"]


@pytest.mark.one_backend
def test_downloads_are_checked(backend, tmp_path, monkeypatch):
    monkeypatch.setattr("plugtorch.frontend.hub._hub_dir", str(tmp_path / "hub"))
    data = io.BytesIO()
    torch.save({"w": torch.ones(2)}, data)
    digits = hashlib.sha256(data.getvalue()).hexdigest()
    (tmp_path / f"net-{digits[:8]}.pth").write_bytes(data.getvalue())
    url = (tmp_path / f"net-{digits[:8]}.pth").as_uri()
    found = torch.hub.load_state_dict_from_url(url, progress=False, check_hash=True)
    assert found["w"].tolist() == [1, 1]
    assert (tmp_path / "hub" / "checkpoints" / f"net-{digits[:8]}.pth").exists()
    with pytest.raises(RuntimeError, match="invalid hash value"):
        torch.hub.download_url_to_file(url, str(tmp_path / "copy"), "0000", progress=False)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("copy")] == []
    with pytest.raises(ValueError, match="plain name"):
        torch.hub.load_state_dict_from_url(url, file_name="../escaped")


@pytest.mark.one_backend
def test_archives_stay_in_their_folder(backend, tmp_path):
    from plugtorch.frontend.hub import _extract_all

    for name in ("../outside", "/outside", "a/../../outside"):
        with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
            archive.writestr("inside", b"")
            archive.writestr(name, b"")
        (tmp_path / "into").mkdir(exist_ok=True)
        with pytest.raises(RuntimeError, match="outside the folder"):
            _extract_all(tmp_path / "bad.zip", tmp_path / "into")
        assert not list((tmp_path / "into").iterdir())


@pytest.mark.one_backend
def test_models_of_folders_and_repositories(backend, tmp_path, monkeypatch):
    monkeypatch.setattr("plugtorch.frontend.hub._hub_dir", str(tmp_path / "hub"))
    code = "dependencies = ['json']\ndef model(n=1):\n    'A number.'\n    return n + 1\ndef _hidden():\n    pass\n"
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "hubconf.py").write_text(code)
    assert torch.hub.load(tmp_path / "repo", "model", 4, source="local") == 5
    cached = tmp_path / "hub" / "someone_models_main"
    cached.mkdir(parents=True)
    (cached / "hubconf.py").write_text(code)
    assert torch.hub.list("someone/models:main") == ["model"]
    assert torch.hub.help("someone/models:main", "model") == "A number."
    with pytest.raises(RuntimeError, match="Cannot find callable"):
        torch.hub.load("someone/models:main", "other")
    monkeypatch.setattr("builtins.input", lambda _: "n")
    with pytest.raises(Exception, match="Untrusted"):
        torch.hub.load("stranger/models:main", "model")
    for bad in ("models", "../../etc/passwd", "a/b:../c"):
        with pytest.raises(ValueError):
            torch.hub.load(bad, "model")


def test_results_are_compared():
    t = torch.tensor
    torch.testing.assert_close({"a": [t([1.0, 2.0])]}, {"a": [t([1.0, 2.0000001])]})
    with pytest.raises(AssertionError, match=r"Greatest absolute difference: 1.0 at index \(1, 0\)(.|\n)*item \['a'\]\[0\]"):
        torch.testing.assert_close({"a": [t([[1.0], [3.0]])]}, {"a": [t([[1.0], [2.0]])]})
    with pytest.raises(AssertionError, match="'dtype' do not match"):
        torch.testing.assert_close(t([1.0]), t([1.0]).half())
    made = torch.testing.make_tensor(4, 5, dtype=torch.float32, device="cpu", low=2, high=3, exclude_zero=True)
    assert made.shape == (4, 5) and made.min().item() >= 2 and made.max().item() < 3


def test_futures_and_forks():
    future = torch.futures.Future()
    doubled = future.then(lambda f: f.wait() * 2)
    assert not doubled.done()
    future.set_result(3)
    assert doubled.wait() == 6 and torch.futures.wait_all([future, doubled]) == [3, 6]
    with pytest.raises(RuntimeError, match="once"):
        future.set_result(4)
    assert torch.jit.wait(torch.jit.fork(double, torch.tensor(2))).item() == 4


@pytest.mark.one_backend
def test_versions_compare_as_versions(backend):
    assert torch.__version__ >= "2.0" and torch.__version__ < (2, 20) and str(torch.__version__) == "0.1.0"
    version = torch.torch_version.TorchVersion
    assert version("2.10.0") > "2.9" and version("1.13.0a0") < "1.13" and version("2.1.0+cpu") == "2.1"
    assert pickle.loads(pickle.dumps(torch.__version__)) >= "2.13"


@pytest.mark.one_backend
def test_lazy_names_are_those_of_their_modules(backend):
    from plugtorch.frontend.jit import core, names, types

    assert sorted(names.CORE) == sorted(core.__all__) and sorted(names.TYPES) == sorted(types.__all__)
    assert str(torch.DictType(torch.StringType.get(), torch.ListType.ofInts())) == "Dict[str, List[int]]"
    assert torch.IntType.get().isSubtypeOf(torch.OptionalType(torch.IntType.get()))


@pytest.mark.one_backend
def test_what_is_not_offered_says_so(backend):
    from plugtorch.frontend.not_offered import REFUSED

    with pytest.raises(NotImplementedError, match="not offered: torch.onnx.register_custom_op_symbolic"):
        torch.onnx.register_custom_op_symbolic("a::b", None, 17)
    with pytest.raises(NotImplementedError, match="not offered: torch.export.unflatten: .*module()"):
        torch.export.unflatten(None)
    with pytest.raises(RuntimeError, match="not offered: torch.parse_ir"):
        torch.parse_ir("")
    with pytest.raises(NotImplementedError, match="not offered: torch.int4"):
        torch.zeros(2, dtype=torch.int4)
    assert not torch.onnx.is_in_onnx_export() and all(n in REFUSED for n in ("export.unflatten", "parse_ir", "int4"))


def test_ops_of_users_own():
    @torch.library.custom_op("compat_test::scaled", mutates_args=())
    def scaled(x: torch.Tensor, factor: float) -> torch.Tensor:
        return x.detach() * factor

    scaled.register_autograd(lambda ctx, g: (g * ctx.factor * 10, None),
                             setup_context=lambda ctx, inputs, output: setattr(ctx, "factor", inputs[1]))
    x = torch.ones(2, requires_grad=True)
    scaled(x, 3.0).sum().backward()
    assert x.grad.tolist() == [30, 30] and torch.ops.compat_test.scaled(x.detach(), 2.0).tolist() == [2, 2]


def test_operations_are_counted_and_statements_timed():
    net = nn.Linear(3, 5)
    with torch.utils.flop_counter.FlopCounterMode(net, display=False) as counter:
        net(torch.ones(4, 3)) @ torch.ones(5, 2)
    assert counter.get_total_flops() == 2 * 4 * 3 * 5 + 2 * 4 * 5 * 2
    assert counter.get_flop_counts()["Linear"] == {"linear": 120}
    timed = torch.utils.benchmark.Timer("x + 1", globals={"x": torch.ones(2)}).blocked_autorange(min_run_time=0.01)
    assert timed.median > 0 and f"{timed.number_per_run} runs per measurement" in repr(timed)


def test_chosen_results_of_a_checkpointed_part_are_kept():
    from plugtorch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

    runs = []

    def part(x):
        y = torch.mm(x, x)
        runs.append(1)
        return y.sin().cos() * x

    def policy(ctx, op, *args, **kwargs):
        asked.append((ctx.is_recompute, op.__name__))
        return CheckpointPolicy.MUST_SAVE if op.__name__ == "mm" else CheckpointPolicy.PREFER_RECOMPUTE

    x = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    part(x).sum().backward()
    want, x.grad, asked = x.grad, None, []
    for chosen in (policy, [torch.mm]):
        x.grad = None
        checkpoint(part, x, use_reentrant=False, context_fn=lambda c=chosen: create_selective_checkpoint_contexts(c)
                   ).sum().backward()
        assert torch.equal(x.grad, want)
    assert (True, "mm") in asked and len(runs) == 5


@pytest.mark.one_backend
def test_event_files_need_their_package(backend, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ModuleNotFoundError, match="tensorboardX"):
        torch.utils.tensorboard.SummaryWriter()


@pytest.mark.one_backend
def test_parameters_are_replaced_where_it_is_asked(backend):
    from plugtorch import __future__ as future

    net = nn.Linear(2, 2)
    weight = net.weight
    net.double()
    assert net.weight is weight
    future.set_overwrite_module_params_on_conversion(True)
    try:
        net.float()
    finally:
        future.set_overwrite_module_params_on_conversion(False)
    assert net.weight is not weight and weight.dtype is torch.float64 and net.weight.dtype is torch.float32


def test_steps_of_streams():
    from plugtorch.utils.data.datapipes.iter import IterableWrapper

    pipe = IterableWrapper(range(6)).map(lambda v: v * 2).filter(lambda v: v > 2).batch(2)
    assert [list(b) for b in pipe] == [[4, 6], [8, 10]]
    first = iter(pipe)
    next(first)
    next(iter(pipe))
    with pytest.raises(RuntimeError, match="invalidated"):
        next(first)
    left, right = IterableWrapper(range(4)).fork(2)
    assert list(left) == list(right) == [0, 1, 2, 3]
