"""Discrete Fourier transforms.

Every function takes a dimension or several, sizes to which they are cut or padded with zeros first, and a scale by name:
``"backward"`` (the default) divides the inverse transform by the number of points n, ``"forward"`` the forward one, and
``"ortho"`` both by the square root of n. Bool and integers become the default dtype; half types are refused.
"""

from __future__ import annotations

import math

from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import COMPLEX, FLOAT, HALF

from . import state
from .amp.casting import autocasts
from .creation import arange
from .dispatch import float_like, normalize_axis, require_tensor, store, to_dtype
from .methods import exporter
from .shaping import roll

__all__: list[str] = []
_export = exporter(__all__)


# Arguments.

def _integer(value, function, name):
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"fft_{function}(): argument '{name}' must be int, not {type(value).__name__}")
    return value.__index__()


def _integers(values, function, name):
    """None, or a tuple of integers from one or from a sequence."""
    if values is None:
        return None
    given = (values,) if hasattr(values, "__index__") and not isinstance(values, bool) else values
    if not isinstance(given, (tuple, list)) or not all(hasattr(v, "__index__") for v in given):
        raise TypeError(f"fft_{function}(): argument '{name}' must be tuple of ints, not {type(values).__name__}")
    return tuple(v.__index__() for v in given)


def _axis(dim, ndim):
    if not ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return normalize_axis(dim, ndim)


def _promoted(x, to_complex):
    """A tensor in the dtype in which it is transformed.

    Raises:
        RuntimeError: it is of a half type.
    """
    if x.dtype in HALF:
        raise RuntimeError(f"Unsupported dtype {x.dtype.legacy}")
    x = float_like(x)
    return to_dtype(x, x.dtype.to_complex()) if to_complex else x


def resized(x, sizes):
    """Dimensions cut, or padded with zeros at their ends.

    Args:
        sizes: from dimensions to sizes.

    Raises:
        RuntimeError: a size is less than 1.
    """
    shape = tuple(x._a.shape)
    for n in sizes.values():
        if n < 1:
            raise RuntimeError(f"Invalid number of data points ({n}) specified")
    short = tuple(min(n, sizes.get(i, n)) for i, n in enumerate(shape))
    if short != shape:
        x = apply("slice", (x,), {"start": (0,) * len(shape), "stop": short, "step": (1,) * len(shape)})
    missing = tuple(sizes.get(i, n) - n for i, n in enumerate(short))
    return apply("pad", (x,), {"lo": (0,) * len(shape), "hi": missing, "value": 0}) if any(missing) else x


