"""Linear algebra and Fourier kernels over ``xp``."""

from __future__ import annotations

from ..dtypes import int32


class LinalgKernels:
    """Matrix primitives; batched on leading axes."""

    def matmul(self, a, b):
        return self.xp.matmul(a, b)

    def _checked(self, call, what):
        try:
            return call()
        except self.xp.linalg.LinAlgError as error:
            raise RuntimeError(f"linalg.{what}: {error}") from error

    def _hermitian(self, a):
        """The Hermitian matrix given by a's lower triangle."""
        xp = self.xp
        low = xp.tril(a, -1)
        diagonal = xp.eye(a.shape[-1], dtype=a.dtype) * a
        return low + xp.conjugate(xp.swapaxes(low, -1, -2)) + diagonal

    def cholesky(self, a, *, upper=False):
        lower = self._checked(lambda: self.xp.linalg.cholesky(a), "cholesky")
        return self.xp.conjugate(self.xp.swapaxes(lower, -1, -2)) if upper else lower

    def lu(self, a):
        """Right-looking elimination (Golub and Van Loan, algorithm 3.4.1), one column at a time over the batch."""
        xp = self.xp
        *batch, m, n = a.shape
        flat = xp.array(a, copy=True).reshape(-1, m, n)
        count = min(m, n)
        pivots = xp.zeros((flat.shape[0], count), dtype=self.native(int32))
        rows = xp.arange(flat.shape[0])
        for j in range(count):
            p = j + xp.argmax(xp.abs(flat[:, j:, j]), axis=1)
            pivots[:, j] = p
            top = flat[rows, p].copy()
            flat[rows, p] = flat[:, j]
            flat[:, j] = top
            pivot = xp.where(flat[:, j, j] == 0, 1, flat[:, j, j])
            flat[:, j + 1:, j] /= pivot[:, None]
            flat[:, j + 1:, j + 1:] -= flat[:, j + 1:, j, None] * flat[:, j, None, j + 1:]
        return flat.reshape(a.shape), pivots.reshape(*batch, count)

    def qr(self, a, *, mode="reduced"):
        q, r = self.xp.linalg.qr(a, mode=mode)
        return q, r

    def eigh(self, a):
        w, v = self._checked(lambda: self.xp.linalg.eigh(a, "L"), "eigh")
        return w, v

    def svd(self, a, *, full=False):
        u, s, v = self._checked(lambda: self.xp.linalg.svd(a, full_matrices=full), "svd")
        return u, s, v

    def eig(self, a):
        w, v = self._checked(lambda: self.xp.linalg.eig(a), "eig")
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
        return self._checked(lambda: self.xp.linalg.solve(a, b), "solve")

    def fft(self, x, *, axis, inverse=False):
        y = (self.xp.fft.ifft if inverse else self.xp.fft.fft)(x, axis=axis)
        return y.astype(x.dtype)
