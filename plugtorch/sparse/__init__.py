# ruff: noqa: F401  (the imports are the module)
"""``torch.sparse``: functions of sparse tensors."""

from __future__ import annotations

from plugtorch.frontend.sparse import loading as _loading
from plugtorch.frontend.sparse.construction import check_sparse_tensor_invariants
from plugtorch.frontend.sparse.products import sampled_addmm, spdiags, spsolve
from plugtorch.frontend.sparse.products import sparse_addmm as addmm
from plugtorch.frontend.sparse.products import sparse_mm as mm
from plugtorch.frontend.sparse.reductions import log_softmax, softmax
from plugtorch.frontend.sparse.reductions import sparse_sum as sum

__all__ = ["addmm", "check_sparse_tensor_invariants", "log_softmax", "mm", "sampled_addmm", "softmax", "spdiags", "spsolve",
           "sum"]
