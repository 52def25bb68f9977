"""Functions of layers that no layer calls in all their modes agree with PyTorch: values, gradients, errors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import plugtorch
from plugtorch.nn import functional as F

torch = pytest.importorskip("torch")
R = torch.nn.functional

pytestmark = pytest.mark.filterwarnings("ignore")


def ours(x, grad=False):
    if x.dtype is torch.bfloat16:
        return plugtorch.tensor(x.float().numpy()).to(plugtorch.bfloat16)
    return plugtorch.tensor(x.detach().numpy()).requires_grad_(grad)


def host(x):
    return x.detach().float().numpy() if "16" in str(x.dtype) else x.detach().numpy()


def agree(got, want, tolerance=1e-5):
    assert tuple(got.shape) == tuple(want.shape) and str(got.dtype) == str(want.dtype)
    np.testing.assert_allclose(host(got), host(want), rtol=tolerance, atol=tolerance)


def compare(function, *tensors, tolerance=1e-5):
    """A function of the library's ``functional`` and of tensors, all leaves: the result and the gradients."""
    theirs = [t.detach().clone().requires_grad_(t.is_floating_point()) for t in tensors]
    mine = [ours(t, t.is_floating_point()) for t in tensors]
    want, got = function(R, *theirs), function(F, *mine)
    agree(got, want, tolerance)
    weight = torch.randn_like(want)
    want.backward(weight)
    got.backward(ours(weight))
    for a, b in zip(mine, theirs, strict=True):
        if b.grad is not None:
            agree(a.grad, b.grad, tolerance * 10)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


MODES = [*itertools.product((2,), ("bilinear", "nearest", "bicubic")), *itertools.product((3,), ("bilinear", "nearest"))]


@pytest.mark.parametrize("corners", [True, False])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize(("dims", "mode"), MODES)
def test_grid_sample(dims, mode, padding, corners):
    for shape in ((5, 6, 4), (1, 3, 2)):
        x = torch.randn(2, 3, *shape[:dims], dtype=torch.float64)
        grid = torch.randn(2, 4, 3, *[2] * (dims - 2), dims, dtype=torch.float64) * 1.3
        compare(lambda f, x, grid: f.grid_sample(x, grid, mode, padding, corners), x, grid)
    x, grid = x.bfloat16(), grid.bfloat16()
    agree(F.grid_sample(ours(x), ours(grid), mode, padding, corners), R.grid_sample(x, grid, mode, padding, corners), 0)


@pytest.mark.parametrize("corners", [True, False])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 3, 1, 5), (2, 3, 2, 4, 5)])
def test_affine_grid(size, corners):
    dims = len(size) - 2
    compare(lambda f, theta: f.affine_grid(theta, size, corners), torch.randn(2, dims, dims + 1))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("zero_infinity", [True, False])
def test_ctc_loss(reduction, zero_infinity):
    rng = np.random.default_rng(0)
    for trial in range(12):
        steps, labels, blank = int(rng.integers(2, 12)), int(rng.integers(1, 5)), int(rng.integers(0, 5))
        lengths, inputs = rng.integers(0, labels + 1, 3).tolist(), rng.integers(steps // 2, steps + 1, 3).tolist()
        target = torch.tensor(rng.choice([c for c in range(5) if c != blank], (3, labels)))
        if trial % 2:
            target = torch.cat([target[i, :n] for i, n in enumerate(lengths)])
        x = torch.randn(steps, 3, 5, dtype=torch.float64)
        want = R.ctc_loss(x.log_softmax(2), target, inputs, lengths, blank, reduction, zero_infinity)
        if not torch.isfinite(want).all():
            agree(F.ctc_loss(ours(x).log_softmax(2), ours(target), inputs, lengths, blank, reduction, zero_infinity), want)
            continue
        for form in (lambda t: t, lambda t: t.log_softmax(2)):
            compare(lambda f, x, target=target, lengths=lengths, inputs=inputs, blank=blank, form=form: f.ctc_loss(
                form(x), target if f is R else ours(target), inputs, lengths, blank, reduction, zero_infinity), x)


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_fractional_pooling_draws_as_pytorch(n, dtype):
    x = torch.randn(2, 3, *(9, 8, 7)[:n]).to(dtype)
    for options in ({"output_size": (3,) * n}, {"output_ratio": (0.5,) * n}):
        for batch in (x, x[0]):
            torch.manual_seed(3)
            plugtorch.manual_seed(3)
            want = getattr(R, f"fractional_max_pool{n}d_with_indices")(batch, 2, **options)
            got = getattr(F, f"fractional_max_pool{n}d_with_indices")(ours(batch), 2, **options)
            agree(got[0], want[0], 0)
            agree(got[1], want[1], 0)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(3, 4), (13, 9), (7, 3), (1, 1)])
