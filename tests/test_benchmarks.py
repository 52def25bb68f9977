"""Every workload of the benchmarks runs, and what it computes by hand is what the program computes."""

from __future__ import annotations

import json
import math
import pathlib
import subprocess
import sys

import pytest

import plugtorch
import plugtorch.nn
import plugtorch.optim

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))

from benchmarks import driver, tables  # noqa: E402
from benchmarks.contenders import CONTENDERS, named  # noqa: E402
from benchmarks.workloads import cnn, workloads  # noqa: E402

WORKLOADS = {name: w for name, w in workloads().items() if name not in {f"ops_{n}_{part}" for n in (10_000, 100_000)
                                                                        for part in ("forward", "backward", "release")}}


def losses(program, steps):
    return [float(program.step(*program.batch)) for _ in range(steps)]


def in_plugtorch(workload, compiled=False):
    plugtorch.manual_seed(0)
    program = workload.program(plugtorch, workload.values(), lambda net: net)
    return program._replace(step=plugtorch.compile(program.step, fullgraph=True)) if compiled else program


@pytest.mark.parametrize("name", [n for n, w in WORKLOADS.items() if w.numpy and not w.random])
def test_the_version_by_hand_has_the_losses_of_the_program(name, backend):
    workload = WORKLOADS[name]
    steps = 1 if "generate" in name or "inference" in name else 3
    by_hand = workload.jax if backend == "jax" else workload.numpy
    expected = losses(by_hand(workload.values()), steps)
    ours = losses(in_plugtorch(workload, compiled=True), steps)
    assert ours == pytest.approx(expected, rel=1e-4)
    if backend != "jax":  # which compiles every op of an eager program too
        assert losses(in_plugtorch(workload), steps) == pytest.approx(expected, rel=1e-4)
    assert steps == 1 or ours[0] != ours[-1]


def test_the_convolutional_network_by_hand_without_what_is_random(backend):
    still = {"train": True, "drop": (0.0, 0.0)}
    values = cnn.values()
    by_hand = (cnn.by_jax if backend == "jax" else cnn.by_numpy)(values, **still)
    program = cnn.program(plugtorch, values, lambda net: net, **still)
    ours = losses(program._replace(step=plugtorch.compile(program.step, fullgraph=True)), 3)
    assert ours == pytest.approx(losses(by_hand, 3), rel=1e-4)
    assert ours[0] != ours[-1]


def test_random_programs_give_finite_losses(backend):
    for workload in WORKLOADS.values():
        if workload.random:
            assert all(map(math.isfinite, losses(in_plugtorch(workload, compiled=True), 1)))
            by_hand = workload.jax if backend == "jax" else workload.numpy
            assert all(map(math.isfinite, losses(by_hand(workload.values()), 1)))


def test_timed_parts_run(backend):
    for workload in WORKLOADS.values():
        if workload.eager:
            program = in_plugtorch(workload)
            program.step(program.prepare())


def test_contenders_by_name():
    assert [c.name for c in named("torch")] == ["torch"]
    assert [c.name for c in named("numpy")] == ["plugtorch-numpy", "plugtorch-numpy-compiled", "hand-numpy"]
    other, = named("plugtorch-mylib-compiled")
    assert (other.backend, other.mode, other.title) == ("mylib", "compiled", "plugtorch mylib compiled")
    with pytest.raises(LookupError, match="no contender is called 'tensorflow'"):
        named("tensorflow")


def test_losses_that_differ_are_marked():
    def results(**losses):
        return {name: driver.Result(slices=[1.0], first=[1.0, 1.0], losses=held) for name, held in losses.items()}

    found = results(a=[2.0, 1.0], torch=[3.0, 2.0], b=[3.0, 2.001])
    driver.compare(found, random=False)
    assert [r.agrees for r in found.values()] == [False, True, True]
    found = results(a=[2.0, 1.0], torch=[3.0, 2.0], b=[3.0, math.nan])
    driver.compare(found, random=True)
    assert [r.agrees for r in found.values()] == [True, True, False]
    lines = tables.report([CONTENDERS["torch"]], [(WORKLOADS["mlp_sgd"], results(torch=[3.0]))])
    assert "| mlp_sgd, ms | 1000 (1.00) |" in lines


@pytest.mark.one_backend
def test_the_command_shows_what_failed_and_goes_on(tmp_path):
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "mlp_sgd", "--contenders", "plugtorch-nothing,hand-numpy", "--rounds", "2",
         "--slice", "0.01", "--json", file], cwd=ROOT, capture_output=True, text=True, check=True)
    row = next(line for line in done.stdout.split("\n") if line.startswith("| mlp_sgd"))
    assert row.split("|")[2].strip() == "error"
    assert float(row.split("|")[3]) > 0
    assert "plugtorch nothing (mlp_sgd):" in done.stdout
    figures = json.loads(file.read_text())["workloads"]["mlp_sgd"]["contenders"]
    assert len(figures["hand-numpy"]["slices"]) == 2
    assert figures["plugtorch-nothing"].keys() == {"error"}
