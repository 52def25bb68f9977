"""The observer that chooses bounds by a histogram, leaving out values that would cost more precision than they are worth."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from plugtorch.frontend import functions as fn
from plugtorch.frontend.quantized import schemes
from plugtorch.frontend.tensor import Tensor

from .observer import _EPS, _INF, UniformQuantizationObserverBase
from .utils import bounds, is_per_tensor

__all__ = ["HistogramObserver", "default_histogram_observer"]

_STEP = 1e-5  # of the quantiles that the search moves by
_FINER = 16  # how many parts a bin is split into where a histogram is carried over to other bounds


class HistogramObserver(UniformQuantizationObserverBase):
    """Keeps a histogram of all values and chooses the bounds between which quantising costs the smallest squared error.

    The search starts with all bins and moves the lower or the upper bound inwards, whichever leaves out more empty bins, as
    long as the error, taken for values spread evenly inside each bin, does not grow.

    Args:
        bins: how many bins.
        dtype, qscheme, reduce_range, quant_min, quant_max, factory_kwargs, eps: see
            :class:`UniformQuantizationObserverBase`.
        is_dynamic: not supported.

    Raises:
        NotImplementedError: a scheme with a scale per channel, or ``is_dynamic``.
    """

    def __init__(self, bins: int = 2048, dtype=schemes.quint8, qscheme=schemes.per_tensor_affine, reduce_range=False,
                 quant_min=None, quant_max=None, factory_kwargs=None, eps: float = _EPS, is_dynamic=False, **kwargs: Any):
        if not is_per_tensor(qscheme):
            raise NotImplementedError("HistogramObserver's qscheme only support torch.per_tensor_symmetric                 "
                                      "    and torch.per_tensor_affine.")
        if is_dynamic:
            raise NotImplementedError("HistogramObserver doesn't support dynamic quantization")
        super().__init__(dtype, qscheme, reduce_range, quant_min, quant_max, factory_kwargs, eps, is_dynamic, **kwargs)
        factory = factory_kwargs or {}
        self.bins = bins
        self.register_buffer("histogram", fn.zeros(bins, **factory))
        self.register_buffer("min_val", fn.tensor(_INF, **factory))
        self.register_buffer("max_val", fn.tensor(-_INF, **factory))
        low, high = bounds(dtype)
        self.dst_nbins = high - low + 1
        self.upsample_rate = _FINER

    def forward(self, x_orig):
        if x_orig.numel() == 0:
            return x_orig
        x = x_orig.detach()
        least, most = fn.aminmax(x)
        if bool(least == -_INF) or bool(most == _INF):
            warnings.warn("torch.inf detected in input tensor, ignoring input", stacklevel=2)
            x = x[x.abs() != _INF]
            if x.numel() == 0:
                return x_orig
            least, most = fn.aminmax(x)
        if bool(self.min_val == _INF) or bool(self.max_val == -_INF):
            found = self._counted(x, least, most)
        else:
            least, most = fn.minimum(self.min_val, least), fn.maximum(self.max_val, most)
            found = self._carried_over(least, most) + self._counted(x, least, most)
        for name, value in (("histogram", found), ("min_val", least), ("max_val", most)):
            buffer = getattr(self, name)
            if buffer.size() != value.size():
                buffer.resize_(value.size())
            buffer.copy_(value)
        return x_orig

    def _counted(self, x: Tensor, least: Tensor, most: Tensor) -> Tensor:
        return fn.histc(x, self.bins, min=least.item(), max=most.item())

    def _carried_over(self, least: Tensor, most: Tensor) -> Tensor:
        """The histogram so far between new, wider bounds."""
        old_least, old_most = self.min_val, self.max_val
        if bool(least == old_least) and bool(most == old_most):
            return self.histogram
        if bool(old_least == old_most):
            return self._counted(old_least, least, most) * self.histogram.sum()
        parts = self.bins * self.upsample_rate
        counts = self.histogram.repeat_interleave(self.upsample_rate) / self.upsample_rate
        width = (old_most - old_least) / parts
        middles = fn.linspace(old_least.item(), old_most.item(), parts + 1)[:-1] + 0.5 * width.cpu()
        edges = fn.linspace(least.item(), most.item(), self.bins + 1)
        place = (fn.bucketize(middles, edges, right=True) - 1).clamp(0, self.bins - 1).to(counts.device)
        return fn.bincount(place, weights=counts, minlength=self.bins)

    def calculate_qparams(self):
        """The scale and the zero point, each of one element."""
        if bool(self.min_val == _INF) and bool(self.max_val == -_INF):
            warnings.warn("must run observer before calling calculate_qparams.                                    Returning "
                          "default scale and zero point ", stacklevel=2)
            return fn.tensor([1.0], device=self.min_val.device), fn.tensor([0], device=self.min_val.device)
        if self.bins != len(self.histogram):
            raise AssertionError("The number of bins in histogram should be equal to the number of bins supplied while "
                                 "making this observer")
        first, last = _best_bins(self.histogram.cpu().numpy(), self._bin_width(), self.dst_nbins)
        width = (self.max_val - self.min_val) / self.bins
        return self._calculate_qparams(self.min_val + width * first, self.min_val + width * (last + 1))

    def _bin_width(self) -> float:
        return (self.max_val.item() - self.min_val.item()) / self.bins

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        self._load_bounds(state_dict, prefix, strict, missing_keys)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)

    def extra_repr(self):
        return f"min_val={self.min_val}, max_val={self.max_val}"


def _best_bins(histogram: np.ndarray, width: float, levels: int) -> tuple[int, int]:
    """The first and the last bin to keep. The search is one of scalars over an array that stays on the host."""
    total = float(histogram.sum(dtype=np.float32))
    below = np.cumsum(histogram, dtype=np.float32)
    first, last = 0, len(histogram) - 1
    alpha, beta, smallest = 0.0, 1.0, float("inf")
    while alpha < beta:
        next_alpha, next_beta = alpha + _STEP, beta - _STEP
        # The bins of the two quantiles, inside those that are kept so far.
        left = first + int(np.searchsorted(below[first:last], np.float32(next_alpha * total), side="left"))
        right = first + int(np.searchsorted(below[first + 1:last + 1], np.float32(next_beta * total), side="right"))
        new_first, new_last = first, last
        if left - first > last - right:
            new_first, alpha = left, next_alpha
        else:
            new_last, beta = right, next_beta
        if (new_first, new_last) == (first, last):
            continue
        error = _error(histogram, width, levels, new_first, new_last)
        if error > smallest:
            break
        smallest, first, last = error, new_first, new_last
    return first, last


def _error(histogram: np.ndarray, width: float, levels: int, first: int, last: int) -> float:
    """The squared error of quantising to levels between the bins first and last, in float32 as PyTorch computes it."""
    step = width * (last - first + 1) / levels
    if step == 0.0:
        return 0.0
    f = np.float32
    begin = (np.arange(len(histogram)) - first).astype(f) * f(width)
    end = begin + f(width)
    density = histogram / f(width)
    at_begin = np.clip(np.floor_divide(begin, f(step)), 0, levels - 1)
    at_end = np.clip(np.floor_divide(end, f(step)), 0, levels - 1)
    half = f(step / 2)

    def between(start, stop):
        return density * ((stop * stop * stop - start * start * start) / f(3))

    # The part of a bin in its first level, whole levels inside the bin, and the part in its last level.
    error = between(begin - (at_begin + f(0.5)) * f(step), half)
    error = error + (at_end - at_begin - f(1)) * between(-half, half)
    error = error + between(-half, end - (at_end * f(step) + half))
    return float(error.sum(dtype=f))


default_histogram_observer = HistogramObserver.with_args(quant_min=0, quant_max=127)
