"""Copies, pieces and sums of tensors on several devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.parallel.scatter_gather import place
from plugtorch.frontend.tensor import Tensor

__all__ = ["broadcast", "broadcast_coalesced", "gather", "reduce_add", "reduce_add_coalesced", "scatter"]


def broadcast(tensor: Tensor, devices: Any = None, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, ...]:
    """A tensor on each of some devices, or copied into each of the tensors in ``out``.

    Raises:
        RuntimeError: both are given, or none.
    """
    if (devices is None) == (out is None):
        raise RuntimeError(f"Exactly one of 'devices' and 'out' must be specified, but got devices={devices} and out={out}")
    if out is None:
        return tuple(tensor.to(place(d)) for d in devices)
    return tuple(target.copy_(tensor) for target in out)


def broadcast_coalesced(tensors: Sequence[Tensor], devices: Any, buffer_size: int = 10485760) -> list[list[Tensor]]:
    """All tensors on each of some devices: a list per device. ``buffer_size`` makes no difference."""
    return [[t.to(place(d)) for t in tensors] for d in devices]


def reduce_add(inputs: Sequence[Tensor], destination: Any = None) -> Tensor:
    """The sum of tensors on several devices, on the device ``destination``, the first one's by default.

    Raises:
        ValueError: tensors of different shapes.
    """
    target = inputs[0].device if destination is None else place(destination)
    for i, t in enumerate(inputs):
        if t.shape != inputs[0].shape:
            got, expected = ("x".join(map(str, shape)) for shape in (t.shape, inputs[0].shape))
            raise ValueError(f"input {i} has invalid size: got {got}, but expected {expected}")
    total = inputs[0].to(target)
    for t in inputs[1:]:
        total = total + t.to(target)
    return total


def reduce_add_coalesced(inputs: Sequence[Sequence[Tensor]], destination: Any = None,
                         buffer_size: int = 10485760) -> tuple[Tensor, ...]:
    """The sums of the first tensors of some lists, of the second ones, and so on; see :func:`reduce_add`."""
    return tuple(reduce_add(column, destination) for column in zip(*inputs, strict=True))


def scatter(tensor: Tensor, devices: Any = None, chunk_sizes: Sequence[int] | None = None, dim: int = 0, streams: Any = None,
            *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, ...]:
    """The pieces of a tensor along ``dim``, one per device: of the given sizes, or of one size as far as possible; or copied
    into the tensors of ``out``, whose sizes they then have. ``streams`` makes no difference.

    Raises:
        RuntimeError: ``out`` together with ``devices`` or ``chunk_sizes``.
    """
    if out is None:
        pieces = tensor.chunk(len(devices), dim) if chunk_sizes is None else tensor.split(list(chunk_sizes), dim)
        return tuple(piece.to(place(d)) for piece, d in zip(pieces, devices, strict=False))
    for name, value in (("devices", devices), ("chunk_sizes", chunk_sizes)):
        if value is not None:
            raise RuntimeError(f"'{name}' must not be specified when 'out' is specified, but got {name}={value}")
    pieces = tensor.split([t.size(dim) for t in out], dim)
    return tuple(target.copy_(piece) for target, piece in zip(out, pieces, strict=True))


def gather(tensors: Sequence[Tensor], dim: int = 0, destination: Any = None, *, out: Tensor | None = None) -> Tensor:
    """Tensors on several devices joined along ``dim``, on the device ``destination``, the first one's by default, or in
    ``out``.

    Raises:
        RuntimeError: both are given.
    """
    if out is not None and destination is not None:
        raise RuntimeError("'destination' must not be specified when 'out' is specified, but got "
                           f"destination={destination}")
    target = out.device if out is not None else tensors[0].device if destination is None else place(destination)
    joined = fn.cat([t.to(target) for t in tensors], dim)
    return joined if out is None else out.copy_(joined)
