"""Collectives on flat host arrays: who sends what to whom.

Small arrays are reduced by recursive doubling (log2 of the processes' number steps, the whole array in each), large
ones by the ring of Patarasu and Yuan, "Bandwidth optimal all-reduce algorithms for clusters of workstations" (2009),
where each process sends twice its array's length whatever their number. Trees are binomial. Every process gets the same
bits: an element is combined once, or by operations that are symmetric in their operands.
"""

from __future__ import annotations

import time

import numpy as np

from .mesh import KIND, KINDS

_RING_FROM = 1 << 16  # bytes
_SEGMENT = 1 << 20  # bytes: so much is received, then combined while more arrives


def _bytes(array):
    return memoryview(array.view(np.uint8))


class Round:
    """One collective call of one process.

    Args:
        mesh: the connections.
        ranks: the job's rank of each member of the group.
        me: this process's rank in the group.
        stream, tag: which messages belong to the call.
        kind: the name of the collective.
        timeout: seconds.
    """

    def __init__(self, mesh, ranks, me, stream, tag, kind, timeout):
        self.mesh, self.ranks, self.me, self.size = mesh, ranks, me, len(ranks)
        self.stream, self.tag, self.kind = stream, tag, KIND[kind]
        self.timeout = timeout
        self.deadline = 0.0

    def start(self) -> None:
        """The time runs from here."""
        self.deadline = time.monotonic() + self.timeout

    def send(self, to: int, array=None) -> None:
        """Sends an array, or an empty message."""
        view = b"" if array is None else _bytes(array)
        self.mesh.send(self.ranks[to], self.stream, self.tag, self.kind, view, self.deadline)

    def expect(self, source, array=None):
        """The receive of an array, or of an empty message."""
        view = memoryview(bytearray()) if array is None else _bytes(array)
        return self.mesh.expect(self._rank(source), self.stream, self.tag, self.kind, view)

    def expect_any_length(self, source):
        """The receive of bytes, whatever their number."""
        return self.mesh.expect(self._rank(source), self.stream, self.tag, self.kind, None)

    def _rank(self, source):
        return None if source is None else self.ranks[source]

    def wait(self, *receives) -> None:
        """Waits for messages.

        Raises:
            RuntimeError: one did not come in time, is not what was expected, or its sender is gone.
        """
        for receive in receives:
            if not receive.wait(self.deadline - time.monotonic()):
                self.mesh.forget(receive)
                raise RuntimeError(f"Timed out waiting {round(self.timeout * 1000)}ms for recv operation to complete "
                                   f"({KINDS[self.kind]})")
            if receive.error is not None:
                raise RuntimeError(receive.error)

    def others(self):
        """The other members, the next one first, so that not all turn to the same."""
        return [(self.me + i) % self.size for i in range(1, self.size)]


def barrier(r: Round) -> None:
    """Dissemination: in step i each member tells the one 2**i further on."""
    step = 1
    while step < r.size:
        receive = r.expect((r.me - step) % r.size)
        r.send((r.me + step) % r.size)
        r.wait(receive)
        step *= 2


def broadcast(r: Round, array, root: int) -> None:
    """A binomial tree from the root."""
    place = (r.me - root) % r.size
    step = 1
    while step <= place:
        step *= 2
    if place:
        r.wait(r.expect((place - step // 2 + root) % r.size, array))
    while place + step < r.size:
        r.send((place + step + root) % r.size, array)
        step *= 2


def reduce(r: Round, array, root: int, combine) -> None:
    """A binomial tree towards the root; the arrays of the others are used up."""
    place = (r.me - root) % r.size
    other = np.empty_like(array)
    step = 1
    while step < r.size:
        if place & step:
            r.send((place - step + root) % r.size, array)
            return
        if place + step < r.size:
            r.wait(r.expect((place + step + root) % r.size, other))
            combine(array, other, out=array)
        step *= 2


def all_reduce(r: Round, array, combine) -> None:
    """Every member's array becomes the combination of all."""
    if r.size == 1 or not array.size:
        return
    if array.nbytes < _RING_FROM or array.size < r.size:
        _doubling(r, array, combine)
    else:
        _ring(r, array, combine)


def _doubling(r, array, combine):
    """Recursive doubling among the first 2**k members; the rest hand theirs to one of them and get the result."""
    core = 1 << (r.size.bit_length() - 1)
    other = np.empty_like(array)
    if r.me >= core:
        receive = r.expect(r.me - core, array)
        # What goes out is read before the answer can come in: it depends on it.
        r.send(r.me - core, array)
        r.wait(receive)
        return
    if r.me + core < r.size:
        r.wait(r.expect(r.me + core, other))
        combine(array, other, out=array)
    step = 1
    while step < core:
        partner = r.me ^ step
        receive = r.expect(partner, other)
        r.send(partner, array)
        r.wait(receive)
        combine(array, other, out=array)
        step *= 2
    if r.me + core < r.size:
        r.send(r.me + core, array)


def _ring(r, array, combine):
    n, p = array.size, r.size
    bounds = [n * i // p for i in range(p + 1)]
    step = max(_SEGMENT // array.itemsize, 1)

    def segments(i):
        start, stop = bounds[i % p], bounds[i % p + 1]
        return [array[a:min(a + step, stop)] for a in range(start, stop, step)]

    ahead, behind = (r.me + 1) % p, (r.me - 1) % p
    spare = np.empty(max(b - a for a, b in zip(bounds, bounds[1:], strict=False)), array.dtype)
    for i in range(p - 1):
        mine = segments(r.me - i - 1)
        places = [spare[k * step:k * step + len(part)] for k, part in enumerate(mine)]
        receives = [r.expect(behind, place) for place in places]
        for part in segments(r.me - i):
            r.send(ahead, part)
        for part, place, receive in zip(mine, places, receives, strict=True):
            r.wait(receive)
            combine(part, place, out=part)
    # Member m now has chunk m + 1 whole.
    for i in range(p - 1):
        receives = [r.expect(behind, part) for part in segments(r.me - i)]
        for part in segments(r.me - i + 1):
            r.send(ahead, part)
        r.wait(*receives)


def exchange(r: Round, outgoing, incoming) -> None:
    """Each member's ``outgoing[j]`` becomes member j's ``incoming`` of it; None is neither sent nor expected."""
    receives = [r.expect(j, incoming[j]) for j in r.others() if incoming[j] is not None]
    for j in r.others():
        if outgoing[j] is not None:
            r.send(j, outgoing[j])
    if outgoing[r.me] is not None and incoming[r.me] is not None:
        incoming[r.me][...] = outgoing[r.me]
    r.wait(*receives)


def reduce_scatter(r: Round, parts, combine):
    """The combination of all members' ``parts[me]``, in the order of their ranks."""
    arrived = [np.empty_like(parts[r.me]) for _ in range(r.size)]
    exchange(r, parts, arrived)
    total = arrived[0]
    for part in arrived[1:]:
        combine(total, part, out=total)
    return total


def exchange_bytes(r: Round, outgoing) -> list:
    """Every member's ``outgoing[me]``, byte strings of any lengths, by rank."""
    receives = {j: r.expect_any_length(j) for j in r.others()}
    for j in r.others():
        r.send(j, np.frombuffer(outgoing[j], np.uint8))
    r.wait(*receives.values())
    return [bytes(outgoing[r.me]) if j == r.me else bytes(receives[j].data) for j in range(r.size)]
