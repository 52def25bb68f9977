"""What one backend does otherwise, said in a file of its own: ``conformance.toml`` beside the backend's module.

.. code-block:: toml

    [unsupported_dtypes]
    complex64 = "the library has no complex numbers"

    [xfail]
    "special/remainder/4 *" = "the library's fmod gives 0 for infinite divisors"

    [tolerance]
    "precision/matmul/* in float16" = 4.0

Keys of ``xfail`` and ``tolerance`` are patterns of check ids (``*`` and ``?``). An expected failure is strict: a check
that passes although it is listed fails the suite, and so does a pattern that fits no check. Ops that a backend lacks are
declared in its class (``Backend.unsupported``), not here.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from importlib import resources
from pathlib import Path

from plugtorch.spec.dtypes import BY_NAME

from .check import SINGLE_OF, Check, all_checks

FILE = "conformance.toml"
SECTIONS = ("unsupported_dtypes", "xfail", "tolerance")


class DeviationsError(ValueError):
    """A deviations file that says something impossible."""


def _pattern(glob: str) -> re.Pattern:
    return re.compile("".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in glob))


@dataclasses.dataclass
class Deviations:
    """Unsupported dtypes, expected failures and wider tolerances, each with its reason or factor.

    Attributes:
        source: where they were read, for messages.
    """

    dtypes: dict[str, str] = dataclasses.field(default_factory=dict)
    xfail: dict[str, str] = dataclasses.field(default_factory=dict)
    tolerance: dict[str, float] = dataclasses.field(default_factory=dict)
    source: str = "no file"

    def __post_init__(self):
        for name in self.dtypes:
            if name not in BY_NAME:
                raise DeviationsError(f"{self.source}: there is no dtype {name!r}")
        for section in (self.dtypes, self.xfail):
            for key, reason in section.items():
                if not isinstance(reason, str) or not reason.strip():
                    raise DeviationsError(f"{self.source}: {key!r} needs a reason")
        ids = [c.id for c in all_checks()]
        for glob in (*self.xfail, *self.tolerance):
            if not any(_pattern(glob).fullmatch(i) for i in ids):
                raise DeviationsError(f"{self.source}: no check is called {glob!r}")
        for glob, factor in self.tolerance.items():
            if not isinstance(factor, (int, float)) or not 1 <= factor <= 1000:
                raise DeviationsError(f"{self.source}: the tolerance of {glob!r} is a factor between 1 and 1000")

    def unsupported(self, check: Check) -> str | None:
        """Why a check does not apply, or None. One that fits is run in single precision where double is lacking."""
        needed = check.dtypes
        if check.fits and any(name in self.dtypes for name in SINGLE_OF):
            needed = {SINGLE_OF.get(name, name) for name in needed}
        return next((self.dtypes[name] for name in sorted(needed) if name in self.dtypes), None)

    def expected_failure(self, check: Check) -> str | None:
        """Why a check is expected to fail, or None."""
        return next((why for glob, why in self.xfail.items() if _pattern(glob).fullmatch(check.id)), None)

    def slack(self, check: Check) -> float:
        """The factor by which the check's tolerances are widened."""
        return max((f for glob, f in self.tolerance.items() if _pattern(glob).fullmatch(check.id)), default=1.0)


def parse(text: str, source: str) -> Deviations:
    """Deviations from the text of a file.

    Raises:
        DeviationsError: an unknown section, dtype, op or check, or a missing reason; names ``source``.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DeviationsError(f"{source}: {error}") from error
    for section in data:
        if section not in SECTIONS:
            raise DeviationsError(f"{source}: unknown section {section!r}; known are {', '.join(SECTIONS)}")
    return Deviations(*(data.get(section, {}) for section in SECTIONS), source)


def deviations_of(k, path: str | Path | None = None) -> Deviations:
    """The deviations of a backend: from ``path``, or from the file in the package of its class, or none."""
    if path is not None:
        return parse(Path(path).read_text(encoding="utf-8"), str(path))
    package = type(k).__module__.rpartition(".")[0] or type(k).__module__
    try:
        file = resources.files(package).joinpath(FILE)
        text = file.read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError, NotADirectoryError, TypeError):
        return Deviations()
    return parse(text, f"{package}/{FILE}")
