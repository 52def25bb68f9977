"""Several processes: stores, groups, collectives, messages, gradients. Every wait has an end."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import struct
import threading
import time
from datetime import timedelta

import numpy as np
import pytest

import plugtorch as torch
import plugtorch.distributed as dist
import plugtorch.multiprocessing as mp
from plugtorch.nn.parallel import DistributedDataParallel
from plugtorch.utils.data import DistributedSampler

PATIENCE = timedelta(seconds=15)


def start(worker, size, *args, method="file", tmp_path=None):
    """Runs ``worker(rank, *args)`` in a group of fresh processes, and ends them if they take too long."""
    url = f"file://{tmp_path}/store" if method == "file" else f"tcp://127.0.0.1:{free_port()}"
    context = mp.spawn(joined, (size, url, worker, args), nprocs=size, join=False)
    deadline = time.monotonic() + 60
    while not context.join(timeout=max(deadline - time.monotonic(), 0), grace_period=2):
        if time.monotonic() >= deadline:
            for process in context.processes:
                process.kill()
            raise AssertionError("the processes did not end")


def joined(rank, size, url, worker, args):
    dist.init_process_group("gloo", init_method=url, rank=rank, world_size=size, timeout=PATIENCE)
    worker(rank, *args)
    dist.destroy_process_group()
    assert not dist.is_initialized()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def closed(sock):
    """Whether the other side answers nothing and hangs up."""
    try:
        sock.shutdown(socket.SHUT_WR)
        return sock.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:  # it hung up before all was read: reset, or not connected any more
        return True


@pytest.fixture
def lonely():
    """A group of this process alone."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1, timeout=PATIENCE)
    yield
    if dist.is_initialized():
        dist.destroy_process_group()


# Stores

STORES = {
    "hash": lambda path: dist.HashStore(),
    "file": lambda path: dist.FileStore(f"{path}/table", 1),
    "tcp": lambda path: dist.TCPStore("127.0.0.1", 0, 1, True, timedelta(seconds=10)),
    "prefix": lambda path: dist.PrefixStore("part", dist.HashStore()),
}


@pytest.mark.one_backend
@pytest.mark.parametrize("kind", STORES)
def test_stores(kind, backend, tmp_path):
    store = STORES[kind](tmp_path)
    before = store.num_keys()
    store.set("a", "x")
    store.set("b", b"\x00\xff")
    assert (store.get("a"), store.get("b")) == (b"x", b"\x00\xff")
    assert (store.add("n", 3), store.add("n", -1), store.get("n")) == (3, 2, b"2")
    assert store.num_keys() == before + 3
    assert store.check(["a", "n"]) and not store.check(["a", "missing"])
    assert store.delete_key("a") and not store.delete_key("a")
    assert store.compare_set("k", "", "1") == b"1"
    assert store.compare_set("k", "0", "2") == b"1"
    assert store.compare_set("k", "1", "3") == b"3"
    assert store.compare_set("other", "x", "3") == b"x"
    store.append("l", "ab")
    store.append("l", "cd")
    assert store.get("l") == b"abcd"
    store.multi_set(["m1", "m2"], ["1", "2"])
    assert store.multi_get(["m1", "m2"]) == [b"1", b"2"]
    with pytest.raises(ValueError, match="stoll"):
        store.add("l", 1)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        store.set("a", 3)
    with pytest.raises(dist.DistStoreError, match="wait timeout after 50ms, keys: .*missing"):
        store.wait(["m1", "missing"], timedelta(milliseconds=50))
    store.set_timeout(timedelta(milliseconds=50))
    assert store.timeout == timedelta(milliseconds=50)
    with pytest.raises(dist.DistStoreError):
        store.get("missing")


@pytest.mark.one_backend
@pytest.mark.parametrize("kind", STORES)
def test_a_store_wakes_those_who_wait(kind, backend, tmp_path):
    store = STORES[kind](tmp_path)
    other = store.clone()
    threading.Timer(0.05, lambda: other.set("late", "here")).start()
    assert store.get("late") == b"here"


