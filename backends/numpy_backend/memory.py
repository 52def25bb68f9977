"""What the C library does with memory that an array gave back.

By default glibc returns a large block to the system at once and takes a new one for the next array, whose pages the
system then clears one fault at a time. A training step frees and takes the same blocks over and over, and on small
models half of its time went there. With the limits below such memory stays in the process and is used again.

This is a setting of the process, so it is made only on glibc, once, and not where the user has set one of the library's
own variables (``MALLOC_TRIM_THRESHOLD_`` and so on) or ``PLUGTORCH_KEEP_MEMORY=0``.
"""

from __future__ import annotations

import functools
import os
import sys

# <malloc.h>
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
MIB = 1 << 20
# The threshold for blocks of their own is the largest that the library takes. Free memory at the end of the heap beyond
# the trim threshold goes back to the system; growing takes one step more than asked for.
LIMITS = ((M_MMAP_THRESHOLD, 32 * MIB), (M_TRIM_THRESHOLD, 256 * MIB), (M_TOP_PAD, 4 * MIB))
VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_",
             "GLIBC_TUNABLES")


@functools.cache
def keep_memory() -> bool:
    """Lets the process keep freed memory for its next arrays; whether it did."""
    if os.environ.get("PLUGTORCH_KEEP_MEMORY", "1") == "0" or any(v in os.environ for v in VARIABLES):
        return False
    if not sys.platform.startswith("linux") or not _is_glibc():
        return False
    try:
        import ctypes

        mallopt = ctypes.CDLL(None).mallopt
    except (ImportError, OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return all([mallopt(name, value) for name, value in LIMITS])


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (ValueError, OSError):
        return False
