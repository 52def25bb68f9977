"""Running the suite: every check once, with what came of it."""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import time
import warnings
from collections.abc import Callable, Iterable
from importlib import resources

import plugtorch
from plugtorch.spec import OPS, load_backend
from plugtorch.spec.fallback import OpUnsupported

from .check import Bench, Check, all_checks
from .deviations import Deviations, deviations_of

PASSED, FAILED, EXPECTED, UNEXPECTED, UNSUPPORTED, INAPPLICABLE = (
    "passed", "failed", "xfailed", "xpassed", "unsupported", "not applicable")
# A library that keeps a program per shape is told to drop them after this many checks.
RELEASE_EVERY = 400


@dataclasses.dataclass
class Outcome:
    """What came of one check.

    Attributes:
        check: the check.
        state: passed, failed, xfailed, xpassed, unsupported or not applicable.
        detail: the error, or the reason.
        error: the exception itself, if one was raised.
    """

    check: Check
    state: str
    detail: str = ""
    error: BaseException | None = None

    @property
    def wrong(self) -> bool:
        return self.state in (FAILED, UNEXPECTED)


class Suite:
    """The checks on one backend.

    Args:
        backend: name of the backend, or a backend object.
        deviations: what it does otherwise; by default from its own file.

    Raises:
        BackendUnavailable: the backend cannot be loaded. A backend that was asked for is never skipped.
        DeviationsError: its file is wrong.
    """

    def __init__(self, backend, deviations: Deviations | None = None):
        self.k = load_backend(backend) if isinstance(backend, str) else backend
        self.deviations = deviations if deviations is not None else deviations_of(self.k)
        self.bench = Bench(self.k, lacking=self.deviations.dtypes)
        self.count = 0
        self.current = ""

    def applies(self, check: Check) -> Outcome | None:
        """The outcome of a check that is not to be run; None for the others."""
        why = self.k.unsupported.get(check.subject) or self.deviations.unsupported(check)
        if why is not None:
            return Outcome(check, UNSUPPORTED, why)
        if check.needs == "aliases" and not self.k.aliases:
            return Outcome(check, INAPPLICABLE, "arrays are immutable")
        return None

    def run(self, check: Check) -> Outcome:
        """Runs one check from the seed, with this backend active and the defaults in place."""
        skipped = self.applies(check)
        if skipped is not None:
            return skipped
        self.count += 1
        self.current = check.id
        if self.count % RELEASE_EVERY == 0:
            self.k.release()
        expected = self.deviations.expected_failure(check)
        self.bench.slack = self.deviations.slack(check)
        try:
            with plugtorch.backend(self.k.name), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                plugtorch.manual_seed(0)
                check.run(self.bench)
        except OpUnsupported as error:
            return Outcome(check, UNSUPPORTED, str(error), error)
        except Exception as error:
            if expected is not None:
                return Outcome(check, EXPECTED, expected, error)
            return Outcome(check, FAILED, f"{type(error).__name__}: {error}", error)
        if expected is not None:
            return Outcome(check, UNEXPECTED, f"expected to fail, and passed: {expected}")
        return Outcome(check, PASSED)


