"""Multinomial draws of category indices in PyTorch's CPU order."""

from __future__ import annotations

import numpy as np

from plugtorch.frontend.random.continuous import exponential
from plugtorch.frontend.random.generator import Generator, sampler
from plugtorch.frontend.random.rounding import DIGITS, scalar_name


@sampler
def multinomial(
    gen: Generator, weights: np.ndarray, num_samples: int, replacement: bool = False
) -> np.ndarray:
    """Indices drawn in proportion to ``weights``, real floating of shape (K,) or (R, K).

    The result is int64 of shape (num_samples,) or (R, num_samples).

    One sample, or samples without replacement, take the largest weights over exponential values (P. S.
    Efraimidis and P. G. Spirakis, "Weighted random sampling with a reservoir", 2006); several with
    replacement search the cumulative weights. RuntimeError for weights that are negative, not finite or
    all zero in a row, for other shapes and types, and for more samples than categories without
    replacement.
    """
    num_samples = int(num_samples)
    name = weights.dtype.name
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if name not in DIGITS:
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {scalar_name(name)}"
        )
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    rows = weights.reshape(-1, weights.shape[-1]) if weights.size else np.atleast_2d(weights)
    if replacement and num_samples > 1:
        drawn = _with_replacement(gen, rows, num_samples)
    else:
        drawn = _by_races(gen, rows, num_samples)
    return drawn.reshape(*weights.shape[:-1], num_samples)


def _by_races(gen: Generator, rows: np.ndarray, num_samples: int) -> np.ndarray:
    if not ((rows >= 0) & (rows < np.inf)).all():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if rows.shape[0] and (rows.astype(np.float64).sum(axis=-1) == 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    with np.errstate(all="ignore"):
        races = rows / exponential(gen, rows.shape, 1.0, rows.dtype.name)
    if num_samples == 1:
        return np.argmax(races, axis=-1)[:, None].astype(np.int64)
    # Equal quotients keep the order of the categories.
    return np.argsort(-races, axis=-1, kind="stable")[:, :num_samples].astype(np.int64)


def _with_replacement(gen: Generator, rows: np.ndarray, num_samples: int) -> np.ndarray:
    wide = np.float64 if rows.dtype.name == "float64" else np.float32
    drawn = np.empty((rows.shape[0], num_samples), np.int64)
    for row, indices in zip(rows.astype(wide), drawn, strict=True):
        if not (row >= 0).all():
            raise RuntimeError("invalid multinomial distribution (encountering probability entry < 0)")
        if not np.isfinite(row).all():
            raise RuntimeError(
                "invalid multinomial distribution (encountering probability entry = infinity or NaN)"
            )
        cumulative = np.cumsum(row, dtype=wide)
        if not row.size or not cumulative[-1] > 0:
            raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
        cumulative /= cumulative[-1]
        # Rounding must not leave a draw above the last category.
        indices[:] = np.minimum(np.searchsorted(cumulative, gen.u53(num_samples), side="left"), row.size - 1)
    return drawn
