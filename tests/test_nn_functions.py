"""Functions of layers on every backend: identities, known values, gradients, and maps over them."""

from __future__ import annotations

import itertools
import math

import pytest

import plugtorch as torch
from plugtorch.autograd import gradcheck
from plugtorch.func import vmap
from plugtorch.nn import functional as F


def close(a, b, tolerance=1e-6):
    return a.shape == b.shape and float((a - b).abs().max()) <= tolerance


def collapsed(path, blank=0):
    return [label for label, _ in itertools.groupby(path) if label != blank]


def test_ctc_loss_sums_over_all_alignments():
    lp = torch.randn(4, 1, 3, dtype=torch.float64).log_softmax(2)
    for target in ([1], [1, 2], [2, 2], []):
        total = sum(math.exp(sum(float(lp[t, 0, s]) for t, s in enumerate(path)))
                    for path in itertools.product(range(3), repeat=4) if collapsed(path) == target)
        loss = F.ctc_loss(lp, torch.tensor([target or [1]]), [4], [len(target)], reduction="sum")
        assert math.isclose(float(loss), -math.log(total), rel_tol=1e-9)


def test_ctc_loss_of_an_input_that_is_too_short():
    logits = torch.randn(2, 1, 3, requires_grad=True)
    target = torch.tensor([[1, 1]])
    assert float(F.ctc_loss(logits.log_softmax(2), target, [2], [2])) == math.inf
    loss = F.ctc_loss(logits.log_softmax(2), target, [2], [2], zero_infinity=True)
    loss.backward()
    assert float(loss) == 0 and not logits.grad.any()


def test_ctc_gradient_by_logits():
    logits = torch.randn(5, 2, 4, dtype=torch.float64, requires_grad=True)

    def loss(x):
        return F.ctc_loss(x.log_softmax(2), torch.tensor([[1, 2], [3, 3]]), [5, 4], [2, 2], reduction="none")

    assert gradcheck(loss, (logits,))


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_an_identity_grid_samples_the_image(mode, padding):
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    theta = torch.tensor([[1.0, 0, 0], [0, 1, 0]], dtype=torch.float64).expand(2, 2, 3)
    for corners in (True, False):
        grid = F.affine_grid(theta, (2, 3, 4, 5), align_corners=corners)
        assert close(F.grid_sample(x, grid, mode, padding, corners), x, 1e-12)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_gradients_of_sampling(mode):
    x = torch.randn(1, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    grid = (torch.rand(1, 2, 2, 2, dtype=torch.float64) - 0.5).requires_grad_()
    assert gradcheck(lambda a, b: F.grid_sample(a, b, mode, "reflection", False), (x, grid))


def test_unpooling_undoes_pooling():
    x = torch.rand(2, 3, 6, 8) + 0.1
    y, indices = F.max_pool2d(x, 2, return_indices=True)
    back = F.max_unpool2d(y, indices, 2)
    assert back.shape == x.shape and bool(((back == x) | (back == 0)).all())
    assert close(F.max_pool2d(back, 2), y)
    with pytest.raises(ValueError):
        F.max_unpool2d(y, indices, 2, output_size=(20, 20))
    mapped = vmap(lambda a, i: F.max_unpool2d(a, i, 2))(y, indices)
    assert close(mapped, back)


def test_fractional_pooling_is_reproducible_and_takes_maxima():
    x = torch.rand(2, 3, 9, 10)
    torch.manual_seed(1)
    y, indices = F.fractional_max_pool2d(x, 3, output_size=(4, 5), return_indices=True)
    torch.manual_seed(1)
    assert close(F.fractional_max_pool2d(x, 3, output_size=(4, 5)), y)
    assert close(x.flatten(2).gather(2, indices.flatten(2)).reshape(y.shape), y)
    assert float(y[..., -1, -1].min()) >= float(x[..., -3:, -3:].amax((2, 3)).min())


def test_antialiasing_keeps_the_mean_of_a_constant_and_smooths():
    x = torch.ones(1, 1, 16, 16) * 3
    for mode in ("bilinear", "bicubic", "lanczos"):
        assert close(F.interpolate(x, (5, 7), mode=mode, antialias=True), torch.full((1, 1, 5, 7), 3.0), 1e-5)
    noise = torch.randn(1, 1, 64, 64)
    plain, smooth = (F.interpolate(noise, (8, 8), mode="bilinear", antialias=a).var() for a in (False, True))
    assert float(smooth) < float(plain) / 4


def test_pieces_of_a_linear_cross_entropy_add_up():
    x, w = torch.randn(7, 4), torch.randn(5, 4)
    target = torch.tensor([0, 4, -100, 2, 1, 1, 3])
    options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=3)
    for reduction in ("mean", "sum", "none"):
        grads = []
        for how in (None, options):
            a = w.clone().requires_grad_()
            loss = F.linear_cross_entropy(x, a, target, reduction=reduction, options=how)
            loss.sum().backward()
            grads.append((loss.detach(), a.grad))
        assert close(grads[0][0], grads[1][0], 1e-5) and close(grads[0][1], grads[1][1], 1e-5)


def test_groups_of_products():
    a, b = torch.randn(6, 4), torch.randn(2, 4, 8)
    ends = torch.tensor([2, 6], dtype=torch.int32)
    assert close(F.grouped_mm(a, b, offs=ends), torch.cat([a[:2] @ b[0], a[2:] @ b[1]]), 1e-5)
    with pytest.raises(RuntimeError, match="offsets"):
        F.grouped_mm(a, b)


def test_functions_of_torch_take_their_own_orders():
    x = torch.randn(4, 3, 5)
    mean, var = torch.zeros(3), torch.ones(3)
    y = torch.batch_norm(x, None, None, mean, var, True, 0.1, 1e-5, True)
    assert close(y, F.batch_norm(x, None, None, training=True))
    assert float(mean.abs().max()) > 0
    y, m, r = torch.native_layer_norm(x, [5], None, None, 1e-5)
    assert close(y, (x - m) * r, 1e-5)
    assert close(torch.embedding(torch.eye(4), torch.tensor([2, 0])), torch.eye(4)[torch.tensor([2, 0])])
    logits, target = torch.randn(6), torch.rand(6)
    assert close(torch.binary_cross_entropy_with_logits(logits, target, None, None, 2),
                 F.binary_cross_entropy_with_logits(logits, target, reduction="sum"))
    t = torch.tensor([-1.0, 2.0])
    assert torch.celu_(t) is t and float(t[0]) < 0 and not hasattr(t, "celu_")
    with pytest.raises(NotImplementedError, match="torch.convolution"):
        torch.cudnn_convolution(x, x, [0], [1], [1], 1, False, False, False)


@pytest.mark.one_backend
def test_the_names_of_lazily_imported_functions():
    from plugtorch.frontend import nn_functions, nn_names

    assert sorted(nn_functions.__all__) == list(nn_names.NAMES)
    x = torch.tensor([-1.0, 0.2, 2.0])
    assert close(x.hardshrink(), torch.hardshrink(x))
    assert close(x.prelu(torch.tensor(0.5)), torch.prelu(x, torch.tensor(0.5)))
