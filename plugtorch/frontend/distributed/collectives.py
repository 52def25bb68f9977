"""Collectives on tensors: every member of a group makes the same calls in the same order.

With ``async_op=True`` each returns a :class:`Work` at once; its ``wait()`` returns when the tensors are written. A process
that is no member of the group is warned and does nothing. Writes are counted as versions, and not recorded for
gradients.

Errors common to all: TypeError for what is no tensor; ValueError before ``init_process_group`` or for another group's
rank; RuntimeError if shapes or dtypes differ, a process is gone, or the time is over.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from . import algorithms
from .groups import GroupMember, is_outside, resolve, root, warn_outside
from .host import Target, check_tensor, check_tensors, check_transferable, read, write
from .reduce_op import RedOpType, ReduceOp, check_reducible, combiner, supports_complex

__all__ = [
    "all_gather", "all_gather_coalesced", "all_gather_into_tensor", "all_gather_single", "all_reduce",
    "all_reduce_coalesced", "all_to_all", "all_to_all_single", "barrier", "broadcast", "gather", "monitored_barrier",
    "reduce", "reduce_scatter", "reduce_scatter_single", "reduce_scatter_tensor", "scatter",
]


def _same_dtypes(*tensors):
    for t in tensors[1:]:
        if t.dtype is not tensors[0].dtype:
            raise ValueError(f"Invalid usage of tensors with different dtypesFound {tensors[0].dtype} and  {t.dtype}")


def _check_root(name, rank, size):
    if not 0 <= rank < size:
        raise RuntimeError(f"ProcessGroupGloo::{name}: invalid root rank: {rank}")


def _check_complex(name, t, op):
    if t.dtype.is_complex and not supports_complex(op):
        raise ValueError(f"{name} does not support {op!s} on complex tensors")


def _check_sizes(name, tensors, like):
    for i, t in enumerate(tensors):
        if t.shape != like.shape:
            raise RuntimeError(f"ProcessGroupGloo::{name}: invalid tensor size at index {i} (expected "
                               f"{_shown(like.shape)}, got {_shown(t.shape)})")


def _shown(shape):
    return f"({', '.join(map(str, shape))})"


def _with_op(op, size):
    """``(combine, finish)`` of a reduction: the second turns a sum into a mean."""
    combine = combiner(op)

    def quiet(a, b, out):
        with np.errstate(all="ignore"):
            combine(a, b, out=out)

    def finish(array):
        if op is RedOpType.AVG:
            np.divide(array, array.dtype.type(size), out=array)

    return quiet, finish


def all_reduce(tensor, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """``tensor`` becomes the reduction of all members' tensors; the same bits everywhere."""
    check_tensor(tensor, "tensor")
    if is_outside(group):
        return warn_outside("all_reduce")
    _check_complex("all_reduce", tensor, op)
    return _all_reduce([tensor], op, resolve(group), async_op)


def _all_reduce(tensors, op, group, async_op):
    for t in tensors:
        check_transferable(t)
        check_reducible(t.dtype, op)
    combine, finish = _with_op(op, group.size())

    def body(call):
        for t in tensors:
            target = Target(t, keep=True)
            algorithms.all_reduce(call, target.array, combine)
            finish(target.array)
            target.done()

    return group.run(group.round("all_reduce"), body, list(tensors), async_op)


