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
from .mode import INFERENCE, NO_GRAD, mode
from .plans import PlanBase, rule_for
from .record import cell_of, count_version, differentiable, make_node, record


class Storage:
    """Memory shared by several tensors.

    Slots:
        root: the array of the whole memory (immutable backends; else None).
        aliases: weak references to the tensors on it.
        limit: number of references at which dead ones are swept out.
    """

    __slots__ = ("root", "aliases", "limit")

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
        steps: steps from ``base``.
        no_grad: whether the view was made while gradients were off.
    """

    __slots__ = ("storage", "path", "base", "steps", "no_grad")

    def __init__(self, storage, path, base=None, steps=(), no_grad=False):
        self.storage, self.path, self.base, self.steps, self.no_grad = storage, path, base, steps, no_grad


def alias_of(t: TensorBase) -> Alias:
    """The tensor's alias record; the first one makes it the root of a storage."""
    alias = t._alias
    if alias is None:
        storage = Storage(None if t._k.aliases else t._a)
        alias = t._alias = Alias(storage, ())
        storage.add(t)
    return alias


def share(source: TensorBase, array, step=None, *, base=None, steps=(), cell=True) -> TensorBase:
    """A new tensor on ``source``'s memory.

    Args:
        array: its array, already read.
        step: the step ``(op, params)`` from source, or None for the whole of it.
        cell: whether it shares the version counter (``.data`` does not).
    """
    at = alias_of(source)
    t = wrap(array, source._k)
    if cell:
        t._cell = cell_of(source)
    t._alias = Alias(at.storage, at.path if step is None else (*at.path, step), base, steps)
    at.storage.add(t)
    return t


def view(x: TensorBase, name: str, params: dict, array=None, node_name: str | None = None) -> TensorBase:
    """The view that op ``name`` gives of x, recorded if x requires grad; ``node_name`` is PyTorch's name for the node."""
    k = x._k
    if array is None:
        array = getattr(k, name)(x._a, **params)
    step = (name, params)
    at = x._alias
    if at is None or at.base is None or (x._req and x._node is None):  # a leaf is a base, also one made as a view
        base, steps = x, (step,)
    else:
        base, steps = at.base, (*at.steps, step)
    t = share(x, array, step, base=base, steps=steps)
    flags = mode()
    if flags & NO_GRAD:
        t._alias.no_grad = True
        if flags & INFERENCE and type(t._cell) is not InferenceCell:
            t._cell = cell_of(x)
    elif x._req and k.dtype_of(array).differentiable:
        record(t, rule_for(name).plan(1, 1), k, (x,), (x._a,), params, array)
        t._node.extra = node_name
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
    if name == "real":
        return ops.complex(value, ops.imag(x))
    if name == "imag":
        return ops.complex(ops.real(x), value)
    if name == "bitcast":
        return ops.bitcast(value, dtype=ops.dtype_of(x))
    return _scatter_back(ops, x, name, params, value)


def _scatter_back(ops, x, name, params, value):
    """The inverse of any selection of elements: read an array of positions the same way, and put there."""
    n = math.prod(x.shape)
    positions = ops.reshape(
        ops.arange(start=0, stop=n, step=1, dtype=int64, device=ops.device_of(x)), shape=tuple(x.shape))
    where = ops.reshape(getattr(ops, name)(positions, **params), shape=(math.prod(value.shape),))
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


def overwrite(t: TensorBase, array) -> None:
    """Replaces the contents of ``t``, seen through all its aliases, by an array of its shape and dtype; counts
    a version."""
    k = t._k
    count_version(t)
    if k.aliases:
        k.assign(t._a, array)
        return
    at = t._alias
    if at is None:
        t._a = array
        return
    storage = at.storage
    storage.root = write_steps(k, storage.root, at.path, array)
    for other in storage.live():
        if other is not t and not getattr(other, "_stale", False):
            other.__class__ = _stale_class(type(other))
    t._a = array


def _is_expanded(t):
    """Whether several elements of ``t`` lie at one place."""
    at = t._alias
    if at is None:
        return False
    for name, params in at.path:
        if name == "broadcast_to":
            return True
        if name == "as_strided":
            shape, strides = params["shape"], params["strides"]
            if any(n > 1 and s == 0 for n, s in zip(shape, strides, strict=True)):
                return True
    return False


