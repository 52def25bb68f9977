"""Nested tensors: a batch of tensors that differ in the size of their first dimension, packed one after the other.

A nested tensor of B components (n_i, *rest) is a tensor of the packed values (n_1 + ... + n_B, *rest) that knows where each
component begins. Functions of single elements, and those along the dimensions of ``rest``, run on the packed values.
"""

from __future__ import annotations

import itertools
import operator

from . import creation, pointwise
from .creation import as_subclass
from .dispatch import is_tensor, normalize_axis
from .joining import cat, stack
from .layouts import jagged, strided
from .overrides import answer_by_table, install_in_layers
from .tensor import Tensor

__all__ = ["as_nested_tensor", "nested_tensor", "nested_tensor_from_jagged", "to_padded_tensor"]

_shapes = itertools.count(1)  # a number for each way of cutting values into components, which tensors of one shape share


class Cuts:
    """Where the components of nested tensors begin: one object for all tensors of one nested shape."""

    def __init__(self, offsets):
        self.offsets = offsets  # int64, (B + 1,)
        self.bounds = offsets.tolist()
        self.number = next(_shapes)

    @property
    def lengths(self):
        return [b - a for a, b in itertools.pairwise(self.bounds)]


class NestedTensor(Tensor):
    """A nested tensor; made by :func:`nested_tensor`, :func:`as_nested_tensor` and :func:`nested_tensor_from_jagged`.

    Its layout is ``torch.jagged``, or ``torch.strided`` as PyTorch's by default; both are stored alike.
    """

    __module__ = "plugtorch"

    def __new__(cls, *args, **kwargs):
        raise TypeError("nested tensors are made by torch.nested.nested_tensor() and its kin")

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        found = TABLE.get(func.__name__)
        if found is None:
            raise NotImplementedError(f"{func.__name__} is not implemented for nested tensors: use unbind(), values() or "
                                      "to_padded_tensor()")
        return found(*args, **(kwargs or {}))

    layout = property(lambda self: self._layout, doc="``torch.jagged`` or ``torch.strided``.")
    is_nested = property(lambda self: True)

    @property
    def shape(self):
        """The sizes of a jagged tensor, with a name such as ``j1`` for the ragged one.

        Raises:
            RuntimeError: a tensor of the strided layout.
        """
        if self._layout is not jagged:
            raise RuntimeError("Internal error: NestedTensorImpl doesn't support sizes: use size(dim)")
        return (len(self._cuts.bounds) - 1, f"j{self._cuts.number}", *self._a.shape[1:])

    def size(self, dim=None):
        """All sizes, or one.

        Raises:
            RuntimeError: the ragged dimension of the strided layout.
        """
        if dim is None:
            return self.shape
        at = normalize_axis(dim, self.dim())
        if at == 1 and self._layout is not jagged:
            raise RuntimeError("Given dimension 1 is irregular and does not have a size.")
        return (len(self._cuts.bounds) - 1, f"j{self._cuts.number}", *self._a.shape[1:])[at]

    def dim(self):
        """The number of dimensions, the batch included."""
        return len(self._a.shape) + 1

    ndimension = dim
    ndim = property(dim)

    def numel(self):
        """The number of elements of all components."""
        return self.values().numel()

    def values(self):
        """The packed values, in the same graph."""
        return as_subclass(self, Tensor)

    def offsets(self):
        """Where each component begins, and the end: int64, (B + 1,)."""
        return self._cuts.offsets

    def lengths(self):
        """None: the components fill the values."""

    def unbind(self, dim=0):
        """The components, as a tuple."""
        if normalize_axis(dim, self.dim()):
            raise RuntimeError(f"unbind(): only supported for dim 0 of nested tensors, got {dim}")
        return tuple(self.values().split(self._cuts.lengths)) if len(self._cuts.bounds) > 1 else ()

    def to_padded_tensor(self, padding, output_size=None):
        """A dense tensor of the components, filled up with a number; see :func:`to_padded_tensor`."""
        return to_padded_tensor(self, padding, output_size)

    def detach(self):
        """The same components outside the graph."""
        return nested(self.values().detach(), self._cuts, self._layout)

    @property
    def grad(self):
        """The gradient, nested alike, or None."""
        g = Tensor.grad.fget(self)
        return g if g is None or type(g) is NestedTensor else nested(g, self._cuts, self._layout)

    @grad.setter
    def grad(self, value):
        Tensor.grad.fset(self, plain(value))

    def __len__(self):
        return len(self._cuts.bounds) - 1

    def __iter__(self):
        return iter(self.unbind())

    def __getitem__(self, index):
        if not isinstance(index, int):
            raise NotImplementedError("nested tensors are indexed by one int: use unbind()")
        return self.unbind()[index]

    def __deepcopy__(self, memo):
        new = nested(self.values().detach().clone(), self._cuts, self._layout)
        new._req = self._req
        return new

    def __repr__(self, *, tensor_contents=None):
        end = ", requires_grad=True" if self._req else ""
        if self.grad_fn is not None:
            end = f", grad_fn=<{self.grad_fn.name()}>"
        if self._layout is jagged:
            size = ", ".join(map(str, self.shape))
            return f"NestedTensor(size=({size}), offsets={self._cuts.offsets!r}{end}, contiguous=True)"
        parts = [repr(t.detach().requires_grad_(self._req and self.is_leaf)).replace("\n", "\n  ") for t in self.unbind()]
        return "nested_tensor([\n  " + ",\n  ".join(parts) + f"\n]{end})"


