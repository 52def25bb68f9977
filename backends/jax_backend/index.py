"""Reading and writing by index on JAX. Indices are in range, so XLA is told not to look."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from plugtorch.spec.xp.index import IndexKernels
from plugtorch.spec.xp.shape import as_slices

IN_BOUNDS = "promise_in_bounds"
WRITES = {"set": "set", "add": "add", "mul": "multiply", "max": "max", "min": "min"}


def _read(x, where):
    return x.at[where].get(mode=IN_BOUNDS)


def _write(x, where, values, mode):
    boolean = x.dtype == jnp.bool_ and mode != "set"
    if boolean:
        # add and max are "or", mul and min are "and".
        mode = {"add": "max", "mul": "min"}.get(mode, mode)
        x, values = x.astype(jnp.uint8), jnp.asarray(values).astype(jnp.uint8)
    y = getattr(x.at[where], WRITES[mode])(values, mode=IN_BOUNDS)
    return y.astype(jnp.bool_) if boolean else y


class JaxIndex(IndexKernels):
    """Index kernels by ``x.at``."""

    def take(self, x, i, *, axis):
        return _read(x, (slice(None),) * axis + (i,))

    def gather(self, x, i, *, axis):
        if not x.shape:
            return jnp.broadcast_to(x, i.shape)
        return _read(x, self._along(i, axis))

    def scatter(self, x, i, s, *, axis, mode="set"):
        if not x.shape:
            return _write(x.reshape(1), (i.reshape(1),), s.reshape(1), mode).reshape(())
        s = s[tuple(slice(0, n) for n in i.shape)]
        return _write(x, self._along(i, axis), s, mode)

    def index(self, x, *idx):
        return _read(x, self._full_index(idx))

    def index_put(self, x, v, *idx, accumulate=False):
        return _write(x, self._full_index(idx), v, "add" if accumulate else "set")

    def slice_put(self, x, v, *, start, stop, step):
        if all(n == 1 for n in step):
            return lax.dynamic_update_slice(x, v, start) if v.size else x
        return x.at[as_slices(start, stop, step)].set(v)

    def nonzero(self, x, *, size=None):
        if not x.shape:
            count = int(bool(x)) if size is None else size
            return jnp.zeros((count, 0), jnp.int64)
        found = jnp.nonzero(x, size=size, fill_value=None if size is None else 0)
        return jnp.stack(found, axis=1).astype(jnp.int64)
