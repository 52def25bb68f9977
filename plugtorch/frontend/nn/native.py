"""Kernels of layers that PyTorch reaches only as ``torch.ops.aten.NAME``."""

from __future__ import annotations

from plugtorch.frontend.creation import empty
from plugtorch.frontend.dispatch import check_out, store
from plugtorch.frontend.nn.functional.interpolation import resize
from plugtorch.frontend.nn_functions import native_batch_norm
from plugtorch.spec.dtypes import uint8

__all__ = ["_batch_norm_with_update", "_upsample_bicubic2d_aa", "_upsample_bilinear2d_aa",
           "max_pool2d_with_indices_backward", "native_dropout_backward"]


def _batch_norm_with_update(input, weight, bias, running_mean, running_var, momentum, eps, *, out=None):
    """:func:`native_batch_norm` in training, and an empty tensor of bytes that other devices keep notes in."""
    notes = empty(0, dtype=uint8, device=input.device)
    parts = None
    if out is not None:
        check_out(out[3], uint8)
        parts = out[:3]
    made = native_batch_norm(input, weight, bias, running_mean, running_var, True, momentum, eps, out=parts)
    return (*made, store(None if out is None else out[3], notes))


def native_dropout_backward(grad_output, mask, scale):
    """``grad_output * mask * scale``."""
    return grad_output * mask * scale


def max_pool2d_with_indices_backward(grad_output, self, kernel_size, stride, padding, dilation, ceil_mode, indices):
    """The gradient of a pooling's input: that of its result added up at the indices."""
    flat = (*self._a.shape[:-2], -1)
    blank = grad_output.new_zeros(tuple(self._a.shape)).reshape(flat)
    if self._req:  # PyTorch's second gradient by the input is zero, not absent
        blank = blank + 0.0 * self.masked_fill(~self.detach().isfinite(), 0).reshape(flat)
    return blank.scatter_add(-1, indices.reshape(flat), grad_output.reshape(flat)).reshape(tuple(self._a.shape))


def _antialiased(mode):
    def resized(input, output_size, align_corners, scales_h=None, scales_w=None, *, scale_factors=None):
        sizes, scales = output_size, (scales_h, scales_w)
        if sizes is None:
            scales = tuple(scales_h if scale_factors is None else scale_factors)
            sizes = [int(m * s) for m, s in zip(input._a.shape[2:], scales, strict=True)]
        return resize(input, tuple(sizes), scales, mode, align_corners, True)

    resized.__name__ = f"_upsample_{mode}2d_aa"
    resized.__doc__ = f"Images resized with the antialiased {mode} filter, to ``output_size``."
    return resized


_upsample_bilinear2d_aa, _upsample_bicubic2d_aa = _antialiased("bilinear"), _antialiased("bicubic")
