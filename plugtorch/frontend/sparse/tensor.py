"""The class of sparse tensors, what it is made of, and how the library's functions find what they do to it."""

from __future__ import annotations

import copy
import functools

from plugtorch.autograd.api import bind_sparse
from plugtorch.autograd.base import TensorBase

from .. import layouts
from ..tensor import Tensor

# How PyTorch's messages call the layouts.
SHOWN = {layouts.strided: "Strided", layouts.sparse_coo: "Sparse", layouts.sparse_csr: "SparseCsr",
         layouts.sparse_csc: "SparseCsc", layouts.sparse_bsr: "SparseBsr", layouts.sparse_bsc: "SparseBsc"}
BY_ROW = frozenset({layouts.sparse_csr, layouts.sparse_bsr})
BLOCKED = frozenset({layouts.sparse_bsr, layouts.sparse_bsc})


class Parts:
    """What stands in the place of a sparse tensor's array.

    Attributes:
        layout: ``sparse_coo`` or one of the four compressed layouts.
        plain: the index tensors: ``(indices,)`` of shape (sparse_dim, nnz), or the compressed and the plain indices, of
            shapes (*batch, n + 1) and (*batch, nnz).
        values: shape (nnz, *dense) or (*batch, nnz, *block, *dense); carries the gradients.
        shape: of the whole.
        coalesced: whether the indices are known to be sorted and distinct (COO).
        known: what was computed of the indices, shared by the tensors of one pattern.
    """

    __slots__ = ("layout", "plain", "values", "shape", "coalesced", "known")

    def __init__(self, layout, plain, values, shape, coalesced):
        self.layout, self.plain, self.values, self.shape, self.coalesced = layout, plain, values, tuple(shape), coalesced
        self.known = {}

    @property
    def dtype(self):
        return self.values._a.dtype

    @property
    def ndim(self):
        return len(self.shape)


class SparsePlace:
    """Stands where other tensors have their backend: it answers what a tensor is, and computes nothing."""

    level = 0.5  # above the backends and below every transform: an op that meets a sparse operand asks this object
    aliases = False

    def __init__(self, k):
        self.plain, self.name = k, k.name

    def dtype_of(self, parts):
        return parts.values.dtype if isinstance(parts, Parts) else self.plain.dtype_of(parts)

    def device_of(self, parts):
        return parts.values.device if isinstance(parts, Parts) else self.plain.device_of(parts)

    def spec_dtype(self, dtype):
        return self.plain.spec_dtype(dtype)

    def lift(self, operand):
        return operand

    def text(self, t):
        """The tensor as ``repr`` shows it."""
        from .text import sparse_repr

        return sparse_repr(t)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotImplementedError(could_not_run(name, f"Sparse{self.plain.default_device().type.upper()}"))


@functools.cache
def place_of(k) -> SparsePlace:
    """The sparse side of a backend."""
    return SparsePlace(k)


def dispatch_key(t) -> str:
    """PyTorch's name for where a tensor's functions live: CPU, SparseCPU, SparseCsrCPU, ..."""
    device = t.device.type.upper()
    if not is_sparse(t):
        return device
    return ("Sparse" if t._a.layout is layouts.sparse_coo else "SparseCsr") + device


def could_not_run(name: str, key: str) -> str:
    """PyTorch's words for a function that a layout does not have."""
    return (f"Could not run 'aten::{name}' with arguments from the '{key}' backend. This could be because the operator "
            "doesn't exist for this backend: convert the tensor with to_dense() first.")


# What the functions of the library do with sparse operands, by name.
TABLE: dict = {}


def implements(*names):
    """Enters a function into the table of what is done with sparse operands."""

    def decorate(function):
        for name in names or (function.__name__,):
            TABLE[name] = function
        return function

    return decorate


def is_sparse(t) -> bool:
    """Whether it is a tensor of a sparse layout."""
    return type(t) is SparseTensor


def layout_of(t):
    """The layout of any tensor."""
    return t._a.layout if is_sparse(t) else layouts.strided


