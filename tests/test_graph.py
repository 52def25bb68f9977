"""The graph as users meet it: nodes and their names, saved tensors, threads, depth, checkpoints, ``functional``."""

from __future__ import annotations

import gc
import importlib
import threading
import weakref

import numpy as np
import pytest

import plugtorch as torch
from plugtorch.autograd import functional, graph
from plugtorch.utils.checkpoint import checkpoint, checkpoint_sequential


def leaf(*values, **kwargs):
    return torch.tensor(list(values), requires_grad=True, **kwargs)


def rows(*shape):
    return torch.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape).requires_grad_()


NAMES = {
    "x + y": "Add0", "1 - x": "Rsub1", "x - y": "Sub0", "x / y": "Div0", "2 / x": "Mul0", "x ** 2": "Pow0", "x ** y": "Pow1",
    "2 ** x": "Pow2", "x @ y.t()": "Mm0", "x @ x[0]": "Mv0", "x[0] @ x[0]": "Dot0", "torch.bmm(z, z)": "Bmm0",
    "x.sum()": "Sum0", "x.sum(0)": "Sum1", "x.mean(1)": "Mean1", "x.prod(0)": "Prod1", "x.std()": "Std0", "x.var(0)": "Var0",
    "x.max()": "Max1", "x.max(0)[0]": "Max0", "x.amax(0)": "Amax0", "x.norm()": "LinalgVectorNorm0",
    "x.clamp(0, 1)": "Clamp1", "x.clamp(y, y + 1)": "Clamp0", "x.masked_fill(x > 0, 0)": "MaskedFill0",
    "torch.stack([x, y])": "Stack0", "x.repeat(2, 1)": "Repeat0", "x.roll(1)": "Roll0", "x[0]": "Select0",
    "x[:, 1:]": "Slice0", "x[x > 0]": "Index0", "x.squeeze()": "Squeeze0", "x.unsqueeze(0).squeeze(0)": "Squeeze1",
    "x.double()": "ToCopy0", "x.clone()": "Clone0", "x.split(1)[0]": "Split0", "x.unbind()[0]": "Unbind0",
    "torch.addmm(x, z[0], y)": "Addmm0", "F.linear(x, y)": "Mm0", "F.linear(x, y, x[:, 0])": "Addmm0",
    "F.mse_loss(x, y)": "MseLoss0", "F.smooth_l1_loss(x, y)": "SmoothL1Loss0",
    "F.nll_loss(x, torch.tensor([0, 1]))": "NllLoss0", "F.binary_cross_entropy(x, y.detach())": "BinaryCrossEntropy0",
    "F.max_pool2d(z[None], 2)": "MaxPool2DWithIndices0", "F.avg_pool2d(z[None], 2)": "AvgPool2D0",
    "F.conv2d(z[None], torch.ones(1, 2, 1, 1), torch.ones(1))": "Convolution0", "F.hardtanh(x)": "Hardtanh0",
}


@pytest.mark.parametrize("call", NAMES)
def test_names_of_nodes(call):
    scope = {"x": rows(2, 3), "y": rows(2, 3), "z": rows(2, 2, 2), "F": torch.nn.functional, "torch": torch}
    node = eval(call, scope).grad_fn
    expected = f"{NAMES[call][:-1]}Backward{NAMES[call][-1]}"
    assert node.name() == type(node).__name__ == expected


def test_a_nodes_name_outlives_what_it_saved():
    x = leaf(1.0, 2.0)
    y = x ** x
    name = y.grad_fn.name()
    y.sum().backward()
    assert name == y.grad_fn.name() == "PowBackward1"


def test_several_results_have_one_node():
    q, r = torch.linalg.qr(rows(2, 2))
    assert q.grad_fn is r.grad_fn and (q.output_nr, r.output_nr) == (0, 1)
    log = []
    q.grad_fn.register_prehook(lambda gs: log.append([g is None for g in gs]))
    q.grad_fn.register_hook(lambda gi, go: log.append((len(gi), len(go))))
    r.sum().backward()
    assert log == [[True, False], (1, 2)]