def nested(values, cuts, layout):
    """A nested tensor in the place of its packed values in the graph."""
    t = as_subclass(values, NestedTensor)
    t.__dict__.update(_cuts=cuts, _layout=layout)
    return t


def plain(t):
    """The packed values of a nested tensor; others as they are."""
    return t.values() if type(t) is NestedTensor else t


def _packed(components, layout, dtype, device):
    if layout not in (None, strided, jagged):
        raise RuntimeError(f"Specified layout is unsupported for nested tensors: {layout!r}")
    parts = [t if is_tensor(t) else creation.tensor(t, dtype=dtype) for t in components]
    parts = [t.to(dtype=dtype or t.dtype, device=device or t.device) for t in parts]
    if any(t.dim() != parts[0].dim() for t in parts):
        raise RuntimeError("When constructing a nested tensor, all tensors in list must have the same dim")
    if any(not t.dim() or t._a.shape[1:] != parts[0]._a.shape[1:] for t in parts):
        raise NotImplementedError("the components of a nested tensor must differ in their first dimension alone, but have "
                                  f"the shapes {[list(t._a.shape) for t in parts]}")
    if not parts:
        return creation.zeros(0, dtype=dtype, device=device), Cuts(creation.tensor([0])), layout or strided
    bounds = [0, *itertools.accumulate((t._a.shape[0] for t in parts), operator.add)]
    return cat(parts), Cuts(creation.tensor(bounds, device=parts[0].device)), layout or strided


