"""Padding."""

from __future__ import annotations

from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply

from ...creation import tensor
from ...indexing import index_select

__all__ = ["pad"]


# PyTorch's names of the nodes, by mode; {} is the number of padded dimensions
_NODES = {"constant": "ConstantPadNdBackward0", "reflect": "ReflectionPad{}DBackward0",
          "replicate": "ReplicationPad{}DBackward0", "circular": "torch::autograd::CopySlices"}


@named(lambda input, pad, mode="constant", value=None: _NODES[mode].format(len(pad) // 2))
def pad(input, pad, mode="constant", value=None):
    """Pads the last dimensions: ``pad`` lists (before, after) from the last dimension backwards; negative crops.

    Modes: "constant" (``value``, 0), "reflect", "replicate", "circular".

    Raises:
        RuntimeError: an odd or too long list, or a reflection wider than the input.
        NotImplementedError: another mode for this number of dimensions.
    """
    pad = [int(p) for p in pad]
    ndim = input.dim()
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(pad) // 2 > ndim:
        raise RuntimeError(f"Padding length should be less than or equal to two times the input dimension but got padding "
                           f"length {len(pad)} and input of dimension {ndim}")
    lo, hi = [0] * ndim, [0] * ndim
    for i in range(len(pad) // 2):
        lo[ndim - 1 - i], hi[ndim - 1 - i] = pad[2 * i], pad[2 * i + 1]
    if mode == "constant":
        for d, n in enumerate(input._a.shape):
            if n + lo[d] + hi[d] < 0:
                raise RuntimeError(f"The input size {n}, plus negative padding {lo[d]} and {hi[d]} resulted in a negative "
                                   f"output size, which is invalid. Check dimension {d} of your input.")
        return apply("pad", (input,), {"lo": tuple(lo), "hi": tuple(hi), "value": value or 0})
    if value is not None and value != 0:
        raise ValueError(f"Padding mode \"{mode}\" doesn't take in value argument")
    if mode not in _POSITIONS:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    for d, n in enumerate(input._a.shape):
        if lo[d] or hi[d]:
            input = index_select(input, d, tensor(_POSITIONS[mode](n, lo[d], hi[d], d), device=input.device))
    return input


def _reflect(n, lo, hi, d):
    if lo >= n or hi >= n:
        raise RuntimeError(f"Argument #4: Padding size should be less than the corresponding input dimension, but got: "
                           f"padding ({lo}, {hi}) at dimension {d} of input of size {n}")
    return [abs(i) if i < n else 2 * (n - 1) - i for i in range(-lo, n + hi)]


def _replicate(n, lo, hi, d):
    return [min(max(i, 0), n - 1) for i in range(-lo, n + hi)]


def _circular(n, lo, hi, d):
    if lo > n or hi > n:
        raise RuntimeError("Padding value causes wrapping around more than once.")
    kept = list(range(max(-lo, 0), n - max(-hi, 0)))  # what is cropped takes no part in the wrapping
    return [*kept[len(kept) - max(lo, 0):], *kept, *kept[:max(hi, 0)]]


_POSITIONS = {"reflect": _reflect, "replicate": _replicate, "circular": _circular}
