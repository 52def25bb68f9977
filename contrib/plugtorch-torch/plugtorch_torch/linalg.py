"""Products, factorisations, solving, Fourier transforms."""

from __future__ import annotations

import torch
import torch.nn.functional as F


class Linalg:
    """Batched on leading axes."""

    def matmul(self, a, b):
        return torch.matmul(a, b)

    def adjoint(self, x):
        return torch.conj_physical(x.mT) if x.is_complex() else x.mT

    def linear(self, x, w, b):
        return F.linear(x, w, b)

    def cholesky(self, a, *, upper=False):
        lower = torch.linalg.cholesky(a)
        return torch.conj_physical(lower.mT) if upper else lower

    def lu(self, a):
        packed, pivots, _ = torch.linalg.lu_factor_ex(a)
        return packed, pivots - 1

    def qr(self, a, *, mode="reduced"):
        q, r = torch.linalg.qr(a, mode)
        return q, r

    def eigh(self, a):
        w, v = torch.linalg.eigh(a)
        return w, v

    def svd(self, a, *, full=False):
        u, s, vh = torch.linalg.svd(a, full_matrices=full)
        return u, s, vh

    def eig(self, a):
        w, v = torch.linalg.eig(a)
        return w, v

    def solve_triangular(self, a, b, *, upper, unit=False):
        return torch.linalg.solve_triangular(a, b, upper=upper, unitriangular=unit)

    def solve(self, a, b):
        return torch.linalg.solve(a, b)

    def fft(self, x, *, axis, inverse=False):
        return (torch.fft.ifft if inverse else torch.fft.fft)(x, dim=axis)
