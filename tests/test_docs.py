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
    tests = (ROOT / "tests" / "test_backends.py").read_text()
    for name in hooks:
        assert getattr(Hooks, name).__doc__ and f"def {name}(" in tests


@pytest.mark.one_backend
def test_no_file_has_grown_too_long(backend):
    long = [f"{path.relative_to(ROOT)}: {n} lines" for folder in ("plugtorch", "backends", "tests", "scripts")
            for path in (ROOT / folder).rglob("*.py") if (n := len(path.read_text().splitlines())) > 800]
    assert long == []