def test_the_node_of_a_leaf_is_one_object_while_somebody_holds_it():
    x = leaf(1.0)
    y = x * 2
    node = y.grad_fn.next_functions[0][0]
    assert node is (x * 3).grad_fn.next_functions[0][0] and node.variable is x
    assert isinstance(node, graph.Node) and isinstance(y.grad_fn, graph.Node)
    gone = weakref.ref(node)
    del node
    assert gone() is not None  # y's graph holds it
    del y
    gc.collect()
    assert gone() is None


def test_hooks_of_a_leafs_node_last_as_long_as_the_graph():
    x, log = leaf(1.0), []
    y = x * 2
    y.grad_fn.next_functions[0][0].register_hook(lambda gi, go: log.append(go[0].item()))
    y.backward()
    del y
    gc.collect()
    (x * 3).backward()
    assert log == [2.0] and x.grad.item() == 5.0


def test_saved_tensors_go_through_hooks_and_back():
    x, packed, unpacked = leaf(1.0, 2.0), [], []

    def pack(t):
        packed.append(t)
        return t.detach().numpy().copy()

    def unpack(array):
        unpacked.append(array)
        return torch.tensor(array)

    with graph.saved_tensors_hooks(pack, unpack):
        y = (x * x.exp()).sin()
    z = y * y
    assert packed and not unpacked and any(t is x for t in packed)
    count = len(packed)
    z.sum().backward()
    assert len(packed) == count == len(unpacked)
    a = np.array([1.0, 2.0])
    expected = 2 * np.sin(a * np.exp(a)) * np.cos(a * np.exp(a)) * np.exp(a) * (1 + a)
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-4)


def test_packed_graphs_can_be_differentiated_twice():
    x = leaf(0.5, 1.5, dtype=torch.float64)
    with graph.saved_tensors_hooks(lambda t: t.detach() * 1, lambda t: t):
        y = (x ** 3).sum()
        g, = torch.autograd.grad(y, x, create_graph=True)
        gg, = torch.autograd.grad(g.sum(), x)
    np.testing.assert_allclose(gg.numpy(), 6 * x.detach().numpy())


def test_hooks_see_what_functions_and_layers_save():
    seen = []
    with graph.saved_tensors_hooks(lambda t: seen.append(tuple(t.shape)) or t, lambda t: t):
        norm = torch.nn.BatchNorm1d(3)
        x = rows(4, 3)
        y = norm(x)
        h, _ = torch.nn.LSTM(3, 2)(y[None])

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    with graph.saved_tensors_hooks(lambda t: seen.append("square") or t * 10, lambda t: t):
        z = Square.apply(h)
    g, = torch.autograd.grad(z.sum(), h, retain_graph=True)
    np.testing.assert_allclose(g.numpy(), 20 * h.detach().numpy(), rtol=1e-5)
    z.sum().backward()
    assert (4, 3) in seen and seen[-1] == "square" and bool(torch.isfinite(x.grad).all())


def test_memory_of_packed_tensors_goes_with_the_backward_pass():
    class Holder:
        def __init__(self, t):
            self.t = t

    alive = []

    def pack(t):
        holder = Holder(t.detach())
        alive.append(weakref.ref(holder))
        return holder

    x = leaf(1.0, 2.0)
    with graph.saved_tensors_hooks(pack, lambda h: h.t):
        y = x.exp().sin()
    assert all(r() is not None for r in alive)
    y.sum().backward()
    gc.collect()
    assert alive and all(r() is None for r in alive)


def test_hooks_are_local_to_the_thread():
    seen, done = [], []

    def other():
        y = leaf(1.0) * leaf(2.0)
        done.append(y.grad_fn._saved_self.item())

    with graph.saved_tensors_hooks(lambda t: seen.append(1) or t, lambda t: t):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert seen == [] and done == [1.0]


def test_a_gradient_edge_outlives_its_tensor():
    x = leaf(3.0)
    y = x * x
    edge = graph.get_gradient_edge(y)
    z = y * 2
    del y
    assert torch.autograd.grad(z, edge, retain_graph=True)[0].item() == 2.0
    assert torch.autograd.grad(edge, x)[0].item() == 6.0


