"""The conformance suite can fail: each of many faults, planted alone in a right backend, is found."""

from __future__ import annotations

import collections

import pytest
from plugtorch_numpy.backend import NumpyBackend

from plugtorch.conformance import Deviations, Suite, all_checks
from plugtorch.spec import OPS, registry

from .faults import FAULTS


class Patient(NumpyBackend):
    """NumPy, to be spoiled."""

    name = "patient"


@pytest.fixture
def patient(monkeypatch):
    k = Patient()
    monkeypatch.setitem(registry._loaded, "patient", k)
    return k


def failures(k, where):
    """Ids of the checks that a backend fails, among those chosen."""
    suite = Suite(k, Deviations())
    chosen = [c for c in all_checks() if where(c)]
    assert chosen, "no check is about it"
    return [o.check.id for o in map(suite.run, chosen) if o.wrong]


@pytest.mark.one_backend
@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.id)
def test_a_planted_fault_is_caught(backend, patient, fault):
    undo = fault.plant(patient)
    try:
        assert failures(patient, fault.where), "the suite passes"
    finally:
        if undo is not None:
            undo()


@pytest.mark.one_backend
def test_without_a_fault_nothing_is_found(backend, patient):
    assert failures(patient, lambda c: True) == []


@pytest.mark.one_backend
def test_the_faults_cover_every_kind_of_op(backend):
    kinds = collections.Counter(f.kind for f in FAULTS)
    families = {op.family for op in OPS.values() if not op.family.startswith("plugin ")}
    assert not families - set(kinds), f"no fault is planted in {families - set(kinds)}"
    assert {"signature", "devices", "aliasing", "random", "gradient", "training", "compiled"} <= set(kinds)
    assert len({f.id for f in FAULTS}) == len(FAULTS) >= 60
