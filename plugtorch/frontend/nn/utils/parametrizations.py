"""Ready parametrizations: orthogonal matrices, weight normalisation, spectral normalisation."""

from __future__ import annotations

import enum
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.linalg.factorizations import geqrf, householder_product
from plugtorch.frontend.linalg.matrix_functions import matrix_exp
from plugtorch.frontend.linalg.solvers import solve
from plugtorch.frontend.native import _weight_norm, norm_except_dim
from plugtorch.frontend.nn import functional as F
from plugtorch.frontend.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.utils.parametrize import register_parametrization
from plugtorch.frontend.tensor import Tensor

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _OrthMaps(enum.Enum):
    matrix_exp = enum.auto()
    cayley = enum.auto()
    householder = enum.auto()


def _signs(x):
    return x.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def _make_orthogonal(a):
    """The orthogonal factor of QR, with the signs that make the triangular factor's diagonal positive."""
    x, tau = geqrf(a)
    return householder_product(x, tau) * _signs(x)


def _is_orthogonal(q):
    n, k = q.shape[-2:]
    eye = fn.eye(k, dtype=q.dtype, device=q.device)
    return bool(fn.allclose(q.mH @ q, eye, atol=10 * n * fn.finfo(q.dtype).eps))


class _Orthogonal(Module):
    """Maps any matrix (n, k) to one with orthonormal columns, or rows if n < k (Lezcano-Casado, arXiv:1901.08428)."""

    def __init__(self, weight: Tensor, orthogonal_map: _OrthMaps, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map is _OrthMaps.householder:
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        wide = x.size(-2) < x.size(-1)
        x = x.mT if wide else x
        n, k = x.size(-2), x.size(-1)
        if self.orthogonal_map is _OrthMaps.householder:
            a = x.tril(diagonal=-1)
            q = householder_product(a, 2.0 / (1.0 + (a * a).sum(dim=-2)))
            q = q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        else:
            x = x.tril()
            if n != k:
                x = fn.cat([x, x.new_zeros((*x.shape[:-2], n, n - k))], -1)
            a = x - x.mH
            if self.orthogonal_map is _OrthMaps.matrix_exp:
                q = matrix_exp(a)
            else:
                eye = fn.eye(n, dtype=a.dtype, device=a.device)
                q = solve(eye - 0.5 * a, eye + 0.5 * a)
            q = q[..., :k]
        if getattr(self, "base", None) is not None:
            q = self.base @ q
        return q.mT if wide else q

    def right_inverse(self, q: Tensor) -> Tensor:
        if q.shape != self.shape:
            raise ValueError(f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                             f"{q.shape}.")
        first, wide = q, q.size(-2) < q.size(-1)
        q = q.mT if wide else q
        n, k = q.size(-2), q.size(-1)
        if not hasattr(self, "base"):
            if self.orthogonal_map is not _OrthMaps.householder:
                raise NotImplementedError("It is not possible to assign to the matrix exponential or the Cayley "
                                          "parametrizations when use_trivialization=False.")
            a, tau = geqrf(q)
            diagonal = a.diagonal(dim1=-2, dim2=-1)
            signs = fn.where(tau == 0, -diagonal.sign(), diagonal.sign())
            a = a - _embedded(diagonal, n) + _embedded(signs, n)
            return a.mT if wide else a
        if n == k:
            q = q.clone() if _is_orthogonal(q) else _make_orthogonal(q)
        else:
            q = _make_orthogonal(fn.cat([q, fn.randn(*q.shape[:-2], n, n - k, dtype=q.dtype, device=q.device)], -1))
        self.base = q
        start = fn.zeros_like(first)
        start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return start


def _embedded(diagonal, n):
    """(..., n, k) with a diagonal (..., k)."""
    square = diagonal.diag_embed()
    return fn.cat([square, square.new_zeros((*square.shape[:-2], n - square.size(-1), square.size(-1)))], -2)


def orthogonal(module: Module, name: str = "weight", orthogonal_map: str | None = None, *,
               use_trivialization: bool = True) -> Module:
    """Keeps a matrix, or each matrix of a batch, of a module orthogonal or unitary: orthonormal columns, or rows if wide.

    Args:
        orthogonal_map: "matrix_exp" (of a skew matrix), "cayley" or "householder"; by default matrix_exp for square or
        complex
            matrices, else householder.
        use_trivialization: whether the map starts at the value the matrix has now (made orthogonal), in the buffer ``base``.

    Raises:
        ValueError: no such tensor, one that is no matrix, or an unknown map.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.size(-2) == weight.size(-1) or weight.is_complex() else "householder"
    chosen = getattr(_OrthMaps, orthogonal_map, None)
    if chosen is None:
        raise ValueError('orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
                         f"Got: {orthogonal_map}")
    register_parametrization(module, name, _Orthogonal(weight, chosen, use_trivialization=use_trivialization), unsafe=True)
    return module


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return _weight_norm(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Splits a parameter into length (``original0``) and direction (``original1``): ``g * v / |v|``, norms over all
    dimensions but ``dim``, or over all if None (Salimans and Kingma, arXiv:1602.07868). Loads what the older form saved,
    too."""
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename_old(state_dict: dict, prefix: str, *rest: Any) -> None:
        old = f"{prefix}{name}_g", f"{prefix}{name}_v"
        if old[0] in state_dict and old[1] in state_dict:
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(rename_old)
    return module


class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.ndim
        if dim >= ndim or dim < -ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.dim = dim if dim >= 0 else dim + ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight)
            u, v = (matrix.new_empty(n).normal_(0, 1) for n in matrix.shape)
            self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
            self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        if self.dim:
            weight = weight.permute(self.dim, *(d for d in range(weight.ndim) if d != self.dim))
        return weight.flatten(1)

    def _iterate(self, matrix: Tensor, count: int) -> None:
        with fn.no_grad():
            for _ in range(count):
                self._u.copy_(F.normalize(matrix @ self._v, dim=0, eps=self.eps))
                self._v.copy_(F.normalize(matrix.mH @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / fn.vdot(u, matrix @ v)

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Module:
    """Divides a parameter, as a matrix with ``dim`` first, by its largest singular value, estimated by power iteration
    whenever it is read in training (Miyato et al., arXiv:1802.05957).

    Raises:
        ValueError: no such tensor, or no iterations.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = int(isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)))
    register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module
