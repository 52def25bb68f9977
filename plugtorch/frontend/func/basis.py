"""Standard bases of the space of several tensors, one vector per row."""

from __future__ import annotations

from plugtorch.autograd.base import wrap
from plugtorch.frontend.splitting import split


def standard_basis(tensors):
    """For each tensor a tensor of shape ``(N, *shape)``, N the number of elements of all: row i is one at element i
    and zero elsewhere, counted through all tensors."""
    total = sum(t.numel() for t in tensors)
    result, start = [], 0
    for t in tensors:
        base = t
        while base._k.level:  # the basis is the same for all samples: made on the level outside of all
            base = base._a.value
        k, device = base._k, base.device
        n = t.numel()
        rows = k.full(shape=(total, n), value=0, dtype=t.dtype, device=device)
        if n:
            ones = k.full(shape=(n, n), value=1, dtype=t.dtype, device=device)
            eye = k.sub(k.tril(ones), k.tril(ones, diagonal=-1))
            rows = k.slice_put(rows, eye, start=(start, 0), stop=(start + n, n), step=(1, 1))
        result.append(wrap(k.reshape(rows, shape=(total, *t._a.shape)), k))
        start += n
    return result


def split_rows(t, tensors):
    """The rows of ``t`` that belong to each of the tensors."""
    return split(t, [x.numel() for x in tensors])
