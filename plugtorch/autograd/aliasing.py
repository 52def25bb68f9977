"""Tensors that share memory: views, detached tensors, and writing through them.

Where arrays are mutable a view is the library's own, and a write is seen by all.
Where they are not, a :class:`Storage` holds the current array of the whole
memory, every alias knows the steps by which it is read from it, and a write runs
those steps backwards. Other aliases then become *stale*: their class is switched
to a subclass whose array attribute is a property that reads the storage again
and switches the class back, so that ordinary reads stay plain slot reads.

On every backend an alias also remembers its *differentiable* base and the steps
from it. A recorded in-place change of a view is recorded on the base, and the
nodes of all live views of the base are made anew.
"""

from __future__ import annotations

import functools
import math
from weakref import ref

from plugtorch.spec.abstract import broadcast_shapes
from plugtorch.spec.dtypes import can_cast, int64

from .base import InferenceCell, TensorBase, edge_of, wrap
from .layout import overlap, repeats_elements
from .mode import DUAL, INFERENCE, NO_GRAD, mode
from .plans import PlanBase, rule_for
from .record import cell_of, count_version, differentiable, make_node, record
from .saved import Packed, pack_again


class Storage:
    """Memory shared by several tensors.

    Slots:
        root: the array of the whole memory; where arrays are immutable, its current state.
        aliases: weak references to the tensors on it.
        limit: number of references at which dead ones are swept out.
    """

    __slots__ = ("root", "aliases", "limit", "__weakref__")

    def __init__(self, root):
        self.root, self.aliases, self.limit = root, [], 16

    def add(self, t):
        if len(self.aliases) >= self.limit:
            self.aliases = [r for r in self.aliases if r() is not None]
            self.limit = max(16, 2 * len(self.aliases))
        self.aliases.append(ref(t))

    def live(self):
        return [t for r in self.aliases if (t := r()) is not None]


class Alias:
    """How one tensor lies in a storage.

    Slots:
        storage: the Storage.
        path: steps ``(op, params)`` from the storage's root.
        base: the tensor it is a differentiable view of, or None.
        steps: steps from ``base``; None where there are none (``as_strided`` beyond a base that is itself a part).
        made: "multi", "no_grad" or "inference" if the view came about in a way that forbids recorded in-place
            changes: one of several views of one call, or made without gradients.
        output: which of the several views it is.
        spread: whether a step laid several elements on one place.
    """

    __slots__ = ("storage", "path", "base", "steps", "made", "output", "spread")

    def __init__(self, storage, path, base=None, steps=(), made=None, output=0, spread=False):
        self.storage, self.path, self.base, self.steps = storage, path, base, steps
        self.made, self.output, self.spread = made, output, spread


def alias_of(t: TensorBase) -> Alias:
    """The tensor's alias record; the first one makes it the root of a storage."""
    alias = t._alias
    if alias is None:
        storage = Storage(t._a)
        alias = t._alias = Alias(storage, ())
        storage.add(t)
    return alias


def forget_alias(t: TensorBase) -> bool:
    """Drops the record of shared memory of a tensor that shares its memory with nobody any more; returns whether it has
    none now."""
    at = t._alias
    if at is None:
        return True
    if at.path or at.base is not None or any(other is not t for other in at.storage.live()):
        return False
    t._alias = None
    return True


_SPREADING = frozenset({"broadcast_to", "as_strided", "unfold_dim"})


def share(source: TensorBase, array, step=None, *, base=None, steps=(), cell=True) -> TensorBase:
    """A new tensor on ``source``'s memory.

    Args:
        array: its array, already read.
        step: the step ``(op, params)`` from source, or None for the whole of it.
        cell: whether it shares the version counter (``.data`` does not).
    """
    at = source._alias or alias_of(source)
    t = wrap(array, source._k)
    if cell:
        t._cell = cell_of(source)
    storage = at.storage
    if step is None:
        t._alias = Alias(storage, at.path, base, steps, None, 0, at.spread)
    else:
        t._alias = Alias(storage, (*at.path, step), base, steps, None, 0, at.spread or step[0] in _SPREADING)
    storage.add(t)
    return t


