"""Masks of attention as functions of positions, and the blocks of queries and keys that such a mask leaves to compute.

A mask function ``mask_mod(b, h, q_idx, kv_idx)`` takes scalar tensors and returns a boolean one: true where query ``q_idx``
of head ``h`` of sample ``b`` attends to key ``kv_idx``.
"""

from __future__ import annotations

import inspect
import itertools
import math
import warnings
from collections.abc import Callable
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.func.vmap import vmap
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec.dtypes import bool_, int8, int32

__all__ = ["BlockMask", "and_masks", "create_block_mask", "create_mask", "noop_mask", "or_masks"]

_BLOCK = 128
_SLICED = ("Cannot use mask_mod from a sliced BlockMask. A part of a mask counts positions from its own beginning, which "
           "the function of the whole does not know: set mask_mod from the whole mask's, with an offset.")


def noop_mask(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """The mask function that allows everything."""
    return batch.new_ones((), dtype=bool_)


def _sliced_mask_mod_error(batch: Tensor, head: Tensor, token_q: Tensor, token_kv: Tensor) -> Tensor:
    """The mask function of a part of a :class:`BlockMask`.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(_SLICED)


def _joined(mask_mods: tuple[Callable, ...], every: bool) -> Callable:
    if not all(callable(mask) for mask in mask_mods):
        raise RuntimeError(f"All inputs should be callable mask_mods: {mask_mods}")

    def mask_mod(b: Tensor, h: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
        result = b.new_full((), every, dtype=bool_)
        for mask in mask_mods:
            found = mask(b, h, q_idx, kv_idx)
            result = result & found if every else result | found
        return result

    return mask_mod


def or_masks(*mask_mods: Callable) -> Callable:
    """The mask function that is true where one of some is.

    Raises:
        RuntimeError: one of them cannot be called.
    """
    return _joined(mask_mods, False)


def and_masks(*mask_mods: Callable) -> Callable:
    """The mask function that is true where all of some are; errors as of :func:`or_masks`."""
    return _joined(mask_mods, True)


def over_positions(function: Callable, takes_score: bool) -> Callable:
    """A function of a scalar score (if ``takes_score``) and four positions as one of (B, H, L, S) scores and of the
    positions along each dimension."""
    first = (0,) if takes_score else ()
    for dim in (3, 2, 1, 0):
        function = vmap(function, in_dims=(*first, *(0 if i == dim else None for i in range(4))))
    return function


def positions(shape: tuple[int, int, int, int], device: Any) -> list[Tensor]:
    """The positions along each dimension of the scores."""
    return [fn.arange(n, device=device) for n in shape]


def _takes_score(mod: Callable) -> bool:
    """Whether a function is one of scores, by its number of arguments without default.

    Raises:
        AssertionError: it takes neither four nor five.
    """
    count = sum(p.default is inspect.Parameter.empty for p in inspect.signature(mod).parameters.values())
    if count not in (4, 5):
        raise AssertionError(f"Expected 4 or 5 positional args, got {count}")
    return count == 5


def create_mask(mod_fn: Callable, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int,  # noqa: N803
                device: Any = None) -> Tensor:
    """The boolean mask (B, H, Q_LEN, KV_LEN) of a mask function, or of a function of scores: false where it gives -inf.

    Args:
        mod_fn: ``mask_mod(b, h, q_idx, kv_idx)`` or ``score_mod(score, b, h, q_idx, kv_idx)``.
        B, H: samples and heads; None for 1.
        device: the default device by default.

    Raises:
        AssertionError: the function takes neither four nor five arguments.
    """
    shape = (B or 1, H or 1, Q_LEN, KV_LEN)
    if _takes_score(mod_fn):
        return ~fn.isneginf(over_positions(mod_fn, True)(fn.zeros(shape, device=device), *positions(shape, device)))
    return over_positions(mod_fn, False)(*positions(shape, device))


def _dense(counts: Tensor, indices: Tensor) -> Tensor:
    """int32 (..., rows, columns): 1 at the first ``counts`` (..., rows) of the columns that ``indices``, of the same shape,
    lists."""
    columns = indices.shape[-1]
    listed = fn.arange(columns, device=indices.device) < counts.unsqueeze(-1)
    # What is not listed goes to a column past the end.
    where = fn.where(listed, indices, columns).long()
    blank = fn.zeros((*indices.shape[:-1], columns + 1), dtype=int32, device=indices.device)
    return blank.scatter(-1, where, 1)[..., :columns].contiguous()


def _ordered(dense: Tensor) -> tuple[Tensor, Tensor]:
    """How many columns of each row are set, and all columns, those in front: the inverse of :func:`_dense`."""
    dense = dense.to(int32)
    return dense.sum(-1).to(int32), fn.argsort(dense, dim=-1, descending=True, stable=True).to(int32)


def _transposed(counts: Tensor | None, indices: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
    return (None, None) if counts is None else _ordered(_dense(counts, indices).transpose(-2, -1))


def _check_pair(name: str, counts: Tensor | None, indices: Tensor | None) -> None:
    if (counts is None) != (indices is None):
        raise AssertionError(f"full_{name}_num_blocks and full_{name}_indices must be both provided or omitted")


class BlockMask:
    """A mask function together with the blocks of queries and keys in which it is true somewhere.

    For each row of blocks ``kv_num_blocks`` (B, H, rows) counts the blocks that the mask cuts, and ``kv_indices`` (B, H,
    rows, columns) lists them first; ``full_kv_*`` do so for the blocks that are true everywhere, and ``q_*`` for the
    columns. Made by :func:`create_block_mask` or :meth:`from_kv_blocks`.

    A kernel may skip blocks that are not listed; attention computed densely goes by ``mask_mod`` alone. The ``dq_*`` values
    are for such kernels, and kept.

    Raises:
        RuntimeError: ``kv_indices`` has fewer than two dimensions.
        AssertionError: one of a pair of counts and indices is missing.
        ValueError: ``dq_write_order_full`` without ``dq_write_order``.
    """

    _TENSORS = ("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_num_blocks", "q_indices",
                "full_q_num_blocks", "full_q_indices", "dq_write_order", "dq_write_order_full", "dq_kv_order")

    def __init__(self, seq_lengths: tuple[int, int], kv_num_blocks: Tensor, kv_indices: Tensor,
                 full_kv_num_blocks: Tensor | None, full_kv_indices: Tensor | None, q_num_blocks: Tensor | None,
                 q_indices: Tensor | None, full_q_num_blocks: Tensor | None, full_q_indices: Tensor | None,
                 BLOCK_SIZE: tuple[int, int] = (_BLOCK, _BLOCK), mask_mod: Callable = noop_mask, *,  # noqa: N803
                 dq_write_order: Tensor | None = None, dq_write_order_full: Tensor | None = None,
                 dq_kv_order: Tensor | None = None, dq_kv_order_spt: bool | None = None) -> None:
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        _check_pair("kv", full_kv_num_blocks, full_kv_indices)
        _check_pair("q", full_q_num_blocks, full_q_indices)
        if dq_write_order_full is not None and dq_write_order is None:
            raise ValueError("dq_write_order_full requires dq_write_order")
        self.seq_lengths = seq_lengths
        self.kv_num_blocks, self.kv_indices = kv_num_blocks, kv_indices
        self.full_kv_num_blocks, self.full_kv_indices = full_kv_num_blocks, full_kv_indices
        self.q_num_blocks, self.q_indices = q_num_blocks, q_indices
        self.full_q_num_blocks, self.full_q_indices = full_q_num_blocks, full_q_indices
        self.dq_write_order, self.dq_write_order_full = dq_write_order, dq_write_order_full
        self.dq_kv_order, self.dq_kv_order_spt = dq_kv_order, dq_kv_order_spt
        self.BLOCK_SIZE = BLOCK_SIZE
        self.mask_mod = mask_mod

    @classmethod
    def from_kv_blocks(cls, kv_num_blocks: Tensor, kv_indices: Tensor, full_kv_num_blocks: Tensor | None = None,
                       full_kv_indices: Tensor | None = None, BLOCK_SIZE: int | tuple[int, int] = _BLOCK,  # noqa: N803
                       mask_mod: Callable | None = None, seq_lengths: tuple[int, int] | None = None,
                       compute_q_blocks: bool = True, *, dq_write_order: Tensor | None = None,
                       dq_write_order_full: Tensor | None = None,
                       dq_kv_order: Tensor | bool | None = None) -> BlockMask:
        """A mask of the blocks of each row; those of each column are found from them, unless ``compute_q_blocks`` is False.

        Args:
            BLOCK_SIZE: queries and keys per block, or one number for both.
            mask_mod: the mask function; everything is allowed by default.
            seq_lengths: numbers of queries and keys; those of whole blocks by default.

        Raises:
            RuntimeError: ``kv_indices`` has fewer than two dimensions.
            AssertionError: one of ``full_kv_num_blocks`` and ``full_kv_indices`` is missing.
        """
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        _check_pair("kv", full_kv_num_blocks, full_kv_indices)
        if dq_kv_order is not None and not isinstance(dq_kv_order, (bool, Tensor)):
            raise ValueError("dq_kv_order must be a bool, Tensor, or None")
        size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
        columns: tuple = (None,) * 4
        if compute_q_blocks:
            columns = (*_transposed(kv_num_blocks, kv_indices), *_transposed(full_kv_num_blocks, full_kv_indices))
        if seq_lengths is None:
            seq_lengths = (kv_indices.shape[-2] * size[0], kv_indices.shape[-1] * size[1])
        return cls(seq_lengths, kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices, *columns, size,
                   noop_mask if mask_mod is None else mask_mod, dq_write_order=dq_write_order,
                   dq_write_order_full=dq_write_order_full,
                   dq_kv_order=None if isinstance(dq_kv_order, bool) else dq_kv_order,
                   dq_kv_order_spt=dq_kv_order if isinstance(dq_kv_order, bool) else None)

    def as_tuple(self, flatten: bool = True) -> tuple[Any, ...]:
        """All it is made of: lengths, tensors, block size (numbers, or pairs if not ``flatten``) and function."""
        lengths = tuple(self.seq_lengths) if flatten else (self.seq_lengths,)
        size = tuple(self.BLOCK_SIZE) if flatten else (self.BLOCK_SIZE,)
        return (*lengths, *(getattr(self, name) for name in self._TENSORS), self.dq_kv_order_spt, *size, self.mask_mod)

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, H, queries, keys)."""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self) -> int:
        """The number of elements of the mask."""
        return math.prod(self.shape)

    def sparsity(self) -> float:
        """The percentage of elements that lie in blocks which are not listed."""
        blocks = int(self.kv_num_blocks.sum())
        if self.full_kv_num_blocks is not None:
            blocks += int(self.full_kv_num_blocks.sum())
        return 100 * (1 - blocks * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1] / self.numel())

    def to_dense(self) -> Tensor:
        """int32 (B, H, rows, columns): 1 for the blocks that are listed."""
        dense = _dense(self.kv_num_blocks, self.kv_indices)
        if self.full_kv_num_blocks is None:
            return dense
        return dense | _dense(self.full_kv_num_blocks, self.full_kv_indices)

    def to_string(self, grid_size: int | tuple[int, int] = (20, 20), limit: int = 4) -> str:
        """A picture per sample and head: dark where all blocks are listed, blank where none is.

        Args:
            grid_size: greatest numbers of rows and columns of a picture.
            limit: greatest number of pictures.
        """
        dense = self.to_dense()
        *batch, rows, columns = dense.shape
        most = (grid_size, grid_size) if isinstance(grid_size, int) else grid_size
        high, wide = (max(1, -(-n // m)) for n, m in zip((rows, columns), most, strict=True))

        def picture(place: tuple[int, ...]) -> str:
            part = dense[place].float()
            lines = []
            for r in range(0, rows, high):
                shares = [part[r:r + high, c:c + wide].mean().item() for c in range(0, columns, wide)]
                lines.append("".join(("█" if s == 1 else "░" if s else " ") * 2 for s in shares) + "\n")
            return f"{place}\n" + "".join(lines)

        places = list(itertools.product(*map(range, batch)))
        pictures = [picture(place) for place in places[:limit]]
        if len(places) > limit:
            pictures += ["...", "To print out more, set BlockMask.to_string(limit=N)",
                         "You can also index (BlockMask[batch, head]) to choose a specific batch or head"]
        return "\n".join(pictures)

    def __str__(self) -> str:
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n{self.to_string().strip()}\n)"

    def __repr__(self) -> str:
        lines = [f"{name}={getattr(getattr(self, name), 'shape', None)}" for name in self._TENSORS[:8]]
        lines += [f"BLOCK_SIZE={self.BLOCK_SIZE}", f"shape={self.shape}", f"sparsity={self.sparsity():.2f}%",
                  f"mask_mod={getattr(self.mask_mod, '__name__', self.mask_mod)}"]
        return "BlockMask(\n    " + ",\n    ".join(lines) + "\n)"

    def __getitem__(self, index: Any) -> BlockMask:
        """The mask of some samples, heads and rows of blocks; all dimensions stay. Its ``mask_mod`` has to be set anew."""
        self._check_order("Slicing")
        index = index if isinstance(index, tuple) else (index,)
        index = (*index, *(slice(None),) * 3)[:3]
        # A number keeps its dimension; one that is out of range gives none, as a slice does.
        index = tuple((slice(i + n, i + n + 1) if -n <= i < 0 else slice(i, i + 1)) if isinstance(i, int) else i
                      for i, n in zip(index, self.kv_num_blocks.shape, strict=False))
        return self._with_blocks([None if t is None else t[index] for t in self._rows()], self.seq_lengths,
                                 _sliced_mask_mod_error)

    def _rows(self) -> tuple[Tensor | None, ...]:
        return self.kv_num_blocks, self.kv_indices, self.full_kv_num_blocks, self.full_kv_indices

    def _with_blocks(self, rows: list[Tensor | None], seq_lengths: tuple[int, int], mask_mod: Callable) -> BlockMask:
        return type(self).from_kv_blocks(*rows, BLOCK_SIZE=self.BLOCK_SIZE, mask_mod=mask_mod, seq_lengths=seq_lengths,
                                         compute_q_blocks=self.q_indices is not None, dq_kv_order=self.dq_kv_order_spt)

    def _check_order(self, what: str) -> None:
        if self.dq_write_order is not None or self.dq_kv_order is not None:
            raise NotImplementedError(f"{what} BlockMask with tensor dq_kv_order or dq_write_order is not supported: these "
                                      "are for kernels that are not here; make the mask without them")

    def _adjust(self, new_q_len: int, new_kv_len: int) -> BlockMask:
        """The mask of the first queries and keys, as many as are wanted."""
        self._check_order("Adjusting")
        rows, columns = (-(-n // size) for n, size in zip((new_q_len, new_kv_len), self.BLOCK_SIZE, strict=True))
        cut: list[Tensor | None] = []
        for counts, indices in ((self.kv_num_blocks, self.kv_indices), (self.full_kv_num_blocks, self.full_kv_indices)):
            if counts is None:
                cut += [None, None]
                continue
            indices = indices[:, :, :rows, :columns]
            counts = counts[:, :, :rows].clamp(max=columns)
            cut += [(indices < counts[..., None]).sum(-1).to(int32), indices]
        return self._with_blocks(cut, (new_q_len, new_kv_len), self.mask_mod)

    def to(self, device: Any) -> BlockMask:
        """The mask with its tensors on a device."""
        moved = {name: None if t is None else t.to(device) for name in self._TENSORS for t in [getattr(self, name)]}
        return BlockMask(self.seq_lengths, **moved, BLOCK_SIZE=self.BLOCK_SIZE, mask_mod=self.mask_mod,
                         dq_kv_order_spt=self.dq_kv_order_spt)


def create_block_mask(mask_mod: Callable, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int,  # noqa: N803
                      device: Any = None, BLOCK_SIZE: int | tuple[int, int] = _BLOCK, _compile: bool = False,  # noqa: N803
                      separate_full_blocks: bool = True, compute_dq_write_order: bool = False,
                      dq_kv_order: bool = True) -> BlockMask:
    """The :class:`BlockMask` of a mask function; the mask is made whole once, by :func:`create_mask`.

    Args:
        B, H: samples and heads; None for 1, which stands for any number.
        BLOCK_SIZE: queries and keys per block, or one number for both.
        separate_full_blocks: list blocks that are true everywhere apart.
        dq_kv_order: no difference here.

    Raises:
        AssertionError: ``mask_mod`` does not take four arguments.
        NotImplementedError: ``compute_dq_write_order``, an order for kernels that are not here.
    """
    if _takes_score(mask_mod):
        raise AssertionError(f"create-block_mask requires a mask_mod function! Got {mask_mod}")
    if _compile:
        warnings.warn("_compile of create_block_mask does nothing: use torch.compile(create_block_mask)", DeprecationWarning,
                      stacklevel=2)
    if not isinstance(dq_kv_order, bool):
        raise ValueError("dq_kv_order must be a bool when using create_block_mask")
    if compute_dq_write_order:
        raise NotImplementedError("create_block_mask has no compute_dq_write_order, which is for kernels that are not here; "
                                  "leave it out")
    size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    if mask.dtype is not bool_:
        raise AssertionError(f"mask.dtype must be torch.bool, got {mask.dtype}")
    mask = F.pad(mask, (0, -KV_LEN % size[1], 0, -Q_LEN % size[0]))
    counts = mask.unflatten(-1, (-1, size[1])).unflatten(-3, (-1, size[0])).sum((-3, -1))
    full = counts == size[0] * size[1] if separate_full_blocks else fn.zeros_like(counts, dtype=bool_)
    rows = _ordered(((counts > 0) & ~full).to(int8))
    return BlockMask.from_kv_blocks(*rows, *(_ordered(full.to(int8)) if separate_full_blocks else ()), BLOCK_SIZE=size,
                                    mask_mod=mask_mod, seq_lengths=(Q_LEN, KV_LEN))