@dataclasses.dataclass
class Report:
    """Outcomes of a run.

    Attributes:
        backend: its name.
        outcomes: in the order of the suite.
        seconds: how long it took.
        complete: whether the whole suite was asked for.
    """

    backend: str
    library: str
    outcomes: list[Outcome]
    seconds: float
    complete: bool
    source: str

    @property
    def counts(self) -> dict[str, int]:
        """How many checks ended in which state."""
        return dict(collections.Counter(o.state for o in self.outcomes))

    @property
    def executed(self) -> int:
        """How many checks were run."""
        return sum(o.state not in (UNSUPPORTED, INAPPLICABLE) for o in self.outcomes)

    @property
    def wrong(self) -> list[Outcome]:
        """What keeps the backend from conforming."""
        return [o for o in self.outcomes if o.wrong]

    @property
    def passed(self) -> bool:
        """Whether everything is as it should be, and, in a run of the whole suite, nothing is missing."""
        return not self.wrong and (not self.complete or self.missing() == {})

    def missing(self) -> dict[str, tuple[int, int]]:
        """Chapters in which another number of checks was seen than the manifest says: (seen, expected)."""
        seen = collections.Counter(o.check.chapter for o in self.outcomes)
        return {c: (seen.get(c, 0), n) for c, n in manifest().items() if seen.get(c, 0) != n}

    def unchecked(self) -> list[str]:
        """Ops of which no check of values was run, or was expected to pass: nothing is known of them."""
        seen = {o.check.subject for o in self.outcomes if o.state in (PASSED, FAILED, UNEXPECTED)
                and o.check.chapter in ("values", "special", "dtypes", "precision")}
        return [name for name in OPS if name not in seen]

    def summary(self) -> str:
        """The counts by chapter, and what failed."""
        chapters = dict.fromkeys(o.check.chapter for o in self.outcomes)
        states = [s for s in (PASSED, FAILED, EXPECTED, UNEXPECTED, UNSUPPORTED, INAPPLICABLE) if s in self.counts]
        rows = [("chapter", "checks", *states)]
        for chapter in chapters:
            found = collections.Counter(o.state for o in self.outcomes if o.check.chapter == chapter)
            rows.append((chapter, str(sum(found.values())), *(str(found.get(s, 0)) for s in states)))
        rows.append(("all", str(len(self.outcomes)), *(str(self.counts.get(s, 0)) for s in states)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(v.ljust(w) if i == 0 else v.rjust(w) for i, (v, w) in enumerate(zip(row, widths, strict=True)))
                 for row in rows]
        lines.append(f"backend {self.backend!r} ({self.library}), deviations: {self.source}; {self.executed} checks "
                     f"executed in {self.seconds:.1f} s" + (f", manifest {sum(manifest().values())}"
                                                            if self.complete else ", a part of the suite"))
        # What is wrong with a primitive shows in everything composed of it.
        first = sorted(self.wrong, key=lambda o: not (o.check.subject in OPS and OPS[o.check.subject].primitive))
        lines += [f"{o.state.upper()} {o.check.id}\n    {o.detail.strip()[:900]}" for o in first]
        idle = self.unchecked()
        if self.complete and idle:
            lines.append(f"ops of which no value was checked: {', '.join(idle)}")
        lines += [f"MISSING from {c}: {seen} checks instead of {n}" for c, (seen, n) in
                  (self.missing() if self.complete else {}).items()]
        return "\n".join(lines)

    def to_json(self) -> str:
        """Everything, for machines."""
        return json.dumps({
            "backend": self.backend, "library": self.library, "seconds": round(self.seconds, 2),
            "executed": self.executed, "counts": self.counts, "conforms": self.passed, "complete": self.complete,
            "checks": [{"id": o.check.id, "state": o.state, "detail": o.detail} for o in self.outcomes],
        }, indent=1)


@functools.cache
def manifest() -> dict[str, int]:
    """How many checks each chapter holds, as they were counted when the suite was last changed."""
    return json.loads(resources.files(__package__).joinpath("manifest.json").read_text())


def count_checks() -> dict[str, int]:
    """How many checks each chapter holds now."""
    return dict(collections.Counter(c.chapter for c in all_checks()))


def run(backend, *, select: Callable[[Check], bool] | None = None, deviations: Deviations | None = None,
        progress: Callable[[Iterable], Iterable] = iter) -> Report:
    """Runs the suite, or the checks that ``select`` chooses.

    Args:
        backend: name of the backend, a backend object, or a suite.
        select: which checks; all by default.
        deviations: in place of those in the backend's own file.
        progress: wraps the iteration, to show where it is.

    Raises:
        BackendUnavailable: the backend cannot be loaded.
    """
    suite = Suite(backend, deviations) if not isinstance(backend, Suite) else backend
    chosen = [c for c in all_checks() if select is None or select(c)]
    begin = time.perf_counter()
    outcomes = [suite.run(c) for c in progress(chosen)]
    return Report(suite.k.name, suite.k.library_version, outcomes, time.perf_counter() - begin, select is None,
                  suite.deviations.source)
