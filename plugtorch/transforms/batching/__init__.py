"""How each op runs on arrays with a mapped axis: one rule per op, by family.

A derived op without a rule runs its composition, whose parts have rules.
"""

from . import elementwise, index, linalg, nn, recurrent, reduction, shape  # noqa: F401  (they fill RULES)
from .table import RULES, sample_by_sample

__all__ = ["RULES", "sample_by_sample"]
