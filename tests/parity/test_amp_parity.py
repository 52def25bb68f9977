"""Mixed precision against PyTorch: which dtypes come out of functions within autocast, the scaler's numbers, the
settings."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compare import agree  # noqa: E402

import plugtorch  # noqa: E402

SETUP = ("rng = np.random.default_rng(0); X = rng.normal(size=(3, 3)).astype('f'); W = rng.normal(size=(3, 3)).astype('f'); "
         "F = torch.nn.functional; x = torch.tensor(X); w = torch.tensor(W).requires_grad_(); "
         "h = torch.tensor(X).bfloat16(); "
         "run = lambda f, **k: (torch.autocast('cpu', **k)(f)())")
CALLS = [
    "x @ w", "torch.mm(x, w)", "torch.addmm(x, x, w)", "torch.baddbmm(x[None], x[None], w[None])", "torch.bmm(x[None], "
                                                                                                   "w[None])",
    "F.linear(x, w)", "F.linear(x, w, x[0])", "torch.einsum('ij,jk', x, w)", "torch.tensordot(x, w, 1)",
    "F.conv2d(x[None, None], w[None, None])", "F.conv_transpose1d(x[None], w[:, :, None])",
    "F.scaled_dot_product_attention(x[None], x[None], w[None])", "torch.linalg.multi_dot([x, w, x])",
    "torch.linalg.vecdot(x, w)",
    "x.mv(x[0])", "x[0].dot(x[0])", "torch.vdot(x[0], x[1])", "torch.outer(x[0], x[1])", "torch.addmv(x[0], x, x[1])",
    "F.softmax(h, 0)", "F.log_softmax(h, 0)", "torch.exp(h)", "h.log()", "h.sum()", "h.prod()", "h.cumsum(0)", "h.mean()",
    "h.norm()", "h.pow(2)", "h * x", "h + h", "F.gelu(h)", "F.layer_norm(h, (3,))", "F.softplus(h)", "F.normalize(h)",
    "torch.cat([x, h])", "torch.stack([x, h])", "torch.cat([h, h])", "F.mse_loss(h, h * 2)", "F.l1_loss(h, h * 2)",
    "F.smooth_l1_loss(h, h * 2)", "F.huber_loss(h, h * 2)", "F.cross_entropy(h, torch.tensor([0, 1, 2]))",
    "F.nll_loss(h, torch.tensor([0, 1, 2]))", "F.kl_div(h, h)", "F.binary_cross_entropy(h.sigmoid(), h.sigmoid())",
    "F.binary_cross_entropy_with_logits(h, h.sigmoid())", "F.cosine_embedding_loss(h, h, torch.ones(3).bfloat16())",
    "F.triplet_margin_loss(h, h * 2, h * 3)", "F.avg_pool2d(h[None], 2)", "F.avg_pool3d(h[None, None], 2)",
    "F.max_pool3d(h[None, None], 2)", "F.bilinear(x, x, w[None])", "h.trace()", "torch.linalg.inv(h + torch.eye(3))",
    "torch.linalg.svdvals(h)", "torch.linalg.norm(h)", "x.double() @ w.double()", "x.long() @ x.long()",
    "x.clone().addmm_(x, w.detach())", "torch.nn.LSTM(3, 3)(x)[0]", "torch.nn.GRU(3, 3)(x)[0]", "torch.nn.RNN(3, 3)(x)[0]",
    "torch.nn.Linear(3, 2)(x)", "torch.nn.Conv1d(3, 2, 1)(x[None])", "torch.nn.TransformerEncoderLayer(4, 2, "
                                                                     "8)(x.new_zeros(2, 2, 4))",
    "torch.quantile(x, 0.5)", "torch.cdist(h, h)",
]


# PyTorch joins no bfloat16 within float16, and its LSTM has no float16.
ONE_SHORT_DTYPE = {"torch.cat([h, h])", "torch.nn.LSTM(3, 3)(x)[0]"}


@pytest.mark.parametrize("call, dtype", [(call, dtype) for call in CALLS for dtype in ("torch.bfloat16", "torch.float16")
                                         if dtype == "torch.bfloat16" or call not in ONE_SHORT_DTYPE])
def test_dtype_of_results(call, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(f"{SETUP}; str(run(lambda: {call}, dtype={dtype}).dtype)")


CASES = [
    "y = run(lambda: (x @ w).float().sum()); y.backward(); w.grad",
    "with_off = torch.autocast('cpu')(lambda: torch.autocast('cpu', enabled=False)(lambda: str((x @ w).dtype))()); "
    "with_off()",
    "a = torch.autocast('cpu'); a.__enter__(); b = (x @ w, torch.is_autocast_enabled('cpu')); a.__exit__(None, None, None); "
    "(str(b[0].dtype), b[1], torch.is_autocast_enabled('cpu'), torch.is_autocast_enabled())",
    "(str(torch.get_autocast_dtype('cpu')), str(torch.get_autocast_dtype('cuda')), str(torch.get_autocast_cpu_dtype()), "
    "torch.is_autocast_cache_enabled())",
    "torch.autocast('foo')", "torch.autocast()", "torch.autocast(3)", "torch.amp.custom_fwd(device_type=3)",
    "torch.amp.is_autocast_available('cpu')", "torch.amp.is_autocast_available('cuda')",
    "torch.amp.GradScaler('cpu').state_dict()",
    "s = torch.amp.GradScaler('cpu', growth_interval=1); p = torch.nn.Parameter(torch.ones(2)); "
    "o = torch.optim.SGD([p], 0.1); s.scale((p * 2).sum()).backward(); g = p.grad.clone(); s.step(o); s.update(); "
    "(g, p.grad, p.detach(), s.get_scale(), s.state_dict())",
    "s = torch.amp.GradScaler('cpu'); p = torch.nn.Parameter(torch.ones(2)); o = torch.optim.SGD([p], 0.1); "
    "s.scale((p * float('inf')).sum()).backward(); s.step(o); s.update(); (p.detach(), s.get_scale())",
    "s = torch.amp.GradScaler('cpu'); p = torch.nn.Parameter(torch.ones(2)); o = torch.optim.SGD([p], 0.1); "
    "s.scale(p.sum()).backward(); s.unscale_(o); s.unscale_(o)",
    "s = torch.amp.GradScaler('cpu'); o = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], 0.1); s.step(o)",
    "s = torch.amp.GradScaler('cpu'); s.update()", "torch.amp.GradScaler('cpu', growth_factor=1.0)",
    "torch.amp.GradScaler('cpu', backoff_factor=1.0)",
    "s = torch.amp.GradScaler('cpu'); s.scale(torch.ones(1)); s.update(4.0); (s.get_scale(), s.scale([torch.ones(1)]))",
    "s = torch.amp.GradScaler('cpu'); s.scale(3)", "s = torch.amp.GradScaler('cpu', enabled=False); "
                                                   "(s.scale(torch.ones(1)), s.get_scale())",
]


@pytest.mark.parametrize("case", CASES)
def test_behaviour(case):
    agree(f"{SETUP}; {case}", tolerance=2e-2)


def test_the_lists_name_functions_that_cast():
    """Each listed function is marked, so that none is listed in vain."""
    from plugtorch.frontend.amp import lists

    inline = {"linear", "matmul", "sum", "lstm", "gru", "rnn_tanh", "rnn_relu", "conv_tbc",
              *plugtorch.frontend.pointwise.FLOATING}
    spaces = [plugtorch, plugtorch.nn.functional, plugtorch.linalg, plugtorch.fft, plugtorch.Tensor]
    unmarked = [name for name in sorted(lists.EVERY - inline)
                if not any(hasattr(getattr(space, name, None), "autocasts") for space in spaces)]
    assert unmarked == []


def test_casts_of_weights_are_kept_for_the_block():
    x, w = plugtorch.ones(2, 2), plugtorch.nn.Parameter(plugtorch.ones(2, 2))
    with plugtorch.autocast("cpu"):
        first, second = x @ w, x @ w
        edges = [y.grad_fn.next_functions[1][0] for y in (first, second)]
        assert edges[0] is edges[1]
        w.requires_grad_(False)
    with plugtorch.autocast("cpu", cache_enabled=False):
        assert (x @ w).dtype is plugtorch.bfloat16
    np.testing.assert_array_equal((first + second).detach().float().numpy(), 4)