def view(x: TensorBase, name: str, params: dict, array=None, node_name: str | None = None, output: int | None = None):
    """The view that op ``name`` gives of x, recorded if x requires grad.

    Args:
        array: its array, if it was read already.
        node_name: PyTorch's name for the node.
        output: which of several views that one call returns.
    """
    k = x._k
    if array is None:
        array = getattr(k, name)(x._a, **params)
    step = (name, params)
    at = x._alias
    made = None
    if at is None or at.base is None or (x._req and x._node is None and at.made is None):
        # A leaf is a base, also one made as a view.
        t = share(x, array, step, base=x, steps=(step,))
    else:
        made = at.made
        t = share(x, array, step, base=at.base, steps=at.steps and (*at.steps, step))
    flags = mode()
    if flags & NO_GRAD:
        made = made or ("inference" if flags & INFERENCE else "no_grad")
        t._req = x._req and k.dtype_of(array).differentiable
    else:
        if output is not None:
            made = made or "multi"
            t._alias.output = output
        if x._req and k.dtype_of(array).differentiable:
            record(t, rule_for(name).plan(1, 1), k, (x,), (x._a,), params, array)
            t._node.extra = node_name
    if made is not None:
        t._alias.made = made
    if flags & DUAL:
        from .tangents import push_view

        push_view(t, x, name, params)
    return t


# Reading and writing along steps; ``ops`` is a backend, or the differentiable namespace on tensors.

def read_steps(ops, root, steps):
    for name, params in steps:
        root = getattr(ops, name)(root, **params)
    return root


def write_steps(ops, root, steps, value):
    """The root with the part that ``steps`` lead to replaced by ``value``."""
    if not steps:
        return value
    (name, params), rest = steps[0], steps[1:]
    if rest:
        value = write_steps(ops, getattr(ops, name)(root, **params), rest, value)
    return _inverse(ops, root, name, params, value)


def _inverse(ops, x, name, params, value):
    if name == "reshape":
        return ops.reshape(value, shape=tuple(x.shape))
    if name == "permute":
        axes = params["axes"]
        return ops.permute(value, axes=tuple(axes.index(i) for i in range(len(axes))))
    if name == "slice":
        return ops.slice_put(x, value, **params)
    if name == "select":
        axis, index, shape = params["axis"], params["index"], tuple(x.shape)
        return ops.slice_put(
            x, ops.reshape(value, shape=(*shape[:axis], 1, *shape[axis + 1:])),
            start=(0,) * axis + (index,) + (0,) * (len(shape) - axis - 1),
            stop=(*shape[:axis], index + 1, *shape[axis + 1:]), step=(1,) * len(shape))
    if name == "view_as_real":
        return ops.view_as_complex(value)
    if name == "view_as_complex":
        return ops.view_as_real(value)
    if name == "real":
        return ops.complex(value, ops.imag(x))
    if name == "imag":
        return ops.complex(ops.real(x), value)
    if name == "bitcast":
        return ops.bitcast(value, dtype=ops.dtype_of(x))
    return _scatter_back(ops, x, ((name, params),), value)


def _scatter_back(ops, x, steps, value):
    """The inverse of any selection of elements: read an array of positions the same way, and put there."""
    n = math.prod(x.shape)
    positions = ops.reshape(
        ops.arange(start=0, stop=n, step=1, dtype=int64, device=ops.device_of(x)), shape=tuple(x.shape))
    where = ops.reshape(read_steps(ops, positions, steps), shape=(math.prod(value.shape),))
    flat = ops.index_put(ops.reshape(x, shape=(n,)), ops.reshape(value, shape=(math.prod(value.shape),)), where)
    return ops.reshape(flat, shape=tuple(x.shape))


