"""Processes that are started with ``torch.multiprocessing``, and tensors between them."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import plugtorch as torch
import plugtorch.multiprocessing as mp


def write(i, folder, text):
    with open(f"{folder}/{i}", "w") as file:
        file.write(f"{text} {i}")


def fail_second(i):
    if i == 1:
        raise ValueError("a bad process")
    time.sleep(30)


def leave(i):
    sys.exit(3)


def die(i):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)


def double(questions, answers):
    for t in iter(questions.get, None):
        answers.put(t if isinstance(t, torch.nn.Module) else t.detach() * 2)


@pytest.mark.one_backend
def test_the_names_are_those_of_multiprocessing(backend):
    for name in multiprocessing.__all__:
        if name != "reducer":
            assert getattr(mp, name) == getattr(multiprocessing, name), name
    assert callable(mp.spawn) and mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    before = mp.get_sharing_strategy()
    mp.set_sharing_strategy("file_system")
    assert mp.get_sharing_strategy() == "file_system"
    mp.set_sharing_strategy(before)
    with pytest.raises(AssertionError, match="invalid sharing strategy 'x', expected one of"):
        mp.set_sharing_strategy("x")


@pytest.mark.one_backend
def test_spawn(backend, tmp_path):
    assert mp.spawn(write, (str(tmp_path), "process"), nprocs=2) is None
    assert [(tmp_path / str(i)).read_text() for i in range(2)] == ["process 0", "process 1"]
    context = mp.start_processes(write, (str(tmp_path), "later"), nprocs=1, join=False, start_method="spawn")
    assert len(context.pids()) == 1
    while not context.join(timeout=30):
        assert context.processes[0].is_alive()
    assert (tmp_path / "0").read_text() == "later 0"


@pytest.mark.one_backend
def test_the_first_failure_ends_all(backend):
    began = time.monotonic()
    with pytest.raises(mp.ProcessRaisedException, match="Process 1 terminated with the following error(.|\n)*"
                                                        "ValueError: a bad process") as caught:
        mp.spawn(fail_second, nprocs=2)
    assert time.monotonic() - began < 20
    assert caught.value.error_index == 1 and caught.value.error_pid > 0
    with pytest.raises(mp.ProcessExitedException, match="process 0 terminated with exit code 3") as caught:
        mp.spawn(leave)
    assert caught.value.exit_code == 3 and pickle.loads(pickle.dumps(caught.value)).exit_code == 3
    with pytest.raises(mp.ProcessExitedException, match="process 0 terminated with signal SIGTERM") as caught:
        mp.spawn(die)
    assert caught.value.signal_name == "SIGTERM"


def test_tensors_through_queues(backend):
    context = mp.get_context("spawn")
    questions, answers = context.SimpleQueue(), context.SimpleQueue()
    process = context.Process(target=double, args=(questions, answers), daemon=True)
    process.start()
    try:
        base = torch.arange(6.0).reshape(2, 3)
        for t in (base, base.t(), base[:, 1:], torch.tensor(3), torch.ones(2, dtype=torch.bfloat16),
                  torch.tensor([1 + 2j]), torch.nn.Parameter(torch.ones(2)), torch.zeros(0, 3)):
            questions.put(t)
            got = answers.get()
            assert got.dtype is t.dtype and torch.equal(got, t.detach() * 2), t
        layer = torch.nn.Linear(2, 3)
        questions.put(layer)
        got = answers.get()
        assert torch.equal(got.weight, layer.weight) and got.weight.requires_grad
        with pytest.raises(RuntimeError, match="Cowardly refusing to serialize non-leaf tensor"):
            questions.put(torch.ones(2, requires_grad=True) * 2)
        questions.put(None)
        process.join(30)
        assert process.exitcode == 0
    finally:
        process.kill()


def run_script(folder, text, *options):
    path = folder / "script.py"
    path.write_text(textwrap.dedent(text))
    return subprocess.run([sys.executable, "-m", "plugtorch", "run", *options, str(path)], capture_output=True, text=True,
                          timeout=60, cwd=folder)


@pytest.mark.one_backend
def test_scripts_spawn_processes_that_import_torch(backend, tmp_path):
    done = run_script(tmp_path, """
        import torch
        import torch.multiprocessing as mp
        from torch import nn

        def work(i, results):
            results.put((torch.ones(2) * i, torch.__name__, nn.Linear(1, 1).weight.shape))

        if __name__ == "__main__":
            results = mp.get_context("spawn").SimpleQueue()
            mp.spawn(work, (results,), nprocs=1)
            print(results.get())
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "(tensor([0., 0.]), 'plugtorch', torch.Size([1, 1]))\n"


@pytest.mark.one_backend
def test_scripts_run_in_several_processes(backend, tmp_path):
    text = """
        import sys
        import torch
        import torch.distributed as dist

        dist.init_process_group("gloo")
        x = torch.ones(2) * (dist.get_rank() + 1)
        dist.all_reduce(x)
        print(x.tolist(), flush=True)
        dist.destroy_process_group()
        sys.exit(4 * int(x[0] == 1))
    """
    done = run_script(tmp_path, text, "--nproc", "2")
    assert (done.returncode, done.stdout.count("[3.0, 3.0]")) == (0, 2), done.stderr  # their lines may mix
    done = run_script(tmp_path, text, "--nproc", "1")
    assert (done.returncode, done.stdout) == (4, "[1.0, 1.0]\n")
    assert "process 0 of 1 ended with exit status 4" in done.stderr
    assert run_script(tmp_path, text, "--nproc", "0").returncode == 2
