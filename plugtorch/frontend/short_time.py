"""The short-time Fourier transform and its inverse: spectra of stretches of a signal, one after the other."""

from __future__ import annotations

import warnings

from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import FLOAT, HALF

from .amp.casting import autocasts
from .creation import arange, ones, zeros
from .dispatch import require_tensor, to_dtype
from .fourier import complex_to_complex, complex_to_real, real_to_complex
from .methods import exporter, method
from .pointwise import square
from .shaping import view_as_real

__all__: list[str] = []
_export = exporter(__all__)


def _kind(t):
    return f"CPU{t.dtype.legacy}Type" if t.dtype.is_complex else f"torch.{t.dtype.legacy}Tensor"


def _signal(t):
    return f"{_kind(t)}{list(t._a.shape)}"


def _window(t):
    return "None" if t is None else f"{_kind(t)}{{{list(t._a.shape)}}}"


def _flag(value):
    return "None" if value is None else int(value)


def _centred(window, n):
    """A window padded with zeros on both sides to n points."""
    missing = n - window._a.shape[0]
    if not missing:
        return window
    return apply("pad", (window,), {"lo": (missing // 2,), "hi": (missing - missing // 2,), "value": 0})


def _scale(normalized):
    return "ortho" if normalized else "backward"


@_export
@method
@autocasts
def stft(input, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode="reflect", normalized=False,
         onesided=None, return_complex=None, align_to_window=None):
    """Spectra of the stretches of ``n_fft`` points that begin every ``hop_length`` points.

    Args:
        input: a signal, or a batch of them, ``(points,)`` or ``(batch, points)``, floating or complex.
        hop_length: a quarter of ``n_fft`` by default.
        window: ``win_length`` points (``n_fft`` by default) by which every stretch is multiplied, centred in it; ones by
            default.
        center: whether the signal is first padded with ``n_fft // 2`` points at both ends, by ``pad_mode`` (a mode of
            :func:`plugtorch.nn.functional.pad`).
        normalized: whether the spectra are divided by the square root of ``n_fft``.
        onesided: whether only the frequencies to ``n_fft // 2`` are returned; so it is for real signals.
        return_complex: False for real and imaginary parts in a last dimension of size 2, which is deprecated.
        align_to_window: without ``center``, whether the first stretch is the one whose window begins with the signal.

    Returns:
        ``([batch,] frequencies, stretches)``, complex.

    Raises:
        RuntimeError: an argument does not fit the others.
    """
    x = require_tensor(input, "stft")
    if window is None:
        warnings.warn("A window was not provided. A rectangular window will be applied,which is known to cause spectral "
                      "leakage. Other windows such as torch.hann_window or torch.hamming_window are recommended to reduce "
                      "spectral leakage.To suppress this warning and use a rectangular window, explicitly set "
                      "`window=torch.ones(n_fft, device=<device>)`.", UserWarning, stacklevel=2)
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    if center and x.dim() <= 3:
        from .nn.functional.padding import pad

        rank = x.dim()
        x = pad(x.reshape((1,) * (3 - rank) + tuple(x._a.shape)), (n_fft // 2, n_fft // 2), pad_mode)
        x = x.reshape(tuple(x._a.shape)[3 - rank:])
    hop, width = n_fft // 4 if hop_length is None else hop_length, n_fft if win_length is None else win_length
    call = (f"stft({_signal(x)}, n_fft={n_fft}, hop_length={hop}, win_length={width}, "
            f"window={_window(window)}, normalized={_flag(normalized)}, onesided={_flag(onesided)}, "
            f"return_complex={_flag(return_complex)}, align_to_window={_flag(align_to_window)}) : ")
    if return_complex is None and not (x.dtype.is_complex or window is not None and window.dtype.is_complex):
        raise RuntimeError("stft requires the return_complex parameter be given for real inputs, and will further require "
                           "that return_complex=True in a future PyTorch release.")
    if return_complex is False:
        warnings.warn("stft with return_complex=False is deprecated. In a future pytorch release, stft will return complex "
                      "tensors for all inputs, and return_complex=False will raise an error.\nNote: you can still call "
                      "torch.view_as_real on the complex output to recover the old return format.", UserWarning,
                      stacklevel=2)
    if x.dtype.category < FLOAT:
        raise RuntimeError(call + "expected a tensor of floating point or complex values")
    if x.dtype in HALF:
        raise RuntimeError(f"Unsupported dtype {x.dtype.legacy}")
    if not 1 <= x.dim() <= 2:
        raise RuntimeError(call + "expected a 1D or 2D tensor")
    length = x._a.shape[-1]
    if not 0 < n_fft <= length:
        raise RuntimeError(call + f"expected 0 < n_fft < {length}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(call + f"expected hop_length > 0, but got hop_length={hop}")
    if not 0 < width <= n_fft:
        raise RuntimeError(call + f"expected 0 < win_length <= n_fft, but got win_length={width}")
    if window is not None and tuple(window._a.shape) != (width,):
        raise RuntimeError(call + f"expected a 1D window tensor of size equal to win_length={width}, but got window with "
                           f"size {list(window._a.shape)}")
    frames = _stretches(x, n_fft, hop, width, window, align_to_window)
    last = frames.dim() - 1
    if frames.dtype.is_complex:
        if onesided:
            raise RuntimeError("Cannot have onesided output if window or input is complex")
        y = complex_to_complex(frames, (last,), False, _scale(normalized))
    elif onesided is False:
        y = complex_to_complex(to_dtype(frames, frames.dtype.to_complex()), (last,), False, _scale(normalized))
    else:
        y = real_to_complex(frames, last, _scale(normalized))
    y = y.transpose(-1, -2)
    return view_as_real(y) if return_complex is False else y


def _stretches(x, n_fft, hop, width, window, align_to_window):
    """The windowed stretches, ``(..., stretches, n_fft)``."""
    if width < n_fft and window is None:
        window = ones(width, dtype=x.dtype, device=x.device)
    if align_to_window and width < n_fft:
        left, right = (n_fft - width) // 2, n_fft - width - (n_fft - width) // 2
        none = (0,) * (x.dim() - 1)
        x = apply("pad", (x,), {"lo": (*none, left), "hi": (*none, right), "value": 0})
    frames = x.unfold(-1, n_fft, hop)
    return frames if window is None else frames * _centred(window, n_fft)


def _overlapped(stretches, hop):
    """The sum of ``(batch, stretches, n)``, each one ``hop`` points after the one before."""
    batch, count, n = stretches._a.shape
    device = stretches.device
    places = arange(0, count * hop, hop, device=device).reshape(count, 1) + arange(n, device=device)
    total = zeros((batch, n + hop * (count - 1)), dtype=stretches.dtype, device=device)
    return total.index_add(1, places.reshape(-1), stretches.reshape(batch, count * n))


@_export
@method
def istft(input, n_fft, hop_length=None, win_length=None, window=None, center=True, normalized=False, onesided=None,
          length=None, return_complex=False):
    """The signal of which ``input`` is the :func:`stft` by the same arguments: the least squares estimate of D. Griffin and
    J. Lim ("Signal estimation from modified short-time Fourier transform", 1984).

    Args:
        input: complex, ``([batch,] frequencies, stretches)``.
        length: the number of points of the signal, which is cut or padded with zeros to it.
        return_complex: whether the signal is complex.

    Returns:
        ``([batch,] points)``.

    Raises:
        RuntimeError: an argument does not fit the others, or the windows do not cover the signal.
    """
    x = require_tensor(input, "istft")
    if window is None:
        warnings.warn("A window was not provided. A rectangular window will be applied.Please provide the same window used "
                      "by stft to make the inversion lossless.To suppress this warning and use a rectangular window, "
                      "explicitly set `window=torch.ones(n_fft, device=<device>)`.", UserWarning, stacklevel=2)
    hop, width = n_fft // 4 if hop_length is None else hop_length, n_fft if win_length is None else win_length
    call = (f"istft({_signal(x)}, n_fft={n_fft}, hop_length={hop}, win_length={width}, "
            f"window={_window(window)}, center={_flag(center)}, normalized={_flag(normalized)}, onesided={_flag(onesided)}, "
            f"length={length}, return_complex={_flag(return_complex)}) ")
    if not x.dtype.is_complex:
        raise RuntimeError("istft requires a complex-valued input tensor matching the output from stft with "
                           "return_complex=True.")
    rank = x.dim()
    if not x.numel():
        raise RuntimeError(call + ": input tensor cannot be empty.")
    if rank < 2:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-rank - 1}, {rank}], but got -3)")
    if rank > 3:
        raise RuntimeError(call + f": expected a tensor with 3 or 4 dimensions, but got {rank + 1}")
    count, frequencies = x._a.shape[-1], x._a.shape[-2]
    one_sided = frequencies != n_fft if onesided is None else onesided
    if frequencies != (n_fft // 2 + 1 if one_sided else n_fft):
        raise RuntimeError(call + ": expected the frequency dimension (3rd to the last) of the input tensor to match n_fft"
                           f"{' / 2 + 1' if one_sided else ''} when onesided={one_sided}, but got {frequencies}")
    if not 0 < hop <= width:
        raise RuntimeError(call + ": expected 0 < hop_length <= win_length")
    if not 0 < width <= n_fft:
        raise RuntimeError(call + ": expected 0 < win_length <= n_fft")
    if window is not None and tuple(window._a.shape) != (width,):
        raise RuntimeError(call + ": Invalid window shape. window has to be 1D and length of `win_length`")
    if return_complex and one_sided:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if not return_complex and window is not None and window.dtype.is_complex:
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    x = x.reshape((1,) * (3 - rank) + tuple(x._a.shape)).transpose(1, 2)
    if return_complex:
        frames = complex_to_complex(x, (2,), True, _scale(normalized))
    else:
        frames = complex_to_real(x if one_sided else x.narrow(2, 0, n_fft // 2 + 1), 2, n_fft, _scale(normalized))
    if window is None:
        window = ones(width, dtype=x.dtype.to_real(), device=x.device)
    window = _centred(window, n_fft)
    y = _overlapped(frames * window, hop)
    weight = _overlapped(square(window).expand(1, count, n_fft), hop)
    full, start = n_fft + hop * (count - 1), n_fft // 2 if center else 0
    end = start + length if length is not None else full - n_fft // 2 if center else full
    stop = min(end, full)
    y, weight = y.narrow(1, start, max(stop - start, 0)), weight.narrow(1, start, max(stop - start, 0))
    if bool(weight.abs().min().lt(1e-11)):
        raise RuntimeError(call + "window overlap add min: 1\n[ CPUBoolType{} ]")
    y = y / weight
    if end > full:
        warnings.warn("The length of signal is shorter than the length parameter. Result is being padded with zeros in the "
                      "tail. Please check your center and hop_length settings.", UserWarning, stacklevel=2)
        y = apply("pad", (y,), {"lo": (0, 0), "hi": (0, end - full), "value": 0})
    return y.reshape(y._a.shape[1]) if rank == 2 else y