def test_antialiased_interpolation(mode, size):
    for corners in (False, True)[:1 + (mode != "lanczos")]:
        compare(lambda f, x, c=corners: f.interpolate(x, size, mode=mode, align_corners=c, antialias=True),
                torch.randn(2, 3, 7, 8))
    compare(lambda f, x: f.interpolate(x, scale_factor=0.6, mode=mode, antialias=True), torch.randn(2, 3, 7, 8))
    x = (torch.rand(2, 2, 7, 8) * 255).byte()
    agree(F.interpolate(ours(x), size, mode=mode, antialias=True), R.interpolate(x, size, mode=mode, antialias=True), 1)


def test_grouped_products():
    ends = torch.tensor([4, 16], dtype=torch.int32)
    for a, b, offs in ((torch.randn(16, 8), torch.randn(2, 8, 4), ends),
                       (torch.randn(2, 4, 16), torch.randn(16, 16), ends),
                       (torch.randn(4, 16), torch.randn(16, 8), ends), (torch.randn(2, 4, 16), torch.randn(2, 16, 8), None)):
        compare(lambda f, a, b, offs=offs: f.grouped_mm(a, b, offs=offs if f is R or offs is None else ours(offs)), a, b)


WRONG = [
    ("grid_sample", (2, 3, 4, 4), (2, 3, 3, 3)), ("grid_sample", (2, 3, 4, 4), (3, 3, 3, 2)),
    ("grid_sample", (2, 3, 4, 4), (2, 3, 2)), ("grid_sample", (2, 3, 0, 4), (2, 3, 3, 2)),
    ("conv_tbc", (5, 2), (2, 3, 4), (4,)), ("conv_tbc", (5, 2, 3), (2, 4, 4), (4,)),
    ("conv_tbc", (5, 2, 3), (2, 3, 4), (5,)),
    ("conv_tbc", (5, 2, 3), (2, 3), (5,)), ("embedding_bag", (3,), (4, 2)),
]


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_errors(case):
    name, *shapes = case
    raised = []
    for lib in (torch, plugtorch):
        with pytest.raises(Exception) as error:
            getattr(lib.nn.functional, name)(*(lib.zeros(shape) for shape in shapes))
        raised.append((error.type.__name__, str(error.value)))
    assert raised[1] == raised[0]


def test_errors_of_ctc_loss():
    for target, inputs, labels, blank in (
            ((2, 3), (5, 5), (3, 4), 0), ((2, 3), (5, 6), (3, 3), 0), ((2, 3), (5,), (3, 3), 0), ((2, 3), (5, 5), (3,), 0),
            ((2, 3), (5, 5), (3, 3), 7), ((5,), (5, 5), (3, 3), 0), ((2, 3), (-1, 5), (3, 3), 0),
            ((3, 3), (5, 5), (3, 3), 0)):
        raised = []
        for lib in (torch, plugtorch):
            with pytest.raises(RuntimeError) as error:
                lib.nn.functional.ctc_loss(lib.zeros(5, 2, 4), lib.ones(target, dtype=lib.int64), inputs, labels, blank)
            raised.append(str(error.value))
        assert raised[1] == raised[0]


