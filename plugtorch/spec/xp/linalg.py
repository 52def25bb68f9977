"""Linear algebra and Fourier kernels over ``xp``."""

from __future__ import annotations

import math

from ..dtypes import int32, int64

_BLOCK = 32  # columns of an elimination


def _pivot_size(xp, x):
    """What LAPACK compares in search of a pivot; of complex values the sum of both parts' sizes."""
    return xp.abs(x.real) + xp.abs(x.imag) if x.dtype.kind == "c" else xp.abs(x)


class LinalgKernels:
    """Matrix primitives; batched on leading axes."""

    def matmul(self, a, b):
        return self.xp.matmul(a, b)

    def _each(self, call, like, *operands):
        """``call`` of whole batches, and where the library refuses a matrix of one by one, with nan for the refused ones.

        Args:
            like: ``like(matrices)`` gives arrays of the results' shapes and dtypes, for one matrix of each operand.
        """
        error = self.xp.linalg.LinAlgError
        try:
            found = call(*operands)
            return tuple(found) if isinstance(found, tuple) else found
        except error:
            pass
        xp = self.xp
        batch = xp.broadcast_shapes(*(o.shape[:-2] for o in operands))
        lines = [xp.broadcast_to(o, (*batch, *o.shape[-2:])).reshape(math.prod(batch), *o.shape[-2:]) for o in operands]
        results = []
        for one in zip(*lines, strict=True):
            try:
                found = call(*one)
            except error:
                found = like(*one)
            results.append(tuple(found) if isinstance(found, tuple) else (found,))
        stacked = [xp.stack(parts) for parts in zip(*results, strict=True)]
        stacked = [y.reshape(*batch, *y.shape[1:]) for y in stacked]
        return stacked[0] if len(stacked) == 1 else tuple(stacked)

    def _lost(self, shape, dtype):
        return self.xp.full(shape, float("nan"), dtype=dtype)

    def _hermitian(self, a):
        """The Hermitian matrix given by a's lower triangle."""
        xp = self.xp
        low = xp.tril(a, -1)
        diagonal = xp.eye(a.shape[-1], dtype=a.dtype) * a
        return low + xp.conjugate(xp.swapaxes(low, -1, -2)) + diagonal

    def cholesky(self, a, *, upper=False):
        lower = self._each(self.xp.linalg.cholesky, lambda m: self._lost(m.shape, m.dtype), a)
        return self.xp.conjugate(self.xp.swapaxes(lower, -1, -2)) if upper else lower

    def lu(self, a):
        """Right-looking elimination (Golub and Van Loan, algorithm 3.4.1) in blocks of columns: one at a time over the
        batch inside of a block, by products beside it."""
        xp = self.xp
        *batch, m, n = a.shape
        flat = xp.array(a, copy=True).reshape(math.prod(batch), m, n)
        count = min(m, n)
        pivots = xp.zeros((flat.shape[0], count), dtype=self.native(int32))
        rows = xp.arange(flat.shape[0])
        for first in range(0, count, _BLOCK):
            last = min(first + _BLOCK, count)
            for j in range(first, last):
                p = j + xp.argmax(_pivot_size(xp, flat[:, j:, j]), axis=1)
                pivots[:, j] = p
                top = flat[rows, p].copy()
                flat[rows, p] = flat[:, j]
                flat[:, j] = top
                pivot = xp.where(flat[:, j, j] == 0, 1, flat[:, j, j])
                flat[:, j + 1:, j] /= pivot[:, None]
                flat[:, j + 1:, j + 1:last] -= flat[:, j + 1:, j, None] * flat[:, j, None, j + 1:last]
            if last < n:
                for j in range(first + 1, last):
                    flat[:, j, None, last:] -= flat[:, j, None, first:j] @ flat[:, first:j, last:]
                flat[:, last:, last:] -= flat[:, last:, first:last] @ flat[:, first:last, last:]
        return flat.reshape(a.shape), pivots.reshape(*batch, count)

    def lu_permutation(self, pivots, *, size):
        xp = self.xp
        *batch, count = pivots.shape
        flat = pivots.reshape(math.prod(batch), count)
        order = xp.array(xp.broadcast_to(xp.arange(size), (flat.shape[0], size)), copy=True)
        rows = xp.arange(flat.shape[0])
        for j in range(count):
            p = flat[:, j]
            at_p = order[rows, p].copy()
            order[rows, p] = order[:, j]
            order[:, j] = at_p
        return order.reshape(*batch, size).astype(self.native(int64))

    def det(self, a):
        return self.xp.asarray(self.xp.linalg.det(a)).astype(a.dtype)

    def slogdet(self, a):
        sign, size = self.xp.linalg.slogdet(a)
        return self.xp.asarray(sign), self.xp.asarray(size)

    def qr(self, a, *, mode="reduced"):
        q, r = self.xp.linalg.qr(a, mode=mode)
        return q, r

    def eigh(self, a):
        def lost(m):
            return self._lost(m.shape[:1], self.native(self.dtype_of(m).to_real())), self._lost(m.shape, m.dtype)

        w, v = self._each(lambda m: self.xp.linalg.eigh(m, "L"), lost, a)
        return w, v

    def svd(self, a, *, full=False):
        def lost(x):
            m, n = x.shape
            r = min(m, n)
            return (self._lost((m, m if full else r), x.dtype), self._lost((r,), self.native(self.dtype_of(x).to_real())),
                    self._lost((n if full else r, n), x.dtype))

        u, s, v = self._each(lambda x: self.xp.linalg.svd(x, full_matrices=full), lost, a)
        return u, s, v

    def eig(self, a):
        w, v = self._each(self.xp.linalg.eig, lambda m: (self._lost(m.shape[:1], m.dtype), self._lost(m.shape, m.dtype)), a)
        wide = self.native(self.dtype_of(a).to_complex())
        return w.astype(wide), v.astype(wide)

    def solve_triangular(self, a, b, *, upper, unit=False):
        xp = self.xp
        t = xp.triu(a) if upper else xp.tril(a)
        if unit:
            eye = xp.eye(a.shape[-1], dtype=a.dtype)
            t = t * (1 - eye) + eye
        return self.solve(t, b)

    def solve(self, a, b):
        return self._each(self.xp.linalg.solve, self._substituted, a, b)

    def _substituted(self, a, b):
        """The solution of one system by elimination and substitution, infinite where a pivot is 0."""
        xp = self.xp
        packed, pivots = self.lu(a)
        x = xp.array(b[self.lu_permutation(pivots, size=a.shape[0])], copy=True)
        n = a.shape[0]
        for j in range(n):
            x[j + 1:] -= packed[j + 1:, j, None] * x[j]
        for j in range(n - 1, -1, -1):
            x[j] /= packed[j, j]
            x[:j] -= packed[:j, j, None] * x[j]
        return x

    def fft(self, x, *, axis, inverse=False):
        y = (self.xp.fft.ifft if inverse else self.xp.fft.fft)(x, axis=axis)
        return y.astype(x.dtype, copy=False)

    def rfft(self, x, *, axis):
        return self.xp.fft.rfft(x, axis=axis).astype(self.native(self.dtype_of(x).to_complex()), copy=False)

    def irfft(self, x, *, axis, n):
        return self.xp.fft.irfft(x, n, axis=axis).astype(self.native(self.dtype_of(x).to_real()), copy=False)
