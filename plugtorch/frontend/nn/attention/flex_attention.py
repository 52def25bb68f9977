"""Attention with a function of the scores (Dong et al., "Flex attention", arXiv:2412.05496)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, TypedDict

from plugtorch.frontend.nn.attention.block_mask import (
    BlockMask,
    _sliced_mask_mod_error,
    and_masks,
    create_block_mask,
    create_mask,
    noop_mask,
    or_masks,
    over_positions,
    positions,
)
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec.dtypes import float32, float64

__all__ = ["AuxOutput", "AuxRequest", "BlockMask", "FlexKernelOptions", "and_masks", "create_block_mask", "create_mask",
           "flex_attention", "noop_mask", "or_masks"]

_BACKENDS = ("AUTO", "TRITON", "FLASH", "TRITON_DECODE")
_WHOLE = 1 << 30  # the block size of a mask that fits every length


class FlexKernelOptions(TypedDict, total=False):
    """Options of kernels, which make no difference here. Those for one direction have the prefix ``fwd_`` or ``bwd_``."""

    num_warps: int
    num_stages: int
    BLOCK_M: int
    BLOCK_N: int
    BLOCK_M1: int
    BLOCK_N1: int
    BLOCK_M2: int
    BLOCK_N2: int
    PRESCALE_QK: bool
    ROWS_GUARANTEED_SAFE: bool
    BLOCKS_ARE_CONTIGUOUS: bool
    WRITE_DQ: bool
    FORCE_USE_FLEX_ATTENTION: bool
    USE_TMA: bool
    kpack: int
    matrix_instr_nonkdim: int
    waves_per_eu: int
    BACKEND: str


class AuxRequest(NamedTuple):
    """What :func:`flex_attention` is to return beside its result."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What it returned: logarithms of the sums of the exponentials of the scores, and greatest scores; (B, Hq, L) or
    None."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


def _check_shapes(query: Tensor, key: Tensor, value: Tensor, block_mask: BlockMask | None, enable_gqa: bool) -> None:
    if query.is_nested or key.is_nested or value.is_nested:
        raise NotImplementedError("flex_attention does not support NestedTensor inputs, including "
                                  "torch.compile(flex_attention) with jagged NestedTensor inputs. Convert inputs to dense "
                                  "tensors before calling flex_attention.")
    if query.device != key.device or query.device != value.device:
        raise ValueError("Expected query, key, and value to have the same device type, but got query.device: "
                         f"{query.device}, key.device: {key.device}, and value.device: {value.device} instead.")
    if query.dim() < 2 or key.dim() < 2 or value.dim() < 2:
        raise ValueError("Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
                         f"{query.dim()}, key.dim: {key.dim()} and value.dim: {value.dim()} instead.")
    if query.size(-1) != key.size(-1):
        raise ValueError("Expect query and key/value to have the same embedding dimension "
                         f"but got E={query.size(-1)} and E={key.size(-1)}.")
    if query.dim() != 4 or key.dim() != 4 or value.dim() != 4:
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    heads, kv_heads, batch, kv_batch = query.size(1), key.size(1), query.size(0), key.size(0)
    if not enable_gqa and heads != kv_heads:
        raise ValueError(f"Expect query and key/value to have the same number of heads but got Hq={heads} and "
                         f"Hkv={kv_heads}. Try setting enable_gqa=True for GQA.")
    if heads % kv_heads:
        raise ValueError("Expect number of query heads to be a multiple of kv heads for GQA but got "
                         f"Hq={heads} and Hkv={kv_heads}.")
    if batch == kv_batch:
        return
    if block_mask is None:
        raise ValueError("Expect query and key/value to have the same batch size, or non-none block_mask, "
                         f"but got block_mask=None, Bq={batch}, and Bkv={kv_batch}.")
    masks = block_mask.kv_num_blocks.size(0)
    if masks != batch:
        raise ValueError("Expect query and key/value to have the same batch size, or block_mask and query to have the same "
                         f"batch size, but got Bq={batch}, Bkv={kv_batch}, B_block_mask={masks}.")
    if kv_batch != 1:
        raise RuntimeError(f"Bq and Bkv must broadcast. Got Bq={batch} and Bkv={kv_batch}")


def _check_mask(query: Tensor, key: Tensor, block_mask: BlockMask) -> None:
    if block_mask.mask_mod is _sliced_mask_mod_error:
        raise RuntimeError("Cannot use mask_mod from a sliced BlockMask")
    queries, keys = query.size(-2), key.size(-2)
    if block_mask.BLOCK_SIZE != (_WHOLE, _WHOLE) and (queries, keys) != block_mask.shape[-2:]:
        text = f"block_mask was created for block_mask.shape={block_mask.shape} but got q_len={queries} and kv_len={keys}. "
        if queries > block_mask.shape[-2] or keys > block_mask.shape[-1]:
            raise ValueError(text + "As the block mask was created for a smaller length than you're using it for, you "
                                    "likely need to create a new block mask.")
        raise ValueError(text + "As the block mask was created for a larger length than you're using it for, you can either "
                                "1. create a new block mask with the correct length, or 2. 'adjust' the existing block mask "
                                "to the correct length by calling block_mask._adjust(q_len, kv_len). This essentially "
                                "'crops' the block mask to the upper left corner, which does not work for all mask_mods!")
    if query.device != block_mask.kv_num_blocks.device:
        raise RuntimeError(f"Expect q/k/v and block_mask to be on the same device but got {query.device} and "
                           f"{block_mask.kv_num_blocks.device}.")


