"""What a check is, and the bench on which it runs."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator

import numpy as np

from plugtorch.spec.dtypes import BY_NAME


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that a backend must do.

    Attributes:
        chapter: what kind of thing it is: the name of the module in ``chapters`` that declares it.
        subject: the op, or the topic, that it is about.
        name: what tells it from the others of its subject.
        run: ``run(bench)``; raises when the backend is wrong.
        dtypes: names of the dtypes that the backend needs for it.
        fits: whether it can be run in single precision where double precision is lacking.
        needs: ``"aliases"`` if it is about arrays that can be written to, else empty.
    """

    chapter: str
    subject: str
    name: str
    run: Callable[[Bench], None]
    dtypes: frozenset[str] = frozenset()
    needs: str = ""
    fits: bool = False

    @property
    def id(self) -> str:
        """``chapter/subject/name``, unique in the suite and stable between runs."""
        return f"{self.chapter}/{self.subject}/{self.name}"


class Bench:
    """A backend under test.

    Attributes:
        k: the backend object.
        name: the name under which it was asked for.
        device: where operands are put.
        slack: factor by which the tolerances of the running check are widened.
        lacking: dtypes that the backend does not have; double precision among them is replaced by single precision.
    """

    def __init__(self, k, slack: float = 1.0, lacking=()):
        self.k, self.name, self.slack, self.lacking = k, k.name, slack, frozenset(lacking)
        self.device = k.default_device()

    def put(self, o):
        """A host operand on the backend; numbers and None pass through."""
        return self.k.from_host(o, device=self.device) if isinstance(o, np.ndarray) else o

    def fitted(self, o):
        """A host operand in single precision, if the backend has no double precision of its kind."""
        if not isinstance(o, np.ndarray):
            return o
        narrow = SINGLE_OF.get(o.dtype.name)
        # Real and complex numbers meet in one op: both are replaced where either is lacking.
        return o.astype(narrow) if narrow and self.narrow else o

    @property
    def narrow(self) -> bool:
        """Whether double precision is lacking, in part or whole."""
        return bool(self.lacking & SINGLE_OF.keys())

    def host(self, x) -> np.ndarray:
        """A copy of an array's values on the host."""
        return np.array(self.k.to_host(x))

    def tensor(self, x, requires_grad=False):
        """A tensor on the backend with the values of a host array."""
        from plugtorch.autograd.base import wrap

        t = wrap(self.put(np.asarray(x)), self.k)
        t._req = requires_grad
        return t


SINGLE_OF = {"float64": "float32", "complex128": "complex64"}


def dtype_names(*values) -> frozenset[str]:
    """The dtypes among operands and parameters."""
    found = set()
    for v in values:
        if isinstance(v, np.ndarray):
            found.add(v.dtype.name)
        elif getattr(v, "name", None) in BY_NAME:
            found.add(v.name)
        elif isinstance(v, complex):
            found.add("complex128")
    return frozenset(found)


def as_tuple(v) -> tuple:
    """An op's results, also where it has one."""
    return v if isinstance(v, tuple) else (v,)


@functools.cache
def all_checks() -> tuple[Check, ...]:
    """Every check of the suite, in order.

    Raises:
        ValueError: two checks have one id.
    """
    from .chapters import CHAPTERS

    found: dict[str, Check] = {}
    for chapter in CHAPTERS:
        for check in chapter.checks():
            if check.id in found:
                raise ValueError(f"two conformance checks are called {check.id!r}")
            found[check.id] = check
    return tuple(found.values())


def numbered(samples) -> Iterator[tuple[str, object]]:
    """Names of samples that are unique among those of their op."""
    for i, s in enumerate(samples):
        yield f"{i} {repr(s)[len(s.op):]}", s
