"""Threads of kernels: how many the BLAS library uses, and blocks of a kernel spread over a pool of our own.

A convolution is thousands of small products. Spread over the library's threads they gain 15 % on an idle machine of two
cores, and lose a factor of ten on a busy one, where each product waits for a thread that is not scheduled. So they run on
one thread each, and where the library may use more, whole shares of the kernel's blocks run side by side: NumPy releases
the interpreter's lock inside its loops and products. The shares are fixed by the number of threads, so results do not
depend on timing.

Products of matrices are shared out in the same way, the smaller ones and sums by products with ones run on one thread: the
library's own threads would wait for more work in a loop, for milliseconds after each product, on the cores that the shares
of the next kernel need; and where another program has a core, each product waits until theirs is scheduled.

That number is the library's own (``plugtorch.set_num_threads``, ``OPENBLAS_NUM_THREADS`` or the number of cores).
"""

from __future__ import annotations

import contextvars
import functools
import os
import threading
import warnings

import numpy as np

# Products that hot.py calls without a silent context.
warnings.filterwarnings("ignore", category=RuntimeWarning, module=__name__.replace(".", r"\."))


@functools.cache
def _controller():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


@functools.cache
def _libraries():
    """Pairs of functions that get and set the number of threads of a BLAS library: OpenBLAS's own where they are known,
    as those of threadpoolctl take several times as long as the small kernels that ask."""
    found = []
    for library in _controller().lib_controllers:
        symbol = getattr(library, "_get_symbol", None)
        own = ()
        if symbol and library.internal_api == "openblas" and library.threading_layer == "pthreads":
            own = symbol("openblas_get_num_threads"), symbol("openblas_set_num_threads")
        if own and all(own):
            found.append(own)
        elif library.get_num_threads() is not None:
            found.append((library.get_num_threads, library.set_num_threads))
    return found


class _Local(threading.local):
    width = 1  # threads that the kernel of this thread may use; one in the threads of the pool


_local = _Local()


def one_blas_thread(kernel):
    """Decorates a kernel made of many small products, or of blocks that :func:`spread` runs."""

    @functools.wraps(kernel)
    def wrapped(*args, **kwargs):
        limited = [(set_threads, n) for get_threads, set_threads in _libraries() if (n := get_threads()) != 1]
        if not limited:
            return kernel(*args, **kwargs)
        before, _local.width = _local.width, max(n for _, n in limited)
        for set_threads, _ in limited:
            set_threads(1)
        try:
            return kernel(*args, **kwargs)
        finally:
            _local.width = before
            for set_threads, n in limited:
                set_threads(n)

    return wrapped


def shares(count: int, least: int = 1) -> list[range]:
    """``range(count)`` cut into one run per thread of this kernel, none shorter than ``least``."""
    width = max(1, min(_local.width, count // max(1, least)))
    return [range(count * i // width, count * (i + 1) // width) for i in range(width)]


def spread(work, parts) -> list:
    """``[work(part) for part in parts]``, the first in this thread and each other one in a thread of the pool."""
    first, *rest = parts
    if not rest:
        return [work(first)]
    from concurrent.futures import wait

    pool = _pool(len(rest))
    # NumPy's silence about floating-point errors is part of the context.
    others = [pool.submit(contextvars.copy_context().run, work, part) for part in rest]
    try:
        return [work(first), *(other.result() for other in others)]
    finally:
        wait(others)


# Multiplications of a product up to which OpenBLAS has no use for threads, and from which sharing it is worth a thread.
ALONE, SHARED = 1 << 18, 1 << 24


@one_blas_thread
def _product_alone(a, b):
    return a.dot(b)


@one_blas_thread
def _product_in_shares(a, b):
    m, n = len(a), b.shape[1]
    by_rows = m >= n
    parts = shares(m if by_rows else n, 16)
    y = np.empty((m, n), a.dtype)

    def work(part):
        where = slice(part.start, part.stop)
        if by_rows:
            np.matmul(a[where], b, out=y[where])
        else:
            np.matmul(a, b[:, where], out=y[:, where])

    spread(work, parts)
    return y


def shared_product(a, b):
    """``a @ b`` of two matrices on one thread of the library, by shares of its rows or columns where it is large."""
    multiplications = a.size * b.shape[1]
    if multiplications > ALONE and a.dtype == b.dtype and a.shape[1] == b.shape[0]:
        if _local.width > 1 or library_threads() > 1:
            return _product_in_shares(a, b) if multiplications >= SHARED else _product_alone(a, b)
    return a.dot(b)


def library_threads() -> int:
    """How many threads the BLAS library may use now."""
    return max((get_threads() for get_threads, _ in _libraries()), default=1)


@functools.cache
def _pool(workers):
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(workers, thread_name_prefix="plugtorch-numpy")


if hasattr(os, "register_at_fork"):
    # A child process has none of the threads.
    os.register_at_fork(after_in_child=_pool.cache_clear)
