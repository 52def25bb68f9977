"""``y = a x + b y`` in one pass over memory, by the BLAS library that NumPy has loaded.

NumPy has no function for it and needs three passes. OpenBLAS has one, ``axpby``, which stays on the thread that calls it.
"""

from __future__ import annotations

import ctypes
import functools

import numpy as np

from .threads import _controller

NAMES = "scipy_cblas_{}64_", "cblas_{}64_", "cblas_{}"  # of the builds of OpenBLAS that NumPy comes with


def flat(array):
    """``(elements, address)``: the elements of an array in C order, of one that is not contiguous as a copy, and where they
    begin in memory."""
    array = array.reshape(-1)
    try:
        return array, ctypes.addressof(ctypes.c_char.from_buffer(array))
    except (TypeError, ValueError):  # read-only, or empty
        return array, array.__array_interface__["data"][0]


def blocks(whole, size):
    """The parts of a flat array, ``size`` elements each but the last."""
    array, address = whole
    n, itemsize = array.size, array.itemsize
    full = n - n % size
    for row in array[:full].reshape(-1, size):
        yield row, address
        address += size * itemsize
    if full < n:
        yield array[full:], address


@functools.cache
def axpby(dtype):
    """The function ``mix(n, a, x, b, y)`` that writes ``a x + b y`` into y: n elements of two flat arrays (:func:`flat`) of
    a dtype, float32 or float64; a and b are Python numbers."""
    call = _library_function({"f": "saxpby", "d": "daxpby"}[dtype.char], dtype)
    ufuncs = functools.partial(by_ufuncs, dtype)
    if call is None:
        return ufuncs

    def by_blas(n, a, x, b, y):
        if a == 0 or b == 0:
            ufuncs(n, a, x, b, y)  # BLAS would not read what is multiplied by 0, and lose what is not finite there
        else:
            call(n, a, x[1], 1, b, y[1], 1)

    return by_blas


def by_ufuncs(dtype, n, a, x, b, y):
    """What the function of :func:`axpby` does, where no library is known to do it in one pass."""
    scaled = np.multiply(x[0], np.array(a, dtype))
    if b != 1:
        np.multiply(y[0], np.array(b, dtype), y[0])
    np.add(y[0], scaled, y[0])


def _library_function(name, dtype):
    for library in _controller().lib_controllers:
        if library.internal_api != "openblas" or "numpy" not in library.filepath:
            continue
        try:
            loaded = ctypes.CDLL(library.filepath)
        except OSError:
            continue
        for form in NAMES:
            found = getattr(loaded, form.format(name), None)
            if found is not None:
                integer = ctypes.c_int64 if "64_" in form else ctypes.c_int
                real = ctypes.c_float if dtype.char == "f" else ctypes.c_double
                found.argtypes = [integer, real, ctypes.c_void_p, integer, real, ctypes.c_void_p, integer]
                found.restype = None
                return found
    return None