@pytest.mark.one_backend
def test_queues_of_stores(backend):
    store = dist.TCPStore("127.0.0.1", 0, 1, True)
    store.queue_push("q", "v")
    assert (store.queue_len("q"), store.queue_pop("q"), store.queue_len("q")) == (1, b"v", 0)
    with pytest.raises(dist.QueueEmptyError, match="queue is empty"):
        store.queue_pop("q", False)


@pytest.mark.one_backend
def test_tcp_store_refuses_what_it_does_not_know(backend):
    store = dist.TCPStore("127.0.0.1", 0, 1, True, timedelta(seconds=5))
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", struct.pack("<BI", 0, 1 << 31), struct.pack("<BII", 0, 1, 1 << 31),
                    pickle.dumps(print)):
        with socket.create_connection(("127.0.0.1", store.port), timeout=5) as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(garbage)
            assert closed(sock)
    store.set("a", "still there")
    assert store.get("a") == b"still there"
    with pytest.raises(dist.DistNetworkError, match="failed to listen.*EADDRINUSE"):
        dist.TCPStore("127.0.0.1", store.port, 1, True)
    with pytest.raises(dist.DistNetworkError, match="timed out after 100ms while trying to connect"):
        dist.TCPStore("127.0.0.1", free_port(), 1, False, timedelta(milliseconds=100))
    with pytest.raises(dist.DistStoreError, match="1/2 clients joined"):
        dist.TCPStore("127.0.0.1", 0, 2, True, timedelta(milliseconds=100))


@pytest.mark.one_backend
def test_the_last_process_removes_a_store_file(backend, tmp_path):
    path = tmp_path / "table"
    first, second = dist.FileStore(str(path), 2), dist.FileStore(str(path), 2)
    first.set("a", "1")
    first.close()
    assert second.get("a") == b"1" and path.exists()
    second.close()
    assert not path.exists()


# Groups

@pytest.mark.one_backend
def test_before_and_after_a_group(backend, monkeypatch):
    missing = "Default process group has not been initialized"
    for call in (dist.get_rank, dist.get_world_size, dist.get_backend, dist.barrier, lambda: DistributedSampler([1, 2]),
                 lambda: dist.all_reduce(torch.ones(1)), lambda: DistributedDataParallel(torch.nn.Linear(1, 1))):
        with pytest.raises(ValueError, match=missing):
            call()
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="environment variable RANK expected, but not set"):
        dist.init_process_group()
    with pytest.raises(RuntimeError, match="only supported with GPUs, no GPUs found!"):
        dist.init_process_group("nccl")
    with pytest.raises(RuntimeError, match="doesn't have MPI built in"):
        dist.init_process_group("mpi")
    with pytest.raises(RuntimeError, match="No rendezvous handler for foo://"):
        dist.init_process_group("gloo", init_method="foo://here", rank=0, world_size=1)
    with pytest.raises(ValueError, match="tcp:// rendezvous: rank parameter missing"):
        dist.init_process_group("gloo", init_method="tcp://127.0.0.1:1")
    with pytest.raises(AssertionError, match="Cannot specify both"):
        dist.init_process_group("gloo", init_method="env://", store=dist.HashStore())
    assert not dist.is_initialized() and dist.group.WORLD is None
    assert dist.is_available() and dist.is_gloo_available()
    assert not (dist.is_nccl_available() or dist.is_mpi_available() or dist.is_torchelastic_launched())
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_ADDR", "localhost"), ("MASTER_PORT", str(free_port()))):
        monkeypatch.setenv(name, value)
    for _ in range(2):  # the port is free again after the first
        dist.init_process_group()
        assert (dist.get_rank(), dist.get_world_size(), dist.get_backend()) == (0, 1, "gloo")
        with pytest.raises(ValueError, match="twice"):
            dist.init_process_group()
        dist.destroy_process_group()
    with pytest.raises(AssertionError):
        dist.destroy_process_group()


