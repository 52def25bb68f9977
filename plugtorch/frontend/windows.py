"""Windows, by which stretches of a signal are faded in and out: ``torch.signal.windows`` and ``torch.hann_window`` and such.

A window of M points is symmetric, or the first M points of a symmetric one of M + 1 and so periodic.
"""

from __future__ import annotations

import math

from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import COMPLEX, FLOAT, HALF

from . import state
from .creation import arange, linspace, ones, zeros
from .dispatch import to_dtype
from .layouts import strided
from .methods import exporter
from .pointwise import abs as absolute
from .pointwise import cos, exp, sin, sqrt
from .special_functions import i0

WINDOWS: list[str] = []  # of torch.signal.windows
_export = exporter(WINDOWS)
__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]
_PI = math.pi


# torch.signal.windows

def _line(start, end, count, dtype, device):
    return linspace(start, end, count, dtype=dtype, device=device)


def _window(name, points, sym, dtype, layout, device, requires_grad, shape):
    """A window of one point, of none, or of ``shape(span, line)``: the distance of the ends of its symmetric one, and a
    function from first and last values to the points between them.

    Raises:
        ValueError: the length is negative, or dtype or layout are not for windows.
    """
    if points < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={points}")
    if layout is not None and layout is not strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    dtype = dtype or state.get_default_dtype()
    if dtype not in (dtypes.float32, dtypes.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    if points < 2:
        window = (ones if points else zeros)(points, dtype=dtype, device=device)
    else:
        window = shape(points - 1 if sym else points, lambda start, end: _line(start, end, points, dtype, device))
    return window.requires_grad_() if requires_grad else window


@_export
def exponential(M, *, center=None, tau=1.0, sym=True, dtype=None, layout=strided, device=None, requires_grad=False):
    """``exp(-|n - center| / tau)``; the centre is the middle, and may be chosen if ``sym`` is False.

    Raises:
        ValueError: tau <= 0, a symmetric window has another centre, the length is negative, or the dtype is not float32 or
            float64.
    """
    def shape(span, line):
        middle = span / 2 if center is None else center
        return exp(-absolute(line(-middle / tau, (M - 1 - middle) / tau)))

    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    return _window("exponential", M, sym, dtype, layout, device, requires_grad, shape)


@_export
def cosine(M, *, sym=True, dtype=None, layout=strided, device=None, requires_grad=False):
    """``sin(pi (n + 1/2) / M)``, half a wave.

    Raises:
        ValueError: the length is negative, or the dtype is not float32 or float64.
    """
    return _window("cosine", M, sym, dtype, layout, device, requires_grad,
                   lambda span, line: sin(line(0.5 * _PI / (span + 1), (M - 0.5) * _PI / (span + 1))))


@_export
def gaussian(M, *, std=1.0, sym=True, dtype=None, layout=strided, device=None, requires_grad=False):
    """``exp(-(n / std)^2 / 2)`` around the middle.

    Raises:
        ValueError: std <= 0, the length is negative, or the dtype is not float32 or float64.
    """
    def shape(span, line):
        places = line(-span / 2 / (std * math.sqrt(2)), (M - 1 - span / 2) / (std * math.sqrt(2)))
        return exp(-places * places)

    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _window("gaussian", M, sym, dtype, layout, device, requires_grad, shape)


@_export
def kaiser(M, *, beta=12.0, sym=True, dtype=None, layout=strided, device=None, requires_grad=False):
    """``I0(beta sqrt(1 - x^2)) / I0(beta)`` for x from -1 to 1, with the modified Bessel function of order 0.

    Raises:
        ValueError: beta < 0, the length is negative, or the dtype is not float32 or float64.
    """
    def shape(span, line):
        places = line(-beta, min(beta, -beta + (M - 1) * 2 * beta / span))
        return _kaiser(beta, beta * beta - places * places)

    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _window("kaiser", M, sym, dtype, layout, device, requires_grad, shape)


def _kaiser(beta, squares):
    top = zeros((), dtype=squares.dtype, device=squares.device) + beta
    return i0(sqrt(squares)) / i0(top)


@_export
def hamming(M, *, sym=True, dtype=None, layout=strided, device=None, requires_grad=False):
    """``0.54 - 0.46 cos(2 pi n / (M - 1))``; see :func:`general_cosine`."""
    return general_hamming(M, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


@_export
def hann(M, *, sym=True, dtype=None, layout=strided, device=None, requires_grad=False):
    """``1/2 - 1/2 cos(2 pi n / (M - 1))``; see :func:`general_cosine`."""
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


@_export
def blackman(M, *, sym=True, dtype=None, layout=strided, device=None, requires_grad=False):
    """``0.42 - 0.5 cos(2 pi n / (M - 1)) + 0.08 cos(4 pi n / (M - 1))``; see :func:`general_cosine`."""
    return _waves("blackman", M, (0.42, 0.5, 0.08), sym, dtype, layout, device, requires_grad)


@_export
def bartlett(M, *, sym=True, dtype=None, layout=strided, device=None, requires_grad=False):
    """``1 - |2 n / (M - 1) - 1|``, a triangle.

    Raises:
        ValueError: the length is negative, or the dtype is not float32 or float64.
    """
    return _window("bartlett", M, sym, dtype, layout, device, requires_grad,
                   lambda span, line: 1 - absolute(line(-1.0, -1.0 + (M - 1) * 2 / span)))


@_export
def general_cosine(M, *, a, sym=True, dtype=None, layout=strided, device=None, requires_grad=False):
    """``sum_i (-1)^i a[i] cos(2 pi i n / (M - 1))``.

    Raises:
        TypeError: ``a`` is no list or tuple.
        ValueError: it is empty, the length is negative, or the dtype is not float32 or float64.
    """
    if not isinstance(a, (list, tuple)):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    return _waves("general_cosine", M, a, sym, dtype, layout, device, requires_grad)


def _waves(name, points, a, sym, dtype, layout, device, requires_grad):
    def shape(span, line):
        angles = line(0.0, (points - 1) * 2 * _PI / span)
        total = a[0] + angles * 0
        for i, c in enumerate(a[1:], 1):
            total = total + (-1) ** i * c * cos(angles * i)
        return total

    return _window(name, points, sym, dtype, layout, device, requires_grad, shape)


@_export
def general_hamming(M, *, alpha=0.54, sym=True, dtype=None, layout=strided, device=None, requires_grad=False):
    """``alpha - (1 - alpha) cos(2 pi n / (M - 1))``; see :func:`general_cosine`."""
    return general_cosine(M, a=[alpha, 1 - alpha], sym=sym, dtype=dtype, layout=layout, device=device,
                          requires_grad=requires_grad)


@_export
def nuttall(M, *, sym=True, dtype=None, layout=strided, device=None, requires_grad=False):
    """The four-term cosine window of A. H. Nuttall ("Some windows with very good sidelobe behavior", 1981) with continuous
    first derivative; see :func:`general_cosine`."""
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, dtype=dtype, layout=layout,
                          device=device, requires_grad=requires_grad)


# torch.NAME_window

def _of_length(name, length, periodic, dtype, layout, device, requires_grad, shape):
    """A window of ``shape(x)``, where x goes from 0 to 1 over its symmetric one."""
    if isinstance(length, bool) or not hasattr(length, "__index__"):
        raise TypeError(f"{name}(): argument 'window_length' (position 1) must be int, not {type(length).__name__}")
    length, dtype = length.__index__(), dtype or state.get_default_dtype()
    if layout is not None and layout is not strided:
        raise RuntimeError(f"{name} is not implemented for sparse types, got: {layout}")
    if dtype.category < FLOAT:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {dtype}")
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    if dtype.category == COMPLEX:
        raise NotImplementedError(f"\"arange_cpu\" not implemented for '{dtype.legacy}'")
    if length < 2:
        window = (ones if length else zeros)(length, dtype=dtype, device=device)
    else:
        wide = dtypes.float32 if dtype in HALF else dtype
        places = arange(length, dtype=wide, device=device) * (1 / (length if periodic else length - 1))
        window = to_dtype(shape(places), dtype)
    return window.requires_grad_() if requires_grad else window


def bartlett_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                    requires_grad=False):
    """``1 - |2 n / (N - 1) - 1|``, of a window of N points or the first N of one of N + 1.

    Raises:
        RuntimeError: the length is negative, or the dtype is not a floating one.
    """
    return _of_length("bartlett_window", window_length, periodic, dtype, layout, device, requires_grad,
                      lambda x: 1 - absolute(2 * x - 1))