class SparseTensor(Tensor):
    """A tensor of a sparse layout; ``_a`` holds its :class:`Parts`, ``_k`` its :class:`SparsePlace`.

    For the engine it is a tensor without gradient: the values are in the graph. The attributes about gradients speak of
    the values, and gradients are shown in the tensor's own pattern.
    """

    __module__ = "plugtorch"
    __slots__ = ()

    def __new__(cls, *args, **kwargs):
        raise TypeError("sparse tensors are made by sparse_coo_tensor() and its kin, or by to_sparse()")

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        name = func.__name__
        found = TABLE.get(name)
        if found is None:
            if any(k is not cls and issubclass(k, Tensor) for k in types):
                return NotImplemented
            first = next(t for t in _tensors((*args, *(kwargs or {}).values())) if is_sparse(t))
            raise NotImplementedError(could_not_run(name.strip("_") if name.startswith("__") else name, dispatch_key(first)))
        return found(*args, **(kwargs or {}))

    @property
    def layout(self):
        """``torch.sparse_coo`` or a compressed layout."""
        return self._a.layout

    is_sparse = property(lambda self: self._a.layout is layouts.sparse_coo)
    is_sparse_csr = property(lambda self: self._a.layout is layouts.sparse_csr)
    T = property(lambda self: TABLE["t"](self))
    mT = property(lambda self: TABLE["transpose"](self, -2, -1))
    H = property(lambda self: TABLE["conj"](TABLE["t"](self)))
    mH = property(lambda self: TABLE["conj"](TABLE["transpose"](self, -2, -1)))
    real = property(lambda self: like(self, self._a.values.real))
    imag = property(lambda self: like(self, self._a.values.imag))

    @property
    def nbytes(self):
        raise RuntimeError("nbytes is not defined for sparse tensors.  If you want the size of the constituent tensors, add "
                           "the nbytes of the indices and values.  If you want the size of the  equivalent dense tensor, "
                           "multiply numel() by element_size()")

    # -- gradients ------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        return self._a.values.requires_grad

    @requires_grad.setter
    def requires_grad(self, value):
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True):
        """Sets ``requires_grad`` of a leaf in place."""
        self._a.values.requires_grad_(requires_grad)
        return self

    @property
    def is_leaf(self):
        return self._a.values.is_leaf

    @property
    def grad_fn(self):
        return self._a.values.grad_fn

    @property
    def output_nr(self):
        return self._a.values.output_nr

    @property
    def _version(self):
        return self._a.values._version

    @property
    def grad(self):
        """The gradient gathered by backward passes, in this tensor's pattern, or None."""
        g = self._a.values.grad
        return None if g is None else in_pattern(self, g)

    @grad.setter
    def grad(self, value):
        if value is not None:
            if not isinstance(value, TensorBase):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
            if tuple(value._a.shape) != self._a.shape:
                raise RuntimeError(f"assigned grad has data of a different size: got {list(value._a.shape)}, expected "
                                   f"{list(self._a.shape)}")
            value = values_for(self, value)
        self._a.values.grad = value

    @grad.deleter
    def grad(self):
        self._a.values.grad = None

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
        """Adds this tensor's gradients to the leaves of its graph."""
        from plugtorch.autograd.api import backward

        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def retain_grad(self):
        """Keeps the gradient of a tensor that is no leaf."""
        self._a.values.retain_grad()

    @property
    def retains_grad(self):
        return self._a.values.retains_grad

    def register_hook(self, hook):
        """Calls ``hook(grad)`` with each gradient of this tensor, a sparse tensor of its pattern."""
        def on_values(g):
            result = hook(in_pattern(self, g))
            return None if result is None else values_for(self, result)

        return self._a.values.register_hook(on_values)

    def detach(self):
        """A tensor on the same indices and values outside the graph."""
        return like(self, self._a.values.detach())

    def detach_(self):
        """Cuts the tensor off from its graph, in place."""
        self._a = like(self, self._a.values.detach())._a
        return self

    @property
    def data(self):
        return like(self, self._a.values.data)

    @data.setter
    def data(self, value):
        if not is_sparse(value):
            raise RuntimeError("data set to a sparse tensor must be of a sparse layout")
        kept = self._a.values.requires_grad
        self._a = like(value, value._a.values.detach())._a
        if kept:
            self._a.values.requires_grad_()

    # -- Python's protocols ---------------------------------------------------

    def __copy__(self):
        return make(self._a.layout, self._a.plain, copy.copy(self._a.values), self._a.shape, self._a.coalesced)

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        parts = self._a
        new = make(parts.layout, copy.deepcopy(parts.plain, memo), copy.deepcopy(parts.values, memo), parts.shape,
                   parts.coalesced)
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
        memo[id(self)] = new
        return new

    def __reduce_ex__(self, protocol):
        parts = self._a
        return _restored, (parts.layout, parts.plain, parts.values, parts.shape, parts.coalesced, dict(self.__dict__))


