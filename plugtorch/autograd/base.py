"""The two kinds of object of an autograd graph: tensors and nodes.

A node's edges lead to the nodes that made its operands, or straight to leaf
tensors. Tensors point at nodes, and nodes never point back at the tensors they
made, so a graph holds no reference cycle and dies with its last tensor.
"""

from __future__ import annotations

import functools
import gc
import itertools
import weakref
from collections import OrderedDict

next_seq = itertools.count(1).__next__

# A graph holds no cycles, yet Python's collector visits all of it again and again, by default at each few hundred new
# objects: with 100,000 ops in one graph, that is most of the time. A threshold that the user has set stays.
_PYTHONS_THRESHOLDS = (700, 2000)
if gc.get_threshold()[0] in _PYTHONS_THRESHOLDS:
    gc.set_threshold(10_000, *gc.get_threshold()[1:])


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


class GraphNode:
    """What users can do with any node of a graph."""

    __slots__ = ()

    @property
    def metadata(self) -> dict:
        """A dictionary for the user's own notes."""
        return self.__dict__.setdefault("_metadata", {})

    @property
    def requires_grad(self) -> bool:
        """Whether gradients pass through it: always, or it would not be there."""
        return True

    def register_hook(self, hook):
        """Calls ``hook(grad_inputs, grad_outputs)``, two tuples of tensors and None, after the node has computed its
        gradients; a returned tuple replaces ``grad_inputs``. Gives back a handle that removes the hook."""
        from .hooks import register_node_hook

        return register_node_hook(self, "after", hook)

    def register_prehook(self, hook):
        """Calls ``hook(grad_outputs)``, a tuple of tensors and None, before the node computes its gradients; a returned
        tuple replaces it. Gives back a handle that removes the hook."""
        from .hooks import register_node_hook

        return register_node_hook(self, "ahead", hook)


class Node(GraphNode):
    """One recorded op.

    Slots:
        _plan: the gradient rule, prepared for the operands that need gradients.
        _k: the backend whose kernels compute the gradient.
        _edges: per operand the node or leaf its gradient goes to, or None.
        _seq: creation number; the backward pass runs from high to low.
        _shape, _dtype: of the op's result, in the library's terms; incoming gradients are fitted to them.
        _kept: values the rule needs; None once they were freed.
        _check: ``(cell, version, cell, version, ...)`` of the saved tensors.
        _hooks: NodeHooks or None.
        extra: PyTorch's name for the node where it is not the op's; the number of a slot's result.

    The nodes of a user's Function are the ``ctx`` that its methods write attributes to; all names but private ones
    are theirs.
    """

    __slots__ = ("_plan", "_k", "_edges", "_seq", "_shape", "_dtype", "_kept", "_check", "_hooks", "extra",
                 "__dict__", "__weakref__")

    def name(self) -> str:
        """PyTorch's name for the node, e.g. ``MulBackward0``."""
        return self._plan.node_name(self)

    @property
    def next_functions(self) -> tuple:
        """The nodes that its operands' gradients go to, with the number of the result each is; leaves are shown as
        AccumulateGrad nodes."""
        return tuple(self._shown_edge(e) for e in self._edges)

    def _shown_edge(self, edge):
        if isinstance(edge, TensorBase):
            # The graph keeps the node, and so its hooks, alive once somebody has seen it.
            shown_leaf = accumulator(edge)
            leaves = self.__dict__.setdefault("_leaves", [])
            if shown_leaf not in leaves:
                leaves.append(shown_leaf)
            return (shown_leaf, 0)
        return shown_edge(edge)

    def _sequence_nr(self) -> int:
        """The creation number; the backward pass runs from high to low."""
        return self._seq

    @property
    def _input_metadata(self) -> list:
        """Shape, dtype and device of each result."""
        from .saved import input_metadata

        return input_metadata(self)

    def __repr__(self):
        return f"<{type(self).__name__} object at {id(self):#x}>"


class AccumulateGrad(GraphNode):
    """The node of a leaf, where its gradient gathers. A leaf has one, for as long as anybody holds it."""

    def __init__(self, variable: TensorBase):
        self.variable = variable
        self.next_functions = ()
        self._hooks = None

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def _sequence_nr(self) -> int:
        return 2**64 - 1

    def __repr__(self):
        return f"<AccumulateGrad object at {id(self):#x}>"


def accumulator(leaf: TensorBase) -> AccumulateGrad:
    """The node of a leaf; a new one if nobody holds one."""
    if leaf._hooks is None:
        leaf._hooks = {}
    reference = leaf._hooks.get("node")
    found = reference and reference()
    if found is None:
        found = AccumulateGrad(leaf)
        leaf._hooks["node"] = weakref.ref(found)
    return found


def shown_edge(edge) -> tuple:
    """An edge as users see it: a node and the number of its result."""
    if edge is None:
        return (None, 0)
    if isinstance(edge, TensorBase):
        return (accumulator(edge), 0)
    if edge._plan.is_slot:
        return (shown(edge._edges[0]), edge.extra)
    return (shown(edge), 0)


def _saved_attribute(self, name):
    if name.startswith(("_saved_", "_raw_saved_")):
        from .saved import saved_attribute

        return saved_attribute(self, name)
    raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def _names(self):
    from .saved import saved_names

    return [*object.__dir__(self), *saved_names(self)]


@functools.cache
def _named_class(cls, name):
    # __getattr__ is on these classes alone: it would slow every read of a node's slots.
    return type(name, (cls,), {"__slots__": (), "__module__": "plugtorch.autograd", "__getattr__": _saved_attribute,
                               "__dir__": _names})


def shown(node: Node) -> Node:
    """The node as users meet it: of a class with its name, as in PyTorch. The node is the same object."""
    if type(node) is Node:
        node.__class__ = _named_class(Node, node.name().rsplit("::", 1)[-1])
    return node


class NodeHooks:
    """What happens to the gradients at a node, in this order."""

    __slots__ = ("before", "retain", "ahead", "after")

    def __init__(self):
        self.before = OrderedDict()  # id -> function(grad tensor) -> grad tensor or None
        self.retain = None  # weak reference to the tensor that keeps its gradient
        self.ahead = OrderedDict()  # id -> function(grad_outputs), before the node runs
        self.after = OrderedDict()  # id -> function(grad_inputs, grad_outputs), after it


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


def shape_and_dtype(edge) -> tuple:
    """What a gradient at an edge has to be, in the library's terms."""
    if isinstance(edge, TensorBase):
        return edge._a.shape, edge._a.dtype
    return edge._shape, edge._dtype


def attach(t: TensorBase, node: Node) -> None:
    """Makes ``t`` the result of ``node``."""
    t._req = True
    t._node = node
