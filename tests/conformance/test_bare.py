"""The shared base and the compositions by themselves, which first-party backends mostly override."""

from __future__ import annotations

import numpy as np
import pytest
from strict_backend import Strict

from plugtorch.conformance import Deviations, run
from plugtorch.spec import OPS, Backend, registry


class Bare(Strict):
    """The primitives of the shared base, and nothing else: every derived op is its composition."""

    name = "bare"
    aliases = False


for _op in OPS.values():
    if not _op.primitive:
        setattr(Bare, _op.name, getattr(Backend, _op.name))


@pytest.mark.one_backend
@pytest.mark.parametrize("kind", [Strict, Bare])
def test_what_every_backend_starts_from_conforms(backend, monkeypatch, kind):
    k = kind()
    monkeypatch.setitem(registry._loaded, k.name, k)
    report = run(k)
    assert report.passed, report.summary()


@pytest.mark.one_backend
def test_without_double_precision_nearly_all_is_still_checked(backend, monkeypatch):
    """As on a device that has none: the samples are run in single precision."""
    k = Strict()
    monkeypatch.setitem(registry._loaded, k.name, k)
    report = run(k, deviations=Deviations(dtypes={"float64": "none on this device", "complex128": "nor these"}))
    assert report.passed, report.summary()
    assert report.executed > 0.98 * len(report.outcomes)


@pytest.mark.one_backend
def test_a_fault_in_single_precision_alone_is_found_there(backend, monkeypatch):
    """Eigenvectors of single complex matrices are wrong, and double precision is declared missing."""
    k = Strict()
    right = k.eig

    def eig(a):
        w, v = right(a)
        return w, v.conj() if v.dtype == np.complex64 else v

    eig.__signature__ = OPS["eig"].signature
    k.eig = eig
    monkeypatch.setitem(registry._loaded, k.name, k)
    lacking = Deviations(dtypes={"float64": "none on this device", "complex128": "nor these"})
    report = run(k, select=lambda c: c.subject == "eig", deviations=lacking)
    assert {o.check.chapter for o in report.wrong} >= {"values"}
