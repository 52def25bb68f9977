"""Half precision: computed in float32 inside a kernel and rounded once."""

from __future__ import annotations

import functools

import jax.numpy as jnp

HALF = frozenset({jnp.dtype(jnp.float16), jnp.dtype(jnp.bfloat16)})


def _dtype(v):
    return getattr(v, "dtype", None)


def halved(kernel):
    """A kernel whose half operands are widened, and whose float32 results are rounded back. Decided while tracing."""

    @functools.wraps(kernel)
    def wrapped(self, *operands, **params):
        half = next((_dtype(v) for v in operands if _dtype(v) in HALF and not v.weak_type), None)
        if half is None:
            return kernel(self, *operands, **params)
        wide = [v.astype(jnp.float32) if _dtype(v) == half and not v.weak_type else v for v in operands]
        result = kernel(self, *wide, **params)
        many = type(result) is tuple
        out = tuple(r.astype(half) if r.dtype == jnp.float32 else r for r in (result if many else (result,)))
        return out if many else out[0]

    return wrapped