def all_reduce_coalesced(tensors, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """:func:`all_reduce` of several tensors in one call."""
    check_tensors(tensors, "tensors")
    if is_outside(group):
        return warn_outside("all_reduce_coalesced")
    for t in tensors:
        _check_complex("all_reduce", t, op)
    return _all_reduce(tensors, op, resolve(group), async_op)


def reduce(tensor, dst: int | None = None, op=ReduceOp.SUM, group=None, async_op: bool = False,
           group_dst: int | None = None):
    """``tensor`` of process ``dst`` becomes the reduction of all members' tensors; those of the others stay."""
    check_tensor(tensor, "tensor")
    if is_outside(group):
        return warn_outside("reduce")
    group = resolve(group)
    to = root(group, dst, group_dst)
    _check_complex("reduce", tensor, op)
    _check_root("reduce", to, group.size())
    check_transferable(tensor)
    check_reducible(tensor.dtype, op)
    combine, finish = _with_op(op, group.size())

    def body(call):
        total = read(tensor).copy()
        algorithms.reduce(call, total, to, combine)
        if call.me == to:
            finish(total)
            write(tensor, total)

    return group.run(group.round("reduce"), body, [tensor], async_op)


def broadcast(tensor, src: int | None = None, group=None, async_op: bool = False, group_src: int | None = None):
    """``tensor`` becomes that of process ``src`` on all members."""
    check_tensor(tensor, "tensor")
    if is_outside(group):
        return warn_outside("broadcast")
    group = resolve(group)
    source = root(group, src, group_src)
    _check_root("broadcast", source, group.size())
    check_transferable(tensor)

    def body(call):
        if call.me == source:
            algorithms.broadcast(call, read(tensor), source)
            return
        target = Target(tensor)
        algorithms.broadcast(call, target.array, source)
        target.done()

    return group.run(group.round("broadcast"), body, [tensor], async_op)


def _exchange_into(call, outgoing, targets):
    """Runs an exchange whose results become tensors; None where nothing is expected."""
    algorithms.exchange(call, outgoing, [None if t is None else t.array for t in targets])
    for t in targets:
        if t is not None:
            t.done()


def all_gather(tensor_list, tensor, group=None, async_op: bool = False):
    """``tensor_list[i]`` becomes member i's ``tensor``; all have the same shape and dtype."""
    check_tensors(tensor_list, "tensor_list")
    check_tensor(tensor, "tensor")
    _same_dtypes(*tensor_list, tensor)
    if is_outside(group):
        return warn_outside("all_gather")
    group = resolve(group)
    if len(tensor_list) != group.size():
        raise RuntimeError("ProcessGroupGloo::allgather: invalid output tensor list at index 0 (expected length "
                           f"{group.size()}, got {len(tensor_list)})")
    _check_sizes("allgather", tensor_list, tensor)
    check_transferable(tensor)

    def body(call):
        _exchange_into(call, [read(tensor)] * call.size, [Target(t) for t in tensor_list])

    return group.run(group.round("all_gather"), body, list(tensor_list), async_op)


def all_gather_coalesced(output_tensor_lists, input_tensor_list, group=None, async_op: bool = False):
    """:func:`all_gather` of several tensors: ``output_tensor_lists[i][j]`` becomes member i's ``input_tensor_list[j]``.

    Raises:
        RuntimeError: the lists do not have the right lengths.
    """
    check_tensors(input_tensor_list, "tensor_list")
    if is_outside(group):
        return warn_outside("all_gather_coalesced")
    group = resolve(group)
    if len(output_tensor_lists) != group.size() or any(len(o) != len(input_tensor_list) for o in output_tensor_lists):
        raise RuntimeError(f"output_tensor_lists must have {group.size()} lists of {len(input_tensor_list)} tensors each")
    for outputs in output_tensor_lists:
        check_tensors(outputs, "output_tensor_lists")
        for given, taken in zip(input_tensor_list, outputs, strict=True):
            _same_dtypes(given, taken)
            _check_sizes("allgather_coalesced", [taken], given)
            check_transferable(given)

    def body(call):
        for j, given in enumerate(input_tensor_list):
            _exchange_into(call, [read(given)] * call.size, [Target(outputs[j]) for outputs in output_tensor_lists])

    result = [t for outputs in output_tensor_lists for t in outputs]
    return group.run(group.round("all_gather"), body, result, async_op)


def all_gather_into_tensor(output_tensor, input_tensor, group=None, async_op: bool = False):
    """``output_tensor``, as many times as long as there are members, becomes their ``input_tensor`` one after the other:
    concatenated along the first axis, or stacked along a new one."""
    check_tensor(input_tensor, "input_tensor")
    check_tensor(output_tensor, "output_tensor")
    if is_outside(group):
        return warn_outside("all_gather_into_tensor")
    group = resolve(group)
    if output_tensor.dtype is not input_tensor.dtype:
        raise RuntimeError("ProcessGroupGloo::allgather: invalid tensor type at index 0 (expected "
                           f"{input_tensor.dtype}, got {output_tensor.dtype})")
    if output_tensor.numel() != input_tensor.numel() * group.size():
        raise RuntimeError("ProcessGroupGloo::allgather: invalid tensor size at index 0 (expected "
                           f"{input_tensor.numel() * group.size()} elements, got {_shown(output_tensor.shape)})")
    check_transferable(input_tensor)

    def body(call):
        target = Target(output_tensor)
        places = list(target.array.reshape(call.size, -1)) if output_tensor.numel() else [target.array] * call.size
        algorithms.exchange(call, [read(input_tensor)] * call.size, places)
        target.done()

    return group.run(group.round("all_gather"), body, [output_tensor], async_op)


all_gather_single = all_gather_into_tensor


def _rooted(name, tensor, parts, root_rank, root_in_group, group, what):
    """The group and the root of a gather or scatter, whose list of ``parts`` only the root gives; (None, None) outside of
    the group.

    Raises:
        TypeError: these are no tensors.
        ValueError: the list is missing at the root, or given elsewhere, or the root is no member.
        RuntimeError: another number of parts than members, or other shapes or dtypes than the tensor's.
    """
    kind = {"destination": "output", "source": "input"}[what]
    check_tensor(tensor, "tensor")
    check_tensors(parts or [], f"{name}_list")
    _same_dtypes(tensor, *(parts or []))
    if is_outside(group):
        return None, None
    group = resolve(group)
    at = root(group, root_rank, root_in_group, required=False) or 0
    _check_root(name, at, group.size())
    _check_list(f"{name}_list", parts, group.rank() == at, what)
    if parts:
        if len(parts) != group.size():
            raise RuntimeError(f"ProcessGroupGloo::{name}: Incorrect {kind} list size {len(parts)}. {kind.capitalize()} "
                               f"list size should be {group.size()}, same as size of the process group.")
        _check_sizes(name, parts, tensor)
    check_transferable(tensor)
    return group, at


def gather(tensor, gather_list=None, dst: int | None = None, group=None, async_op: bool = False,
           group_dst: int | None = None):
    """``gather_list[i]`` of process ``dst`` (default: rank 0 of the group) becomes member i's ``tensor``.

    Raises:
        ValueError: ``gather_list`` is missing there, or given elsewhere.
    """
    group, to = _rooted("gather", tensor, gather_list, dst, group_dst, group, "destination")
    if group is None:
        return warn_outside("gather")

    def body(call):
        outgoing = [None] * call.size
        outgoing[to] = read(tensor)
        _exchange_into(call, outgoing, [Target(t) for t in gather_list] if call.me == to else [None] * call.size)

    return group.run(group.round("gather"), body, list(gather_list or []), async_op)


def _check_list(name, given, here, what):
    if here and not given:
        raise ValueError(f"Argument ``{name}`` must be specified on {what} rank.")
    if not here and given:
        raise ValueError(f"Argument ``{name}`` must NOT be specified on non-{what} ranks.")


def scatter(tensor, scatter_list=None, src: int | None = None, group=None, async_op: bool = False,
            group_src: int | None = None):
    """``tensor`` of member i becomes ``scatter_list[i]`` of process ``src`` (default: rank 0 of the group).

    Raises:
        ValueError: ``scatter_list`` is missing there, or given elsewhere.
    """
    group, source = _rooted("scatter", tensor, scatter_list, src, group_src, group, "source")
    if group is None:
        return warn_outside("scatter")

    def body(call):
        targets = [None] * call.size
        targets[source] = Target(tensor)
        outgoing = [read(t) for t in scatter_list] if call.me == source else [None] * call.size
        _exchange_into(call, outgoing, targets)

    return group.run(group.round("scatter"), body, [tensor], async_op)


def _reduce_scatter(output, parts, op, group, async_op):
    """``parts()`` gives the flat arrays, one per member."""
    check_reducible(output.dtype, op)
    combine, finish = _with_op(op, group.size())

    def body(call):
        total = algorithms.reduce_scatter(call, parts(), combine)
        finish(total)
        write(output, total)

    return group.run(group.round("reduce_scatter"), body, [output], async_op)


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """``output`` of member i becomes the reduction of all members' ``input_list[i]``."""
    check_tensor(output, "output")
    check_tensors(input_list, "input_list")
    _same_dtypes(output, *input_list)
    if is_outside(group):
        return warn_outside("reduce_scatter")
    group = resolve(group)
    _check_complex("reduce_scatter", output, op)
    if len(input_list) != group.size():
        raise RuntimeError(f"ProcessGroupGloo::reduce_scatter: input_list has {len(input_list)} tensors, the group "
                           f"{group.size()} members")
    _check_sizes("reduce_scatter", input_list, output)
    check_transferable(output)
    return _reduce_scatter(output, lambda: [read(t) for t in input_list], op, group, async_op)


def reduce_scatter_tensor(output, input, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """``output`` of member i becomes part i of the reduction of all members' ``input``, which is as many times as long."""
    check_tensor(output, "output")
    check_tensor(input, "input")
    if is_outside(group):
        return warn_outside("reduce_scatter_tensor")
    group = resolve(group)
    _check_complex("reduce_scatter_tensor", input, op)
    _same_dtypes(output, input)
    if output.numel() * group.size() != input.numel():
        raise RuntimeError(f"reduce_scatter_tensor: the input must have {group.size()} times the elements of the output, "
                           f"got {_shown(input.shape)} and {_shown(output.shape)}")
    check_transferable(input)
    return _reduce_scatter(output, lambda: list(read(input).reshape(group.size(), -1)) if input.numel() else
                           [read(input)] * group.size(), op, group, async_op)


reduce_scatter_single = reduce_scatter_tensor


def all_to_all(output_tensor_list, input_tensor_list, group=None, async_op: bool = False):
    """``output_tensor_list[j]`` of member i becomes ``input_tensor_list[i]`` of member j."""
    check_tensors(output_tensor_list, "output_tensor_list")
    check_tensors(input_tensor_list, "input_tensor_list")
    _same_dtypes(*output_tensor_list, *input_tensor_list)
    if is_outside(group):
        return warn_outside("all_to_all")
    group = resolve(group)
    if len(output_tensor_list) != group.size() or len(input_tensor_list) != group.size():
        raise RuntimeError(f"ProcessGroupGloo::alltoall: both lists must have {group.size()} tensors, got "
                           f"{len(output_tensor_list)} and {len(input_tensor_list)}")
    if output_tensor_list[group.rank()].numel() != input_tensor_list[group.rank()].numel():
        raise RuntimeError("ProcessGroupGloo::alltoall: input and output tensors must have the same size")
    for t in (*output_tensor_list, *input_tensor_list):
        check_transferable(t)

    def body(call):
        _exchange_into(call, [read(t) for t in input_tensor_list], [Target(t) for t in output_tensor_list])

    return group.run(group.round("all_to_all"), body, list(output_tensor_list), async_op)


def _row_bounds(name, sizes, t, size):
    """Where the parts of a tensor's memory begin and end, from numbers of rows or evenly."""
    rows = t.shape[0] if t.dim() else 1
    if not sizes:
        if rows % size:
            raise RuntimeError(f"Tensor's dim 0 does not divide equally across group size: the {name} has {rows} rows, the "
                               f"group {size} members")
        sizes = [rows // size] * size
    elif len(sizes) != size:
        raise RuntimeError("Number of tensor splits not equal to group size")
    elif sum(sizes) != rows:
        raise RuntimeError("Split sizes doesn't match total dim 0 size")
    width = t.numel() // rows if rows else 0
    ends = np.cumsum([0, *sizes]) * width
    return list(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True))


def all_to_all_single(output, input, output_split_sizes=None, input_split_sizes=None, group=None, async_op: bool = False):
    """Member i's rows of ``output`` number j become member j's rows of ``input`` number i. The rows are split evenly, or by
    ``output_split_sizes`` and ``input_split_sizes``, which must fit those of the others."""
    check_tensor(output, "output")
    check_tensor(input, "input")
    _same_dtypes(output, input)
    if is_outside(group):
        return warn_outside("all_to_all_single")
    group = resolve(group)
    into = _row_bounds("output", output_split_sizes, output, group.size())
    out_of = _row_bounds("input", input_split_sizes, input, group.size())
    me = group.rank()
    if into[me][1] - into[me][0] != out_of[me][1] - out_of[me][0]:
        raise RuntimeError("ProcessGroupGloo::alltoall: input and output must have the same size for the process itself, "
                           f"got {_shown(input.shape)} and {_shown(output.shape)}")
    check_transferable(input)

    def body(call):
        given, target = read(input), Target(output)
        if np.shares_memory(given, target.array):
            given = given.copy()
        algorithms.exchange(call, [given[a:b] for a, b in out_of], [target.array[a:b] for a, b in into])
        target.done()

    return group.run(group.round("all_to_all"), body, [output], async_op)


def barrier(group=None, async_op: bool = False, device_ids=None, timeout: timedelta | None = None):
    """Returns when all members have called it.

    Args:
        device_ids: accepted; there is nothing to choose.
        timeout: in place of the group's.
    """
    if is_outside(group):
        return warn_outside("barrier")
    if isinstance(device_ids, list) and device_ids:
        raise TypeError("Function argument device_ids not supported for the selected backend gloo")
    group = resolve(group)
    return group.run(group.round("barrier", timeout), algorithms.barrier, [], async_op)


def monitored_barrier(group=None, timeout: timedelta | None = None, wait_all_ranks: bool = False) -> None:
    """A :func:`barrier` in which rank 0 says who is missing.

    Args:
        timeout: in place of the group's.
        wait_all_ranks: rank 0 waits for all before it complains, and names all who are missing.

    Raises:
        RuntimeError: somebody did not come in time.
    """
    if group is GroupMember.NON_GROUP_MEMBER:
        return warn_outside("monitored_barrier")
    group = resolve(group)
    call = group.round("monitored_barrier", timeout)
    call.start()
    if call.me:
        call.send(0)
        call.wait(call.expect(0))
        return None
    receives = {i: call.expect(i) for i in range(1, call.size)}
    missing, causes = [], []
    for i, receive in receives.items():
        try:
            call.wait(receive)
        except RuntimeError as error:
            missing.append(i)
            causes.append(str(error))
            if not wait_all_ranks:
                break
    if missing:
        who = f"Rank{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))}"
        raise RuntimeError(f"[Rank 0]: {who} failed to pass monitoredBarrier in {round(call.timeout * 1000)} ms\n Original "
                           f"exception: \n{causes[0]}")
    for i in receives:
        call.send(i)
    return None