def _scale(norm, n, inverse):
    """The factor for n points of an unscaled transform.

    Raises:
        RuntimeError: there is no such scale.
    """
    if norm not in (None, "backward", "forward", "ortho"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if norm == "ortho":
        return 1 / math.sqrt(n)
    return 1 / n if (norm == "forward") is not inverse else 1.0


def _check_norm(norm, function):
    if norm is not None and not isinstance(norm, str):
        raise TypeError(f"fft_{function}(): argument 'norm' must be str, not {type(norm).__name__}")


def _stored(out, result, name):
    """The result, written into ``out`` if there is one of its kind."""
    if out is not None:
        complex_result = result.dtype.is_complex
        if out.dtype.is_complex is not complex_result or out.dtype.category < FLOAT:
            kind = "complex" if complex_result else "floating point"
            raise RuntimeError(f"{name} expects a {kind} output tensor, but got {out.dtype.legacy}")
    return store(out, result)


def _times(x, factor):
    return x if factor == 1 else apply("mul", (x, factor))


# The three transforms, along axes that have their sizes.

@named("FftC2CBackward0")
def complex_to_complex(x, axes, inverse, norm):
    """Of a complex tensor along several axes."""
    sizes = [x._a.shape[axis] for axis in axes]
    n = math.prod(sizes)
    factor = _scale(norm, n, inverse) * (n if inverse else 1)  # the op divides the inverse by n
    for axis in reversed(axes):
        x = apply("fft", (x,), {"axis": axis, "inverse": inverse})
    return _times(x, 1 if math.isclose(factor, 1, rel_tol=1e-15) else factor)


@named("FftR2CBackward0")
def _real_to_half(x, axis, factor):
    return _times(apply("rfft", (x,), {"axis": axis}), factor)


def real_to_complex(x, axis, norm, inverse=False):
    """The half spectrum of a real tensor along one axis; the inverse is its conjugate."""
    y = _real_to_half(x, axis, _scale(norm, x._a.shape[axis], inverse))
    return apply("conj", (y,)) if inverse else y


@named("FftC2RBackward0")
def complex_to_real(x, axis, n, norm, inverse=True):
    """The real tensor of n points along an axis from its half spectrum; the forward one takes the conjugate."""
    factor = _scale(norm, n, inverse) * n
    if not inverse:
        x = apply("conj", (x,))
    y = apply("irfft", (x,), {"axis": axis, "n": n})
    return _times(y, 1 if math.isclose(factor, 1, rel_tol=1e-15) else factor)


# Along one dimension.

def _one(name, doc, transform, real_input=False, half_size=False):
    def function(input, n=None, dim=-1, norm=None, *, out=None):
        x = require_tensor(input, f"fft_{name}")
        n = None if n is None else _integer(n, name, "n")
        dim = _integer(dim, name, "dim")
        _check_norm(norm, name)
        if real_input and x.dtype.category == COMPLEX:
            raise RuntimeError(f"{name} expects a real input tensor, but got {x.dtype.legacy}")
        x = _promoted(x, not real_input)
        axis = _axis(dim, x.dim())
        points = n if n is not None else 2 * (x._a.shape[axis] - 1) if half_size else x._a.shape[axis]
        if points < 1:
            raise RuntimeError(f"Invalid number of data points ({points}) specified")
        x = resized(x, {axis: points // 2 + 1 if half_size else points})
        return _stored(out, transform(x, axis, points, norm), name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc + """

    Args:
        n: the number of points of the signal, to which the dimension is cut or padded; by default what it has.
        norm: "backward", "forward" or "ortho", see the module.

    Raises:
        RuntimeError: n < 1, the scale is unknown, or the dtype is not of the kind that is transformed.
        IndexError: there is no such dimension.
    """
    return _export(autocasts(function))


fft = _one("fft", "``y[k] = sum_j x[j] exp(-2 pi i j k / n)`` along a dimension, complex.",
           lambda x, axis, n, norm: complex_to_complex(x, (axis,), False, norm))
ifft = _one("ifft", "``y[k] = 1/n sum_j x[j] exp(2 pi i j k / n)`` along a dimension, complex.",
            lambda x, axis, n, norm: complex_to_complex(x, (axis,), True, norm))
rfft = _one("rfft", "The frequencies 0 to ``n // 2`` of the transform of a real tensor along a dimension.",
            lambda x, axis, n, norm: real_to_complex(x, axis, norm), real_input=True)
irfft = _one("irfft", "The real tensor of n points (``2 (size - 1)`` by default) of which the input is the rfft.",
             lambda x, axis, n, norm: complex_to_real(x, axis, n, norm), half_size=True)
hfft = _one("hfft", "The real transform of a signal that is its own conjugate backwards, given by its first half.",
            lambda x, axis, n, norm: complex_to_real(x, axis, n, norm, False), half_size=True)
ihfft = _one("ihfft", "The inverse of hfft: the first half of the inverse transform of a real tensor.",
             lambda x, axis, n, norm: real_to_complex(x, axis, norm, True), real_input=True)


# Along several dimensions.

def _several(ndim, s, dim):
    """The axes to transform and the sizes that are asked of them, -1 for their own."""
    if dim is not None:
        axes = tuple(_axis(d, ndim) for d in dim)
        if len(set(axes)) < len(axes):
            raise RuntimeError("FFT dims must be unique")
        if s is not None and len(s) != len(axes):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    elif s is not None:
        if len(s) > ndim:
            raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {ndim} dimensions.")
        axes = tuple(range(ndim - len(s), ndim))
    else:
        axes = tuple(range(ndim))
    return axes, s if s is not None else (-1,) * len(axes)


def _sized(x, axes, sizes):
    return resized(x, {a: x._a.shape[a] if n == -1 else n for a, n in zip(axes, sizes, strict=True)})


def _fftn(x, axes, sizes, norm, inverse):
    return complex_to_complex(_sized(_promoted(x, True), axes, sizes), axes, inverse, norm)


def _rfftn(x, axes, sizes, norm, inverse):
    x = _sized(_promoted(x, False), axes, sizes)
    y = real_to_complex(x, axes[-1], norm, inverse)
    return complex_to_complex(y, axes[:-1], inverse, norm) if len(axes) > 1 else y


def _irfftn(x, axes, sizes, norm, inverse):
    x, last = _promoted(x, True), axes[-1]
    points = 2 * (x._a.shape[last] - 1) if sizes[-1] == -1 else sizes[-1]
    if points < 1:
        raise RuntimeError(f"Invalid number of data points ({points}) specified")
    x = _sized(x, axes, (*sizes[:-1], points // 2 + 1))
    if len(axes) > 1:
        x = complex_to_complex(x, axes[:-1], inverse, norm)
    return complex_to_real(x, last, points, norm, inverse)


def _many(name, doc, transform, inverse, real_input=False, any_axes=False, wrong=""):
    def run(function, input, s, dim, norm, out):
        x = require_tensor(input, f"fft_{function}")
        s, dim = _integers(s, function, "s"), _integers(dim, function, "dim")
        _check_norm(norm, function)
        if real_input and x.dtype.category == COMPLEX:
            raise RuntimeError(wrong.format(x.dtype.legacy))
        axes, sizes = _several(x.dim(), s, dim)
        if not axes:
            if not any_axes:
                raise RuntimeError(f"{name} must transform at least one axis")
            return _stored(out, _promoted(x, True), name)
        return _stored(out, transform(x, axes, sizes, norm, inverse), name)

    def over_all(input, s=None, dim=None, norm=None, *, out=None):
        return run(name, input, s, dim, norm, out)

    plane = name[:-1] + "2"

    def over_two(input, s=None, dim=(-2, -1), norm=None, *, out=None):
        if dim is None:
            raise TypeError(f"fft_{plane}(): argument 'dim' must be tuple of ints, not NoneType")
        return run(plane, input, s, dim, norm, out)

    for function, called, where in ((over_all, name, "several dimensions (all by default)"),
                                    (over_two, plane, "two dimensions (the last by default)")):
        function.__name__ = function.__qualname__ = called
        function.__doc__ = f"""{doc.format(where)}

    Args:
        s: the numbers of points of the signal along the dimensions, which are cut or padded to them; -1 leaves one.
        dim: the dimensions; without them, and with ``s``, the last ones.
        norm: "backward", "forward" or "ortho", see the module.

    Raises:
        RuntimeError: a size is less than 1, dimensions repeat or do not fit ``s``, the scale is unknown, or the dtype is not
            of the kind that is transformed.
        IndexError: there is no such dimension.
    """
        _export(function)
    return autocasts(over_all), autocasts(over_two)


_REAL = "expects a real-valued input tensor, but got {}"
fftn, fft2 = _many("fftn", "The transform along {}, complex.", _fftn, False, any_axes=True)
ifftn, ifft2 = _many("ifftn", "The inverse transform along {}, complex.", _fftn, True, any_axes=True)
rfftn, rfft2 = _many("rfftn", "The transform of a real tensor along {}, of which the last one has its half spectrum.",
                     _rfftn, False, real_input=True, wrong=f"rfftn {_REAL}")
irfftn, irfft2 = _many("irfftn", "The real tensor of which the input is the transform along {}, the last one given by its "
                       "half spectrum.", _irfftn, True)
hfftn, hfft2 = _many("hfftn", "The real transform along {} of a signal that is its own conjugate backwards, given by one "
                     "half of the last one.", _irfftn, False)
ihfftn, ihfft2 = _many("ihfftn", "The inverse of hfftn for a real tensor, along {}.", _rfftn, True, real_input=True,
                       wrong="Only supports floating-point dtypes, but found: {}")


# Frequencies, and their order.

def _frequencies(name, places, doc):
    def function(n, d=1.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(f"fft_{name}(): argument 'n' (position 1) must be int, not {type(n).__name__}")
        if isinstance(d, complex) or not isinstance(d, (int, float)):
            raise TypeError(f"fft_{name}(): argument 'd' (position 2) must be float, not {type(d).__name__}")
        wanted = dtype or (out.dtype if out is not None else state.get_default_dtype())
        if wanted.category < FLOAT:
            raise RuntimeError(f"{name} requires a floating point or complex dtype")
        if wanted.category == COMPLEX:
            raise NotImplementedError(f"\"arange_cpu\" not implemented for '{wanted.legacy}'")
        result = places(n.__index__(), wanted, device)
        result = result * (1 / (n * d) if n * d else math.inf)
        if out is not None:
            return store(out, result)
        return result.requires_grad_() if requires_grad else result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc + """, n points spaced d.

    Raises:
        RuntimeError: n is negative, or the dtype is not a floating one.
    """
    return _export(function)


def _signed_places(n, dtype, device):
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    places = arange(n, dtype=dtype, device=device)
    return places - n * to_dtype(places >= (n + 1) // 2, dtype)


fftfreq = _frequencies("fftfreq", _signed_places,
                       "The frequencies of an fft, ``[0, 1, ..., (n - 1) // 2, -(n // 2), ..., -1] / (n d)``")
rfftfreq = _frequencies("rfftfreq", lambda n, dtype, device: arange(int(n / 2) + 1, dtype=dtype, device=device),
                        "The frequencies of an rfft, ``[0, 1, ..., n // 2] / (n d)``")


def _shifted(name, distance, doc):
    def function(input, dim=None):
        x = require_tensor(input, f"fft_{name}")
        dims = _integers(dim, name, "dim")
        if dims == ():
            raise RuntimeError("`shifts` required")
        axes = tuple(range(x.dim())) if dims is None else tuple(normalize_axis(d, x.dim()) for d in dims)
        return roll(x, tuple(distance(x._a.shape[a]) for a in axes), axes) if axes else x.clone()

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return _export(function)


fftshift = _shifted("fftshift", lambda n: n // 2, "Frequencies in ascending order, with 0 in the middle, along dimensions.")
ifftshift = _shifted("ifftshift", lambda n: (n + 1) // 2, "The reverse of fftshift.")
