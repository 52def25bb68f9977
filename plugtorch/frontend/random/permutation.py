"""Random permutations in PyTorch's CPU order."""

from __future__ import annotations

import numpy as np

from plugtorch.frontend.random.generator import Generator, sampler
from plugtorch.frontend.random.rounding import DIGITS, not_implemented, numpy_dtype, scalar_name

# From this length on, 64-bit words and the inside-out method are used: (2**32 - 1) // 20.
_LONG = 214748364
# Exchanges applied at a time; short enough that few of them touch the same element.
_CHUNK = 1 << 14
_C_NAMES = {"uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int"}


@sampler
def randperm(gen: Generator, n: int, dtype: str = "int64") -> np.ndarray:
    """A permutation of 0..n-1, shape (n,).

    Fisher-Yates, one 32-bit word per exchange (R. Durstenfeld, "Algorithm 235: Random permutation", CACM
    7(7), 1964). RuntimeError if ``n`` is negative or the type does not hold n - 1; NotImplementedError
    for bool, complex and wide unsigned types.
    """
    n = int(n)
    if n < 0:
        raise RuntimeError(f"Trying to create tensor with negative dimension {n}: [{n}]")
    _check_type(n, dtype)
    if n < _LONG:
        order = np.arange(n, dtype=np.int32)
        for start in range(0, n - 1, _CHUNK):
            stop = min(start + _CHUNK, n - 1)
            spans = np.arange(n - start, n - stop, -1, dtype=np.uint32)
            offsets = gen.words(stop - start).astype(np.uint32) % spans
            exchange(order, start, offsets)
    else:
        order = inside_out(gen, n)
    if dtype in ("float16", "bfloat16"):
        order = order.astype(np.float32)
    return order.astype(numpy_dtype(dtype), copy=False)


def _check_type(n: int, dtype: str) -> None:
    if dtype in DIGITS:  # bfloat16 is not checked: indices above 256 are rounded
        if dtype != "bfloat16" and n > (1 << DIGITS[dtype]) + 1:
            shown = "2049" if dtype == "float16" else f"2^{DIGITS[dtype]}+1"
            raise RuntimeError(f"n cannot be greater than {shown} for {scalar_name(dtype)} type.")
    elif dtype in ("uint8", "int8", "int16", "int32", "int64"):
        if n > 0 and n - 1 > np.iinfo(dtype).max:
            raise RuntimeError(f"value cannot be converted to type {_C_NAMES[dtype]} without overflow")
    else:
        raise not_implemented("randperm", dtype)


def exchange(order: np.ndarray, start: int, offsets: np.ndarray) -> None:
    """For i = 0, 1, ...: swap order[start + i] with order[start + i + offsets[i]], in that order, in place.

    The exchanges are grouped by the element they reach. What stands at a place just before its exchange
    is what the previous exchange of the group brought there; places whose content came from inside the
    chunk are chains, which are followed by doubling.
    """
    count = offsets.size
    step = np.arange(count, dtype=np.int64)
    reach = step + offsets
    by_reach = np.sort((reach << 32) | step)
    at = by_reach & 0xFFFFFFFF
    reached = by_reach >> 32
    again = np.empty(count, bool)
    again[0] = False
    np.equal(reached[1:], reached[:-1], out=again[1:])
    last = np.empty(count, bool)
    last[-1] = True
    np.logical_not(again[1:], out=last[:-1])

    # origin[i]: the place whose content at the start of the chunk stands at place i just before exchange i.
    # It is the place of the last exchange before i that reached i, followed back.
    origin = step.copy()
    inner = int(np.searchsorted(reached, count))
    if inner:
        own = reached[:inner] == at[:inner]  # an exchange of a place with itself is the last of its group
        earlier = ~own & last[:inner]
        origin[reached[:inner][earlier]] = at[:inner][earlier]
        own_again = np.flatnonzero(own & again[:inner])
        origin[reached[own_again]] = at[own_again - 1]
        while True:
            further = origin[origin]
            if np.array_equal(further, origin):
                break
            origin = further

    places = order[start:]
    source = reached.copy()
    repeated = np.flatnonzero(again)
    source[repeated] = origin[at[repeated - 1]]
    new = np.empty(count, order.dtype)
    new[at] = places[source]
    # A reached place beyond the chunk keeps what its group's last exchange left there.
    outer = np.flatnonzero(last[inner:]) + inner
    left = places[origin[at[outer]]]
    places[reached[outer]] = left
    places[:count] = new


def inside_out(gen: Generator, n: int) -> np.ndarray:
    """A permutation of 0..n-1, int64, by the inside-out method with one 64-bit word per element.

    Element by element in Python: meant for lengths that 32-bit words do not serve, where it takes minutes.
    """
    order = np.empty(n, np.int64)
    cells = memoryview(order)
    for start in range(0, n, _CHUNK):
        stop = min(start + _CHUNK, n)
        spans = np.arange(start + 1, stop + 1, dtype=np.uint64)
        for i, z in enumerate((gen.words64(stop - start) % spans).tolist(), start):
            cells[i] = cells[z] if z < i else i
            cells[z] = i
    return order
