"""Sparse tensors as ``repr`` shows them."""

from __future__ import annotations

import numpy as np

from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import BOOL, FLOAT

from .. import layouts, state
from ..nn.parameter import Parameter
from ..printing import add_suffixes, numbers
from .tensor import BY_ROW


def _part(name, t, indent):
    lead = f"{name}=tensor("
    dtype = t.dtype
    values = np.asarray(t._k.to_host(t._a))
    if dtype in (dtypes.bfloat16, dtypes.float16):
        values = values.astype(np.float32)
    text = "[]" if values.size == 0 else numbers(values, FLOAT if dtype.is_floating_point else BOOL, indent + len(lead))
    size = f", size={tuple(values.shape)}" if values.size == 0 else ""
    return f"{lead}{text}{size})"


def sparse_repr(t) -> str:
    """The parts of a sparse tensor, its size, number of entries, dtype, layout and place in the graph."""
    parts = t._a
    indent = len("tensor(")
    names = ("indices",) if parts.layout is layouts.sparse_coo else (
        ("crow_indices", "col_indices") if parts.layout in BY_ROW else ("ccol_indices", "row_indices"))
    body = (",\n" + " " * indent).join(_part(n, p.detach(), indent) for n, p in zip(
        (*names, "values"), (*parts.plain, parts.values), strict=True))
    count = parts.values._a.shape[parts.plain[-1]._a.ndim - 1 if len(names) > 1 else 0]
    suffixes = [f"size={parts.shape}", f"nnz={count}"]
    if t.device.type != "cpu":
        suffixes.insert(0, f"device='{t.device}'")
    default = state.get_default_dtype()
    if t.dtype not in (default, dtypes.int64, dtypes.bool_, default.to_complex()):
        suffixes.append(f"dtype={t.dtype!r}")
    suffixes.append(f"layout={parts.layout!r}")
    if t.grad_fn is not None:
        suffixes.append(f"grad_fn=<{t.grad_fn.name().rsplit('::', 1)[-1]}>")
    elif t.requires_grad:
        suffixes.append("requires_grad=True")
    text = add_suffixes("tensor(" + body, suffixes, indent, len(names) == 1)
    return "Parameter containing:\n" + text if isinstance(t, Parameter) else text