def _check_options(options: dict[str, Any]) -> None:
    if "BACKEND" in options and options.get("FORCE_USE_FLEX_ATTENTION", False):
        raise RuntimeError("BACKEND cannot be combined with legacy FORCE_USE_FLEX_ATTENTION. BACKEND supersedes the legacy "
                           "knob; please drop FORCE_USE_FLEX_ATTENTION and only specify the desired BACKEND.")
    if options.get("BACKEND", "AUTO") not in _BACKENDS:
        raise ValueError(f"Invalid BACKEND value '{options['BACKEND']}'. Must be one of {_BACKENDS}")
    for name in ("OUTPUT_LOGSUMEXP", "OUTPUT_MAX"):
        if name in options:
            raise AssertionError(f"{name} must not be in kernel_options")


def flex_attention(query: Tensor, key: Tensor, value: Tensor, score_mod: Callable | None = None,
                   block_mask: BlockMask | None = None, scale: float | None = None, enable_gqa: bool = False,
                   return_lse: bool = False, kernel_options: FlexKernelOptions | None = None, *,
                   return_aux: AuxRequest | None = None) -> Any:
    """``softmax(score_mod(query @ key^T * scale)) @ value`` over (B, Hq, L, E), (B, Hkv, S, E), (B, Hkv, S, Ev).

    All scores are computed, in float32 (float64 for float64), and functions are mapped over them by ``vmap``; gradients go
    through them, to the tensors that they capture as well. A query that attends to nothing gives zeros.

    Args:
        score_mod: ``score_mod(score, b, h, q_idx, kv_idx)``, from a scalar tensor and its place to the score to take.
        block_mask: the mask, of which ``mask_mod`` is used; see :func:`create_block_mask`.
        scale: ``1 / sqrt(E)`` by default.
        enable_gqa: Hq may be a multiple of Hkv; consecutive query heads share a key head.
        return_lse: return the logarithms of the sums of the exponentials of the scores, too; older than ``return_aux``.
        kernel_options: checked; no difference here.
        return_aux: what else to return, in an :class:`AuxOutput`.

    Returns:
        (B, Hq, L, Ev); with ``return_lse`` also (B, Hq, L), with ``return_aux`` also an :class:`AuxOutput`.

    Raises:
        ValueError: sizes do not fit, or ``return_lse`` together with ``return_aux``.
        NotImplementedError: inputs that are not 4-dimensional, or nested.
        RuntimeError: the mask is a part of another without a ``mask_mod`` of its own, or on another device.
    """
    _check_shapes(query, key, value, block_mask, enable_gqa)
    if block_mask is not None:
        _check_mask(query, key, block_mask)
    if return_lse and return_aux is not None:
        raise ValueError("Cannot specify both return_lse and return_aux. return_lse is deprecated, please use "
                         "return_aux=AuxRequest(lse=True) instead.")
    if return_lse:
        warnings.warn("return_lse is deprecated and will be removed in v2.10. Please use return_aux=AuxRequest(lse=True) "
                      "instead.", FutureWarning, stacklevel=2)
    _check_options(dict(kernel_options or {}))
    group = query.size(1) // key.size(1)
    if group > 1:
        key, value = key.repeat_interleave(group, 1), value.repeat_interleave(group, 1)
    scores = _scores(query, key, score_mod, block_mask, 1 / math.sqrt(query.size(-1)) if scale is None else scale)
    empty = (scores == -math.inf).all(-1)
    # Rows without a key are computed as if of zeros, as no gradient comes out of a softmax of -inf alone.
    safe = scores.masked_fill(empty.unsqueeze(-1), 0.0)
    weights = safe.softmax(-1).masked_fill(empty.unsqueeze(-1), 0.0)
    out = weights.to(query.dtype) @ value.to(query.dtype)
    if not return_lse and return_aux is None:
        return out
    lse = safe.logsumexp(-1).masked_fill(empty, -math.inf) if return_lse or return_aux.lse else None
    if return_aux is None:
        return out, lse
    return out, AuxOutput(lse, scores.amax(-1) if return_aux.max_scores else None)


def _scores(query: Tensor, key: Tensor, score_mod: Callable | None, block_mask: BlockMask | None, scale: float) -> Tensor:
    """(B, Hq, L, S), -inf where the mask is false."""
    precision = float64 if query.dtype is float64 else float32
    scores = query.to(precision) @ key.to(precision).transpose(-2, -1) * scale
    places = positions(tuple(scores.shape), scores.device)
    if score_mod is not None:
        scores = over_positions(score_mod, True)(scores, *places).to(precision)
    if block_mask is not None and block_mask.mask_mod is not noop_mask:
        scores = scores.masked_fill(~over_positions(block_mask.mask_mod, False)(*places), -math.inf)
    return scores
