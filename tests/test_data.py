"""The data loader: worker processes, their failures, and their end."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import types
from multiprocessing import forkserver, resource_tracker

import numpy as np
import pytest

import plugtorch
from plugtorch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    default_collate,
    get_worker_info,
)


class Faulty(Dataset):
    """0..7; sample 5 does something."""

    def __init__(self, act=None):
        self.act = act

    def __len__(self):
        return 8

    def __getitem__(self, i):
        if i == 5 and self.act is not None:
            return self.act()
        return i


@pytest.fixture(autouse=True)
def _nothing_left(request):
    """No test leaves a child, a zombie or an open file behind, apart from the processes that start others."""
    files = "/proc/self/fd"

    def have():
        gc.collect()
        return set(multiprocessing.active_children()), len(os.listdir(files)) if os.path.isdir(files) else 0

    if any(method in request.node.name for method in ("spawn", "forkserver")):
        resource_tracker.ensure_running()
        forkserver.ensure_running()
    before = have()
    yield
    children, count = have()
    assert children <= before[0] and count <= before[1]
    with contextlib.suppress(ChildProcessError):
        assert os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None


class OwnError(Exception):
    def __init__(self, first, second):
        super().__init__(first, second)


def fail():
    raise ValueError("bad sample")


def fail_with_own_error():
    raise OwnError(1, 2)


def fail_with_local_error():
    class LocalError(Exception):
        pass

    raise LocalError("unpicklable")


def unpicklable():
    return lambda: None


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    os._exit(3)


def pids_of(iterator):
    return [w.pid for w in iterator._workers]


def gone(pid, patience=10.0):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.one_backend
def test_exception_of_a_worker_is_raised_with_its_traceback(backend):
    loader = DataLoader(Faulty(fail), 2, num_workers=2)
    with pytest.raises(ValueError) as caught:
        list(loader)
    message = str(caught.value)
    assert message.startswith("Caught ValueError in DataLoader worker process 0.\nOriginal Traceback")
    assert "in fail" in message and message.rstrip().endswith("ValueError: bad sample")


@pytest.mark.one_backend
def test_iteration_may_go_on_after_a_failed_batch(backend):
    iterator = iter(DataLoader(Faulty(fail), 2, num_workers=2))
    got = []
    while True:
        try:
            got.append(next(iterator).tolist())
        except ValueError:
            got.append(None)
        except StopIteration:
            break
    assert got == [[0, 1], [2, 3], None, [6, 7]]


@pytest.mark.one_backend
@pytest.mark.parametrize("act", [fail_with_own_error, fail_with_local_error])
def test_exceptions_that_cannot_be_made_again_become_runtime_errors(backend, act):
    with pytest.raises(RuntimeError, match="Caught .* in DataLoader worker process 0"):
        list(DataLoader(Faulty(act), 2, num_workers=2))


@pytest.mark.one_backend
def test_unpicklable_batch_names_the_reason(backend):
    with pytest.raises(Exception, match=r"(?s)Caught .*(local object|pickle).*lambda"):
        list(DataLoader(Faulty(unpicklable), 1, num_workers=1, collate_fn=lambda batch: batch))


@pytest.mark.one_backend
@pytest.mark.parametrize("act, reason", [
    (kill, "is killed by signal: Killed. "), (leave, "exited unexpectedly with exit code 3. Details"),
    (lambda: sys.exit(4), "exited unexpectedly with exit code 4. Details"), (lambda: sys.exit(0), None)])
def test_death_of_a_worker_is_an_error(backend, act, reason):
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"^DataLoader worker \(pid\(s\) (\d+)\) exited unexpectedly$") as caught:
        list(DataLoader(Faulty(act), 2, num_workers=2))
    assert time.monotonic() - start < 5
    cause, pid = caught.value.__cause__, str(caught.value).split()[3].strip(")")
    assert cause is None if reason is None else str(cause).startswith(f"DataLoader worker (pid {pid}) {reason}")


def hold_everything_and_die():
    """Another process has copies of all files of this one, so that nobody sees them closed."""
    if os.fork() == 0:
        time.sleep(4)
        os._exit(0)
    kill()


@pytest.mark.one_backend
def test_death_is_seen_where_another_process_holds_the_files(backend):
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(DataLoader(Faulty(hold_everything_and_die), 2, num_workers=2))
    assert time.monotonic() - start < 3


class Large(Dataset):
    """Samples that no pipe takes whole."""

    def __len__(self):
        return 8

    def __getitem__(self, i):
        return np.full(1 << 20, i)


@pytest.mark.one_backend
@pytest.mark.parametrize("number, timeout, error", [
    (signal.SIGKILL, 0, "exited unexpectedly"), (signal.SIGSTOP, 0.3, "timed out after 0.3 seconds")])
def test_end_in_the_middle_of_a_message(backend, number, timeout, error):
    loader = DataLoader(Large(), None, num_workers=1, persistent_workers=True)
    iterator = iter(loader)
    iterator._timeout = timeout
    time.sleep(0.2)  # the first message is half on its way
    os.kill(pids_of(iterator)[0], number)
    with pytest.raises(RuntimeError, match=error):
        next(iterator)
    assert [int(x[-1]) for x in loader] == list(range(8))  # with a new worker


@pytest.mark.one_backend
def test_a_late_batch_may_be_waited_for_again(backend):
    iterator = iter(DataLoader(Faulty(lambda: time.sleep(0.6) or 5), 2, num_workers=2, timeout=20))
    assert [next(iterator).tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    iterator._timeout = 0.1
    with pytest.raises(RuntimeError, match="timed out"):
        next(iterator)
    iterator._timeout = 20
    assert [b.tolist() for b in iterator] == [[4, 5], [6, 7]]


@pytest.mark.one_backend
@pytest.mark.parametrize("act, timeout, error", [(lambda i: time.sleep(60), 0.3, "timed out after 0.3 seconds"),
                                                 (lambda i: os._exit(5), 20, "exited unexpectedly")])
def test_worker_that_does_not_begin(backend, act, timeout, error):
    with pytest.raises(RuntimeError, match=error):
        list(DataLoader(Faulty(), 2, num_workers=2, timeout=timeout, worker_init_fn=act))


@pytest.mark.one_backend
def test_requests_do_not_wait_for_a_stopped_worker(backend):
    loader = DataLoader(Faulty(), batch_sampler=[list(range(8)) * 20_000] * 4, num_workers=1, timeout=0.3, prefetch_factor=4)
    loader.worker_init_fn = lambda worker: os.kill(os.getpid(), signal.SIGSTOP)
    iterator = iter(loader)
    with pytest.raises(RuntimeError, match="timed out"):
        next(iterator)


@pytest.mark.one_backend
def test_interrupt_ends_the_workers(backend, request):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # test processes of pytest-xdist ignore it
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    iterator = iter(DataLoader(Faulty(lambda: time.sleep(60)), 1, num_workers=1))
    pids = pids_of(iterator)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(iterator)
    timer.join()
    assert all(gone(pid) for pid in pids)
    with pytest.raises(RuntimeError, match="have ended; iterate over it again"):
        next(iterator)


@pytest.mark.one_backend
def test_loaders_of_several_threads(backend):
    """Processes are forked while other threads draw seeds and hold locks."""
    found = []

    def work():
        for _ in range(5):
            found.append([b.tolist() for b in DataLoader(Faulty(), 4, num_workers=2, timeout=20)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [[[0, 1, 2, 3], [4, 5, 6, 7]]] * 20


@pytest.mark.one_backend
def test_loader_in_a_worker(backend):
    def load(workers):
        return sum(x.item() for x in DataLoader(Faulty(), 1, num_workers=workers))

    assert [b.tolist() for b in DataLoader(Faulty(lambda: load(0)), 4, num_workers=1)] == [[0, 1, 2, 3], [4, 28, 6, 7]]
    with pytest.raises(AssertionError, match="daemonic processes are not allowed to have children"):
        list(DataLoader(Faulty(lambda: load(1)), 4, num_workers=1))


class Odd:
    """Can be pickled, but not made again."""

    def __reduce__(self):
        return int, ("odd",)


@pytest.mark.one_backend
def test_batch_that_cannot_be_made_again_is_one_error(backend):
    iterator = iter(DataLoader(Faulty(Odd), None, num_workers=2))
    assert [next(iterator) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="odd"):
        next(iterator)
    assert list(iterator) == [6, 7]


@pytest.mark.one_backend
def test_worker_killed_from_outside_while_waited_for(backend):
    iterator = iter(DataLoader(Faulty(lambda: time.sleep(60)), 1, num_workers=1))
    for _ in range(5):
        next(iterator)
    os.kill(pids_of(iterator)[0], signal.SIGKILL)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        next(iterator)


@pytest.mark.one_backend
def test_timeout_ends_the_workers(backend):
    iterator = iter(DataLoader(Faulty(lambda: time.sleep(60)), 2, num_workers=2, timeout=0.5))
    pids = pids_of(iterator)
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.5 seconds"):
        list(iterator)
    del iterator
    gc.collect()  # the error's frames refer to it
    assert all(gone(pid) for pid in pids)


@pytest.mark.one_backend
def test_failure_of_worker_init_fn(backend):
    def init(worker):
        raise KeyError("no such file")

    with pytest.raises(KeyError) as caught:
        list(DataLoader(Faulty(), 2, num_workers=1, worker_init_fn=init))
    assert "Original Traceback" in str(caught.value) and "\n" in str(caught.value)


class Info(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        info = get_worker_info()
        return info.id, info.num_workers, info.seed, int(info.dataset is self), plugtorch.initial_seed()


@pytest.mark.one_backend
def test_worker_info(backend):
    assert get_worker_info() is None
    rows = [b for b in DataLoader(Info(), 1, num_workers=2, generator=plugtorch.Generator().manual_seed(3))]
    ids, counts, seeds, same, initial = (
        [int(r[i]) for r in rows] for i in range(5))
    assert ids == [0, 1, 0, 1] and counts == [2] * 4 and same == [1] * 4
    assert seeds[1] == seeds[0] + 1 and initial == seeds


@pytest.mark.one_backend
def test_end_and_break_leave_no_processes(backend):
    iterator = iter(DataLoader(Faulty(), 1, num_workers=2))
    pids = pids_of(iterator)
    list(iterator)
    assert all(gone(pid) for pid in pids)
    iterator = iter(DataLoader(Faulty(), 1, num_workers=2))
    next(iterator)
    pids = pids_of(iterator)
    del iterator
    assert all(gone(pid) for pid in pids)


@pytest.mark.one_backend
def test_persistent_workers_stay(backend):
    loader = DataLoader(Faulty(), 2, shuffle=True, num_workers=2, persistent_workers=True)
    seen = []
    for _ in range(3):
        batches = [b.tolist() for b in loader]
        assert sorted(sum(batches, [])) == list(range(8))
        seen.append(tuple(pids_of(loader._iterator)))
    assert len(set(seen)) == 1
    next(iter(loader))
    assert len(list(loader)) == 4  # after an epoch that was left early


@pytest.mark.one_backend
def test_batches_as_they_come(backend):
    class Uneven(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            if i == 0:
                time.sleep(0.5)
            return i

    loader = DataLoader(Uneven(), None, num_workers=2, in_order=False)
    got = list(loader)
    assert sorted(got) == [0, 1, 2, 3] and got[0] == 1


class Everything(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, i):
        return {"f": plugtorch.full((2, 3), float(i)), "b": plugtorch.tensor(i, dtype=plugtorch.bfloat16),
                "n": np.arange(3) + i, "s": f"s{i}", "t": (i, True)}


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_batches_arrive_on_the_current_backend(backend, method):
    if method != "fork" and backend != "numpy":
        pytest.skip("the start method and the backend are independent")
    loader = DataLoader(Everything(), 3, num_workers=1, multiprocessing_context=method)
    (batch,) = loader
    assert batch["f"].backend == backend and batch["f"].shape == (3, 2, 3)
    assert batch["f"][:, 1, 2].tolist() == [0.0, 1.0, 2.0]
    assert batch["b"].dtype is plugtorch.bfloat16 and batch["b"].tolist() == [0.0, 1.0, 2.0]
    assert batch["n"].tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert batch["s"] == ["s0", "s1", "s2"]
    assert batch["t"][0].tolist() == [0, 1, 2] and batch["t"][1].dtype is plugtorch.bool
    batch["f"].add_(1)
    assert batch["f"][0, 0, 0].item() == 1.0


def test_rows_at_once_equal_rows_one_by_one(backend):
    class Own(TensorDataset):
        def __getitem__(self, i):
            return tuple(2 * t for t in super().__getitem__(i))

    x, y = plugtorch.arange(40.0).reshape(10, 4), plugtorch.arange(10)
    whole = TensorDataset(x, y)
    one_by_one = default_collate([whole[i] for i in (7, 2, -1)])
    for dataset, indices in ((whole, [7, 2, -1]), (Subset(whole, [7, 2, 9]), [0, 1, 2])):
        (batch,) = DataLoader(dataset, batch_sampler=[indices])
        assert type(batch) is list
        assert [b.tolist() for b in batch] == [b.tolist() for b in one_by_one]
    (doubled,) = DataLoader(Own(x, y), batch_sampler=[[7, 2]])
    assert doubled[1].tolist() == [14, 4]
    with pytest.raises(IndexError):
        list(DataLoader(whole, batch_sampler=[[0, 10]]))


@pytest.mark.one_backend
def test_stream_over_workers(backend):
    class Numbers(IterableDataset):
        def __iter__(self):
            info = get_worker_info()
            yield from range(info.id, 7, info.num_workers)

    loader = DataLoader(Numbers(), 2, num_workers=2, persistent_workers=True)
    assert [b.tolist() for b in loader] == [[0, 2], [1, 3], [4, 6], [5]]
    assert [b.tolist() for b in loader] == [[0, 2], [1, 3], [4, 6], [5]]


@pytest.mark.one_backend
@pytest.mark.parametrize("end", ["pass", "raise SystemExit(0)", "os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_workers_do_not_outlive_the_interpreter(backend, end):
    script = textwrap.dedent("""
        import os
        import plugtorch
        from plugtorch.utils.data import DataLoader, TensorDataset
        loader = DataLoader(TensorDataset(plugtorch.zeros(64, 100000)), 4, num_workers=2, persistent_workers=True)
        iterator = iter(loader)
        next(iterator)
        print(*[w.pid for w in iterator._workers], flush=True)
    """) + end
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    pids = [int(p) for p in done.stdout.split()]
    assert len(pids) == 2 and all(gone(pid) for pid in pids)


class Holder(Dataset):
    """A dataset as users write it: tensors in attributes, lists and objects."""

    def __init__(self):
        self.images = plugtorch.arange(24.0).reshape(6, 4)
        self.parts = {"labels": [plugtorch.tensor(i) for i in range(6)],
                      "other": types.SimpleNamespace(bias=plugtorch.ones(4))}
        self.itself = self

    def __len__(self):
        return 6

    def __getitem__(self, i):
        return self.images[i] * 2 + self.parts["other"].bias, self.parts["labels"][i]


ELSEWHERE = None


class Global(Dataset):
    """Takes its tensors from where the loader cannot find them."""

    def __len__(self):
        return 2

    def __getitem__(self, i):
        return ELSEWHERE[i] * 2


def test_workers_get_the_tensors_of_any_dataset_on_numpy(backend):
    dataset = Holder()
    found = list(DataLoader(dataset, batch_size=3, num_workers=2, timeout=30))
    assert [x.tolist() for x, _ in found] == [(dataset.images[i:i + 3] * 2 + 1).tolist() for i in (0, 3)]
    assert [y.tolist() for _, y in found] == [[0, 1, 2], [3, 4, 5]] and found[0][0].is_cpu
    assert dataset.itself is dataset and dataset.images._k.name == backend


def test_a_forked_worker_refuses_a_backend_that_could_hang(backend, monkeypatch):
    monkeypatch.setitem(globals(), "ELSEWHERE", plugtorch.ones(2, 3))
    loader = DataLoader(Global(), num_workers=1, timeout=30, multiprocessing_context="fork")
    if backend == "numpy":
        assert len(list(loader)) == 2
        return
    with pytest.raises(RuntimeError, match=f"cannot use the backend '{backend}'"):
        list(loader)
