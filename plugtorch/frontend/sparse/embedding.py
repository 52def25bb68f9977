"""Sparse gradients of lookup tables: the rows that were looked up, and the gradients that arrived for them."""

from __future__ import annotations

from plugtorch.autograd.base import TensorBase, edge_of, wrap
from plugtorch.autograd.engine import CURRENT
from plugtorch.autograd.mode import DUAL, NO_GRAD, mode
from plugtorch.autograd.plans import PlanBase
from plugtorch.autograd.record import apply, make_node


class _RowsPlan(PlanBase):
    """Leaves a COO tensor for the table with the pass that runs; a pass that is itself recorded gets a dense gradient."""

    keeps = True
    sources = (("operand", 1),)

    class op:  # noqa: N801  (what the engine asks of a plan's op)
        outputs = ("y",)

    def __init__(self, table, padding_idx):
        self.table, self.padding_idx = table, padding_idx

    def run(self, k, g, saved):
        table, (index,) = self.table, saved
        if isinstance(g, TensorBase):
            return (k.embedding_backward(g, index, rows=table._a.shape[0], padding_idx=self.padding_idx), None)
        state = CURRENT.get()
        if state.needed is None or table in state.needed:
            state.sparse.setdefault(table, []).append(_gradient(wrap(g, k), wrap(index, k), table._a.shape,
                                                                self.padding_idx))
        return (None, None)

    @staticmethod
    def node_name(node):
        return "EmbeddingBackward0"


def _gradient(g, index, shape, padding_idx):
    from .entry import sparse_coo_tensor

    index, g = index.reshape(-1), g.reshape(-1, *shape[1:])
    if padding_idx >= 0:
        keep = index.ne(padding_idx).nonzero().reshape(-1)
        index, g = index.index_select(0, keep), g.index_select(0, keep)
    return sparse_coo_tensor(index.unsqueeze(0), g, tuple(shape))


def rows_looked_up(table, index, padding_idx):
    """``table[index]`` whose gradient is sparse, where the table is a leaf; that of other tables is dense.

    Args:
        table: (V, *).
        index: int64, in range.
        padding_idx: a row without gradient, or -1.
    """
    recorded = table._req and not mode() & (NO_GRAD | DUAL)
    if not recorded or table._node is not None or table._k.level or index._k.level:
        return apply("embedding", (table, index), {"padding_idx": padding_idx})
    y = apply("embedding", (table.detach(), index), {"padding_idx": padding_idx})
    y._node = make_node(_RowsPlan(table, padding_idx), table._k, (edge_of(table), None), y._a, (index._a,), ())
    y._req = True
    return y
