"""Products, factorisations, solving, Fourier transforms."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def _factors(factorise, a):
    """The factors of a batch of matrices; those with elements that are not finite, which PyTorch refuses, are nan."""
    good = torch.isfinite(a).flatten(-2).all(-1)
    if bool(good.all()):
        return tuple(factorise(a))
    factors = factorise(torch.where(good[..., None, None], a, 0))
    return tuple(torch.where(good.reshape(*good.shape, *[1] * (f.dim() - good.dim())), f, torch.nan) for f in factors)


class Linalg:
    """Batched on leading axes."""

    def matmul(self, a, b):
        return torch.matmul(a, b)

    def adjoint(self, x):
        return torch.conj_physical(x.mT) if x.is_complex() else x.mT

    def linear(self, x, w, b):
        return F.linear(x, w, b)

    def cholesky(self, a, *, upper=False):
        lower, info = torch.linalg.cholesky_ex(a)
        lower = torch.where((info > 0)[..., None, None], torch.nan, lower)
        return torch.conj_physical(lower.mT) if upper else lower

    def lu(self, a):
        packed, pivots, _ = torch.linalg.lu_factor_ex(a)
        return packed, pivots - 1

    def qr(self, a, *, mode="reduced"):
        q, r = torch.linalg.qr(a, mode)
        return q, r

    def eigh(self, a):
        return _factors(torch.linalg.eigh, a)

    def svd(self, a, *, full=False):
        return _factors(lambda x: torch.linalg.svd(x, full_matrices=full), a)

    def eig(self, a):
        return _factors(torch.linalg.eig, a)

    def solve_triangular(self, a, b, *, upper, unit=False):
        return torch.linalg.solve_triangular(a, b, upper=upper, unitriangular=unit)

    def solve(self, a, b):
        return torch.linalg.solve_ex(a, b)[0]

    def fft(self, x, *, axis, inverse=False):
        if not x.numel():  # which its library refuses
            return x.clone()
        return (torch.fft.ifft if inverse else torch.fft.fft)(x, dim=axis)
