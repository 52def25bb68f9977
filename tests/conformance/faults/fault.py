"""Faults that a backend may have, one each, planted in an otherwise right one (NumPy).

A fault is a function ``plant(k)`` that spoils the backend object, and the subjects of the suite in which it must be
found. Each is a mistake that somebody could make: an edge forgotten, an axis confused, a copy where a view should be.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from plugtorch.spec import OPS

FAULTS: list[Fault] = []


@dataclasses.dataclass
class Fault:
    """One planted mistake.

    Attributes:
        kind: the family of what is spoiled: that of the op, or the part of the contract.
        name: what is wrong.
        plant: ``plant(k)`` spoils the backend; what it returns, if anything, is called to undo it.
        where: tells whether a check is among those that have to find it.
    """

    kind: str
    name: str
    plant: Callable
    where: Callable

    @property
    def id(self):
        return f"{self.kind}: {self.name}"


def kernel(op, name):
    """Declares a fault of one op's kernel: the decorated function takes the right kernel before its operands."""

    def declare(wrong):
        def plant(k):
            right = getattr(k, op)

            def spoiled(*operands, **params):
                return wrong(right, *operands, **params)

            spoiled.__signature__ = OPS[op].signature
            setattr(k, op, spoiled)

        FAULTS.append(Fault(OPS[op].family, f"{op}: {name}", plant, lambda check: check.subject == op))
        return wrong

    return declare


def contract(kind, name, *subjects):
    """Declares a fault of the rest of the contract, to be found by checks of these subjects."""

    def declare(plant):
        FAULTS.append(Fault(kind, name, plant, lambda check: check.subject in subjects))
        return plant

    return declare


def quiet(f):
    def silent(*args, **kwargs):
        with np.errstate(all="ignore"):
            return f(*args, **kwargs)

    return silent
