"""A version that compares as a version, not as text."""

from __future__ import annotations

import re

__all__ = ["TorchVersion"]


def _key(version) -> tuple:
    """An order of versions after PEP 440: a development version before a pre-release before the release; local parts do
    not count."""
    if not isinstance(version, str):
        parts = list(version)
        numbers = [int(p) for p in parts if isinstance(p, int) or str(p).isdigit()]
        rest = "".join(str(p) for p in parts if not (isinstance(p, int) or str(p).isdigit()))
        version = ".".join(map(str, numbers)) + rest
    found = re.match(r"v?(\d+(?:\.\d+)*)[._-]?(dev|a|b|rc|post)?[a-z]*\.?(\d*)", str(version).strip().lower())
    if found is None:
        raise ValueError(version)
    numbers = tuple(int(n) for n in found[1].split("."))
    while numbers and not numbers[-1]:
        numbers = numbers[:-1]
    stage = {"dev": -4, "a": -3, "b": -2, "rc": -1, None: 0, "post": 1}[found[2]]
    return numbers, stage, int(found[3] or 0)


class TorchVersion(str):
    """A version as text that compares with other versions, given as text or as tuples of numbers.

    Args:
        version: the text.
        compares_as: the version as which it compares; itself unless given. ``plugtorch.__version__`` compares as the
            version of PyTorch whose behaviour it offers.
    """

    __slots__ = ("_compared",)

    def __new__(cls, version, compares_as=None):
        new = str.__new__(cls, version)
        new._compared = str(version) if compares_as is None else compares_as
        return new

    def __reduce__(self):
        return TorchVersion, (str(self), self._compared)

    def _sides(self, other):
        if isinstance(other, TorchVersion):
            other = other._compared
        elif not isinstance(other, (str, tuple, list)):
            return None
        try:
            return _key(self._compared), _key(other)
        except ValueError:
            return self._compared, str(other)  # no version: compared as text, as PyTorch does

    def _compare(self, other, holds):
        sides = self._sides(other)
        return NotImplemented if sides is None else holds(*sides)

    def __lt__(self, other):
        return self._compare(other, lambda a, b: a < b)

    def __le__(self, other):
        return self._compare(other, lambda a, b: a <= b)

    def __gt__(self, other):
        return self._compare(other, lambda a, b: a > b)

    def __ge__(self, other):
        return self._compare(other, lambda a, b: a >= b)

    def __eq__(self, other):
        if isinstance(other, str) and str.__eq__(self, other):
            return True
        return self._compare(other, lambda a, b: a == b)

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__
