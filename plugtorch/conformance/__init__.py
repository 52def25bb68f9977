"""The conformance suite: what every backend has to do, checked against the spec and against independent references.

From the shell::

    plugtorch conformance NAME [--json FILE] [--select PATTERN]
    pytest --pyargs plugtorch.conformance --backend NAME

From Python::

    from plugtorch.conformance import run
    report = run("mylib")
    assert report.passed, report.summary()
"""

from __future__ import annotations

from .check import Bench, Check, all_checks
from .coverage import table
from .deviations import Deviations, DeviationsError, deviations_of
from .runner import Outcome, Report, Suite, run

__all__ = ["Bench", "Check", "Deviations", "DeviationsError", "Outcome", "Report", "Suite", "all_checks",
           "deviations_of", "run", "table"]
