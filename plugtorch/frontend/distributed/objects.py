"""Collectives on Python objects.

They travel in the format of ``save`` and are read as by ``load(weights_only=True)``: tensors, parameters, plain values,
strings, bytes, tuples, lists, dicts and sets, and what ``serialization.add_safe_globals`` has added on the receiving
process. Nothing else is made of what another process sends, so that it cannot run code here. Tensors arrive on the current
backend.
"""

from __future__ import annotations

import io

import numpy as np

from plugtorch.frontend.serialization import load, save

from . import algorithms
from .groups import is_outside, resolve, root, warn_outside

__all__ = ["all_gather_object", "broadcast_object_list", "gather_object", "recv_object_list", "scatter_object_list",
           "send_object_list"]

# Objects have a tag that no caller's tag is: those are numbers of 32 bits.
_OBJECTS = (1 << 63) + 1


def _packed(obj) -> bytes:
    file = io.BytesIO()
    save(obj, file)
    return file.getvalue()


def _unpacked(data):
    return load(io.BytesIO(data))


def _one_to_all(call, data, source):
    """Bytes from one member, to each its own; ``data`` is a list there."""
    if call.me == source:
        for j in call.others():
            call.send(j, np.frombuffer(data[j], np.uint8))
        return data[source]
    receive = call.expect_any_length(source)
    call.wait(receive)
    return bytes(receive.data)


def all_gather_object(object_list: list, obj, group=None) -> None:
    """``object_list[i]`` becomes member i's ``obj``.

    Raises:
        RuntimeError: the list is too short, or a process is gone.
        pickle.UnpicklingError: an object is of a kind that is not read.
    """
    if is_outside(group):
        return warn_outside("all_gather_object")
    group = resolve(group)
    if len(object_list) < group.size():
        raise RuntimeError(f"object_list must have {group.size()} elements, one for each member, got {len(object_list)}")
    data = _packed(obj)
    call = group.round("object")
    call.start()
    for i, received in enumerate(algorithms.exchange_bytes(call, [data] * call.size)):
        object_list[i] = _unpacked(received)
    return None


def gather_object(obj, object_gather_list: list | None = None, dst: int | None = None, group=None,
                  group_dst: int | None = None) -> None:
    """``object_gather_list[i]`` of process ``dst`` (default: rank 0 of the group) becomes member i's ``obj``.

    Raises:
        ValueError: the list is missing there, or given elsewhere.
        pickle.UnpicklingError: an object is of a kind that is not read.
    """
    if is_outside(group):
        return warn_outside("gather_object")
    group = resolve(group)
    to = root(group, dst, group_dst, required=False) or 0
    here = group.rank() == to
    if here and not object_gather_list:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    if not here and object_gather_list:
        raise ValueError("Argument ``gather_list`` must NOT be specified on non-destination ranks.")
    data = _packed(obj)
    call = group.round("object")
    call.start()
    if not here:
        call.send(to, np.frombuffer(data, np.uint8))
        return None
    receives = {j: call.expect_any_length(j) for j in call.others()}
    call.wait(*receives.values())
    for i in range(call.size):
        object_gather_list[i] = _unpacked(data if i == to else bytes(receives[i].data))
    return None


def broadcast_object_list(object_list: list, src: int | None = None, group=None, device=None,
                          group_src: int | None = None) -> None:
    """The list's elements become those of process ``src``, on all members.

    Args:
        device: accepted; objects travel over the host.

    Raises:
        RuntimeError: the lists have different lengths.
        pickle.UnpicklingError: an object is of a kind that is not read.
    """
    if is_outside(group):
        return warn_outside("broadcast_object_list")
    group = resolve(group)
    source = root(group, src, group_src, required=False) or 0
    call = group.round("object")
    data = _packed(list(object_list)) if call.me == source else b""
    call.start()
    received = _one_to_all(call, [data] * call.size, source)
    if call.me != source:
        _fill(object_list, _unpacked(received), source)
    return None


def _fill(object_list, objects, source):
    if not isinstance(objects, list) or len(objects) != len(object_list):
        raise RuntimeError(f"object_list must have as many elements here, {len(object_list)}, as on rank {source}")
    object_list[:] = objects


def scatter_object_list(scatter_object_output_list: list, scatter_object_input_list: list | None = None,
                        src: int | None = None, group=None, group_src: int | None = None) -> None:
    """The first element of ``scatter_object_output_list`` of member i becomes ``scatter_object_input_list[i]`` of process
    ``src`` (default: rank 0 of the group).

    Raises:
        ValueError: the input list has not one object for each member.
        RuntimeError: the output list is empty.
        pickle.UnpicklingError: an object is of a kind that is not read.
    """
    if is_outside(group):
        return warn_outside("scatter_object_list")
    if not isinstance(scatter_object_output_list, list) or len(scatter_object_output_list) < 1:
        raise ValueError("Expected argument scatter_object_output_list to be a list of size at least 1.")
    group = resolve(group)
    source = root(group, src, group_src, required=False) or 0
    call = group.round("object")
    data = []
    if call.me == source:
        if not scatter_object_input_list or len(scatter_object_input_list) != call.size:
            raise ValueError(f"source rank must provide non-None scatter_object_input_list of {call.size} objects")
        data = [_packed(obj) for obj in scatter_object_input_list]
    call.start()
    scatter_object_output_list[0] = _unpacked(_one_to_all(call, data, source))
    return None


def send_object_list(object_list: list, dst: int | None = None, group=None, device=None, group_dst: int | None = None,
                     use_batch: bool = False) -> None:
    """Sends the objects of a list to process ``dst``.

    Args:
        device, use_batch: accepted; objects travel over the host, in one message.

    Raises:
        ValueError: ``dst`` is this process, or missing.
    """
    if is_outside(group):
        return warn_outside("send_object_list")
    group = resolve(group)
    to = root(group, dst, group_dst)
    if to == group.rank():
        raise ValueError("Invalid destination rank: destination rank should not be the same as the rank of the current "
                         "process.")
    call = group.transfer(_OBJECTS)
    call.start()
    call.send(to, np.frombuffer(_packed(list(object_list)), np.uint8))
    return None


def recv_object_list(object_list: list, src: int | None = None, group=None, device=None, group_src: int | None = None,
                     use_batch: bool = False) -> int:
    """The list's elements become those that process ``src``, or any, sends; returns the sender's rank.

    Raises:
        RuntimeError: the lists have different lengths, or nothing came in time.
        pickle.UnpicklingError: an object is of a kind that is not read.
    """
    if is_outside(group):
        warn_outside("recv_object_list")
        return -1
    group = resolve(group)
    source = root(group, src, group_src, required=False)
    call = group.transfer(_OBJECTS)
    call.start()
    receive = call.expect_any_length(source)
    call.wait(receive)
    _fill(object_list, _unpacked(bytes(receive.data)), receive.source)
    return receive.source
