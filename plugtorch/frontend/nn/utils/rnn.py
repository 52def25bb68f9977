"""Sequences of different lengths in one batch: padded, and packed without the padding."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from plugtorch.autograd.base import wrap
from plugtorch.autograd.mode import NO_GRAD, mode
from plugtorch.frontend import functions as fn
from plugtorch.frontend.dispatch import is_tensor
from plugtorch.frontend.tensor import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence",
    "unpack_sequence", "unpad_sequence",
]


class PackedSequence_(NamedTuple):
    """The fields of a :class:`PackedSequence`."""

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(PackedSequence_):
    """A batch of sequences, longest first, step by step: the rows of each step that are still running.

    Attributes:
        data: (sum of lengths, *).
        batch_sizes: int64 (longest length,), rows per step, on the CPU.
        sorted_indices: the order in which the caller's sequences are packed, or None if they came sorted.
        unsorted_indices: its inverse.
    """

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be created manually. They "
                "should be instantiated by functions like pack_sequence and pack_padded_sequences in nn.utils.rnn. "
                "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence")
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same with ``data`` (and the indices, if the device changes) converted as by ``Tensor.to``."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        indices = (None if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices))
        return type(self)(data, self.batch_sizes, *indices)

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """:meth:`to` the CPU."""
        return self.to(*args, device="cpu", **kwargs)

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """:meth:`to` a CUDA device, the current one unless ``device`` says otherwise."""
        device = args[0] if args else kwargs.pop("device", None)
        return self.to("cuda" if device is None else device, *args[1:], **kwargs)

    def double(self) -> PackedSequence:
        """:meth:`to` float64."""
        return self.to(dtype=_dtype("float64"))

    def float(self) -> PackedSequence:
        """:meth:`to` float32."""
        return self.to(dtype=_dtype("float32"))

    def half(self) -> PackedSequence:
        """:meth:`to` float16."""
        return self.to(dtype=_dtype("float16"))

    def long(self) -> PackedSequence:
        """:meth:`to` int64."""
        return self.to(dtype=_dtype("int64"))

    def int(self) -> PackedSequence:
        """:meth:`to` int32."""
        return self.to(dtype=_dtype("int32"))

    def short(self) -> PackedSequence:
        """:meth:`to` int16."""
        return self.to(dtype=_dtype("int16"))

    def char(self) -> PackedSequence:
        """:meth:`to` int8."""
        return self.to(dtype=_dtype("int8"))

    def byte(self) -> PackedSequence:
        """:meth:`to` uint8."""
        return self.to(dtype=_dtype("uint8"))

    @property
    def is_cuda(self) -> bool:
        """Whether ``data`` is on a CUDA device."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether ``data`` is in pinned memory."""
        return self.data.is_pinned()

    def pin_memory(self) -> PackedSequence:
        """The same with its tensors in pinned memory."""
        indices = (None if i is None else i.pin_memory() for i in (self.sorted_indices, self.unsorted_indices))
        return type(self)(self.data.pin_memory(), self.batch_sizes, *indices)


def _dtype(name):
    from plugtorch.spec.dtypes import BY_NAME

    return BY_NAME[name]


