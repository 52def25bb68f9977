"""Options, parametrisation and the closing report of the suite under pytest."""

from __future__ import annotations

import collections
from pathlib import Path

import pytest

from plugtorch.spec.registry import BackendUnavailable

from .check import all_checks
from .deviations import DeviationsError, deviations_of
from .runner import Outcome, Report, Suite

SUITE = pytest.StashKey[Suite]()
OUTCOMES = pytest.StashKey[list]()
_PROPERTY = "plugtorch_conformance"


def pytest_addoption(parser):
    group = parser.getgroup("plugtorch conformance")
    group.addoption("--backend", metavar="NAME", help="the backend to check (required)")
    group.addoption("--conformance-json", metavar="FILE", help="write every outcome to a file")
    group.addoption("--deviations", metavar="FILE", help="in place of the backend's own conformance.toml")


def pytest_configure(config):
    name = config.getoption("--backend")
    if not name:
        raise pytest.UsageError("the conformance suite needs a backend: --backend NAME")
    try:
        suite = Suite(name)
        if config.getoption("--deviations"):
            suite.deviations = deviations_of(suite.k, config.getoption("--deviations"))
    except (BackendUnavailable, DeviationsError, OSError) as error:
        # A backend that was asked for is never skipped.
        raise pytest.UsageError(str(error)) from error
    config.stash[SUITE], config.stash[OUTCOMES] = suite, []
    config.pluginmanager.register(_Collector(config.stash[OUTCOMES]))


def pytest_generate_tests(metafunc):
    if "conformance_check" in metafunc.fixturenames:
        metafunc.parametrize("conformance_check", all_checks(), ids=lambda c: c.id)


@pytest.fixture
def conformance(request):
    """Runs a check; the outcome goes into the test's report, which may have to travel between processes (pytest-xdist)."""

    def run(check) -> Outcome:
        outcome = request.config.stash[SUITE].run(check)
        request.node.user_properties.append((_PROPERTY, [check.id, outcome.state, outcome.detail]))
        return outcome

    return run


class _Collector:
    """Puts the outcomes of reports together."""

    def __init__(self, outcomes):
        self._outcomes, self._checks = outcomes, {check.id: check for check in all_checks()}

    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            for name, value in report.user_properties:
                if name == _PROPERTY:
                    key, state, detail = value
                    self._outcomes.append(Outcome(self._checks[key], state, detail))


def pytest_terminal_summary(terminalreporter, config):
    if hasattr(config, "workerinput"):
        return
    suite, outcomes = config.stash[SUITE], config.stash[OUTCOMES]
    seconds = sum(getattr(r, "duration", 0) for rs in terminalreporter.stats.values() for r in rs)
    complete = len(outcomes) == len(all_checks())
    report = Report(suite.k.name, suite.k.library_version, outcomes, seconds, complete, suite.deviations.source)
    terminalreporter.section(f"conformance of backend {suite.k.name!r}")
    for line in report.summary().splitlines():
        if not line.startswith(("FAILED", "XPASSED", "    ")):  # pytest has shown those
            terminalreporter.write_line(line)
    reasons = collections.Counter(o.detail for o in outcomes if o.state == "unsupported")
    for reason, count in reasons.items():
        terminalreporter.write_line(f"unsupported, {count} checks: {reason}")
    path = config.getoption("--conformance-json")
    if path:
        Path(path).write_text(report.to_json() + "\n", encoding="utf-8")
