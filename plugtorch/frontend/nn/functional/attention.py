"""Attention (Vaswani et al., arXiv:1706.03762)."""

from __future__ import annotations

import math

from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import BOOL

from ...activations import softmax
from ...amp.casting import autocasts
from ...creation import ones, zeros
from ...dispatch import rounded_once
from ...joining import cat
from ...linear import matmul
from ...shaping import expand, reshape, transpose, unsqueeze
from ...splitting import chunk
from .convolution import linear
from .dropout import dropout
from .padding import pad

__all__ = ["_canonical_mask", "_none_or_dtype", "multi_head_attention_forward", "scaled_dot_product_attention"]


def _none_or_dtype(input):
    """The dtype of an optional tensor."""
    return None if input is None else input.dtype


def _canonical_mask(mask, mask_name, other_type, other_name, target_type, check_other=True):
    """A mask in additive form: 0 where attended, -inf where a boolean mask is true.

    Raises:
        AssertionError: the mask is neither boolean nor floating.
    """
    if mask is None:
        return None
    if mask.dtype.category != BOOL and not mask.dtype.is_floating_point:
        raise AssertionError(f"only bool and floating types of {mask_name} are supported")
    if mask.dtype.category == BOOL:
        blank = zeros(tuple(mask.shape), dtype=target_type, device=mask.device).to(mask.device)
        return blank.masked_fill(mask, -math.inf)
    return mask


@autocasts
@rounded_once
def scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
                                 enable_gqa=False):
    """``softmax(query @ key^T * scale + mask) @ value`` over (..., L, E), (..., S, E), (..., S, Ev).

    A boolean mask is true where attention is allowed. ``enable_gqa`` repeats key and value heads.

    Raises:
        RuntimeError: a mask together with ``is_causal``.
    """
    if is_causal and attn_mask is not None:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if attn_mask is None and not dropout_p and not enable_gqa and _is_whole(query, key, value):
        factor = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
        return apply("attention", (query, key, value), {"scale": factor, "causal": bool(is_causal)})[0]
    return _attend(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)[0]


def _is_whole(query, key, value):
    """Whether one op computes it: real tensors of one dtype and equal leading sizes, none of them empty."""
    q, k, v = (tuple(t._a.shape) for t in (query, key, value))
    return (query.dtype is key.dtype is value.dtype and query.dtype.is_floating_point and len(q) >= 2 and q[:-2] == k[:-2]
            and k[:-1] == v[:-1] and q[-1] == k[-1] and 0 not in q and 0 not in v)


def _attend(query, key, value, mask, dropout_p, is_causal, scale, enable_gqa=False):
    """The result and the weights after dropout."""
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
        value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = matmul(query * factor, transpose(key, -2, -1))
    if is_causal:
        rows, columns = query.shape[-2], key.shape[-2]
        mask = ones(rows, columns, device=query.device).to(query.device).tril() > 0
    if mask is not None:
        if mask.dtype.category == BOOL:
            scores = scores.masked_fill(~mask, -math.inf)
        else:
            scores = scores + mask
    weights = softmax(scores, -1)
    if mask is not None and mask.dtype.category == BOOL:
        weights = weights.masked_fill(~mask.any(-1, keepdim=True), 0.0)  # a row that attends to nothing gives zeros
    weights = dropout(weights, dropout_p, True) if dropout_p else weights
    return matmul(weights, value), weights


def _project(query, key, value, weight, bias, separate):
    """Queries, keys and values from one packed weight (3E, E), or from three."""
    if separate is not None:
        biases = (None,) * 3 if bias is None else chunk(bias, 3, 0)
        return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), separate, biases, strict=True))
    if query is key and key is value:
        return chunk(linear(query, weight, bias), 3, -1)
    weights = chunk(weight, 3, 0)
    biases = (None,) * 3 if bias is None else chunk(bias, 3, 0)
    return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))


def multi_head_attention_forward(query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias, bias_k,
                                 bias_v, add_zero_attn, dropout_p, out_proj_weight, out_proj_bias, training=True,
                                 key_padding_mask=None, need_weights=True, attn_mask=None,
                                 use_separate_proj_weight=False, q_proj_weight=None, k_proj_weight=None,
                                 v_proj_weight=None, static_k=None, static_v=None, average_attn_weights=True,
                                 is_causal=False):
    """Multi-head attention of (L, N, E) queries with (S, N, E) keys and values (no N: unbatched).

    Returns:
        The result (L, N, E), and the weights (N, L, S) averaged over heads, per head (N, H, L, S), or None.

    Raises:
        RuntimeError: sizes do not fit.
        AssertionError: the embedding does not divide into the heads.
    """
    batched = query.dim() == 3
    if not batched:
        query, key, value = (unsqueeze(x, 1) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else unsqueeze(key_padding_mask, 0)
    length, batch, width = query.shape
    source = key.shape[0]
    if width != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}")
    if width % num_heads:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    q, k, v = _project(query, key, value, in_proj_weight, in_proj_bias, separate)
    padding = _canonical_mask(key_padding_mask, "key_padding_mask", None, "attn_mask", query.dtype)
    mask = _canonical_mask(attn_mask, "attn_mask", None, "", query.dtype)
    if mask is not None:
        want = ((length, source), (batch * num_heads, length, source))
        if tuple(mask.shape) not in want:
            raise RuntimeError(f"The shape of the {mask.dim()}D attn_mask is {mask.shape}, but should be "
                               f"{want[mask.dim() == 3]}.")
        if mask.dim() == 2:
            mask = unsqueeze(mask, 0)
    extra = 0
    if bias_k is not None:
        k, v = cat([k, bias_k.repeat(1, batch, 1)]), cat([v, bias_v.repeat(1, batch, 1)])
        extra += 1
    head = width // num_heads

    def heads(x):
        return transpose(reshape(x, (x.shape[0], batch * num_heads, head)), 0, 1)

    q = heads(q)
    k = heads(k) if static_k is None else static_k
    v = heads(v) if static_v is None else static_v
    if add_zero_attn:
        blank = zeros(batch * num_heads, 1, head, dtype=k.dtype, device=k.device).to(k)
        k, v = cat([k, blank], 1), cat([v, blank], 1)
        extra += 1
    if extra:
        mask = None if mask is None else pad(mask, (0, extra))
        padding = None if padding is None else pad(padding, (0, extra))
    source = k.shape[1]
    if padding is not None:
        spread = expand(reshape(padding, (batch, 1, 1, source)), batch, num_heads, 1, source)
        spread = reshape(spread, (batch * num_heads, 1, source))
        mask = spread if mask is None else mask + spread
    y, weights = _attend(q, k, v, mask, dropout_p if training else 0.0, False, None)
    y = reshape(transpose(y, 0, 1), (length * batch, width))
    y = reshape(linear(y, out_proj_weight, out_proj_bias), (length, batch, width))
    weights = reshape(weights, (batch, num_heads, length, source)) if need_weights else None
    if need_weights and average_attn_weights:
        weights = weights.mean(1)
    if not batched:
        y = y.squeeze(1)
        weights = None if weights is None else weights.squeeze(0)
    return y, weights
