"""The two kinds of object of an autograd graph: tensors and nodes.

A node's edges lead to the nodes that made its operands, or straight to leaf
tensors. Tensors point at nodes, and nodes never point back at the tensors they
made, so a graph holds no reference cycle and dies with its last tensor.
"""

from __future__ import annotations

import functools
import itertools
from collections import OrderedDict

next_seq = itertools.count(1).__next__


class InferenceCell(list):
    """The version cell of a tensor made in inference mode. It has no version to read: saving the tensor for a
    backward pass, which reads it, is the error that PyTorch gives."""

    def __getitem__(self, index):
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
            "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and "
            "use it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
        )


class TensorBase:
    """What the engine needs to know of a tensor; the frontend's Tensor derives from it.

    Slots:
        _a: the backend's array.
        _k: the backend.
        _req: whether it requires grad.
        _grad: the accumulated gradient tensor or None.
        _node: the node that made it; None for leaves.
        _cell: ``[version]``, shared by all tensors on the same memory; None until it matters.
        _alias: how it shares memory with others (:class:`~plugtorch.autograd.aliasing.Alias`) or None.
        _hooks: hooks of a leaf, in order of registration, or None.
    """

    __slots__ = ("_a", "_k", "_req", "_grad", "_node", "_cell", "_alias", "_hooks", "__dict__", "__weakref__")


class Node:
    """One recorded op.

    Slots:
        plan: the gradient rule, prepared for the operands that need gradients.
        k: the backend whose kernels compute the gradient.
        edges: per operand the node or leaf its gradient goes to, or None.
        seq: creation number; the backward pass runs from high to low.
        shape, dtype: of the op's result, in the library's terms; incoming gradients are fitted to them.
        saved: values the rule needs; None once they were freed.
        check: ``(cell, version, cell, version, ...)`` of the saved tensors.
        hooks: NodeHooks or None.
        extra: whatever else a special node carries.
    """

    __slots__ = ("plan", "k", "edges", "seq", "shape", "dtype", "saved", "check", "hooks", "extra",
                 "__dict__", "__weakref__")

    def name(self) -> str:
        """PyTorch's name for the node, e.g. ``MulBackward0``."""
        return self.plan.node_name(self)

    @property
    def next_functions(self) -> tuple:
        """The nodes that its operands' gradients go to, with the number of the result each is; leaves are shown as
        AccumulateGrad nodes."""
        return tuple(_shown_edge(e) for e in self.edges)

    def __repr__(self):
        return f"<{self.name()} object at {id(self):#x}>"


class AccumulateGrad:
    """How a leaf shows in ``next_functions``: where its gradient gathers."""

    def __init__(self, variable: TensorBase):
        self.variable = variable
        self.next_functions = ()

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def __repr__(self):
        return f"<AccumulateGrad object at {id(self.variable):#x}>"

    def __eq__(self, other):
        return isinstance(other, AccumulateGrad) and self.variable is other.variable

    def __hash__(self):
        return id(self.variable)


def _shown_edge(edge):
    if edge is None:
        return (None, 0)
    if isinstance(edge, TensorBase):
        return (AccumulateGrad(edge), 0)
    if edge.plan.is_slot:
        return (shown(edge.edges[0]), edge.extra)
    return (shown(edge), 0)


@functools.cache
def _named_class(cls, name):
    return type(name, (cls,), {"__slots__": (), "__module__": "plugtorch.autograd"})


def shown(node: Node) -> Node:
    """The node as users meet it: of a class with its name, as in PyTorch. The node is the same object."""
    if type(node) is Node:
        node.__class__ = _named_class(Node, node.name())
    return node


class NodeHooks:
    """What happens to the gradient that arrives at a node, before the node runs."""

    __slots__ = ("before", "retain")

    def __init__(self):
        self.before = OrderedDict()  # id -> function(grad tensor) -> grad tensor or None
        self.retain = None  # weak reference to the tensor that keeps its gradient


tensor_class: type = TensorBase
_make = object.__new__


def bind_tensor_class(cls) -> None:
    """Tells the engine which class the tensors it makes have."""
    global tensor_class
    tensor_class = cls


def wrap(array, k) -> TensorBase:
    """A tensor of the frontend's class around an array, outside any graph."""
    t = _make(tensor_class)
    t._a = array
    t._k = k
    t._req = False
    t._grad = t._node = t._cell = t._alias = t._hooks = None
    return t


def edge_of(t: TensorBase):
    """Where a gradient for ``t`` goes: its node, itself as a leaf, or nowhere."""
    if not t._req:
        return None
    return t._node if t._node is not None else t


def attach(t: TensorBase, node: Node) -> None:
    """Makes ``t`` the result of ``node``."""
    t._req = True
    t._node = node
