"""Lazy mode: ops are noted and run as programs; on the tested backend if its arrays are immutable, else on a small one."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from compiling import assert_alike, batches, network, state_of

import plugtorch as torch
import plugtorch.nn.functional as F
from plugtorch import nn, optim
from plugtorch.spec.hooks import hookimpl
from plugtorch.spec.registry import load_backend
from plugtorch.spec.xp import XPBackend


class Still(XPBackend, xp=np, array_type=np.ndarray):
    """NumPy with the shared kernels, whose arrays are never written."""

    name = "still"
    aliases = False
    library_version = np.__version__


class StillPlugin:
    """Offers it."""

    @hookimpl
    def plugtorch_register_backends(self, register):
        register("still", Still, requires=("numpy",))


@pytest.fixture
def lazy(backend, plugins):
    """The name of a backend with immutable arrays, on which tensors are made lazily."""
    plugins(StillPlugin(), "still")
    name = "still" if load_backend(backend).aliases else backend
    with torch.backend(name, lazy=True):
        yield name


def same_as_eager(program, name):
    """What ``program()`` returns on the lazy form of a backend is what it returns on the backend."""
    torch.manual_seed(0)
    found = program()
    torch.manual_seed(0)
    with torch.backend("numpy"), torch.backend(name):  # a lazy backend stays lazy where only its name is given
        assert not torch.ones(1)._k.lazy
        expected = program()
    assert_alike(found, expected)
    return found


def test_backends_whose_arrays_are_written_have_none(backend):
    if load_backend(backend).aliases:
        with pytest.raises(RuntimeError, match="has no lazy form"):
            torch.set_backend(backend, lazy=True)
        assert not torch.ones(1)._k.lazy
    else:
        torch.set_backend(backend, lazy=True)
        assert torch.ones(1)._k.lazy and torch.get_backend() == backend
        torch.set_backend(backend)
        assert not torch.ones(1)._k.lazy


def test_nothing_runs_before_a_value_is_read(lazy):
    x = torch.ones(3)
    k, before = x._k, x._k.runs
    y = (x * 2 + 1).sum()
    z = y * 2
    assert y.shape == () and z.dtype is torch.float32 and k.runs == before
    assert y.item() == 9 and k.runs == before + 1
    assert z.item() == 18 and k.runs == before + 1  # it was computed with y


def test_a_step_is_one_program_and_is_found_again(lazy):
    def program():
        model = network()
        optimizer, seen, counts = optim.Adam(model.parameters(), lr=0.01), [], []
        k = model[0].weight._k
        for i, x in enumerate(batches(6)):
            optimizer.param_groups[0]["lr"] = 0.01 / (i + 1)
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            seen.append(loss.detach())
            counts.append((k.runs, k.compilations) if k.lazy else None)
        program.counts = counts
        return [[t.item() for t in seen], state_of(model, optimizer)]

    counts = []

    def lazily():
        found = program()
        counts.append(program.counts)
        return found

    same_as_eager(lazily, lazy)
    runs = [b[0] - a[0] for a, b in zip(counts[0][2:], counts[0][3:], strict=False)]
    compilations = [b[1] - a[1] for a, b in zip(counts[0][2:], counts[0][3:], strict=False)]
    assert runs == [1, 1, 1] and compilations == [0, 0, 0]


def test_floats_are_inputs_and_integers_are_not(lazy):
    x = torch.ones(2)
    k = x._k
    x.tolist(), (x * 0.5).tolist()
    before = k.compilations
    assert [(x * f).tolist() for f in (1.5, 2.5, -1.0)] == [[1.5, 1.5], [2.5, 2.5], [-1, -1]] and k.compilations == before
    assert [(x * n).tolist() for n in (2, 3)] == [[2, 2], [3, 3]] and k.compilations == before + 2
    n = torch.ones(2, dtype=torch.int64)
    assert (n * 2).dtype is torch.int64 and (n * 2.5).tolist() == [2.5, 2.5]


def test_values_decide_as_in_eager_code(lazy):
    def program():
        x, seen = torch.arange(6.0) - 2.5, []
        for _ in range(4):
            if x.sum() > 0:
                x = x * 2
            else:
                x = x + 1.25
            seen += [x.max().item(), x[x > 1], x.nonzero(), str(x), int(x.argmax()), x.tolist()]
        return [*seen, x.numpy().copy().tolist()]

    same_as_eager(program, lazy)


def test_writes_and_views(lazy):
    def program():
        x = torch.zeros(4, 4)
        view, row = x[1:3], x[1]
        x += 1
        view.mul_(3)
        row[2] = 7
        x.t()[0].add_(1)
        y = torch.ones(4, requires_grad=True)
        z = y * 2
        z[1:3] = 0
        z.square().sum().backward()
        return [x, view, row, y.grad, x._version]

    same_as_eager(program, lazy)


def test_random_numbers_and_dropout(lazy):
    def program():
        chances = torch.full((4,), 0.5)
        return [torch.rand(3), torch.randn(2, 2), F.dropout(torch.ones(8)), torch.randperm(5), torch.bernoulli(chances)]

    same_as_eager(program, lazy)


def test_layers(lazy):
    def program():
        model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                              nn.Linear(12, 3))
        recurrent = nn.LSTM(3, 4)
        optimizer = optim.SGD([*model.parameters(), *recurrent.parameters()], lr=0.1, momentum=0.9)
        seen = []
        for x in batches(2, (2, 1, 6, 6)):
            optimizer.zero_grad()
            y, _ = recurrent(model(x)[None])
            loss = F.cross_entropy(y[0], torch.tensor([0, 1])) + nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            loss.backward()
            optimizer.step()
            seen.append(loss.detach())
        return [seen, state_of(recurrent, optimizer), list(model.buffers())]

    same_as_eager(program, lazy)


def test_many_ops_run_in_parts(lazy, monkeypatch):
    monkeypatch.setattr("plugtorch.transforms.lazy.LONGEST", 20)
    x = torch.zeros(2)
    k = x._k
    before = k.runs
    for _ in range(50):
        x = x + 1.0
    assert k.runs == before + 2 and x.tolist() == [50, 50]


def test_what_nobody_holds_is_not_computed(lazy):
    x = torch.ones(2)
    k = x._k
    x.tolist()
    kept, _ = x + 1, (x * 3).sum()
    del _
    outputs = []
    compile_program = k.base.compile_program

    class Watching(type(k.base)):
        """Notes what programs give."""

        def compile_program(self, program):
            outputs.append(len(program.outputs))
            return compile_program(program)

    before, k.base.__class__ = k.base.__class__, Watching
    try:
        assert kept.tolist() == [2, 2]
    finally:
        k.base.__class__ = before
    assert outputs == [1]


def test_an_error_is_told_where_a_value_is_read_and_ends_only_its_program(lazy):
    with pytest.raises(RuntimeError, match="mat1 and mat2"):  # shapes are known at once
        torch.ones(2, 3) @ torch.ones(2, 3)
    assert (torch.ones(2) + 1).tolist() == [2, 2]


def test_switches_and_eager_tensors(lazy):
    x = torch.ones(2) * 2
    with torch.backend(lazy):
        assert torch.ones(1)._k is x._k
    with torch.backend("numpy"), torch.backend(lazy):
        y = torch.ones(2) * 3
        assert not y._k.lazy
    assert x.tolist() == [2, 2] and y.tolist() == [3, 3]


def test_compiled_functions_run_lazily_as_they_are(lazy):
    calls = []
    f = torch.compile(lambda x: calls.append(1) or x * 2)
    assert f(torch.ones(2)).tolist() == [2, 2] and f(torch.ones(2)).tolist() == [2, 2] and len(calls) == 2


def test_transforms_and_higher_gradients(lazy):
    def program():
        x = torch.arange(3.0).requires_grad_()
        g, = torch.autograd.grad((x ** 3).sum(), x, create_graph=True)
        g.sum().backward()
        return [x.grad, torch.vmap(lambda v: v.sin().sum())(torch.ones(2, 3)),
                torch.func.grad(lambda v: v.exp().sum())(x.detach())]

    same_as_eager(program, lazy)


def test_the_command(tmp_path, backend):
    script = tmp_path / "program.py"
    script.write_text("import torch\nx = torch.ones(2) * 3\nprint(x._k.lazy, x.tolist())\n")
    done = subprocess.run([sys.executable, "-m", "plugtorch", "run", "--backend", backend, "--lazy", str(script)],
                          capture_output=True, text=True, timeout=120)
    if load_backend(backend).aliases:
        assert done.returncode != 0 and "has no lazy form" in done.stderr
    else:
        assert done.stdout.strip() == "True [3.0, 3.0]", done.stderr