def test_arguments_are_checked_before_anything_is_sent(backend, lonely):
    x = torch.ones(3)
    cases = [
        (TypeError, "Expected parameter `tensor` of type torch.Tensor", lambda: dist.all_reduce([1])),
        (RuntimeError, "invalid tensor size at index 0 .expected .3., got .2.", lambda: dist.all_gather([torch.ones(2)], x)),
        (RuntimeError, "expected length 1, got 2", lambda: dist.all_gather([x, x], x)),
        (ValueError, "different dtypes", lambda: dist.all_gather([x], x.half())),
        (ValueError, "Must specify global_rank or group_rank", lambda: dist.broadcast(x)),
        (ValueError, "Can't specify both", lambda: dist.broadcast(x, 0, group_src=0)),
        (RuntimeError, "invalid root rank: 3", lambda: dist.broadcast(x, 3)),
        (ValueError, "must be specified on destination", lambda: dist.gather(x)),
        (ValueError, "must be specified on source", lambda: dist.scatter(x)),
        (ValueError, "does not support RedOpType.MAX on complex", lambda: dist.all_reduce(x + 0j, dist.ReduceOp.MAX)),
        (RuntimeError, "BAND with non-integral dtype", lambda: dist.all_reduce(x, dist.ReduceOp.BAND)),
        (RuntimeError, "Float can't be cast to the desired output type Long",
         lambda: dist.all_reduce(x.long(), dist.ReduceOp.AVG)),
        (RuntimeError, "Invalid scalar type", lambda: dist.all_reduce(x.short())),
        (ValueError, "should not be the same as the rank", lambda: dist.send(x, 0)),
        (RuntimeError, "Split sizes", lambda: dist.all_to_all_single(x, x.clone(), [2], [3])),
        (ValueError, "Invalid ``op``", lambda: dist.P2POp(dist.all_reduce, x, 0)),
        (ValueError, "not initialized in the world group map", lambda: dist.all_reduce(x, group=3)),
        (ValueError, "less or equal to the world size", lambda: dist.new_group([0, 1])),
        (ValueError, "must not exceed the world size", lambda: dist.new_subgroups(3)),
    ]
    for kind, text, call in cases:
        with pytest.raises(kind, match=text):
            call()
    assert x.tolist() == [1, 1, 1]
    out = torch.zeros(3)
    dist.all_gather_into_tensor(out, x)
    assert out.tolist() == [1, 1, 1]
    assert DistributedSampler([1, 2, 3]).num_replicas == 1


