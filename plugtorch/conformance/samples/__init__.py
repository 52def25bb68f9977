"""Deterministic samples of every op: one module per module of ``plugtorch/spec/ops``, of the same name."""

from __future__ import annotations

from . import (  # noqa: F401  (they fill SAMPLES)
    activation,
    attention,
    creation,
    elementwise,
    fourier,
    index,
    linalg,
    math,
    nn,
    norm,
    recurrent,
    reduction,
    shape,
    sparse,
    statistics,
    views,
)
from .sample import SAMPLES, Sample

__all__ = ["SAMPLES", "Sample"]