# Writing.

@functools.cache
def _stale_class(cls):
    def get(self):
        self.__class__ = cls
        at = self._alias
        self._a = read_steps(self._k, at.storage.root, at.path)
        return self._a

    def put(self, array):
        self.__class__ = cls
        self._a = array

    return type(cls.__name__, (cls,), {"__slots__": (), "_a": property(get, put), "_stale": True,
                                       "__module__": cls.__module__, "__qualname__": cls.__qualname__})


def _written_to_root(t, array):
    """The array of the whole storage with ``array`` in the place of ``t``."""
    k, root, path = t._k, t._alias.storage.root, t._alias.path
    if t._alias.spread and k.dtype_of(root) is k.dtype_of(array):
        return _scatter_back(k, root, path, array)  # step by step, unchanged copies of an element could win
    return write_steps(k, root, path, array)


def overwrite(t: TensorBase, array) -> None:
    """Replaces the contents of ``t``, seen through all its aliases, by an array of its shape and dtype; counts
    a version."""
    k = t._k
    count_version(t)
    at = t._alias
    if k.aliases:
        if at is not None and at.spread:  # the library refuses to write where elements share a place
            k.assign(at.storage.root, _written_to_root(t, array))
        else:
            k.assign(t._a, array)
        return
    if at is None:
        t._a = array
        return
    storage = at.storage
    storage.root = _written_to_root(t, array)
    make_stale(storage, t)
    if at.spread:
        t._a = read_steps(k, storage.root, at.path)
    else:
        t._a = array


def make_stale(storage: Storage, but: TensorBase | None = None) -> None:
    """Tells the tensors on a storage, except one, that its root is another array now."""
    for other in storage.live():
        if other is not but and not getattr(other, "_stale", False):
            other.__class__ = _stale_class(type(other))


# What may be written.

_WHY = {
    "multi": "This view is one of several that one call returned: each stands for a part of one node, which an in-place "
             "change would tear apart. Use the out-of-place op instead.",
    "no_grad": "Whether the change is to be tracked is ambiguous: make the view and the change both inside the no_grad "
               "block, or both outside.",
    "inference": "Whether the change is to be tracked is ambiguous: make the view and the change both inside the "
                 "inference_mode block, or both outside.",
    "function": "This view was created inside a custom Function, or is an input returned as-is: an in-place change would "
                "go past the Function's own backward. Clone its output first.",
}


def _forbidden_view(at: Alias, node, event: str) -> RuntimeError:
    """PyTorch's error for a recorded in-place change (``event`` says of what) of a view that does not allow it."""
    maker = node._edges[0] if node is not None and node._plan.is_slot else node
    why = at.made
    if maker is not None:
        text = f"Output {at.output} of {maker.name().removesuffix('Backward0')} is a view and {event} inplace."
        if maker._plan.user:
            why = "function"
    elif why == "inference":
        text = f"A view was created in inference mode and {event} inplace in normal mode."
    else:
        text = f"A view was created in no_grad mode and {event} inplace with grad mode enabled."
    return RuntimeError(f"{text} {_WHY[why]}")


def check_recorded(t: TensorBase) -> None:
    """Raises PyTorch's errors for a recorded in-place change of a view or leaf."""
    at = t._alias
    if at is not None and at.base is not None:
        if at.made is not None:
            raise _forbidden_view(at, t._node, "is being modified")
        if t._req and at.base._node is None:
            raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
    if t._req and t._node is None:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")


def check_inplace(t: TensorBase, spread: bool = False) -> None:
    """Raises PyTorch's error if ``t`` may not be written now; with ``spread`` elements that share a place may."""
    flags = mode()
    if not flags & NO_GRAD and t._req:
        check_recorded(t)
    if type(t._cell) is InferenceCell and not flags & INFERENCE:
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed."
            "You can make a clone to get a normal tensor before doing inplace update."
        )
    at = t._alias
    if at is not None and at.spread and not spread and repeats_elements(t):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )


