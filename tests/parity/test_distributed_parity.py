"""A group of one process against PyTorch's: results, and the types and words of errors."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import torch
import torch.distributed as torch_dist

import plugtorch
import plugtorch.distributed as dist

CALLS = {
    "all_reduce": lambda t, d, x: d.all_reduce(x),
    "all_reduce avg": lambda t, d, x: d.all_reduce(x, d.ReduceOp.AVG),
    "all_reduce max": lambda t, d, x: d.all_reduce(x, d.ReduceOp.MAX),
    "all_reduce band": lambda t, d, x: d.all_reduce(x, d.ReduceOp.BAND),
    "all_reduce list": lambda t, d, x: d.all_reduce([1]),
    "reduce": lambda t, d, x: d.reduce(x, 0),
    "reduce nowhere": lambda t, d, x: d.reduce(x),
    "broadcast": lambda t, d, x: d.broadcast(x, 0),
    "broadcast from nobody": lambda t, d, x: d.broadcast(x),
    "broadcast from a stranger": lambda t, d, x: d.broadcast(x, 3),
    "broadcast from two": lambda t, d, x: d.broadcast(x, 0, group_src=0),
    "all_gather": lambda t, d, x: d.all_gather([t.zeros_like(x)], x),
    "all_gather too many": lambda t, d, x: d.all_gather([x, x], x),
    "all_gather another shape": lambda t, d, x: d.all_gather([t.ones(2, dtype=x.dtype)], x),
    "all_gather another dtype": lambda t, d, x: d.all_gather([t.ones(3, dtype=t.float64)], x),
    "all_gather no list": lambda t, d, x: d.all_gather(x, x),
    "gather without list": lambda t, d, x: d.gather(x),
    "gather another shape": lambda t, d, x: d.gather(x, [t.ones(4, dtype=x.dtype)]),
    "scatter without list": lambda t, d, x: d.scatter(x),
    "scatter too many": lambda t, d, x: d.scatter(x, [x, x]),
    "all_to_all another shape": lambda t, d, x: d.all_to_all([t.ones(4, dtype=x.dtype)], [x]),
    "all_to_all_single splits": lambda t, d, x: d.all_to_all_single(t.zeros_like(x), x, [2], [3]),
    "send to itself": lambda t, d, x: d.send(x, 0),
    "send to nobody": lambda t, d, x: d.send(x),
    "unknown group": lambda t, d, x: d.all_reduce(x, group=3),
    "no member": lambda t, d, x: d.all_reduce(x, group=d.GroupMember.NON_GROUP_MEMBER),
    "P2POp": lambda t, d, x: d.P2POp(d.all_reduce, x, 0),
    "P2POp to nobody": lambda t, d, x: d.P2POp(d.isend, x),
    "batch of nothing": lambda t, d, x: d.batch_isend_irecv([]),
    "batch of numbers": lambda t, d, x: d.batch_isend_irecv([1]),
    "group too large": lambda t, d, x: d.new_group([0, 1]),
    "subgroups too large": lambda t, d, x: d.new_subgroups(3),
    "second init": lambda t, d, x: d.init_process_group("gloo", store=d.HashStore(), rank=0, world_size=1),
    "ranks": lambda t, d, x: (d.get_rank(), d.get_world_size(), d.get_backend(), d.get_process_group_ranks(None),
                              d.get_backend_config()),
    "objects": lambda t, d, x: [o := [None], d.all_gather_object(o, {"a": 1}), o][-1],
    "source": lambda t, d, x: d.all_reduce(t.ones(2), async_op=True).source_rank(),
    "result": lambda t, d, x: [w := d.all_reduce(t.ones(2), async_op=True), w.wait(), w.result()[0].tolist()][1:],
}
DTYPES = ("float32", "bfloat16", "complex64", "int64", "int16", "bool")


@pytest.fixture(scope="module")
def groups():
    for module in (torch_dist, dist):
        module.init_process_group("gloo", store=module.HashStore(), rank=0, world_size=1, timeout=timedelta(seconds=10))
    yield
    for module in (torch_dist, dist):
        module.destroy_process_group()


def outcome(library, distributed, call, dtype):
    x = library.tensor([1, 0, 2]).to(getattr(library, dtype))
    try:
        result = call(library, distributed, x)
    except Exception as error:
        words = re.sub(r"\s+", " ", str(error)).replace("plugtorch", "torch")
        return type(error).__name__, re.sub(r"<class '[\w.]*'>|but got.*", "", words)
    shown = result if isinstance(result, (tuple, list)) else None
    return "ok", (shown, [complex(v) for v in x.tolist()])


@pytest.mark.parametrize("name", ["get_rank", "get_world_size", "barrier", "get_backend", "is_initialized", "is_available",
                                  "is_nccl_available", "is_gloo_available", "is_mpi_available", "is_torchelastic_launched"])
def test_before_a_group(name):
    assert outcome(plugtorch, dist, lambda t, d, x: [getattr(d, name)()], "float32") == \
        outcome(torch, torch_dist, lambda t, d, x: [getattr(d, name)()], "float32")


@pytest.mark.parametrize("name", CALLS)
def test_calls(name, groups):
    for dtype in DTYPES:
        want = outcome(torch, torch_dist, CALLS[name], dtype)
        have = outcome(plugtorch, dist, CALLS[name], dtype)
        assert have[0] == want[0], (dtype, have, want)
        if have[0] == "ok":
            assert have == want, dtype
        else:
            assert have[1].startswith(want[1][:60].rstrip()), (dtype, have, want)