def bind(optional, fn):
    """``fn(optional)``, or None for None."""
    return None if optional is None else fn(optional)


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes one: int64 (n,); None for None."""
    if permutation is None:
        return None
    places = fn.arange(permutation.numel(), device=permutation.device)
    return fn.empty_like(permutation).scatter(0, permutation, places.to(permutation.dtype))


def _lengths(value):
    if not is_tensor(value):
        return [int(n) for n in value]
    if value.dim() != 1 or value.device.type != "cpu" or value.is_floating_point():
        raise RuntimeError(f"'lengths' argument should be a 1D CPU int64 tensor, but got {value.dim()}D {value.device.type} "
                           f"{value.dtype.legacy} tensor")
    return value.tolist()


def pack_padded_sequence(input: Tensor, lengths: Any, batch_first: bool = False,
                         enforce_sorted: bool = True) -> PackedSequence:
    """Packs padded sequences (T, B, *), or (B, T, *) if ``batch_first``; what lies beyond a length is left out.

    Args:
        lengths: (B,), on the CPU, each from 1 to T; in decreasing order if ``enforce_sorted``, else they are sorted first.

    Raises:
        RuntimeError: lengths that do not fit, or are not sorted.
    """
    sizes = _lengths(lengths)
    order = None
    if not enforce_sorted:
        order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        indices = fn.tensor(order, device=input.device)
        input = input.index_select(0 if batch_first else 1, indices)
        sizes = [sizes[i] for i in order]
    return PackedSequence(*packed(input, sizes, batch_first), None if order is None else indices, None)


def packed(input, lengths, batch_first):
    """The data and batch sizes of sorted sequences."""
    sizes = _lengths(lengths)
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    x = input.transpose(0, 1) if batch_first else input
    batch = x._a.shape[1]
    if len(sizes) != batch:
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={batch})")
    if min(sizes) <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0")
    if any(a < b for a, b in zip(sizes, sizes[1:], strict=False)):
        raise RuntimeError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
                           "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
                           "requirement if you do not need ONNX exportability.")
    if sizes[0] > x._a.shape[0]:
        raise RuntimeError(f"Expected lengths of at most {x._a.shape[0]}, the size of the padded input, but got {sizes[0]}")
    counts = [sum(n > t for n in sizes) for t in range(sizes[0])]
    rows = [t * batch + b for t, count in enumerate(counts) for b in range(count)]
    data = x.reshape(-1, *x._a.shape[2:]).index_select(0, fn.tensor(rows, device=x.device))
    return data, fn.tensor(counts, device="cpu")


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Tensor, Tensor]:
    """The inverse of :func:`pack_padded_sequence`.

    Returns:
        (T, B, *) or, if ``batch_first``, (B, T, *), T the longest length or ``total_length``, and the lengths (B,).

    Raises:
        ValueError: ``total_length`` is shorter than a sequence.
    """
    longest = sequence.batch_sizes.size(0)
    if total_length is not None and total_length < longest:
        raise ValueError("Expected total_length to be at least the length of the longest sequence in input, but got "
                         f"total_length={total_length} and max sequence length being {longest}")
    result, lengths = padded(sequence.data, sequence.batch_sizes, padding_value, total_length or longest)
    if sequence.unsorted_indices is not None:
        result = result.index_select(1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices.cpu()]
    return (result.transpose(0, 1) if batch_first else result), lengths


def padded(data, batch_sizes, value, total):
    """(total, B, *) in the order of the data, and the lengths."""
    counts = batch_sizes.tolist()
    batch = counts[0]
    rows = [t * batch + b for t, count in enumerate(counts) for b in range(count)]
    blank = data.new_full((total * batch, *data._a.shape[1:]), value)
    made = blank.index_copy(0, fn.tensor(rows, device=data.device), data).reshape(total, batch, *data._a.shape[1:])
    return made, fn.tensor([sum(count > b for count in counts) for b in range(batch)], device="cpu")


def pad_sequence(sequences: Any, batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Tensor:
    """Sequences (L_i, *) stacked, padded to the longest: (T, B, *), or (B, T, *) if ``batch_first``.

    Raises:
        RuntimeError: no sequences, or other sizes that differ.
    """
    if is_tensor(sequences):
        sequences = list(sequences.unbind(0))
    elif not hasattr(sequences, "__iter__"):
        raise RuntimeError(f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}")
    sequences = list(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    longest = max(s.size(0) for s in sequences)
    trailing = tuple(sequences[0]._a.shape[1:])
    for s in sequences:
        if tuple(s._a.shape[1:]) != trailing:
            d, a, b = next((i + 1, a, b) for i, (a, b) in enumerate(zip(trailing, s._a.shape[1:], strict=False)) if a != b)
            raise RuntimeError(f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton "
                               f"dimension {d}")
    if _are_plain_on_host(sequences):
        return _padded_on_host(sequences, longest, trailing, batch_first, padding_value, padding_side)
    rows = []
    for s in sequences:
        blank = s.new_full((longest - s.size(0), *trailing), padding_value)
        rows.append(fn.cat([s, blank] if padding_side == "right" else [blank, s]) if longest > s.size(0) else s)
    return fn.stack(rows, 0 if batch_first else 1)


def _are_plain_on_host(sequences):
    """Whether these are values in the host's memory that nothing is to be recorded of: of one dtype, as out of a dataset."""
    k, dtype = sequences[0]._k, sequences[0].dtype
    return not (k.level or mode() & ~NO_GRAD) and all(
        type(s) is Tensor and s._k is k and s.dtype is dtype and not s._req and s.device.type == "cpu" for s in sequences)


def _padded_on_host(sequences, longest, trailing, batch_first, value, side):
    """In one piece of memory: device libraries would compile anew for each length."""
    k = sequences[0]._k
    arrays = [np.asarray(k.to_host(s._a)) for s in sequences]
    n = len(arrays)
    out = np.full((n, longest, *trailing) if batch_first else (longest, n, *trailing), value, arrays[0].dtype)
    rows = out if batch_first else out.swapaxes(0, 1)
    for row, a in zip(rows, arrays, strict=True):
        row[longest - len(a) if side == "left" else 0:][:len(a)] = a
    return wrap(k.from_host(out, device=sequences[0].device), k)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """Padded sequences (T, B, *), or (B, T, *) if ``batch_first``, as a list of (L_i, *)."""
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row.narrow(0, 0, int(n)) for row, n in zip(x.unbind(0), _lengths(lengths), strict=True)]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Packs a list of sequences (L_i, *), in decreasing order of length if ``enforce_sorted``."""
    lengths = fn.tensor([s.size(0) for s in sequences], device="cpu")
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The list of sequences (L_i, *), in the order in which they were packed."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