def check_inplace(t: TensorBase) -> None:
    """Raises PyTorch's error if ``t`` may not be written now."""
    flags = mode()
    if type(t._cell) is InferenceCell and not flags & INFERENCE:
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed."
            "You can make a clone to get a normal tensor before doing inplace update."
        )
    at = t._alias
    if at is not None and _is_expanded(t):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )
    if flags & NO_GRAD:
        return
    if t._req and t._node is None:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if at is not None and at.base is not None:
        base = at.base
        if base._req and base._node is None:
            raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
        if at.no_grad and base._req:
            raise RuntimeError(
                "A view was created in no_grad mode and is being modified inplace with grad mode enabled. This view "
                "is the output of a function that returns multiple views or was made without gradients; clone it, "
                "or make the view and the change in the same mode."
            )


def replace(t: TensorBase, result: TensorBase, since: int | None = None) -> TensorBase:
    """Makes the value and the history of ``result`` those of ``t``: the second half of every in-place op.

    ``result`` was computed from t out of place, by nodes created after number ``since``. Its shape must be t's, and
    its dtype one that t can hold.
    """
    k = t._k
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
    if since is not None and result._req and result._node is not None:
        _keep_old_value(t, result._node, since)
    overwrite(t, array)
    if result._req and not mode() & NO_GRAD or t._req and not mode() & NO_GRAD:
        rebase(t, result)
    return t


def _keep_old_value(t, node, since):
    """The rules of an in-place op may need the value that is about to be written over. Its nodes keep that value (where
    arrays are mutable, a copy), unguarded by the version that is about to change."""
    kept, stack, seen = None, [node], set()
    while stack:
        node = stack.pop()
        if node is None or isinstance(node, TensorBase) or node.seq <= since or node in seen:
            continue
        seen.add(node)
        stack.extend(node.edges)
        saved = node.saved
        if not saved or not any(value is t._a for value in saved):
            continue
        if kept is None:
            kept = t._k.copy(t._a) if t._k.aliases else t._a
        node.saved = tuple(kept if value is t._a else value for value in saved)
        check = node.check
        node.check = tuple(v for j in range(0, len(check), 2) if check[j] is not t._cell for v in check[j:j + 2])


def rebase(t: TensorBase, result: TensorBase) -> None:
    """Gives ``t``, just overwritten, the history of ``result``, and tells its base and its views."""
    at = t._alias
    if at is None or at.base is None:
        _move_retained(t, result)
        if result._req:
            t._req, t._node = True, edge_node(result)
        else:
            t._node = make_node(FillPlan, t._k, (edge_of(t),), t._a, (), ())
        if at is not None:
            _renew_views(at.storage, t)
        return
    base = at.base
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
    if old is not None and old.hooks is not None and old.hooks.retain is not None and old.hooks.retain() is t:
        from .hooks import node_hooks

        if result._req:
            node_hooks(edge_node(result)).retain = old.hooks.retain
        old.hooks.retain = None


def _renew_views(storage, base):
    """New nodes for the live differentiable views of a tensor whose history changed."""
    for v in storage.live():
        at = v._alias
        if at.base is base:
            _renew_view(v, base)


def _renew_view(v, base):
    k = v._k
    v._req = base._req and k.dtype_of(v._a).differentiable
    v._node = None
    if v._req:
        node = make_node(AsViewPlan(v._alias.steps, base._a.shape), k, (edge_of(base),), v._a, (), ())
        v._node = node


def edge_node(result):
    """The node of a result that requires grad; a leaf gets one that hands the gradient on."""
    if result._node is not None:
        return result._node
    return make_node(rule_for("copy").plan(1, 1), result._k, (result,), result._a, (), ())


class FillPlan(PlanBase):
    """Every element was written over by values without history: no gradient passes."""

    @staticmethod
    def run(k, g, saved):
        return (k.zeros_like(g),)

    @staticmethod
    def node_name(node):
        return "FillBackward0"


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
        return "CopySlices"


def record_copy_slices(base, steps, result):
    """Records that the part of ``base`` at ``steps`` now has the history of ``result``."""
    edges = (edge_of(base), edge_of(result))
    base._node = make_node(CopySlicesPlan(steps), base._k, edges, base._a, (), ())
    base._req = True
