"""Attention with functions of scores and positions, block masks and causal biases, against PyTorch's eager path."""

from __future__ import annotations

import importlib
import inspect
import math
import sys

import numpy as np
import pytest
from compare import agree

import plugtorch
import plugtorch.nn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")
LIBRARIES = (torch, plugtorch)
FLEX, BIAS = ({lib: importlib.import_module(f"{lib.__name__}.nn.attention.{name}") for lib in LIBRARIES}
              for name in ("flex_attention", "bias"))
B, H, L, S, E = 2, 4, 6, 10, 3
SCORES = {  # with the tensors that they capture: v (H,), w (L + S,), d (S,)
    "none": lambda lib, v, w, d: None,
    "relative": lambda lib, v, w, d: lambda s, b, h, q, k: s + (q - k),
    "slopes": lambda lib, v, w, d: lambda s, b, h, q, k: s + v[h] * (q - k) * 0.1,
    "table": lambda lib, v, w, d: lambda s, b, h, q, k: s + w[q - k + S - 1],
    "soft cap": lambda lib, v, w, d: lambda s, b, h, q, k: 2 * lib.tanh(s / 2) + v[h] * s ** 2,
    "causal": lambda lib, v, w, d: lambda s, b, h, q, k: lib.where(q >= k, s, -math.inf),
    "samples": lambda lib, v, w, d: lambda s, b, h, q, k: s * (b + 1) - v[h],
}
MASKS = {
    "none": None,
    "causal": lambda lib, d: lambda b, h, q, k: q >= k,
    "window": lambda lib, d: FLEX[lib].and_masks(lambda b, h, q, k: q >= k, lambda b, h, q, k: q - k < 2),
    "documents": lambda lib, d: FLEX[lib].or_masks(lambda b, h, q, k: d[q] == d[k], lambda b, h, q, k: k == 0),
    "empty rows": lambda lib, d: lambda b, h, q, k: (q > 2) & (h > b),
    "noop": lambda lib, d: FLEX[lib].noop_mask,
}


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    monkeypatch.setattr(FLEX[torch], "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True)


def inputs(lib, dtype="float64", heads=H):
    rng = np.random.default_rng(0)

    def made(*shape):
        return lib.tensor(rng.standard_normal(shape), dtype=getattr(lib, dtype))

    q, k, v = made(B, H, L, E), made(B, heads, S, E), made(B, heads, S, 5)
    return q, k, v, (made(H), made(L + S), lib.tensor(rng.integers(0, 3, S)))


def close(got, want, tolerance=1e-6):
    assert tuple(got.shape) == tuple(want.shape) and str(got.dtype) == str(want.dtype)
    np.testing.assert_allclose(got.detach().float().numpy(), want.detach().float().numpy(), tolerance, tolerance)


def mask_of(lib, name, captured, q, k, **options):
    if MASKS[name] is None:
        return None
    return FLEX[lib].create_block_mask(MASKS[name](lib, captured[-1]), B, H, q, k, device="cpu", **options)


@pytest.mark.parametrize(("score", "mask", "options"), [
    *[(score, "none", {}) for score in SCORES],
    *[("slopes", mask, {"scale": 0.7}) for mask in MASKS],
])
def test_results(score, mask, options):
    """With the logarithms of the sums, as a pair and in an AuxOutput."""
    results = []
    for lib in LIBRARIES:
        q, k, v, captured = inputs(lib)
        block_mask = mask_of(lib, mask, captured, L, S)
        function = SCORES[score](lib, *captured)
        out, lse = FLEX[lib].flex_attention(q, k, v, function, block_mask, return_lse=True, **options)
        again, aux = FLEX[lib].flex_attention(q, k, v, function, block_mask, **options,
                                              return_aux=FLEX[lib].AuxRequest(lse=True))
        assert aux._fields == ("lse", "max_scores") and aux.max_scores is None
        assert (again == out).all() and (aux.lse == lse).all()
        results.append((out, lse))
    for want, got in zip(*results, strict=True):
        close(got, want)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_grouped_heads_and_other_dtypes(dtype):
    results = []
    for lib in LIBRARIES:
        q, k, v, captured = inputs(lib, dtype, heads=2)
        results.append(FLEX[lib].flex_attention(q, k, v, SCORES["table"](lib, *captured), enable_gqa=True))
    close(results[1], results[0], 2e-2 if dtype == "bfloat16" else 1e-5)


def test_one_key_batch_for_all():
    results = []
    for lib in LIBRARIES:
        q, k, v, captured = inputs(lib)
        results.append(FLEX[lib].flex_attention(q, k[:1], v[:1], block_mask=mask_of(lib, "window", captured, L, S)))
    close(results[1], results[0])


def dense_torch(q, k, v, score, mask):
    """PyTorch refuses gradients on the CPU; what it computes there has them."""
    attention = sys.modules["torch._higher_order_ops.flex_attention"].math_attention
    block_mask = mask.as_tuple() if mask is not None else (FLEX[torch].noop_mask,)
    return attention(q, k, v, score or (lambda s, *_: s), block_mask, 1 / math.sqrt(E), {})[0]


@pytest.mark.parametrize(("score", "mask"), [("none", "none"), ("slopes", "window"), ("table", "documents"),
                                             ("soft cap", "causal"), ("samples", "none")])
def test_gradients(score, mask):
    """Also those of the tensors that the function of the scores captures."""
    gradients = []
    for lib in LIBRARIES:
        q, k, v, captured = inputs(lib)
        wanted = [t.requires_grad_() for t in (q, k, v, *captured[:2])]
        block_mask, function = mask_of(lib, mask, captured, L, S), SCORES[score](lib, *captured)
        out = dense_torch(q, k, v, function, block_mask) if lib is torch else FLEX[lib].flex_attention(q, k, v, function,
                                                                                                     block_mask)
        (out ** 2).sum().backward()
        gradients.append([t.grad for t in wanted])
    for want, got in zip(*gradients, strict=True):
        assert (want is None) == (got is None)
        if want is not None:
            close(got, want)


def test_queries_without_keys():
    """Zeros, and no gradient that is not a number, where PyTorch's dense form gives nan."""
    q, k, v, captured = inputs(plugtorch)
    mask = mask_of(plugtorch, "empty rows", captured, L, S)
    out, aux = FLEX[plugtorch].flex_attention(q.requires_grad_(), k.requires_grad_(), v, block_mask=mask,
                                              return_aux=FLEX[plugtorch].AuxRequest(True, True))
    out.sum().backward()
    assert not out[:, :, :3].any() and not q.grad[:, :, :3].any() and out[0, 1, 3:].all()
    assert plugtorch.isfinite(q.grad).all() and plugtorch.isfinite(k.grad).all()
    assert (aux.lse[:, :, :3] == -math.inf).all() and (aux.lse[0, 1, 3:] >= aux.max_scores[0, 1, 3:]).all()


TENSORS = ("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_num_blocks", "q_indices",
           "full_q_num_blocks", "full_q_indices")


def same_mask(got, want):
    for name in TENSORS:
        ours, theirs = getattr(got, name), getattr(want, name)
        assert (ours is None) == (theirs is None), name
        if theirs is not None:
            assert str(ours.dtype) == str(theirs.dtype), name
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=name)
    assert repr(got) == repr(want) and str(got) == str(want) and got.shape == want.shape and got.numel() == want.numel()
    assert len(got.as_tuple()) == len(want.as_tuple()) and len(got.as_tuple(False)) == len(want.as_tuple(False))
    np.testing.assert_array_equal(got.to_dense().numpy(), want.to_dense().numpy())