def _restored(layout, plain, values, shape, coalesced, attributes):
    new = make(layout, plain, values, shape, coalesced)
    new.__dict__.update(attributes)
    return new


def _tensors(values):
    for v in values:
        if isinstance(v, TensorBase):
            yield v
        elif type(v) in (list, tuple):
            yield from _tensors(v)


def make(layout, plain, values, shape, coalesced=False) -> SparseTensor:
    """A sparse tensor of its parts, which are not checked."""
    t = object.__new__(SparseTensor)
    t._a = Parts(layout, tuple(plain), values, shape, coalesced)
    t._k = place_of(values._k)
    t._req = False
    t._grad = t._node = t._cell = t._alias = t._hooks = None
    return t


def make_coo(indices, values, shape, coalesced=False) -> SparseTensor:
    """A COO tensor of its parts, which are not checked."""
    return make(layouts.sparse_coo, (indices,), values, shape, coalesced)


def like(t, values) -> SparseTensor:
    """A sparse tensor of the same pattern with other values."""
    parts = t._a
    new = make(parts.layout, parts.plain, values, parts.shape, parts.coalesced)
    new._a.known = parts.known
    return new


def in_pattern(t, values) -> SparseTensor:
    """A gradient of ``t``'s values as a gradient of ``t``: entries at one place of a COO tensor share one gradient, which
    is shown once."""
    parts = t._a
    if parts.layout is not layouts.sparse_coo or parts.coalesced:
        return like(t, values)
    from .conversion import coalesce, counts

    total = coalesce(make_coo(parts.plain[0], values, parts.shape))
    if total._a.values._a.shape[0] == values._a.shape[0]:
        return total
    many = counts(t).reshape(-1, *[1] * (values.dim() - 1))
    return like(total, total._a.values / many)


def values_for(t, g):
    """A gradient of ``t``, sparse or dense, as a gradient of its values: read at the entries of ``t``."""
    if is_sparse(g) and g._a.layout is t._a.layout and len(g._a.plain[0]._a.shape) == len(t._a.plain[0]._a.shape) and all(
            a is b for a, b in zip(g._a.plain, t._a.plain, strict=True)):
        return g._a.values
    from .patterns import values_at

    return values_at(t, g)


def require_sparse(t, function: str, *allowed):
    """Raises PyTorch's error for a tensor of another layout than the allowed ones."""
    if layout_of(t) not in allowed:
        wanted = ("sparse coordinate tensor" if allowed == (layouts.sparse_coo,) else
                  "sparse row compressed tensor" if layouts.sparse_csr in allowed and layouts.sparse_csc not in allowed else
                  "sparse column compressed tensor" if layouts.sparse_csc in allowed and layouts.sparse_csr not in allowed
                  else "sparse tensor")
        raise RuntimeError(f"{function} expected {wanted} layout but got {SHOWN[layout_of(t)]}")


class _Carrier:
    """How the engine's callers get from a sparse tensor to what is in the graph, and back."""

    @staticmethod
    def carrier(t):
        return t._a.values if is_sparse(t) else t

    @staticmethod
    def cotangent(t, g):
        return values_for(t, g) if is_sparse(t) and g is not None else g

    @staticmethod
    def gradient(t, g):
        return in_pattern(t, g) if is_sparse(t) and g is not None else g


bind_sparse(_Carrier)
