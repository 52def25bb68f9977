"""Rearrangement of channels and space: shuffles, unfold and fold."""

from __future__ import annotations

import math

from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply

from ...creation import eye
from ...shaping import permute, reshape, unsqueeze

__all__ = ["channel_shuffle", "fold", "native_channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "unfold"]


@named("PixelShuffleBackward0")
def pixel_shuffle(input, upscale_factor):
    """(*, C r^2, H, W) to (*, C, H r, W r) (Shi et al., arXiv:1609.05158).

    Raises:
        RuntimeError: the channels do not divide by r^2.
    """
    r = upscale_factor
    if input.dim() < 3:
        raise RuntimeError(f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.dim()} "
                           "dimension(s)")
    *lead, c, h, w = input.shape
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    if c % (r * r):
        raise RuntimeError(f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                           f"upscale_factor, but input.size(-3)={c} is not divisible by {r * r}")
    n = len(lead)
    # With a factor of 1 nothing is moved, and the reshaped tensor would be a view of the input.
    x = reshape(input if r > 1 else input.clone(), (*lead, c // (r * r), r, r, h, w))
    x = permute(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return reshape(x, (*lead, c // (r * r), h * r, w * r))


@named("PixelUnshuffleBackward0")
def pixel_unshuffle(input, downscale_factor):
    """The inverse of pixel_shuffle: (*, C, H r, W r) to (*, C r^2, H, W)."""
    r = downscale_factor
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise RuntimeError(f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but got "
                           f"input of size {h}x{w} and downscale_factor={r}")
    n = len(lead)
    x = reshape(input if r > 1 else input.clone(), (*lead, c, h // r, r, w // r, r))
    x = permute(x, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(x, (*lead, c * r * r, h // r, w // r))


@named("ChannelShuffleBackward0")
def channel_shuffle(input, groups):
    """Channels of (N, C, *) dealt out over groups (Zhang et al., arXiv:1707.01083)."""
    if groups <= 0 or input.shape[1] % groups:
        raise RuntimeError(f"Number of groups to divide channels in must be positive and divide the channels. Value of "
                           f"groups: {groups}, channels: {input.shape[1]}")
    n, c, *rest = input.shape
    x = reshape(input, (n, groups, c // groups, *rest)) if groups > 1 else input.clone()[:, None]
    return reshape(permute(x, (0, 2, 1, *range(3, 3 + len(rest)))), (n, c, *rest))


native_channel_shuffle = channel_shuffle


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _selector(channels, kernel, like):
    """A grouped convolution weight that picks each position of the window."""
    size = math.prod(kernel)
    one = eye(size, dtype=like.dtype, device=like.device).to(like)
    return reshape(one, (size, 1, *kernel)).repeat(channels, 1, 1, 1)


@named("Im2ColBackward0")
def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Sliding blocks of (N, C, H, W) as columns: (N, C k, L)."""
    if input.dim() not in (3, 4):
        raise RuntimeError(f"Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
                           f"dimensions for input, but got: {list(input.shape)}")
    x = input if input.dim() == 4 else unsqueeze(input, 0)
    n, c = x.shape[:2]
    kernel, dilation, padding, stride = map(_pair, (kernel_size, dilation, padding, stride))
    y = apply("conv", (x, _selector(c, kernel, x)), {"stride": stride, "padding": padding, "dilation": dilation,
                                                     "groups": c})
    y = reshape(y, (n, c * math.prod(kernel), math.prod(y.shape[2:])))
    return y if input.dim() == 4 else y.squeeze(0)


@named("Col2ImBackward0")
def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """The adjoint of unfold: columns (N, C k, L) summed into (N, C, H, W).

    Raises:
        RuntimeError: the number of columns does not fit the output size.
    """
    x = input if input.dim() == 3 else unsqueeze(input, 0)
    size, kernel, dilation, padding, stride = map(_pair, (output_size, kernel_size, dilation, padding, stride))
    blocks = tuple((n + 2 * p - d * (k - 1) - 1) // s + 1
                   for n, p, d, k, s in zip(size, padding, dilation, kernel, stride, strict=True))
    if x.shape[1] % math.prod(kernel):
        raise RuntimeError(f"Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
                           f"input.size(1)={x.shape[1]} and kernel_size=({', '.join(map(str, kernel))}).")
    if math.prod(blocks) != x.shape[2]:
        raise RuntimeError(f"Given output_size={size}, kernel_size={kernel}, dilation={dilation}, padding={padding}, "
                           f"stride={stride}, expected size of input's dimension 2 to match the calculated number of "
                           f"sliding blocks {blocks[0]} * {blocks[1]} = {math.prod(blocks)}, but got "
                           f"input.size(2)={x.shape[2]}.")
    channels = x.shape[1] // math.prod(kernel)
    g = reshape(x, (x.shape[0], x.shape[1], *blocks))
    y = apply("conv_input", (g, _selector(channels, kernel, x)), {
        "input_size": size, "stride": stride, "padding": padding, "dilation": dilation, "groups": channels})
    return y if input.dim() == 3 else y.squeeze(0)
