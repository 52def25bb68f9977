"""The suite as pytest tests: ``pytest --pyargs plugtorch.conformance --backend NAME``."""

from __future__ import annotations

import pytest

from .runner import count_checks, manifest


def test_check(conformance_check, conformance):
    outcome = conformance(conformance_check)
    if outcome.wrong:
        if outcome.error is not None:
            raise outcome.error
        pytest.fail(outcome.detail, pytrace=False)
    if outcome.state == "xfailed":
        pytest.xfail(outcome.detail)
    if outcome.state in ("unsupported", "not applicable"):
        pytest.skip(outcome.detail)


def test_the_manifest_counts_every_check():
    """A check that is lost, or was added and not counted, is noticed."""
    assert count_checks() == manifest()
