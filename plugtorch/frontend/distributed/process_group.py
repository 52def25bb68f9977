"""Process groups: some of a job's processes, with calls of their own."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable
from datetime import timedelta

from .algorithms import Round
from .work import Runner, Work

__all__ = ["ProcessGroup", "ProcessGroupGloo"]


class ProcessGroup:
    """Some of a job's processes, in an order; made by ``init_process_group`` and ``new_group``.

    Args:
        mesh: the connections of this process.
        ranks: the job's ranks of the members.
        name: the same on all members, and of no other group.
        timeout: of its operations.
        description: free text.
    """

    def __init__(self, mesh, ranks: list[int], name: str, timeout: timedelta, description: str = "undefined") -> None:
        self._mesh, self._ranks, self._timeout = mesh, list(ranks), timeout
        self._rank = self._ranks.index(mesh.rank)
        self.group_name, self.group_desc = name, description
        # Streams must not meet: half a digest of the name is a number of its own for collectives, the next for transfers.
        self._stream = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") & ~1
        self._calls = itertools.count()
        self._lock = threading.Lock()
        self._runner = Runner()
        self.bound_device_id = None

    def rank(self) -> int:
        """This process's rank in the group."""
        return self._rank

    def size(self) -> int:
        """How many members there are."""
        return len(self._ranks)

    def name(self) -> str:
        """The backend's name."""
        return "gloo"

    _get_backend_name = name

    def _set_default_timeout(self, timeout: timedelta) -> None:
        self._timeout = timeout

    def round(self, kind: str, timeout: timedelta | None = None) -> Round:
        """The next collective call, counted in the order of calls."""
        with self._lock:
            tag = next(self._calls)
        return Round(self._mesh, self._ranks, self._rank, self._stream, tag, kind,
                     (timeout or self._timeout).total_seconds())

    def transfer(self, tag: int) -> Round:
        """A message from member to member, told by its tag."""
        return Round(self._mesh, self._ranks, self._rank, self._stream | 1, tag, "send", self._timeout.total_seconds())

    def run(self, call: Round, body: Callable[[Round], None], result: list, async_op: bool) -> Work | None:
        """Does ``body(call)``, now, or with ``async_op`` in the group's thread; then there is a :class:`Work`."""
        def act():
            call.start()
            body(call)

        if not async_op:
            act()
            return None
        work = Work(result)
        self._runner.submit(work, act)
        return work

    def close(self) -> None:
        """Ends its thread; the connections belong to the job."""
        self._runner.close()


ProcessGroupGloo = ProcessGroup