@pytest.mark.parametrize("options", [{"BLOCK_SIZE": 16}, {"BLOCK_SIZE": (16, 8)}, {"BLOCK_SIZE": 16, "separate_full_blocks":
                                                                                  False}, {}])
def test_block_masks(options):
    made = {lib: FLEX[lib].create_block_mask(lambda b, h, q, k: (q >= k) & (k > 20 * h + 10 * b), 2, 3, 70, 90, device="cpu",
                                             **options) for lib in LIBRARIES}
    want, got = made[torch], made[plugtorch]
    same_mask(got, want)
    assert got.to_string(3, 1) == want.to_string(3, 1)
    for index in (0, (slice(None), -1), (slice(0, 1), slice(1, 3))):
        same_mask(got[index], want[index])
    same_mask(got[0, :, plugtorch.tensor([0])], want[0, :, torch.tensor([0])])
    same_mask(got._adjust(33, 40), want._adjust(33, 40))
    same_mask(got.to("cpu"), want.to("cpu"))
    with pytest.raises(RuntimeError, match="Cannot use mask_mod from a sliced BlockMask"):
        got[0].mask_mod(*[plugtorch.tensor(0)] * 4)


@pytest.mark.parametrize("options", [{}, {"compute_q_blocks": False, "seq_lengths": (30, 40)}, {"BLOCK_SIZE": (16, 32)}])
def test_from_blocks(options):
    same_mask(*(FLEX[lib].BlockMask.from_kv_blocks(lib.tensor([[1, 2]], dtype=lib.int32),
                                                   lib.tensor([[[1, 0], [0, 1]]], dtype=lib.int32), **options)
                for lib in reversed(LIBRARIES)))


