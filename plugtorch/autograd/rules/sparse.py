"""Gradients of products with sparse matrices: that of the entries is read where they are, and nowhere else."""

from __future__ import annotations

from ..plans import defvjp

defvjp(
    "spmm",
    rows=None,
    columns=None,
    values=lambda k, g, rows, columns, x: k.sum(k.mul(k.take(g, rows, axis=0), k.conj(k.take(x, columns, axis=0))),
                                                axis=(1,)),
    x=lambda k, g, rows, columns, values, x_shape: k.spmm(columns, rows, k.conj(values), g, size=x_shape[0]),
)
