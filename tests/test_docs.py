"""The documents agree with the code."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from plugtorch.autograd.plans import is_nondifferentiable, rule_for
from plugtorch.spec import OPS
from plugtorch.spec.hooks import Hooks

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.mark.one_backend
def test_the_op_reference_is_generated_from_the_spec(backend):
    done = subprocess.run([sys.executable, ROOT / "scripts" / "generate_op_reference.py", "--check"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.one_backend
def test_every_primitive_has_a_gradient_rule_or_is_declared_without(backend):
    open_ops = [op.name for op in OPS.values()
                if op.primitive and rule_for(op.name) is None and not is_nondifferentiable(op.name)]
    assert open_ops == []


@pytest.mark.one_backend
def test_every_hook_is_documented_and_tested(backend):
    hooks = [name for name in vars(Hooks) if name.startswith("plugtorch_")]
    tests = "".join((ROOT / "tests" / name).read_text() for name in ("test_plugins.py", "strict_backend.py"))
    for name in hooks:
        assert getattr(Hooks, name).__doc__ and f"def {name}(" in tests


@pytest.mark.one_backend
def test_no_file_has_grown_too_long(backend):
    long = [f"{path.relative_to(ROOT)}: {n} lines" for folder in ("plugtorch", "backends", "contrib", "tests", "scripts")
            for path in (ROOT / folder).rglob("*.py") if (n := len(path.read_text().splitlines())) > 800]
    assert long == []


@pytest.mark.one_backend
def test_the_template_in_contrib_is_what_new_backend_writes(backend):
    from plugtorch.commands.new_backend import project

    folder = ROOT / "contrib" / "plugtorch-minimal"
    for path, text in project("minimal").items():
        assert (folder / path).read_text() == text, f"{path} differs: run `plugtorch new-backend minimal` anew"


@pytest.mark.one_backend
def test_samples_are_declared_beside_their_op(backend):
    """The samples of an op stand in the module of the same name as its declaration, and every op has some."""
    from plugtorch.conformance.samples import SAMPLES

    assert sorted(SAMPLES) == sorted(op.name for op in OPS.values() if not op.family.startswith("plugin "))
    strays = {s.op for samples in SAMPLES.values() for s in samples
              if OPS[s.op].body.__module__.rpartition(".")[2] != s.module}
    assert strays == set()


@pytest.mark.one_backend
def test_every_differentiable_op_is_checked_by_a_gradient(backend):
    from plugtorch.conformance.chapters.gradients import FLAT
    from plugtorch.conformance.samples import SAMPLES

    graded = {s.op for samples in SAMPLES.values() for s in samples if s.grad}
    as_pytorch = {"geqrf", "cholesky_solve"}  # the one raises, the other fills the triangle that is not read
    missing = {n for n in OPS if not is_nondifferentiable(n)} - graded - FLAT - {"bitcast"} - as_pytorch
    assert missing == set()


@pytest.mark.one_backend
def test_the_api_reference_is_generated_from_the_docstrings(backend):
    done = subprocess.run([sys.executable, "-W", "ignore", ROOT / "scripts" / "generate_api_reference.py", "--check"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
