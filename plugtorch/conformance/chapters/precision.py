"""Ops in single and half precision: the exact result of the rounded operands, but for the rounding of the result and
a few steps."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from plugtorch.spec import OPS

from ..check import Bench, Check, as_tuple, dtype_names, numbered
from ..samples import SAMPLES, Sample
from .values import run

EPS = {"float32": 1e-5, "float16": 2.0**-10, "bfloat16": 2.0**-7}
TINY = {"float16": 2.0**-24, "bfloat16": 2.0**-130}  # the last places that the types have


def check_precision(bench: Bench, s: Sample, dtype: str):
    """Runs a sample of doubles in another dtype. Errors are measured against the largest result, and those of functions
    of one element against that element's result."""
    native = np.dtype(getattr(ml_dtypes, dtype, None) or dtype)
    operands = [o.astype(native) if isinstance(o, np.ndarray) and o.dtype == np.float64 else o for o in s.operands]
    rounded = [o.astype(np.float64) if isinstance(o, np.ndarray) and o.dtype == native else o for o in operands]
    results = run(bench, s, operands)
    with np.errstate(all="ignore"):
        expected = as_tuple(s.reference(*rounded, **s.params))
    eps = 2 * EPS[dtype] * bench.slack
    for got, want in zip(results, expected, strict=True):
        want = np.asarray(want)
        if got.dtype.kind in "biu" and got.dtype != native:
            # Rounding makes ties, between which places may differ.
            assert got.shape == want.shape
            continue
        finite = np.abs(want[np.isfinite(want)])
        scale = max(finite.max() if finite.size else 1.0, 1e-3)
        if dtype in TINY and OPS[s.op].family == "elementwise" and len(OPS[s.op].operands) == 1:
            scale = TINY[dtype] / eps  # each element by itself: nothing was added up
        np.testing.assert_allclose(got.astype(np.float64), want, rtol=eps, atol=eps * scale)


def checks():
    """The first two samples of each op that hold in lower precision, and its special values."""
    for op, samples in SAMPLES.items():
        fit = [(n, s) for n, s in numbered(samples) if s.half and s.reference is not None]
        plain = [v for v in fit if not v[1].features][:2]
        special = [v for v in fit if v[1].features & {"nan", "inf", "-0", "empty"}][:1]
        for dtype in EPS:
            for name, s in (*plain, *special):
                rest = dtype_names(*s.operands, *s.params.values()) - {"float64"}
                yield Check("precision", op, f"{name} in {dtype}",
                            lambda bench, s=s, dtype=dtype: check_precision(bench, s, dtype), rest | {dtype})