def test_user_attributes_of_ctx_do_not_meet_the_engines():
    class Many(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.k, ctx.shape, ctx.dtype, ctx.plan, ctx.edges, ctx.saved, ctx.hooks = 2, 3, 4, 5, 6, 7, 8
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, h):
            return (g + h) * (ctx.k + ctx.shape + ctx.dtype + ctx.plan + ctx.edges + ctx.saved + ctx.hooks)

    x = leaf(1.0)
    a, b = Many.apply(x)
    (a + b).backward()
    assert x.grad.item() == 70.0


def test_asking_an_inner_tensor_for_its_gradient_warns():
    y = leaf(1.0) * 2
    with pytest.warns(UserWarning, match="not a leaf Tensor is being accessed"):
        assert y.grad is None
    y.retain_grad()
    y.backward()
    assert y.grad.item() == 1.0


def test_threads_lose_no_gradient():
    w = torch.ones(50, requires_grad=True)
    passes, workers, barrier = 40, 6, threading.Barrier(6)

    def work():
        barrier.wait()
        for _ in range(passes):
            (w * 2).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert w.grad.tolist() == [2.0 * passes * workers] * 50


def test_modes_belong_to_the_thread():
    seen = []
    with torch.no_grad(), torch.autograd.set_detect_anomaly(True):
        thread = threading.Thread(target=lambda: seen.append((torch.is_grad_enabled(),
                                                              torch.autograd.is_anomaly_enabled())))
        thread.start()
        thread.join()
    assert seen == [(True, False)]


def test_a_mode_that_ends_leaves_other_modes_alone():
    with torch.no_grad():
        torch.autograd.set_detect_anomaly(True)
    assert torch.autograd.is_anomaly_enabled() and torch.is_grad_enabled()
    torch.autograd.set_detect_anomaly(False)
    assert not torch.autograd.is_anomaly_enabled()


def test_deep_graphs_run_and_die():
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x + 0

        @staticmethod
        def backward(ctx, g):
            return g

    x = leaf(1.0)
    y = x
    for _ in range(5000):
        y = Same.apply(y).unbind(0)[0].reshape(1)
    y.backward()
    assert x.grad.item() == 1.0
    del y
    z = x
    for _ in range(20000):
        z = z + 1
    z.backward()
    del z
    assert x.grad.item() == 2.0


