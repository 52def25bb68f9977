"""The whole suite on backends each of whose ops is a compiled program."""

from __future__ import annotations

import pytest

from plugtorch.conformance.compiled import compiled_backend
from plugtorch.conformance.runner import run
from plugtorch.spec import load_backend, registry


@pytest.mark.one_backend
def test_every_op_conforms_as_a_compiled_program(backend, monkeypatch):
    """What the NumPy backend writes for a program is held to what its kernels are held to, by every check there is."""
    k = compiled_backend(load_backend("numpy"), "compiled-numpy")
    monkeypatch.setitem(registry._loaded, k.name, k)
    report = run(k)
    assert report.passed, report.summary()
    assert len(k.programs) > 2000
