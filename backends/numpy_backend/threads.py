"""How many threads the BLAS library uses inside a kernel.

A convolution is thousands of small products. Spread over threads they gain 15 % on an idle machine of two cores, and
lose a factor of ten on a busy one, where each product waits for a thread that is not scheduled. They run on one.
"""

from __future__ import annotations

import functools


@functools.cache
def _controller():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def one_blas_thread(kernel):
    """Decorates a kernel made of many small products."""

    @functools.wraps(kernel)
    def wrapped(*args, **kwargs):
        with _controller().limit(limits=1):
            return kernel(*args, **kwargs)

    return wrapped