def _collectives(rank):
    size, other = 2, 1 - rank
    ops = dist.ReduceOp
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.complex64):
        x = torch.arange(6).to(dtype) + rank
        dist.all_reduce(x)
        assert x.dtype is dtype and torch.equal(x, (2 * torch.arange(6) + 1).to(dtype)), dtype
    for op, want in ((ops.SUM, [3, 5]), (ops.PRODUCT, [2, 6]), (ops.MIN, [1, 2]), (ops.MAX, [2, 3]), (ops.BAND, [0, 2]),
                     (ops.BOR, [3, 3]), (ops.BXOR, [3, 1])):
        x = torch.tensor([1, 2]) + rank
        dist.all_reduce(x, op)
        assert x.tolist() == want, op
        x = torch.tensor([1, 2]) + rank
        dist.reduce(x, 1, op)
        assert x.tolist() == (want if rank else [1, 2]), op
    x = torch.arange(3.0) + rank
    dist.all_reduce(x, ops.AVG)
    assert x.tolist() == [0.5, 1.5, 2.5]

    table = torch.zeros(4, 5)
    view = table.t()[1:3]  # neither whole nor in order
    dist.all_reduce(view.copy_(torch.full((2, 4), 1.0 + rank)))
    assert table[:, 1:3].eq(3).all() and table.sum() == 24

    large = torch.arange(100_003, dtype=torch.float32) * (1 + rank)
    version = large._version
    dist.all_reduce(large)
    assert torch.equal(large, torch.arange(100_003, dtype=torch.float32) * 3) and large._version > version

    parameter = torch.nn.Parameter(torch.full((2,), float(rank)))
    dist.broadcast(parameter, 1)
    assert parameter.tolist() == [1, 1] and parameter.is_leaf

    got = [torch.zeros(2, 2) for _ in range(size)]
    dist.all_gather(got, torch.full((2, 2), float(rank)).t())
    assert [g.mean().item() for g in got] == [0, 1]
    flat = torch.zeros(4)
    dist.all_gather_into_tensor(flat, torch.full((2,), float(rank)))
    assert flat.tolist() == [0, 0, 1, 1]
    got = [torch.zeros(1), torch.zeros(1)] if rank == 1 else None
    dist.gather(torch.tensor([float(rank)]), got, 1)
    assert got is None or [g.item() for g in got] == [0, 1]
    x = torch.zeros(2)
    dist.scatter(x, [torch.ones(2), torch.full((2,), 7.0)] if rank == 0 else None, 0)
    assert x.tolist() == ([7, 7] if rank else [1, 1])
    x = torch.zeros(2)
    dist.reduce_scatter(x, [torch.ones(2), torch.full((2,), 7.0)])
    assert x.tolist() == ([14, 14] if rank else [2, 2])
    dist.reduce_scatter_tensor(x, torch.arange(4.0), ops.AVG)
    assert x.tolist() == ([2, 3] if rank else [0, 1])
    got = [torch.zeros(1), torch.zeros(1)]
    dist.all_to_all(got, [torch.tensor([10.0 * rank]), torch.tensor([10.0 * rank + 1])])
    assert [g.item() for g in got] == [rank, 10 + rank]
    x = torch.zeros(3, 2)
    dist.all_to_all_single(x, torch.arange(6.0).view(3, 2) + 10 * rank, [1, 2] if rank else [2, 1],
                           [2, 1] if rank == 0 else [1, 2])
    want = [[4, 5], [12, 13], [14, 15]] if rank else [[0, 1], [2, 3], [10, 11]]
    assert x.tolist() == want

    works = [dist.all_reduce(torch.full((n,), 1.0), async_op=True) for n in (3, 50_000, 1)]
    assert all(work.wait() for work in works) and works[1].is_completed() and works[1].is_success()
    assert [work.result()[0][0].item() for work in works] == [2, 2, 2]
    assert works[0].get_future().then(lambda f: f.value()[0].sum().item()).wait() == 6
    dist.barrier()
    dist.monitored_barrier()

    if rank == 0:
        dist.send(torch.tensor([1.0]), 1, tag=5)
        dist.send(torch.tensor([2.0]), 1, tag=6)
        assert dist.recv(x := torch.zeros(2)) == 1 and x.tolist() == [3, 4]
    else:
        later, first = torch.zeros(1), torch.zeros(1)
        dist.recv(later, 0, tag=6)
        assert dist.recv(first, 0, tag=5) == 0
        assert (first.item(), later.item()) == (1, 2)
        dist.send(torch.tensor([3.0, 4.0]), 0)
    x = torch.zeros(70_000)
    ops_list = [dist.P2POp(dist.isend, torch.full((70_000,), float(rank)), other), dist.P2POp(dist.irecv, x, other)]
    for work in dist.batch_isend_irecv(ops_list):
        work.wait()
    assert x.eq(other).all()


@pytest.mark.one_backend
def test_collectives(backend, tmp_path):
    start(_collectives, 2, tmp_path=tmp_path)


