"""Causal masks that ``scaled_dot_product_attention`` knows by their kind."""

from __future__ import annotations

import enum
import warnings
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import bool_

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(enum.IntEnum):
    """Where the triangle of a mask that is not square begins: query i sees the keys up to i (``UPPER_LEFT``), or the last
    query sees all keys (``LOWER_RIGHT``)."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """A causal mask: a boolean tensor (seq_len_q, seq_len_kv), true where attention is allowed; used, it is made anew on the
    device of the query.

    Args:
        variant: the kind of triangle.
        seq_len_q, seq_len_kv: numbers of queries and of keys.

    Raises:
        AssertionError: ``variant`` is no :class:`CausalVariant`.
        ValueError: in attention with ``is_causal=True``.
    """

    __module__ = "plugtorch"  # until it is made: subclasses of inner modules do not answer functions

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> CausalBias:
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be a CausalVariant, got {type(variant).__name__}")
        return _triangle(variant, seq_len_q, seq_len_kv, None).as_subclass(cls)

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> None:
        self.variant, self.seq_len_q, self.seq_len_kv = variant, seq_len_q, seq_len_kv
        if seq_len_q > seq_len_kv and variant == CausalVariant.LOWER_RIGHT:
            warnings.warn("Lower right causal bias will produce NaNs in the output when seq_len_q > seq_len_kv!",
                          stacklevel=2)

    def _materialize(self, device: Any = None) -> Tensor:
        """A plain boolean tensor on a device, the CPU by default."""
        return _triangle(self.variant, self.seq_len_q, self.seq_len_kv, Device("cpu") if device is None else device)

    @staticmethod
    def _dispatch(query: Tensor, key: Tensor, value: Tensor, attn_mask: CausalBias, dropout_p: float = 0.0,
                  is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False) -> Tensor:
        """Attention under the mask."""
        if is_causal:
            raise ValueError("CausalBias should not be used with causal=True")
        return F.scaled_dot_product_attention(query, key, value, attn_mask._materialize(query.device), dropout_p,
                                              scale=scale, enable_gqa=enable_gqa)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func.__name__ == "scaled_dot_product_attention":
            return cls._dispatch(*args, **(kwargs or {}))
        return super().__torch_function__(func, types, args, kwargs)

    def __repr__(self) -> str:
        return repr(self._materialize())


CausalBias.__module__ = __name__


def _triangle(variant: CausalVariant, rows: int, columns: int, device: Any) -> Tensor:
    corner = columns - rows if variant == CausalVariant.LOWER_RIGHT else 0
    return fn.ones(rows, columns, dtype=bool_, device=device).tril(corner)


def causal_upper_left(*size: int) -> CausalBias:
    """The mask ``tril(ones(size))``.

    Raises:
        AssertionError: there are not two sizes.
    """
    if len(size) != 2:
        raise AssertionError("causal_upper_left only supports 2D tensors")
    return CausalBias(CausalVariant.UPPER_LEFT, *size)


def causal_lower_right(*size: int) -> CausalBias:
    """The mask ``tril(ones(size), size[1] - size[0])``.

    Raises:
        AssertionError: there are not two sizes.
    """
    if len(size) != 2:
        raise AssertionError("causal_lower_right only supports 2D tensors")
    return CausalBias(CausalVariant.LOWER_RIGHT, *size)
