"""The engine: accumulation, leaves, graph modes, hooks, versions, depth and memory."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest

import plugtorch as torch


def leaf(*values, **kwargs):
    return torch.tensor(list(values), requires_grad=True, **kwargs)


def test_gradients_add_up_over_uses_and_passes():
    x = leaf(1.0, 2.0)
    (x * x + x).sum().backward()
    assert x.grad.tolist() == [3.0, 5.0]
    (x * 2).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]


def test_two_leaves_never_share_one_gradient_array():
    x, y = leaf(1.0), leaf(2.0)
    (x + y).sum().backward()
    x.grad.mul_(10)
    assert y.grad.tolist() == [1.0]


def test_the_gradient_given_by_the_user_is_not_taken_over():
    x, g = leaf(1.0, 1.0), torch.tensor([1.0, 2.0])
    (x + 0).backward(g)
    x.grad.zero_()
    assert g.tolist() == [1.0, 2.0]


def test_broadcast_operands_get_summed_gradients():
    x, b = torch.ones(2, 3, requires_grad=True), torch.ones(3, requires_grad=True)
    c = torch.ones(2, 1, requires_grad=True)
    (x * b * c).sum().backward()
    assert b.grad.tolist() == [2.0, 2.0, 2.0] and c.grad.tolist() == [[3.0], [3.0]]


def test_gradients_have_the_dtype_of_their_operand():
    x = leaf(1.0, 2.0)
    y = leaf(1.0, 2.0, dtype=torch.float64)
    (x * y).sum().backward()
    assert x.grad.dtype is torch.float32 and y.grad.dtype is torch.float64


def test_backward_needs_a_scalar_or_a_gradient():
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (leaf(1.0, 2.0) * 2).backward()
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        torch.ones(1).backward()
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (leaf(1.0, 2.0) * 2).backward(torch.ones(3))


def test_a_graph_is_freed_unless_retained():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
    assert x.grad.item() == 8.0


def test_higher_derivatives():
    x = leaf(3.0)
    (first,) = torch.autograd.grad((x**4).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = torch.autograd.grad(second.sum(), x)
    assert (first.item(), second.item(), third.item()) == (108.0, 108.0, 72.0)


def test_grad_of_unused_and_materialized_inputs():
    x, y = leaf(1.0), leaf(1.0)
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        torch.autograd.grad((x * 2).sum(), [x, y])
    assert torch.autograd.grad((x * 2).sum(), [x, y], allow_unused=True)[1] is None
    assert torch.autograd.grad((x * 2).sum(), [x, y], materialize_grads=True)[1].tolist() == [0.0]
    with pytest.raises(ValueError, match="allow_unused"):
        torch.autograd.grad((x * 2).sum(), [x], allow_unused=False, materialize_grads=True)


def test_grad_leaves_grad_fields_alone_and_reaches_inner_tensors():
    x = leaf(2.0)
    y = x * x
    z = (y * 3).sum()
    gy, gx = torch.autograd.grad(z, [y, x])
    assert (gy.item(), gx.item()) == (3.0, 12.0) and x.grad is None


def test_backward_with_inputs_fills_only_those():
    x, w = leaf(2.0), leaf(5.0)
    (x * w).sum().backward(inputs=[x])
    assert x.grad.item() == 5.0 and w.grad is None


def test_modes_as_contexts_and_decorators():
    x = leaf(1.0)
    with torch.no_grad():
        assert not (x * 2).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad

    @torch.no_grad()
    def quiet():
        return x * 2

    assert not quiet().requires_grad and torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    assert not (x * 2).requires_grad
    torch.set_grad_enabled(True)
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_no_grad_on_a_generator_does_not_leak_into_its_caller():
    @torch.no_grad()
    def numbers():
        for _ in range(2):
            yield torch.is_grad_enabled()

    seen = []
    for inside in numbers():
        seen.append((inside, torch.is_grad_enabled()))
    assert seen == [(False, True)] * 2


def test_inference_tensors_cannot_be_saved():
    w = leaf(2.0)
    with torch.inference_mode():
        x = torch.ones(1) * 2
        assert x.is_inference() and not x.requires_grad
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        w * x
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor"):
        x.add_(1)
    assert (x.clone() * w).requires_grad


def test_leaf_rules():
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        x[0:1].add_(1)
    with torch.no_grad():
        x.add_(1)
    assert x.item() == 2.0 and x.is_leaf
    with pytest.raises(RuntimeError, match="can only change requires_grad flags of leaf"):
        (x * 2).requires_grad_(False)
    with pytest.raises(RuntimeError, match="only Tensors of floating point and complex dtype"):
        torch.tensor([1]).requires_grad_()


def test_a_saved_tensor_modified_in_place_is_an_error_that_names_the_op():
    x = leaf(1.0, 2.0)
    y = x * 2
    z = (y * y).sum()
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation: \[torch.FloatTensor \[2\]\], which is "
                                           r"output 0 of Mul, is at version 1; expected version 0"):
        z.backward()


def test_in_place_on_an_operand_that_is_not_saved_is_fine():
    x = leaf(1.0)
    y = x * 2
    z = y + 1
    y.zero_()
    z.sum().backward()
    assert x.grad.item() == 2.0


def test_in_place_products_keep_what_their_rule_needs():
    x, w = leaf(2.0), leaf(3.0)
    y = x * 1
    y.mul_(w)
    y.sum().backward()
    assert x.grad.item() == 3.0 and w.grad.item() == 2.0


def test_tensor_hooks_on_leaves_and_inner_tensors():
    x = leaf(1.0)
    seen = []
    x.register_hook(lambda g: seen.append(("x", g.item())))
    y = x * 2
    handle = y.register_hook(lambda g: g * 10)
    (y * 3).sum().backward()
    assert x.grad.item() == 60.0 and seen == [("x", 60.0)]
    handle.remove()
    x.grad = None
    (x * 2 * 3).sum().backward()
    assert x.grad.item() == 6.0


def test_a_leaf_hook_sees_the_whole_gradient_once():
    x = leaf(1.0)
    seen = []
    x.register_hook(lambda g: seen.append(g.item()))
    (x * 2 + x * 3).sum().backward()
    assert seen == [5.0]


def test_post_accumulate_hook_runs_after_the_gradient_is_there():
    x, seen = leaf(1.0), []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    (x * 2).sum().backward()
    assert seen == [2.0]


def test_retain_grad_keeps_inner_gradients():
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    (y * 3).sum().backward()
    assert y.grad.item() == 3.0 and y.retains_grad and not x.retains_grad


def test_results_with_several_outputs():
    x = torch.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
    values, indices = x.sort(1)
    assert not indices.requires_grad
    (values * torch.tensor([[1.0, 10.0, 100.0]])).sum().backward()
    assert x.grad.tolist() == [[100.0, 1.0, 10.0]]


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g


def test_custom_function_and_its_second_derivative():
    x = leaf(3.0)
    y = Square.apply(x)
    assert y.grad_fn.name() == "SquareBackward"
    (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (gg,) = torch.autograd.grad(g.sum(), x)
    assert (g.item(), gg.item()) == (6.0, 2.0)


def test_custom_function_with_several_results_and_arguments():
    class SumAndProduct(torch.autograd.Function):
        @staticmethod
        def forward(a, b, scale):
            return a + b, a * b * scale

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs[:2])
            ctx.scale = inputs[2]

        @staticmethod
        def backward(ctx, gs, gp):
            a, b = ctx.saved_tensors
            assert ctx.needs_input_grad == (True, True, False)
            return gs + gp * b * ctx.scale, gs + gp * a * ctx.scale, None

    a, b = leaf(2.0), leaf(3.0)
    s, p = SumAndProduct.apply(a, b, 10.0)
    (s + p).sum().backward()
    assert (a.grad.item(), b.grad.item()) == (31.0, 21.0)


def test_custom_function_errors():
    class Short(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            return a * b

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match=r"incorrect number of gradients \(expected 2, got 1\)"):
        Short.apply(leaf(1.0), leaf(1.0)).sum().backward()

    class Misshapen(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a * 2

        @staticmethod
        def backward(ctx, g):
            return torch.ones(7)

    with pytest.raises(RuntimeError, match="invalid gradient at index 0"):
        Misshapen.apply(leaf(1.0, 2.0)).sum().backward()


def test_gradcheck_accepts_right_and_refuses_wrong_gradients():
    x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: t.sin() * t, (x,))
    assert torch.autograd.gradgradcheck(lambda t: t.sin() * t, (x,))

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a * a

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(torch.autograd.GradcheckError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(Wrong.apply, (x,))
    assert torch.autograd.gradcheck(Wrong.apply, (x,), raise_exception=False) is False


DEEP = 100_000


def test_a_graph_of_a_hundred_thousand_ops(backend):
    deep = DEEP if backend == "numpy" else 5_000  # the engine is the same; only the array library is slower
    x = leaf(1.0)
    y = x
    for _ in range(deep):
        y = y + 1
    y.sum().backward()
    assert x.grad.item() == 1.0
    del y
    y = x
    for _ in range(deep):
        y = y * 1.0
    del y  # released without a backward pass, and without recursion


def test_saved_memory_goes_with_the_backward_pass():
    x = leaf(1.0, 2.0)
    y = x.exp()
    node = y.grad_fn
    assert node._kept
    y.sum().backward()
    assert node._kept is None


def test_a_training_loop_leaves_nothing_to_the_garbage_collector():
    w = torch.rand(4, 4, requires_grad=True)

    def step():
        h = (torch.rand(8, 4) @ w) * 2
        h[0].mul_(2)
        v = h.view(4, 8)
        v.add_(1)
        values, _ = torch.max(v.softmax(1), 1)
        loss = values.sum() + Square.apply(v).mean() + torch.cat([v, v]).std()
        loss.backward()
        w.grad = None
        return weakref.ref(h), weakref.ref(loss)

    step()
    gc.collect()
    gc.disable()
    try:
        held = [r for _ in range(5) for r in step()]
        assert [r() for r in held] == [None] * len(held)
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.one_backend
def test_the_collector_is_seldom_run_unless_the_user_chose_when():
    code = "import gc; {}import plugtorch; print(*gc.get_threshold())"
    found = [subprocess.run([sys.executable, "-c", code.format(chosen)], capture_output=True, text=True, check=True).stdout
             for chosen in ("", "gc.set_threshold(500, 7, 8); ", "gc.set_threshold(0); ")]
    assert [int(out.split()[0]) for out in found] == [10_000, 500, 0]
    assert found[1].split() == ["500", "7", "8"]


def test_anomaly_detection_names_the_node_and_shows_the_forward_line():
    x = leaf(0.0)
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        detecting = torch.autograd.detect_anomaly()
    with detecting:
        y = torch.sqrt(x) * 0  # the line to be shown
        with (
            pytest.warns(UserWarning, match=r"(?s)Error detected in SqrtBackward0.*the line to be shown"),
            pytest.raises(RuntimeError, match="Function 'SqrtBackward0' returned nan values in its 0th output"),
        ):
            y.sum().backward()
    torch.autograd.set_detect_anomaly(True)
    assert torch.autograd.is_anomaly_enabled()
    torch.autograd.set_detect_anomaly(False)
    (torch.sqrt(leaf(0.0)) * 0).sum().backward()