# torch's own forms: (name, arguments), shapes in tuples, anything else as it is.
OWN = [
    ("batch_norm", (4, 3, 5), (3,), (3,), (3,), (3,), True, 0.1, 1e-5, True),
    ("layer_norm", (4, 5), [5], (5,), (5,), 1e-3, True),
    ("group_norm", (2, 4, 3), 2, (4,), (4,), 1e-5, True), ("rms_norm", (2, 4), [4]),
    ("instance_norm", (2, 4, 3), None, None, None, None, True, 0.1, 1e-5, True),
    ("prelu", (2, 3), (3,)), ("hardshrink", (4,), 0.3), ("celu", (4,), 0.7), ("selu", (4,)), ("threshold", (4,), 0.1, 2.0),
    ("rrelu", (4,)), ("conv1d", (2, 3, 6), (4, 3, 2)), ("conv_tbc", (6, 2, 3), (2, 3, 4), (4,), 1),
    ("convolution", (2, 3, 6), (4, 3, 2), (4,), [1], [0], [1], False, [0], 1),
    ("convolution", (2, 4, 6), (4, 3, 2), (3,), [2], [1], [1], True, [1], 1),
    ("max_pool1d", (2, 3, 6), 2), ("avg_pool1d", (2, 3, 6), 2), ("adaptive_avg_pool1d", (2, 3, 6), 4),
    ("grid_sampler", (1, 2, 4, 4), (1, 3, 3, 2), 2, 1, True), ("affine_grid_generator", (2, 2, 3), [2, 3, 4, 5], False),
    ("constant_pad_nd", (2, 3), [1, 2], 4.0), ("pairwise_distance", (3, 4), (3, 4)), ("cosine_similarity", (3, 4), (3, 4)),
    ("binary_cross_entropy_with_logits", (4,), (4,), None, None, 2), ("kl_div", (4,), (4,), 1),
    ("margin_ranking_loss", (4,), (4,), (4,), 0.2, 0), ("hinge_embedding_loss", (4,), (4,), 1.0, 1),
    ("triplet_margin_loss", (3, 4), (3, 4), (3, 4), 1.0, 2.0, 1e-6, True, 2),
    ("poisson_nll_loss", (4,), (4,), True, False, 1e-8, 1),
    ("norm_except_dim", (2, 3, 4), 2, 1), ("_weight_norm", (2, 3), (2, 1), 0), ("pixel_shuffle", (1, 4, 2, 2), 2),
    ("bilinear", (3, 4), (3, 5), (2, 4, 5), (2,)), ("_softmax_backward_data", (3, 4), (3, 4), 1, "float32"),
    ("lstm_cell", (2, 3), [(2, 4), (2, 4)], (16, 3), (16, 4)), ("gru_cell", (2, 3), (2, 4), (12, 3), (12, 4)),
]


def _argument(value, lib):
    if isinstance(value, tuple):
        t = torch.rand(value, generator=torch.Generator().manual_seed(sum(value)))
        return t if lib is torch else ours(t)
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return [_argument(v, lib) for v in value]
    return getattr(lib, value) if isinstance(value, str) else value


@pytest.mark.parametrize("case", OWN, ids=lambda case: case[0])
def test_own_forms_of_torch(case):
    name, *arguments = case
    want, got = (getattr(lib, name)(*(_argument(v, lib) for v in arguments)) for lib in (torch, plugtorch))
    for a, b in zip(*((x,) if not isinstance(x, tuple) else x for x in (got, want)), strict=True):
        agree(a, b)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_embedding_bag_with_its_notes(mode):
    weight, indices, offsets = torch.randn(10, 3), torch.tensor([1, 2, 4, 5, 4]), torch.tensor([0, 2, 2])
    for padding in (None, 4):
        rest = (False, mode, False, None, False, padding)
        want = torch.embedding_bag(weight, indices, offsets, *rest)
        got = plugtorch.embedding_bag(ours(weight), ours(indices), ours(offsets), *rest)
        for a, b in zip(got, want, strict=True):
            agree(a, b)


def test_vendors_functions_say_what_to_call_instead():
    from plugtorch.frontend import vendor_ops

    assert all(hasattr(torch, name) for name in vendor_ops.__all__)
    for name, instead in vendor_ops.INSTEAD.items():
        with pytest.raises(NotImplementedError, match="Could not run 'aten::" + name) as error:
            getattr(plugtorch, name)(plugtorch.zeros(2))
        assert instead in str(error.value)
    assert not plugtorch.cudnn_is_acceptable(plugtorch.zeros(2))
