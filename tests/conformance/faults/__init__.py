"""Faults that a backend may have, one each, planted in an otherwise right one."""

from __future__ import annotations

from . import arrays, contract, elementwise, layers  # noqa: F401  (they fill FAULTS)
from .fault import FAULTS

__all__ = ["FAULTS"]
