"""What nodes save for the backward pass, as users meet it: hooks that pack it, and attributes that show it.

While hooks are set, a new node's saved arrays are handed to the innermost pack hook, and the node gets the plan
:class:`Packed` of its own plan, which unpacks before it computes. The engine and the nodes recorded without hooks know
nothing of this.
"""

from __future__ import annotations

import functools
import weakref
from contextvars import ContextVar
from typing import NamedTuple

from .base import TensorBase, wrap
from .mode import MODE, NO_GRAD
from .plans import StandIn

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
    "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
    "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
    "saved tensors after calling backward."
)

HOOKS: ContextVar[tuple] = ContextVar("plugtorch_saved_tensors_hooks", default=())  # pairs, the innermost last
REFUSED: ContextVar[str | None] = ContextVar("plugtorch_saved_tensors_hooks_refused", default=None)
MUTABLE: ContextVar = ContextVar("plugtorch_mutable_saved_tensors", default=None)

_ARRAYS = ("operand", "output")


class PackedValue:
    """What a pack hook made of one saved tensor.

    Slots:
        value: the hook's result.
        unpack: the hook that makes a tensor of it.
        array: weak reference to the array that was packed, where its memory may be written over.
    """

    __slots__ = ("value", "unpack", "pack", "array")

    def __init__(self, t: TensorBase, pack, unpack):
        self.pack, self.unpack = pack, unpack
        flags = MODE.get()
        cell = t._cell
        version = cell[0] if cell else 0
        MODE.set(flags | NO_GRAD)
        try:
            self.value = pack(t)
        finally:
            MODE.set(flags)
        if t._cell is not None and t._cell[0] != version:
            raise RuntimeError(
                "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook "
                "cannot be modified by in-place operations as this can lead to unexpected side-effects. Please open an "
                "issue if you need to perform in-place operations on the input to a pack hook."
            )
        self.array = weakref.ref(t._a) if t._k.aliases else None

    def tensor(self) -> TensorBase:
        """The tensor that the unpack hook gives."""
        t = self.unpack(self.value)
        if not isinstance(t, TensorBase):
            raise TypeError("Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                            f"{type(t).__name__}")
        return t


class Packed(StandIn):
    """The plan of a node whose saved tensors are packed."""

    def call(self, node, g, create_graph):
        """Gradients per operand: tensors under ``create_graph``, else arrays."""
        from .record import differentiable, saved_tensors

        values = unpacked(node)
        if create_graph:
            return self.plan.run(differentiable(node._k), g, saved_tensors(node, values))
        return self.plan.run(node._k, g, values)


def pack(node) -> None:
    """Packs what a new node saves with the innermost hooks."""
    if not node._plan.keeps or node._plan.user:
        return
    hooks = HOOKS.get()[-1]

    def one(value, edge):
        return value if not _is_array(value) else PackedValue(_linked(value, edge, node._k), *hooks)

    saved = []
    for (kind, i), value in zip(node._plan.sources, node._kept, strict=True):
        if kind == "operand":
            value = one(value, node._edges[i])
        elif kind == "operands":
            value = tuple(one(v, e) for v, e in zip(value, node._edges[i:], strict=True))
        elif kind == "output":
            value = one(value, None)  # its node is this one, which must not hold itself
        saved.append(value)
    node._kept, node._check, node._plan = tuple(saved), (), Packed(node._plan)


def _is_array(value):
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _linked(array, edge, k):
    if isinstance(edge, TensorBase) and edge._a is array:
        return edge
    t = wrap(array, k)
    if edge is not None and not isinstance(edge, TensorBase):
        t._req, t._node = True, edge
    return t


def unpacked(node) -> tuple:
    """A packed node's saved values as arrays."""

    def one(value):
        return value.tensor()._a if isinstance(value, PackedValue) else value

    return tuple(tuple(one(v) for v in value) if type(value) is tuple and kind == "operands" else one(value)
                 for (kind, _), value in zip(node._plan.sources, node._kept, strict=True))


def pack_again(node, array, kept) -> None:
    """The array is about to be written over: what was packed of it is packed anew from its copy ``kept()``."""

    def one(value):
        if isinstance(value, PackedValue) and value.array is not None and value.array() is array:
            return PackedValue(wrap(kept(), node._k), value.pack, value.unpack)
        return value

    node._kept = tuple(one(value) for value in node._kept)


# Attributes of nodes.

# PyTorch's names of the operands and parameters that rules save, where they are not ours.
_OPERAND_NAMES = {
    "pow": ("self", "exponent"), "matmul": ("self", "mat2"), "where": ("condition", "self", "other"),
    "lerp": ("self", "end", "weight"), "clamp": ("self", "min", "max"), "take": ("self", "index"),
    "gather": ("self", "index"), "scatter": ("self", "index", "src"), "index_add": ("self", "index", "source"),
    "index": ("self", "indices"), "index_put": ("self", "values", "indices"), "linear": ("mat1", "mat2", "bias"),
    "conv": ("input", "weight"), "embedding": ("weight", "indices"), "solve": ("A", "B"),
    "layer_norm": ("input", "weight", "bias"), "group_norm": ("input", "weight", "bias"),
    "batch_norm_train": ("input", "weight", "bias"), "solve_triangular": ("self", "B"),
    "threshold_backward": ("grad_output", "self"),
}
_GENERIC_OPERANDS = {"x": "self", "a": "self", "b": "other", "xs": "tensors", "w": "weight", "i": "index"}
_PARAMETER_NAMES = {"axis": "dim", "keepdims": "keepdim", "axes": "dims", "slope": "negative_slope"}
_OUTPUT_NAMES = {"max_index": {1: "indices"}, "min_index": {1: "indices"}, "sort": {1: "indices"},
                 "topk": {1: "indices"}}


def _source_name(op, kind, i):
    """PyTorch's name of a saved value, or None for what it does not show."""
    if kind in ("operand", "operands", "shape"):
        own = op.operands[i]
        name = _OPERAND_NAMES.get(op.name, {})
        name = name[i] if name else _GENERIC_OPERANDS.get(own, own)
        return name + "_sym_sizes" if kind == "shape" else name
    if kind == "output":
        if len(op.outputs) == 1:
            return "result"
        return _OUTPUT_NAMES.get(op.name, {}).get(i, f"result{i}")
    return _PARAMETER_NAMES.get(i, i) if kind == "param" else None


def _sources_by_name(plan):
    op = getattr(plan, "op", None)
    return {} if op is None else _named_sources(op, plan.sources)


@functools.cache
def _named_sources(op, sources):
    found = {}
    for n, (kind, i) in enumerate(sources):
        name = _source_name(op, kind, i)
        if name is not None:
            found[name] = n
    return found


def saved_names(node) -> list[str]:
    """Names of the attributes that show what a node saves."""
    plan = getattr(node, "plan", None)
    if plan is None:
        return []
    names = []
    for name, n in _sources_by_name(plan).items():
        names.append("_saved_" + name)
        if plan.sources[n][0] in _ARRAYS:
            names.append("_raw_saved_" + name)
    return sorted(names)


def saved_attribute(node, attribute: str):
    """The value of ``node._saved_NAME`` or ``node._raw_saved_NAME``.

    Raises:
        AttributeError: the node saves nothing of that name.
        RuntimeError: it was freed by a backward pass.
    """
    raw = attribute.startswith("_raw_")
    name = attribute.removeprefix("_raw_saved_").removeprefix("_saved_")
    n = _sources_by_name(node._plan).get(name)
    if n is None:
        raise AttributeError(f"{type(node).__name__!r} object has no attribute {attribute!r}")
    if raw:
        return SavedTensor._of(node, n)
    if node._kept is None:
        raise RuntimeError(FREED)
    kind = node._plan.sources[n][0]
    if kind not in _ARRAYS:
        return node._kept[n]
    from .engine import check_versions
    from .record import saved_tensors

    check_versions(node)
    values = list(node._kept)
    one = values[n]
    values[n] = one.tensor()._a if isinstance(one, PackedValue) else one
    return saved_tensors(node, values, only=n)[n]


class SavedTensor:
    """One tensor that a node saved; hooks may be set on it once."""

    def __init__(self):
        raise RuntimeError("Trying to create a SavedTensor object from Python is forbidden.")

    @classmethod
    def _of(cls, node, n):
        self = object.__new__(cls)
        self._node, self._n = node, n
        return self

    def register_hooks(self, pack_hook, unpack_hook) -> None:
        """Packs the tensor with ``pack_hook(tensor)`` at once; ``unpack_hook`` makes a tensor of the result when the
        backward pass needs it.

        Raises:
            TypeError: a hook cannot be called.
            RuntimeError: the tensor was freed, or has hooks.
        """
        if not callable(pack_hook) or not callable(unpack_hook):
            raise TypeError("register_hooks(): incompatible function arguments. The hooks must be callable, got "
                            f"{type(pack_hook).__name__} and {type(unpack_hook).__name__}")
        node, n = self._node, self._n
        if node._kept is None:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the "
                "graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need "
                "to backward through the graph a second time or if you need to access saved variables after calling "
                "backward."
            )
        if node._plan.user and not isinstance(node._plan, Packed):
            node.pack_saved(n, pack_hook, unpack_hook)
            return
        value = node._kept[n]
        if isinstance(value, PackedValue):
            raise RuntimeError("Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only "
                               "one pair of hooks is allowed at a time.")
        kind, i = node._plan.sources[n]
        edge = node._edges[i] if kind == "operand" else None
        saved = list(node._kept)
        saved[n] = PackedValue(_linked(value, edge, node._k), pack_hook, unpack_hook)
        node._kept = tuple(saved)
        if not isinstance(node._plan, Packed):
            node._plan = Packed(node._plan)


class InputMetadata(NamedTuple):
    """What a node knows of one of its results."""

    shape: tuple
    dtype: object
    device: object


def input_metadata(node) -> list:
    """Shape, dtype and device of each result of a node, as far as its edges tell."""
    k = node._k
    return [InputMetadata(tuple(node._shape), k.spec_dtype(node._dtype), k.default_device())]