def check_overlap(t: TensorBase, operands) -> None:
    """Raises PyTorch's error if an operand lies partly over ``t``, which is about to be written."""
    storage = t._alias.storage
    for o in operands:
        if isinstance(o, TensorBase) and o is not t and o._alias is not None and o._alias.storage is storage \
                and overlap(t, o) == "partial":
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single "
                "memory location. Please clone() the tensor before performing the operation."
            )


def replace(t: TensorBase, result: TensorBase, since: int | None = None, blank: PlanBase | None = None) -> TensorBase:
    """Makes the value and the history of ``result`` those of ``t``: the second half of every in-place op.

    ``result`` was computed from t out of place, by nodes created after number ``since``. Its shape must be t's, and
    its dtype one that t can hold. ``blank`` names the node where every element was written over.
    """
    k = t._k
    while result._k is not k and result._k.level:
        result = result._k.lower(result) if result._k.level > k.level else k.lift(result)
    if result._a.shape != t._a.shape:
        if broadcast_shapes(result._a.shape, t._a.shape) != tuple(t._a.shape):
            raise RuntimeError(
                f"output with shape {list(t._a.shape)} doesn't match the broadcast shape {list(result._a.shape)}"
            )
        result = differentiable(k).broadcast_to(result, shape=tuple(t._a.shape))
    have, want = k.dtype_of(result._a), k.dtype_of(t._a)
    if have is not want and not can_cast(have, want):
        raise RuntimeError(
            f"result type {have.legacy} can't be cast to the desired output type {want.legacy}"
        )
    array = result._a if have is want else k.cast(result._a, dtype=want)
    if result._req and not t._req and t._alias is not None and not mode() & NO_GRAD:
        check_recorded(t)
    if since is not None and result._req and result._node is not None:
        _keep_old_value(t, result._node, since)
    overwrite(t, array)
    if mode() & DUAL:
        from .tangents import written

        written(t, result)
    if result._req and not mode() & NO_GRAD or t._req and not mode() & NO_GRAD:
        rebase(t, result, blank)
    return t


def _keep_old_value(t, node, since):
    """The rules of an in-place op may need the value that is about to be written over. Its nodes keep that value (where
    arrays are mutable, a copy), unguarded by the version that is about to change."""
    kept, stack, seen = None, [node], set()
    while stack:
        node = stack.pop()
        if node is None or isinstance(node, TensorBase) or node._seq <= since or node in seen:
            continue
        seen.add(node)
        stack.extend(node._edges)
        saved = node._kept
        if saved and type(node._plan) is Packed:
            pack_again(node, t._a, lambda: t._k.copy(t._a))
            continue
        if not saved or not any(value is t._a for value in saved):
            continue
        if kept is None:
            kept = t._k.copy(t._a) if t._k.aliases else t._a
        node._kept = tuple(kept if value is t._a else value for value in saved)
        check = node._check
        node._check = tuple(v for j in range(0, len(check), 2) if check[j] is not t._cell for v in check[j:j + 2])


def rebase(t: TensorBase, result: TensorBase, blank: PlanBase | None = None) -> None:
    """Gives ``t``, just overwritten, the history of ``result``, and tells its base and its views."""
    at = t._alias
    if at is None or at.base is None:
        _move_retained(t, result)
        if result._req:
            t._req, t._node = True, edge_node(result)
        else:
            t._node = make_node(blank or FILL, t._k, (edge_of(t),), t._a, (), ())
        if at is not None:
            _renew_views(at.storage, t)
        return
    base = at.base
    if at.steps is None:
        raise RuntimeError("a recorded in-place change of an as_strided view that leaves its base is not supported: "
                           "clone the base first")
    record_copy_slices(base, at.steps, result)
    _renew_views(at.storage, base)


