"""The chapters of the suite: each module has ``checks()``."""

from __future__ import annotations

from . import aliasing, compiled, devices, dtypes, errors, gradients, precision, random, signature, training, values

CHAPTERS = (signature, values, dtypes, precision, errors, gradients, aliasing, random, devices, training, compiled)