def _on_backend(rank, backend):
    torch.set_backend(backend)
    table = torch.zeros(4, 5)
    view = table.t()[1:3]
    view.fill_(1.0 + rank)
    dist.all_reduce(view)
    assert table[:, 1:3].tolist() == [[3, 3]] * 4 and table.sum().item() == 24
    half = torch.full((3,), 1.0 + rank, dtype=torch.bfloat16)
    work = dist.all_reduce(half, async_op=True)
    assert work.wait() and half.tolist() == [3, 3, 3] and half.dtype is torch.bfloat16
    parameter = torch.nn.Parameter(torch.full((2,), float(rank)))
    dist.broadcast(parameter, 1)
    assert parameter.tolist() == [1, 1] and parameter.is_leaf
    got = torch.zeros(2)
    work = dist.irecv(got, 1 - rank)
    dist.send(torch.full((2,), float(rank)), 1 - rank)
    assert work.wait() and got.tolist() == [1 - rank, 1 - rank]
    model = DistributedDataParallel(torch.nn.Linear(2, 1, bias=False))
    model(torch.full((1, 2), 1.0 + rank)).sum().backward()
    assert model.module.weight.grad.tolist() == [[1.5, 1.5]]
    dist.barrier()


def test_tensors_of_every_backend(backend, tmp_path):
    start(_on_backend, 2, backend, tmp_path=tmp_path)


def _three(rank):
    size = 3
    for n in (1, 2, 7, 1000, 40_000, 700_001):
        x = torch.arange(n, dtype=torch.float64) * (rank + 1)
        dist.all_reduce(x)
        assert torch.equal(x, torch.arange(n, dtype=torch.float64) * 6), n
        noise = torch.tensor(np.random.default_rng(rank).normal(size=n), dtype=torch.float32)
        dist.all_reduce(noise)
        everywhere = [torch.zeros(n) for _ in range(size)]
        dist.all_gather(everywhere, noise)
        assert all(torch.equal(e, noise) for e in everywhere), f"{n} elements differ in bits"
        for root in range(size):
            x = torch.full((n,), float(rank))
            dist.broadcast(x, root)
            assert x.eq(root).all()
            x = torch.full((n,), float(rank + 1))
            dist.reduce(x, root, dist.ReduceOp.PRODUCT)
            assert x.eq(6 if rank == root else rank + 1).all()
    for _ in range(20):
        dist.barrier()
    pair = dist.new_group([2, 0], sort_ranks=False)
    single, groups = dist.new_subgroups(1)
    assert dist.get_rank(single) == 0 and len(groups) == 3
    if rank == 1:
        assert pair == dist.GroupMember.NON_GROUP_MEMBER and dist.get_rank(pair) == -1
        with pytest.warns(UserWarning, match="does not belong to the given group"):
            assert dist.all_reduce(torch.ones(1), group=pair) is None
    else:
        assert dist.get_process_group_ranks(pair) == [2, 0] and dist.get_rank(pair) == (0 if rank else 1)
        assert dist.get_global_rank(pair, 0) == 2 and dist.get_group_rank(pair, 2) == 0
        with pytest.raises(ValueError, match="Global rank 1 is not part of group"):
            dist.broadcast(torch.ones(1), 1, pair)
        x = torch.tensor([float(rank)])
        work = dist.all_reduce(torch.ones(5), async_op=True, group=pair)
        dist.broadcast(x, 2, pair)
        assert x.item() == 2 and work.wait()
        dist.destroy_process_group(pair)
        with pytest.raises(ValueError, match="not initialized"):
            dist.barrier(pair)
    dist.barrier()


@pytest.mark.one_backend
def test_three_processes(backend, tmp_path):
    start(_three, 3, method="tcp", tmp_path=tmp_path)


class Harmless:
    """Something that is not read from another process unless it is allowed."""

    def __init__(self):
        self.value = 3