def nested_tensor(tensor_list, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """A nested tensor with copies of the components: a leaf.

    Args:
        tensor_list: tensors or lists of numbers, of shapes (n_i, *rest).
        layout: ``torch.strided`` (default) or ``torch.jagged``.

    Raises:
        RuntimeError: numbers of dimensions that differ.
        NotImplementedError: components that differ in other dimensions than the first.
    """
    values, cuts, layout = _packed(tensor_list, layout, dtype, device)
    return nested(values.detach(), cuts, layout).requires_grad_(requires_grad)


def as_nested_tensor(ts, dtype=None, device=None, layout=None):
    """A nested tensor of components through which gradients flow to them; arguments as of :func:`nested_tensor`."""
    if type(ts) is NestedTensor:
        return ts
    return nested(*_packed(list(ts.unbind(0)) if is_tensor(ts) else ts, layout, dtype, device))


def nested_tensor_from_jagged(values, offsets=None, lengths=None, jagged_dim=None, min_seqlen=None, max_seqlen=None):
    """A jagged tensor on packed values (n, *rest) with component i at ``offsets[i]:offsets[i + 1]``, in their place in the
    graph.

    Args:
        offsets: int64, (B + 1,); by default the running sums of ``lengths``.
        lengths: int64, (B,).

    Raises:
        RuntimeError: neither is given.
        NotImplementedError: both are, which leaves gaps; or another ``jagged_dim`` than 1.
    """
    if offsets is None and lengths is None:
        raise RuntimeError("nested_tensor_from_jagged(): At least one of offsets or lengths is required.")
    if offsets is not None and lengths is not None:
        raise NotImplementedError("nested_tensor_from_jagged(): components with gaps between them: give offsets or lengths")
    if jagged_dim not in (None, 1):
        raise NotImplementedError(f"nested_tensor_from_jagged(): jagged_dim must be 1, got {jagged_dim}")
    if offsets is None:
        offsets = cat([lengths.new_zeros(1), lengths.cumsum(0)])
    return nested(values, Cuts(offsets), jagged)


def to_padded_tensor(input, padding, output_size=None, out=None):
    """The components as one dense tensor (B, max n, *rest), filled up with a number.

    Args:
        output_size: larger sizes of the result.

    Raises:
        RuntimeError: ``output_size`` is smaller than a component.
    """
    parts, rest = input.unbind(), tuple(input._a.shape[1:])
    least = (len(parts), max(input._cuts.lengths, default=0), *rest)
    size = least if output_size is None else tuple(output_size)
    if len(size) != len(least) or any(n < m for n, m in zip(size, least, strict=False)):
        raise RuntimeError(f"Value in output_size is less than NestedTensor padded size: {list(size)} and {list(least)}")
    result = creation.full(size, padding, dtype=input.dtype, device=input.device).to(plain(input))
    for n, part in enumerate(parts):
        where = (n, *(slice(0, m) for m in part._a.shape))
        result[where] = part
    return result


# What functions do with nested tensors.

TABLE: dict = {}
_ELEMENTWISE = ("abs", "acos", "asin", "atan", "ceil", "clamp", "cos", "cosh", "erf", "exp", "expm1", "floor", "log",
                "log1p", "log2", "neg", "reciprocal", "relu", "round", "rsqrt", "sgn", "sigmoid", "sign", "sin", "sinh",
                "sqrt", "square", "tan", "tanh", "trunc", "isnan", "isinf", "add", "sub", "mul", "div", "pow", "eq", "ne",
                "lt", "le", "gt", "ge", "maximum", "minimum", "where", "__add__", "__radd__", "__sub__", "__rsub__",
                "__mul__", "__rmul__", "__truediv__", "__rtruediv__", "__pow__", "__neg__", "__abs__", "__eq__", "__ne__",
                "__lt__", "__le__", "__gt__", "__ge__", "clone", "to", "float", "double", "half", "bfloat16", "int", "long",
                "bool", "contiguous", "gelu", "silu", "elu", "leaky_relu", "softplus", "dropout", "ones_like", "zeros_like",
                "rand_like", "randn_like", "empty_like")
_ROWWISE = ("linear", "layer_norm", "__matmul__", "matmul", "rms_norm")  # along the last dimension of the values
_ATTRIBUTES = ("element_size", "is_floating_point", "is_complex", "is_signed", "get_device", "is_inference",
               "requires_grad_", "backward", "retain_grad", "register_hook", "detach_", "_is_view", "is_conj", "is_neg",
               "type")


def _call(name):
    from . import functions
    from .nn import functional

    for place in (Tensor, functional, functions, pointwise):
        found = getattr(place, name, None)
        if found is not None:
            return getattr(found, "__wrapped__", found) if hasattr(found, "_answers") else found
    raise AttributeError(name)


def _on_values(name):
    call = _call(name)

    def function(*args, **kwargs):
        found = [a for a in (*args, *kwargs.values()) if type(a) is NestedTensor]
        first = found[0]
        for other in found[1:]:
            if other._cuts is not first._cuts and (first._layout is jagged or other._cuts.bounds != first._cuts.bounds):
                raise RuntimeError(f"cannot call binary pointwise function {name} with inputs of shapes {first.shape} and "
                                   f"{other.shape}")
        result = call(*map(plain, args), **{n: plain(v) for n, v in kwargs.items()})
        return result if result is NotImplemented else nested(result, first._cuts, first._layout)

    return function


def _along(name):
    call = _call(name)

    def function(input, dim, *args, **kwargs):
        at = normalize_axis(dim, input.dim())
        if at < 2:
            raise RuntimeError(f"{name}(): not supported along the batch or ragged dimension of nested tensors, got dim "
                               f"{dim}")
        return nested(call(plain(input), at - 1, *args, **kwargs), input._cuts, input._layout)

    return function


def _reduced(name):
    call, along = _call(name), _along(name)

    def function(input, dim=None, keepdim=False, **kwargs):
        if dim is None:
            return call(plain(input), **kwargs)
        at = normalize_axis(dim, input.dim())
        if at == 1 and name in ("sum", "mean"):
            parts = [call(t, 0, keepdim, **kwargs) for t in input.unbind()]
            return stack(parts)
        return along(input, dim, keepdim, **kwargs)

    return function


install_in_layers()
TABLE.update({n: _on_values(n) for n in (*_ELEMENTWISE, *_ROWWISE)})
TABLE.update({n: _along(n) for n in ("softmax", "log_softmax")})
TABLE.update({n: _reduced(n) for n in ("sum", "mean")})
TABLE.update({n: getattr(Tensor, n) for n in _ATTRIBUTES})
TABLE.update({"is_tensor": lambda obj: True, "unbind": NestedTensor.unbind, "numel": NestedTensor.numel})


def _refuse(name, self, args, kwargs):
    raise NotImplementedError(f"{name} is not implemented for nested tensors: use unbind(), values() or to_padded_tensor()")


answer_by_table(NestedTensor, TABLE, _refuse)
