"""Elements of a tensor at the places where a sparse one has entries."""

from __future__ import annotations

from .conversion import coalesce, to_coo
from .patterns import values_at
from .tensor import implements, is_sparse, like


@implements("sparse_mask")
def sparse_mask(self, mask):
    """The elements of a dense or sparse tensor at the entries of ``mask``: sparse, of its pattern; 0 where a sparse one
    has no
    entry.

    Raises:
        RuntimeError: the shapes differ, or ``mask`` is not sparse.
    """
    if not is_sparse(mask):
        raise RuntimeError("sparse_mask(): the mask must be a sparse tensor, but it is strided")
    if tuple(self._a.shape) != mask._a.shape:
        raise RuntimeError(f"sparse_mask(): operands have incompatible sizes; self has size {list(self._a.shape)} but mask "
                           f"has size {list(mask._a.shape)}")
    return like(mask, values_at(mask, self))


@implements("_sparse_mask_projection")
def projection(self, mask, accumulate_matches=False):
    """The entries of one COO tensor that another has, too, in the pattern of the other."""
    return like(mask, values_at(mask, coalesce(to_coo(self))))