def blackman_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                    requires_grad=False):
    """``0.42 - 0.5 cos(2 pi n / (N - 1)) + 0.08 cos(4 pi n / (N - 1))``; see :func:`bartlett_window`."""
    return _of_length("blackman_window", window_length, periodic, dtype, layout, device, requires_grad,
                      lambda x: 0.42 - 0.5 * cos(2 * _PI * x) + 0.08 * cos(4 * _PI * x))


def hamming_window(window_length, periodic=True, alpha=0.54, beta=0.46, *, dtype=None, layout=None, device=None,
                   pin_memory=False, requires_grad=False):
    """``alpha - beta cos(2 pi n / (N - 1))``; see :func:`bartlett_window`."""
    return _of_length("hamming_window", window_length, periodic, dtype, layout, device, requires_grad,
                      lambda x: alpha - beta * cos(2 * _PI * x))


def hann_window(window_length, periodic=True, *, dtype=None, layout=None, device=None, pin_memory=False,
                requires_grad=False):
    """``1/2 - 1/2 cos(2 pi n / (N - 1))``; see :func:`bartlett_window`."""
    return _of_length("hann_window", window_length, periodic, dtype, layout, device, requires_grad,
                      lambda x: 0.5 - 0.5 * cos(2 * _PI * x))


def kaiser_window(window_length, periodic=True, beta=12.0, *, dtype=None, layout=None, device=None, pin_memory=False,
                  requires_grad=False):
    """``I0(beta sqrt(1 - x^2)) / I0(beta)`` for x from -1 to 1, with the modified Bessel function of order 0; see
    :func:`bartlett_window`."""
    return _of_length("kaiser_window", window_length, periodic, dtype, layout, device, requires_grad,
                      lambda x: _kaiser(beta, beta * beta * 4 * x * (1 - x)))