def test_a_backward_pass_inside_a_backward_pass():
    class Inner(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            with torch.enable_grad():
                z = ctx.saved_tensors[0].detach().requires_grad_()
                (z**2).sum().backward()
            return g * z.grad

    x = leaf(1.0, 2.0)
    Inner.apply(x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpoint_gives_the_same_gradients_and_frees_what_it_recomputes(reentrant):
    runs, kept = [], []

    def part(x):
        y = x.exp()
        runs.append(1)
        if not reentrant:
            kept.append(weakref.ref(y))
        return y.sin() * y

    x, same = leaf(0.1, 0.2), leaf(0.1, 0.2)
    out = checkpoint(part, x, use_reentrant=reentrant)
    gc.collect()
    assert all(r() is None for r in kept)
    out.sum().backward()
    y = same.exp()
    (y.sin() * y).sum().backward()
    assert len(runs) == 2
    np.testing.assert_allclose(x.grad.numpy(), same.grad.numpy(), rtol=1e-6)


def test_checkpointed_layers_with_dropout_and_batch_statistics():
    torch.manual_seed(3)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Dropout(0.5), torch.nn.ReLU(),
                                torch.nn.Linear(8, 2))
    x = rows(6, 4)
    gradients = []
    for parts in (None, 2):
        model.zero_grad()
        torch.manual_seed(7)
        out = model(x) if parts is None else checkpoint_sequential(model, parts, x, use_reentrant=False)
        out.sum().backward()
        gradients.append([p.grad.numpy().copy() for p in model.parameters()])
    for a, b in zip(*gradients):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_a_checkpoint_runs_again_on_the_backend_it_ran_on():
    made = []

    def part(x):
        ones = torch.ones(2)
        made.append(ones.backend)
        return x * ones.exp()

    x = leaf(1.0, 2.0)
    out = checkpoint(part, x, use_reentrant=False)
    with torch.backend("numpy"):
        out.sum().backward()
    assert made[0] == made[1]


def test_jacobian_and_hessian_of_a_quadratic():
    a = torch.tensor([[2.0, 1.0], [0.0, 3.0]])

    def quadratic(x):
        return x @ a @ x

    x = torch.tensor([1.0, 2.0])
    assert functional.jacobian(lambda v: a @ v, x).tolist() == a.tolist()
    assert functional.hessian(quadratic, x).tolist() == (a + a.t()).tolist()
    assert functional.hvp(quadratic, x, torch.tensor([1.0, 0.0]))[1].tolist() == (a + a.t())[0].tolist()
    assert functional.jacobian(lambda v: a @ v, x, vectorize=True, strategy="forward-mode").tolist() == a.tolist()


def test_public_modules_import_as_modules():
    for name, names in {
        "graph": ("Node", "GradientEdge", "saved_tensors_hooks", "save_on_cpu", "register_multi_grad_hook"),
        "function": ("Function", "FunctionCtx", "InplaceFunction", "NestedIOFunction", "once_differentiable"),
        "functional": ("vjp", "jvp", "jacobian", "hessian", "vhp", "hvp"), "grad_mode": ("no_grad", "inference_mode"),
        "anomaly_mode": ("detect_anomaly", "set_detect_anomaly"), "gradcheck": ("gradcheck", "gradgradcheck"),
        "variable": ("Variable",),
    }.items():
        module = importlib.import_module(f"plugtorch.autograd.{name}")
        assert all(hasattr(module, n) for n in names), name
    assert callable(torch.autograd.gradcheck)


def test_a_profile_times_kernels_labels_and_leaves_no_trace(backend):
    profiler = importlib.import_module("plugtorch.autograd.profiler")

    @profiler.record_function("step")
    def step(x):
        return (x @ x.t()).sum()

    x = rows(3, 4)
    with profiler.profile(record_shapes=True) as taken, profiler.record_function("all"):
        step(x).backward()
        thread = threading.Thread(target=lambda: step(x))
        thread.start()
        thread.join()
    by_name = {e.key: e for e in taken.key_averages()}
    assert by_name["step"].count == 2 and by_name["aten::matmul"].count >= 3 and by_name["all"].count == 1
    assert [3, 4] in [list(s) for e in taken.function_events if e.name == "aten::matmul" for s in e.input_shapes]
    whole = by_name["all"].cpu_time_total
    assert 0 < by_name["all"].self_cpu_time_total < whole
    text = taken.key_averages().table(sort_by="self_cpu_time_total", row_limit=3)
    assert "aten::" in text and "Self CPU time total" in text and len(text.splitlines()) <= 8
    kernel = x._k.matmul
    assert not vars(x._k).get("matmul") and not hasattr(kernel, "__wrapped__")
    with pytest.raises(RuntimeError, match="didn't finish"):
        profiler.profile().table()


def test_nested_structures_pass_through_a_function():
    class Scale(torch.autograd.function.NestedIOFunction):
        @staticmethod
        def forward_extended(ctx, pair):
            return {"a": pair[0] * 2, "b": pair[1][0] * 3}

        @staticmethod
        def backward_extended(ctx, g):
            return ((g["a"] * 2, [g["b"] * 3]),)

    x, y = leaf(1.0), leaf(2.0)
    out = Scale.apply((x, [y]))
    (out["a"] + out["b"]).backward()
    assert (x.grad.item(), y.grad.item()) == (2.0, 3.0)


def test_a_gradient_that_comes_back_with_anomaly_detection_tells_where_it_was_recorded():
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            raise ValueError("boom")

    class Recorded(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return Fails.apply(g)

    x, v = leaf(1.0), leaf(1.0)
    with pytest.warns(UserWarning) as caught, torch.autograd.detect_anomaly():
        y = Recorded.apply(x)  # the outer line
        g, = torch.autograd.grad(y, x, v, create_graph=True)  # the inner line
        with pytest.raises(ValueError, match="boom"):
            g.backward()
    texts = [str(w.message) for w in caught]
    assert any("Error detected in FailsBackward" in text and "the inner line" in text for text in texts)
    assert any("induced by RecordedBackward" in text and "the outer line" in text for text in texts)