def test_masks_of_score_functions():
    masks = [FLEX[lib].create_mask(SCORES["causal"](lib, None, None, None), None, 2, 5, 7, "cpu") for lib in LIBRARIES]
    np.testing.assert_array_equal(masks[1].numpy(), masks[0].numpy())


PREPARED = """import importlib; f = importlib.import_module(torch.__name__ + '.nn.attention.flex_attention');
a = importlib.import_module(torch.__name__ + '.nn.attention.bias'); x = torch.ones(2, 4, 6, 8); y = torch.ones(1, 2, 6, 8);
m = lambda b, h, q, k: q >= k; bm = lambda q, k: f.create_block_mask(m, 1, 1, q, k, device='cpu');
n = lambda dtype: torch.zeros(1, dtype=dtype); """.replace("\n", " ")


@pytest.mark.parametrize("source", [
    "f.flex_attention(x, y, y)", "f.flex_attention(x, x[:1], x[:1])", "f.flex_attention(x, x[..., :3], x)",
    "f.flex_attention(x, x[:, :3], x[:, :3], enable_gqa=True)", "f.flex_attention(x[0], x[0], x[0])",
    "f.flex_attention(x, x, x, block_mask=bm(6, 7))", "f.flex_attention(x, x, x, block_mask=bm(5, 6))",
    "f.flex_attention(x, x[:1], x[:1], block_mask=bm(6, 6))", "f.flex_attention(x, x, x, block_mask=bm(6, 6)[0])",
    "f.flex_attention(x, x, x, return_lse=True, return_aux=f.AuxRequest())",
    "f.flex_attention(x, x, x, kernel_options={'BACKEND': 'X'})",
    "f.flex_attention(x, x, x, kernel_options={'OUTPUT_MAX': True})",
    "f.create_block_mask(lambda s, b, h, q, k: s, 1, 1, 2, 2, device='cpu')",
    "f.create_mask(lambda b: b, 1, 1, 2, 2, 'cpu')",
    "f.create_block_mask(m, 1, 1, 2, 2, device='cpu', dq_kv_order=n(torch.int64))",
    "f.and_masks(m, 3)", "f.or_masks(m, 3)", "f.BlockMask.from_kv_blocks(torch.ones(1), torch.ones(1))",
    "f.BlockMask.from_kv_blocks(torch.ones(1, 2), torch.ones(1, 2, 2), torch.ones(1, 2))",
    "a.causal_upper_left(3)", "a.causal_lower_right(3, 4, 5)", "a.CausalBias(1, 2, 3)",
    "torch.nn.functional.scaled_dot_product_attention(x, x, x, a.causal_upper_left(6, 6), is_causal=True)",
    "torch.nn.functional.scaled_dot_product_attention(x, x[:, :, :5] * 2, x[:, :, :5], a.causal_upper_left(6, 5))",
    "torch.nn.functional.scaled_dot_product_attention(x[:, :, :4], x, x, attn_mask=a.causal_lower_right(4, 6), scale=2.)",
    "torch.nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=0., attn_mask=a.causal_lower_right(6, 6))",
    "repr(a.causal_lower_right(2, 3)) + repr(a.causal_upper_left(2, 3)) + str(list(a.CausalVariant))",
])
def test_errors_and_biases(source):
    agree(PREPARED + source)
    if source.startswith(("f.flex", "f.create")):
        texts = []
        for lib in LIBRARIES:
            with pytest.raises(Exception) as error:  # noqa: PT011  (which one it is has been compared)
                exec(PREPARED + source, {"torch": lib})
            texts.append(str(error.value))
        assert texts[0].partition(" at 0x")[0] == texts[1].partition(" at 0x")[0]


def test_signatures():
    for name in ("flex_attention", "create_block_mask", "create_mask"):
        want, got = (inspect.signature(getattr(FLEX[lib], name)).parameters.values() for lib in LIBRARIES)
        assert [(p.name, p.kind, p.default) for p in got] == [(p.name, p.kind, p.default) for p in want], name