def rebase_copied(t: TensorBase, source: TensorBase) -> None:
    """The history of ``t`` after all of it was written over with ``source``: what t was before gets zeros."""
    at = t._alias
    if not t._req or (at is not None and at.base is not None):
        rebase(t, source)
        return
    record_copy_slices(t, (), source)
    if at is not None:
        _renew_views(at.storage, t)


def _move_retained(t, result):
    old = t._node
    if old is not None and old._hooks is not None and old._hooks.retain is not None and old._hooks.retain() is t:
        from .hooks import node_hooks

        if result._req:
            node_hooks(edge_node(result)).retain = old._hooks.retain
        old._hooks.retain = None


def _renew_views(storage, base):
    """New nodes for the live differentiable views of a tensor whose history changed."""
    for v in storage.live():
        at = v._alias
        if at.base is base:
            _renew_view(v, base)


def _renew_view(v, base):
    k, at = v._k, v._alias
    requires = base._req and k.dtype_of(v._a).differentiable
    if requires and (at.made is not None or at.steps is None):
        v._req = True
        v.__class__ = _spoiled_class(type(v))
        return
    v._req, v._node = requires, None
    if requires:
        v._node = make_node(AsViewPlan(at.steps, base._a.shape), k, (edge_of(base),), v._a, (), ())


@functools.cache
def _spoiled_class(cls):
    """The class of views whose place in the graph is lost: their base was changed, and they may not be made anew."""
    if getattr(cls, "_spoiled", False):
        return cls

    def lost(self):
        slot = TensorBase._node
        raise _forbidden_view(self._alias, slot.__get__(self),
                              "its base or another view of its base has been modified")

    def put(self, node):
        TensorBase._node.__set__(self, node)

    return type(cls.__name__, (cls,), {"__slots__": (), "_node": property(lost, put), "_spoiled": True,
                                       "__module__": cls.__module__, "__qualname__": cls.__qualname__})


def edge_node(result):
    """The node of a result that requires grad; a leaf gets one that hands the gradient on."""
    if result._node is not None:
        return result._node
    return make_node(rule_for("copy").plan(1, 1), result._k, (result,), result._a, (), ())


class FillPlan(PlanBase):
    """Every element was written over by values without history: no gradient passes."""

    def __init__(self, name):
        self.name = name

    @staticmethod
    def run(k, g, saved):
        return (k.zeros_like(g),)

    def node_name(self, node):
        return self.name


FILL, ZERO = FillPlan("FillBackward0"), FillPlan("ZeroBackward0")


class AsViewPlan(PlanBase):
    """A view of a base, by its steps: the gradient is written into zeros along them."""

    def __init__(self, steps, base_shape):
        self.steps, self.base_shape = steps, tuple(base_shape)

    def run(self, k, g, saved):
        return (spread(k, g, self.base_shape, self.steps),)

    def node_name(self, node):
        return "AsStridedBackward0"


def spread(k, g, shape, steps):
    """Zeros of ``shape`` with g at the place that ``steps`` lead to."""
    zero = k.full(shape=shape, value=0, dtype=k.dtype_of(g), device=k.device_of(g))
    return write_steps(k, zero, steps, g)


class CopySlicesPlan(PlanBase):
    """A part of a base was replaced: the base's gradient is zero there, the part's is read from there."""

    def __init__(self, steps):
        self.steps = steps

    def run(self, k, g, saved):
        part = read_steps(k, g, self.steps)
        return write_steps(k, g, self.steps, k.zeros_like(part)), part

    def node_name(self, node):
        return node.extra or ("torch::autograd::CopySlices" if self.steps else "torch::autograd::CopyBackwards")


def record_copy_slices(base, steps, result):
    """Records that the part of ``base`` at ``steps`` now has the history of ``result``."""
    edges = (edge_of(base), edge_of(result))
    base._node = make_node(CopySlicesPlan(steps), base._k, edges, base._a, (), ())
    base._req = True
