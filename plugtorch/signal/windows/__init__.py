# ruff: noqa: F401  (the imports are the module)
"""``torch.signal.windows``: windows of M points."""

from __future__ import annotations

from plugtorch.frontend.windows import WINDOWS as __all__
from plugtorch.frontend.windows import (
    bartlett,
    blackman,
    cosine,
    exponential,
    gaussian,
    general_cosine,
    general_hamming,
    hamming,
    hann,
    kaiser,
    nuttall,
)