def _objects(rank):
    got = [None, None]
    dist.all_gather_object(got, {"rank": rank, "data": torch.full((2,), float(rank)), "set": {1, "a"}})
    assert [g["rank"] for g in got] == [0, 1] and got[1]["data"].tolist() == [1, 1] and got[0]["set"] == {1, "a"}
    things = [1.5, None, (b"x", "text")] if rank == 0 else [None] * 3
    dist.broadcast_object_list(things, 0)
    assert things == [1.5, None, (b"x", "text")]
    out = [None]
    dist.scatter_object_list(out, ["zero", "one"] if rank == 0 else None, 0)
    assert out == [["zero", "one"][rank]]
    got = [None, None] if rank == 1 else None
    dist.gather_object(rank, got, 1)
    assert got in (None, [0, 1])
    if rank == 0:
        dist.send_object_list([1, "two"], 1)
    else:
        got = [None, None]
        assert dist.recv_object_list(got, 0) == 0 and got == [1, "two"]
    with pytest.raises(pickle.UnpicklingError, match="Harmless"):
        dist.all_gather_object([None, None], Harmless())
    with torch.serialization.safe_globals([Harmless]):
        got = [None, None]
        dist.all_gather_object(got, Harmless())
    assert got[1 - rank].value == 3
    dist.barrier()


@pytest.mark.one_backend
def test_objects(backend, tmp_path):
    start(_objects, 2, tmp_path=tmp_path)


def _failures(rank):
    x = torch.ones(3 + rank)
    with pytest.raises(RuntimeError, match="shapes and dtypes must be the same on all processes"):
        dist.all_reduce(x)
    dist.barrier()
    x, y = torch.ones(3), [torch.ones(3), torch.ones(3)]
    with pytest.raises(RuntimeError, match=r"rank \d called .* make the same calls in the same order"):
        if rank:
            dist.all_to_all([torch.ones(3), torch.ones(3)], y)
        else:
            dist.all_gather(y, x)
    dist.barrier()
    if rank == 0:
        began = time.monotonic()
        with pytest.raises(RuntimeError, match=r"\[Rank 0\]: Rank 1 failed to pass monitoredBarrier in 200 ms"):
            dist.monitored_barrier(timeout=timedelta(milliseconds=200))
        with pytest.raises(RuntimeError, match="Operation timed out|Timed out waiting 100ms"):
            dist.irecv(torch.ones(1), 1).wait(timedelta(milliseconds=100))
        dist.send(torch.ones(1), 1)
        with pytest.raises(RuntimeError, match="Connection closed by peer: rank 1"):
            dist.recv(torch.ones(1), 1)
        with pytest.raises(RuntimeError, match="rank 1"):
            dist.all_reduce(torch.ones(1))
        assert time.monotonic() - began < 10
    else:
        dist.recv(torch.ones(1), 0)
        os._exit(0)


@pytest.mark.one_backend
def test_failures_are_errors_in_time(backend, tmp_path):
    start(_failures, 2, tmp_path=tmp_path)


@pytest.mark.one_backend
def test_strangers_are_not_let_in(backend, lonely):
    mesh = dist.group.WORLD._mesh
    address = mesh._addresses[0]
    with socket.create_connection(address, timeout=5) as sock:
        sock.sendall(struct.pack("<8s32sI", b"plugmesh", b"\0" * 32, 0) + b"\0" * 100)
        assert closed(sock)
    assert not mesh._incoming and not mesh._held


# Gradients

def _model():
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))


def _batch():
    rng = np.random.default_rng(0)
    return tuple(torch.tensor(rng.normal(size=(8, n)), dtype=torch.float32) for n in (4, 2))


