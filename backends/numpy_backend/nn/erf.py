"""The error function and its complement, elementwise, for float32 and float64.

float64 follows the rational approximations of the Cephes library (Moshier, "Methods and Programs for
Mathematical Functions", 1989; ``ndtr.c``), relative error of a few units in the last place.  float32 takes
``erf(x) = tanh(x * p(x * x))`` with a polynomial ``p`` of degree 6 fitted for equal relative error on ``|x|
<= 4``: relative error below 4e-7, and one library ``tanh`` in place of a division of two polynomials.
"""

from __future__ import annotations

import numpy as np

from ..threads import shares, spread

__all__ = ["ERF_TANH", "chunked", "erf", "erf_double", "erf_tanh_argument", "erfc"]

# Elements per pass: the few temporaries of a formula stay in a core's cache.
CHUNK = 1 << 16
# Passes that are worth a thread.
LEAST = 2

# p(z), highest power first, for tanh(x * p(x * x)) = erf(x) on z <= 16.
ERF_TANH = (
    1.4189461000232892e-07,
    -5.669043119923063e-06,
    8.763995739232118e-05,
    -0.0006197897999990449,
    -0.00019182667263764077,
    0.102769054683678,
    1.1283792743569785,
)

# Cephes: erf(x) = x T(x^2) / U(x^2) below 1; erfc(x) = exp(-x^2) P(x) / Q(x) below 8, and R(x) / S(x) above.
_P = (
    2.46196981473530512524e-10,
    5.64189564831068821977e-1,
    7.46321056442269912687e0,
    4.86371970985681366614e1,
    1.96520832956077098242e2,
    5.26445194995477358631e2,
    9.34528527171957607540e2,
    1.02755188689515710272e3,
    5.57535335369399327526e2,
)
_Q = (
    1.0,
    1.32281951154744992508e1,
    8.67072140885989742329e1,
    3.54937778887819891062e2,
    9.75708501743205489753e2,
    1.82390916687909736289e3,
    2.24633760818710981792e3,
    1.65666309194161350182e3,
    5.57535340817727675546e2,
)
_R = (
    5.64189583547755073984e-1,
    1.27536670759978104416e0,
    5.01905042251180477414e0,
    6.16021097993053585195e0,
    7.40974269950448939160e0,
    2.97886665372100240670e0,
)
_S = (
    1.0,
    2.26052863220117276590e0,
    9.39603524938001434673e0,
    1.20489539808096656605e1,
    1.70814450747565897222e1,
    9.60896809063285878198e0,
    3.36907645100081516050e0,
)
_T = (
    9.60497373987051638749e0,
    9.00260197203842689217e1,
    2.23200534594684319226e3,
    7.00332514112805075473e3,
    5.55923013010394962768e4,
)
_U = (
    1.0,
    3.35617141647503099647e1,
    5.21357949780152679795e2,
    4.59432382970980127987e3,
    2.26290000613890934246e4,
    4.92673942608635921086e4,
)


def erf(x):
    """``2 / sqrt(pi) * integral of exp(-t * t) from 0 to x``."""
    return chunked(_erf32 if x.dtype == np.float32 else erf_double, x)


def erfc(x):
    """``1 - erf(x)``, accurate where that difference would cancel."""
    if x.dtype == np.float32:
        return chunked(_erfc64, x.astype(np.float64)).astype(np.float32)
    return chunked(_erfc64, x)


def chunked(rule, *arrays):
    """Runs ``rule(out, arrays...)`` on runs of `CHUNK` elements of equally shaped arrays, shares of them side by side.

    The result has the memory layout of the first array where that is one run of memory, so that elements of a
    channels-last array are not reordered.
    """
    first = arrays[0]
    order = sorted(range(first.ndim), key=lambda a: -first.strides[a])
    flat = [np.ascontiguousarray(a.transpose(order)).reshape(-1) for a in arrays]
    out = np.empty(first.size, first.dtype)

    def work(part):
        for i in part:
            where = slice(i * CHUNK, (i + 1) * CHUNK)
            rule(out[where], *(a[where] for a in flat))

    spread(work, shares(-(-first.size // CHUNK), LEAST))
    inverse = np.argsort(order)
    return out.reshape([first.shape[a] for a in order]).transpose(inverse)


def horner(z, coefficients, out=None):
    """Polynomial in ``z``, highest power first."""
    out = np.multiply(z, coefficients[0], out=out)
    for c in coefficients[1:-1]:
        np.add(out, c, out=out)
        np.multiply(out, z, out=out)
    return np.add(out, coefficients[-1], out=out)


def erf_tanh_argument(x, coefficients, z, out):
    """``x * p(x * x)`` into ``out``, with ``z`` as scratch: the argument of the float32 ``tanh``. Beyond the
    range that ``p`` was fitted on it only grows, where ``tanh`` is 1 already."""
    np.multiply(x, x, out=z)
    horner(z, coefficients, out)
    return np.multiply(out, x, out=out)


def _erf32(out, x):
    erf_tanh_argument(x, ERF_TANH, np.empty_like(x), out)
    np.tanh(out, out=out)


def erf_double(out, x):
    size = np.abs(x)
    inner = np.minimum(size, 1.0)
    np.multiply(inner, inner, out=inner)
    np.divide(horner(inner, _T), horner(inner, _U), out=out)
    np.multiply(out, x, out=out)
    far = np.flatnonzero(size > 1)
    if far.size:
        out[far] = np.copysign(1 - _erfc_above_one(size[far]), x[far])


def _erfc64(out, x):
    inner = np.clip(x, -1.0, 1.0)
    z = inner * inner
    np.subtract(1, inner * horner(z, _T) / horner(z, _U), out=out)
    far = np.flatnonzero(np.abs(x) > 1)
    if far.size:
        part = x[far]
        tail = _erfc_above_one(np.abs(part))
        out[far] = np.where(part < 0, 2 - tail, tail)


def _erfc_above_one(x):
    middle = np.clip(x, 1.0, 8.0)
    y = horner(middle, _P) / horner(middle, _Q)
    beyond = np.flatnonzero(x > 8)
    if beyond.size:
        # erfc underflows before 28; the clip keeps the ratio from becoming inf / inf.
        far = np.minimum(x[beyond], 28.0)
        y[beyond] = horner(far, _R) / horner(far, _S)
    # exp(-x * x) with the rounding error of the square put back: high has few enough bits for an exact
    # square.
    cut = np.minimum(x, 28.0)
    high = np.floor(cut * 128 + 0.5) / 128
    return y * np.exp(-high * high) * np.exp(-(cut - high) * (cut + high))
