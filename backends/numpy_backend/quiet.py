"""NumPy's floating-point warnings, silenced around kernels only.

PyTorch never warns of 1/0, and a library must not change the caller's ``np.seterr``. NumPy keeps that
setting in a context variable, so a call inside a context of our own is silent, and costs nothing;
``np.errstate`` around one small ufunc would cost more than the ufunc.
"""

from __future__ import annotations

import contextvars
import functools
import threading

import numpy as np


class _Quiet(threading.local):
    """Per thread: ``run(f, *args)`` calls f without floating-point warnings.

    A context can be entered once at a time, so f must be a plain function of NumPy that calls no other kernel.
    """

    def __init__(self):
        context = contextvars.Context()
        context.run(functools.partial(np.seterr, all="ignore"))
        self.enter = context.run

    def run(self, f, *args, **kwargs):
        try:
            return self.enter(f, *args, **kwargs)
        except RuntimeError:
            # A finaliser that runs tensor code inside f finds the context in use.
            with np.errstate(all="ignore"):
                return f(*args, **kwargs)


QUIET = _Quiet()


def silent(kernel):
    """Decorates a kernel made of several calls."""

    @functools.wraps(kernel)
    def wrapped(*args, **kwargs):
        with np.errstate(all="ignore"):
            return kernel(*args, **kwargs)

    return wrapped