class Branches(torch.nn.Module):
    """A second layer that is used on demand, and a third never."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = (torch.nn.Linear(2, 2) for _ in range(3))

    def forward(self, x, more):
        x = self.first(x)
        return {"out": self.second(x) if more else x}


def _train(model, batches, steps=4):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, y = batches
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    return [p.detach() for p in model.parameters()]


def _gradients(rank):
    torch.manual_seed(rank)
    plain, mine = _model(), _model()
    # What one process gets with the whole batch, from the first process's start.
    model = DistributedDataParallel(mine, bucket_cap_mb=0.0001)
    assert len(model._buckets) > 1
    plain.load_state_dict({name.removeprefix("module."): value for name, value in model.state_dict().items()})
    assert list(model.state_dict())[0] == "module.0.weight"
    x, y = _batch()
    alone = _train(plain, (x, y))
    together = _train(model, (x[rank::2], y[rank::2]))
    for a, b in zip(alone, together, strict=True):
        assert torch.allclose(a, b, atol=1e-6), (a, b)

    model.zero_grad()
    with model.no_sync():
        torch.nn.functional.mse_loss(model(x[rank::4]), y[rank::4]).backward()
    local = mine[0].weight.grad.clone()
    torch.nn.functional.mse_loss(model(x[rank + 2::4]), y[rank + 2::4]).backward()
    assert not torch.allclose(mine[0].weight.grad, local)
    plain.load_state_dict(mine.state_dict())
    plain.zero_grad()
    (torch.nn.functional.mse_loss(plain(x), y) * 2).backward()
    assert torch.allclose(mine[0].weight.grad, plain[0].weight.grad, atol=1e-6)

    branches = DistributedDataParallel(Branches(), find_unused_parameters=True)
    for step in range(2):
        branches.zero_grad()
        branches(torch.ones(1, 2), more=rank == 1)["out"].sum().backward()
        grads = [p.grad for p in branches.parameters()]
        assert all(g is not None for g in grads[:4]) and grads[4] is None and grads[5] is None, step
        assert grads[3].tolist() == [0.5, 0.5]  # used by one of two
    strict = DistributedDataParallel(Branches())
    strict(torch.ones(1, 2), more=False)["out"].sum().backward()
    with pytest.raises(RuntimeError, match="Expected to have finished reduction in the prior iteration"):
        strict(torch.ones(1, 2), more=False)

    normed = DistributedDataParallel(torch.nn.BatchNorm1d(2))
    normed.module.running_mean.fill_(float(rank + 1))
    normed(torch.ones(2, 2))
    assert normed.module.running_mean.tolist() == pytest.approx([1.0, 1.0])  # rank 0's, then the same batch

    summing = DistributedDataParallel(torch.nn.Linear(2, 1, bias=False))
    summing.register_comm_hook(None, lambda state, bucket: dist.all_reduce(bucket.buffer(), async_op=True).get_future()
                               .then(lambda f: f.value()[0]))
    summing(torch.full((1, 2), 1.0 + rank)).sum().backward()
    assert summing.module.weight.grad.tolist() == [[3, 3]]
    with pytest.raises(RuntimeError, match="appears not to match sizes"):
        DistributedDataParallel(torch.nn.Linear(2 + rank, 1))
    with pytest.raises(RuntimeError, match="is not needed"):
        DistributedDataParallel(torch.nn.ReLU())
    dist.barrier()


@pytest.mark.one_backend
def test_data_parallel_training_is_that_of_the_whole_batch(backend, tmp_path):
    start(_gradients, 2, tmp_path=tmp_path)


def _shares(rank):
    sampler = DistributedSampler(range(7), shuffle=True, seed=1)
    got = [None, None]
    dist.all_gather_object(got, list(sampler))
    assert len(got[0]) == len(got[1]) == 4 and set(got[0]) | set(got[1]) == set(range(7))
    with pytest.raises(ValueError, match="Invalid rank 5"):
        DistributedSampler(range(7), rank=5)


@pytest.mark.one_backend
def test_samplers_share_a_dataset(backend, tmp_path):
    start(_shares, 2, tmp_path=tmp_path)
