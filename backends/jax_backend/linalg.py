"""Linear algebra on JAX."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from plugtorch.spec import Abstract, infer
from plugtorch.spec.ops.linalg import scaled_exponential
from plugtorch.spec.xp.linalg import LinalgKernels

# Accelerators would otherwise round float32 operands of products to fewer bits.
EXACT = lax.Precision.HIGHEST


def _batched(a, b):
    """Operands with their leading axes broadcast."""
    batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (jnp.broadcast_to(v, (*batch, *v.shape[-2:])) for v in (a, b))


class JaxLinalg(LinalgKernels):
    """Products in full precision, factorisations of ``jax.lax.linalg``. A bad matrix gives nan."""

    def matmul(self, a, b):
        if a.shape[-1] != b.shape[-2]:
            infer("matmul", Abstract(a.shape, self.dtype_of(a)), Abstract(b.shape, self.dtype_of(b)))
        if a.dtype.kind == "b":
            return jnp.matmul(a.astype(jnp.uint8), b.astype(jnp.uint8)) > 0
        wide = jnp.float32 if a.dtype.itemsize == 2 and a.dtype.kind not in "iu" else None
        return jnp.matmul(a, b, precision=EXACT, preferred_element_type=wide).astype(a.dtype)

    def cholesky(self, a, *, upper=False):
        lower = lax.linalg.cholesky(a, symmetrize_input=False)
        return jnp.conj(jnp.swapaxes(lower, -1, -2)) if upper else lower

    def lu(self, a):
        packed, pivots, _ = lax.linalg.lu(a)
        return packed, pivots.astype(jnp.int32)

    def eigh(self, a):
        w, v = jnp.linalg.eigh(self._hermitian(a), symmetrize_input=False)
        return w, v

    def lu_permutation(self, pivots, *, size):
        return lax.linalg.lu_pivots_to_permutation(pivots.astype(jnp.int32), size).astype(jnp.int64)

    def det(self, a):
        return jnp.linalg.det(a).astype(a.dtype)

    def slogdet(self, a):
        sign, size = jnp.linalg.slogdet(a)
        return sign, size

    def matrix_exp(self, a):
        """The spec's composition, with a loop of as many squarings as the greatest norm of the batch needs."""
        if 0 in a.shape:
            return a
        y, count, real = scaled_exponential(self, a)
        y = lax.fori_loop(0, jnp.max(count).astype(jnp.int32), lambda i, y: jnp.where(i < count, self.matmul(y, y), y), y)
        return jnp.where(real, y, jnp.nan)

    def geqrf(self, a):
        packed, tau = jnp.linalg.qr(a, mode="raw")
        return jnp.swapaxes(packed, -1, -2), tau

    def svd(self, a, *, full=False):
        u, s, v = jnp.linalg.svd(a, full_matrices=full)
        return u, s, v

    def qr(self, a, *, mode="reduced"):
        q, r = jnp.linalg.qr(a, mode=mode)
        return q, r

    def eig(self, a):
        w, v = jnp.linalg.eig(a)
        wide = self.native(self.dtype_of(a).to_complex())
        return w.astype(wide), v.astype(wide)

    def solve(self, a, b):
        a, b = _batched(a, b)
        return jnp.linalg.solve(a, b)

    def solve_triangular(self, a, b, *, upper, unit=False):
        a, b = _batched(a, b)
        return lax.linalg.triangular_solve(a, b, left_side=True, lower=not upper, unit_diagonal=unit)

    def fft(self, x, *, axis, inverse=False):
        return (jnp.fft.ifft if inverse else jnp.fft.fft)(x, axis=axis).astype(x.dtype)
