"""Edges of the graph as users name them: a node and the number of one of its results."""

from __future__ import annotations

from typing import Any, NamedTuple

from .base import AccumulateGrad, TensorBase, edge_of, shown_edge


class GradientEdge(NamedTuple):
    """A place in the graph that gradients pass; :func:`plugtorch.autograd.grad` and ``backward`` take it like a tensor.

    Fields:
        node: the node.
        output_nr: which of its results.
        ownership_token: kept for PyTorch's sake.
    """

    node: Any
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: TensorBase) -> GradientEdge:
    """The edge at which the gradient of a tensor arrives; the tensor itself need not be kept.

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    if not tensor._req:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(*shown_edge(edge_of(tensor)))


class _Like(NamedTuple):
    shape: tuple
    dtype: Any


def inner_edge(edge: GradientEdge, like=None):
    """The engine's edge for a user's: a node, a slot of one with several results, or a leaf.

    Args:
        like: an array of the result's shape and dtype, where a gradient is to start at a slot.
    """
    node = edge.node
    if isinstance(node, AccumulateGrad):
        return node.variable
    if node._plan.results == 1:
        return node
    from .record import slot

    return slot(node, edge.output_nr, _Like(node._shape, node._dtype) if like is None else like)
