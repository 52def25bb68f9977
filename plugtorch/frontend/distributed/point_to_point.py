"""Messages from one process to another.

A message goes to the first receive with its sender and tag, in the order of sending. Sending returns when the system has
taken the message, received or not.
"""

from __future__ import annotations

from .groups import get_global_rank, is_outside, resolve, root, warn_outside
from .host import Target, check_tensor, check_transferable, read
from .work import ReceiveWork, Work

__all__ = ["P2POp", "batch_isend_irecv", "irecv", "isend", "recv", "send"]


def _check_peer(group, peer, what):
    if not 0 <= peer < group.size():
        raise RuntimeError(f"ProcessGroupGloo::{what}: invalid rank: {peer}, the group has {group.size()} members")


def isend(tensor, dst: int | None = None, group=None, tag: int = 0, group_dst: int | None = None) -> Work | None:
    """Sends a tensor to process ``dst``; the work's ``wait()`` returns when the tensor may be changed again.

    Raises:
        ValueError: ``dst`` is this process, or missing.
        RuntimeError: the process is gone, or the time is over.
    """
    check_tensor(tensor, "tensor")
    if is_outside(group):
        return warn_outside("isend")
    group = resolve(group)
    to = root(group, dst, group_dst)
    if to == group.rank():
        raise ValueError("Invalid destination rank: destination rank should not be the same as the rank of the current "
                         "process.")
    _check_peer(group, to, "send")
    check_transferable(tensor)
    call = group.transfer(tag)
    call.start()
    call.send(to, read(tensor))
    work = Work([tensor])
    work._future.set_result([tensor])
    return work


def irecv(tensor, src: int | None = None, group=None, tag: int = 0, group_src: int | None = None) -> Work | None:
    """Receives a tensor of the same shape and dtype from process ``src``, or from any.

    The work's ``wait()`` returns when ``tensor`` is written; it is written by then, at the latest.

    Raises:
        RuntimeError: ``src`` is this process, or none of the group.
    """
    check_tensor(tensor, "tensor")
    if is_outside(group):
        return warn_outside("irecv")
    group = resolve(group)
    source = root(group, src, group_src, required=False)
    if source is not None:
        _check_peer(group, source, "recv")
        if source == group.rank():
            raise RuntimeError("Invalid source rank: source rank should not be the same as the rank of the current process.")
    call = group.transfer(tag)
    target = Target(tensor)
    receive = call.expect(source, target.array)
    return ReceiveWork([tensor], receive, target.done, lambda r: group._ranks.index(r.source), group._mesh.forget,
                       call.timeout)


def send(tensor, dst: int | None = None, group=None, tag: int = 0, group_dst: int | None = None) -> None:
    """Sends a tensor to process ``dst``.

    Raises:
        ValueError: ``dst`` is this process, or missing.
        RuntimeError: the process is gone, or the time is over.
    """
    if is_outside(group):
        return warn_outside("send")
    isend(tensor, dst, group, tag, group_dst)
    return None


def recv(tensor, src: int | None = None, group=None, tag: int = 0, group_src: int | None = None) -> int:
    """Receives a tensor of the same shape and dtype from process ``src``, or from any; returns the sender's rank.

    Raises:
        RuntimeError: nothing came in time, or something of another size.
    """
    if is_outside(group):
        warn_outside("recv")
        return -1
    work = irecv(tensor, src, group, tag, group_src)
    work.wait()
    return get_global_rank(resolve(group), work.source_rank())


class P2POp:
    """A message for :func:`batch_isend_irecv`.

    Args:
        op: ``isend`` or ``irecv``.
        peer, group_peer: the other process, by its rank in the job or in the group.

    Raises:
        ValueError: another ``op``, or no peer.
    """

    def __init__(self, op, tensor, peer: int | None = None, group=None, tag: int = 0, group_peer: int | None = None) -> None:
        if op not in (isend, irecv):
            raise ValueError("Invalid ``op``. Expected ``op`` to be of type ``torch.distributed.isend`` or "
                             "``torch.distributed.irecv``.")
        check_tensor(tensor, "tensor")
        self.op, self.tensor, self.tag = op, tensor, tag
        self.group = resolve(group)
        self.group_peer = root(self.group, peer, group_peer)
        self.peer = get_global_rank(self.group, self.group_peer)

    def __repr__(self):
        me = self.group.rank()
        ends = (me, self.group_peer) if self.op is isend else (self.group_peer, me)
        return (f"P2POp({self.op.__name__} pg={self.group.group_name}, group_src={ends[0]}, group_dst={ends[1]},  "
                f"{self.tensor.shape}, {self.tensor.dtype})")


def batch_isend_irecv(p2p_op_list: list[P2POp]) -> list[Work]:
    """Starts several messages of one group; the receives first, so that what comes finds its place.

    Raises:
        ValueError: one is no :class:`P2POp`, or is of another group.
        IndexError: there are none.
    """
    for op in p2p_op_list:
        if not isinstance(op, P2POp):
            raise ValueError("Invalid ``p2p_op_list``. Each op is expected to to be of type ``torch.distributed.P2POp``.")
    if any(op.group is not p2p_op_list[0].group for op in p2p_op_list[1:]):
        raise ValueError("All ops need to use the same group.")
    p2p_op_list[0]  # noqa: B018  (PyTorch's error for an empty list)
    works = {}
    for kind in (irecv, isend):
        for i, op in enumerate(p2p_op_list):
            if op.op is kind:
                works[i] = kind(op.tensor, group=op.group, tag=op.tag,
                                **{"group_dst" if kind is isend else "group_src": op.group_peer})
    return [works[i] for i in range(len(p2p_op_list))]
