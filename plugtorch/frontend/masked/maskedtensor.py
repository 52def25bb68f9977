"""Tensors that carry a mask of the elements that count."""

from __future__ import annotations

import warnings

from plugtorch.spec import dtypes

from .. import creation, pointwise
from ..creation import as_subclass
from ..dispatch import is_tensor
from ..overrides import answer_by_table
from ..selection import where
from ..tensor import Tensor
from . import functions

__all__ = ["MaskedTensor", "as_masked_tensor", "is_masked_tensor", "masked_tensor"]


class MaskedTensor(Tensor):
    """A tensor with a mask of bools of its shape: what is False is unspecified, does not count, and gets no gradient.

    Made by :func:`masked_tensor` and :func:`as_masked_tensor`. Functions of single elements keep the mask, those of two
    tensors need equal masks, reductions count the elements whose mask is True, and functions that rearrange elements
    rearrange the mask with them. Other functions raise TypeError.
    """

    __module__ = "plugtorch"

    def __new__(cls, data, mask, requires_grad=False):
        if not is_tensor(data) or not is_tensor(mask):
            raise TypeError("data and mask must be Tensors")
        return masked_tensor(data, mask, requires_grad)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        found = TABLE.get(func.__name__)
        if found is None:
            raise TypeError(f"no implementation found for 'torch.{func.__name__}' on types that implement "
                            f"__torch_function__: [MaskedTensor]")
        return found(*args, **(kwargs or {}))

    def get_data(self):
        """The elements, those that do not count included, as a plain tensor in the same graph."""
        return as_subclass(self, Tensor)

    def get_mask(self):
        """The mask."""
        return self._mask

    def to_tensor(self, value):
        """A plain tensor with a number in place of what the mask leaves out."""
        return self.get_data().masked_fill(~self._mask, value)

    @property
    def grad(self):
        """The gradient, with the same mask, or None."""
        g = Tensor.grad.fget(self)
        return g if g is None or type(g) is MaskedTensor else masked(g, self._mask)

    @grad.setter
    def grad(self, value):
        Tensor.grad.fset(self, plain(value) if is_tensor(value) else value)

    @grad.deleter
    def grad(self):
        self._grad = None

    def detach(self):
        """The same elements outside the graph."""
        return masked(self.get_data().detach(), self._mask)

    def __deepcopy__(self, memo):
        new = masked(self.get_data().detach().clone(), self._mask.clone())
        new._req = self._req
        return new

    def __repr__(self, *, tensor_contents=None):
        if not self.dim():
            shown = _element(self.get_data().item(), True) if self._mask.item() else "--"
            return f"MaskedTensor({shown}, {bool(self._mask.item())})"
        return "MaskedTensor(\n" + _block(self.get_data().tolist(), self._mask.tolist(), 2) + "\n)"


def _element(value, counts):
    if not counts:
        return "      --"
    return f"{value:8.4f}" if isinstance(value, float) else str(value)


def _block(values, mask, indent):
    lead = " " * indent
    if not isinstance(values, list) or not values or not isinstance(values[0], list):
        return lead + "[" + ", ".join(map(_element, values, mask)) + "]"
    return lead + "[\n" + ",\n".join(_block(v, m, indent + 2) for v, m in zip(values, mask, strict=True)) + "\n" + lead + "]"


def masked(data, mask):
    """A MaskedTensor in the place of ``data`` in the graph, its parts not checked."""
    t = as_subclass(data, MaskedTensor)
    t.__dict__["_mask"] = mask
    return t


def plain(t):
    """The elements of a masked tensor; others as they are."""
    return t.get_data() if type(t) is MaskedTensor else t


def is_masked_tensor(obj, /) -> bool:
    """Whether it is a MaskedTensor."""
    return isinstance(obj, MaskedTensor)


_SUPPORTED = (dtypes.float16, dtypes.float32, dtypes.float64, dtypes.bool_, dtypes.int8, dtypes.int16, dtypes.int32,
              dtypes.int64)


def _check(data, mask):
    if type(mask) is MaskedTensor or type(data) is MaskedTensor:
        raise TypeError("data and mask must be plain tensors, not MaskedTensors")
    if mask.dtype is not dtypes.bool_:
        raise TypeError("mask must have dtype bool.")
    if data.dtype not in _SUPPORTED:
        raise TypeError(f"{data.dtype!r} is not supported in MaskedTensor.")
    if data.dim() != mask.dim():
        raise ValueError("data.dim() must equal mask.dim()")
    if data._a.shape != mask._a.shape:
        raise ValueError("data.size() must equal mask.size()")


def masked_tensor(data, mask, requires_grad=False):
    """A MaskedTensor of copies of data and mask: a leaf.

    Raises:
        TypeError: a mask that is not bool, or data of a dtype that is not supported.
        ValueError: shapes that differ.
    """
    _check(data, mask)
    if data.requires_grad:
        warnings.warn("It is not recommended to create a MaskedTensor with a tensor that requires_grad. To avoid this, you "
                      "can use data.detach().clone()", UserWarning, stacklevel=2)
    return masked(data.detach().clone(), mask.detach().clone()).requires_grad_(bool(requires_grad))


def as_masked_tensor(data, mask):
    """A MaskedTensor on the memory of data, in its place in the graph: gradients flow to ``data``."""
    _check(data, mask)
    if data.requires_grad:  # what does not count gets no gradient
        data = where(mask, data, data.detach())
    return masked(data, mask)


# What functions do with masked tensors.

TABLE: dict = {}
_UNARY = ("abs", "absolute", "acos", "arccos", "acosh", "arccosh", "angle", "asin", "arcsin", "asinh", "arcsinh", "atan",
          "arctan", "atanh", "arctanh", "bitwise_not", "ceil", "clamp", "clip", "conj_physical", "cos", "cosh", "deg2rad",
          "digamma", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "fix", "floor", "frac", "lgamma", "log", "log10",
          "log1p", "log2", "logit", "i0", "isnan", "nan_to_num", "neg", "negative", "positive", "pow", "rad2deg",
          "reciprocal", "round", "rsqrt", "sigmoid", "sign", "sgn", "signbit", "sin", "sinc", "sinh", "sqrt", "square",
          "tan", "tanh", "trunc", "clone", "to", "float", "double", "half", "bfloat16", "int", "long", "bool", "contiguous",
          "ones_like", "__neg__", "__abs__", "__pos__", "__invert__")
_BINARY = ("add", "atan2", "arctan2", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift",
           "bitwise_right_shift", "div", "divide", "floor_divide", "fmod", "logaddexp", "logaddexp2", "mul", "multiply",
           "nextafter", "remainder", "sub", "subtract", "true_divide", "eq", "ne", "le", "ge", "greater", "greater_equal",
           "gt", "less_equal", "lt", "less", "maximum", "minimum", "fmax", "fmin", "not_equal", "pow", "__add__", "__radd__",
           "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__", "__rtruediv__", "__floordiv__", "__rfloordiv__",
           "__mod__", "__pow__", "__rpow__", "__and__", "__or__", "__xor__", "__eq__", "__ne__", "__lt__", "__le__",
           "__gt__", "__ge__")
_REDUCTIONS = ("sum", "mean", "amin", "amax", "argmin", "argmax", "prod", "norm", "var", "std", "median")
_REARRANGING = ("select", "t", "transpose", "reshape", "view", "unsqueeze", "squeeze", "expand", "permute", "narrow",
                "flatten", "__getitem__", "index_select", "movedim", "expand_as", "ravel", "swapaxes", "flip", "view_as")
_ATTRIBUTES = ("size", "dim", "ndimension", "numel", "nelement", "element_size", "is_floating_point", "is_complex",
               "is_signed", "get_device", "is_inference", "requires_grad_", "backward", "retain_grad", "register_hook",
               "item", "stride", "is_contiguous", "__len__", "__bool__", "_number", "detach_", "type", "_is_view", "is_conj",
               "is_neg", "storage_offset", "register_post_accumulate_grad_hook", "__float__", "__int__")


def _call(name):
    """The plain function or method of that name."""
    method = getattr(Tensor, name, None)
    return method if method is not None else getattr(creation, name, getattr(pointwise, name, None))


def _common_mask(operands):
    masks = [o.get_mask() for o in operands if type(o) is MaskedTensor]
    for other in masks[1:]:
        if other._a.shape != masks[0]._a.shape or not (other == masks[0]).all().item():
            raise ValueError("Input masks must match. If you need support for this, please open an issue on Github.")
    return masks[0]


def _elementwise(name):
    call = _call(name)

    def function(*args, **kwargs):
        mask = _common_mask((*args, *kwargs.values()))
        result = call(*map(plain, args), **{n: plain(v) for n, v in kwargs.items()})
        return result if result is NotImplemented else masked(result, mask)

    return function


def _inplace(name):
    call = getattr(Tensor, name)

    def function(self, *args, **kwargs):
        _common_mask((self, *args))
        call(plain(self), *map(plain, args), **{n: plain(v) for n, v in kwargs.items()})
        return self

    return function


def _rearranging(name):
    call = getattr(Tensor, name)
    return lambda self, *args, **kwargs: masked(call(plain(self), *args, **kwargs), call(self.get_mask(), *args, **kwargs))


def _truth(input, dim=None, keepdim=False):
    counts = input.get_mask()
    return masked((plain(input).bool() | ~counts).all(*(() if dim is None else (dim, keepdim))),
                  counts.any(*(() if dim is None else (dim, keepdim))))


def _joining(name):
    def function(tensors, dim=0):
        from .. import joining

        call = getattr(joining, name)
        return masked(call([plain(t) for t in tensors], dim), call([t.get_mask() for t in tensors], dim))

    return function


def _where(condition, input, other):
    both = [t for t in (input, other) if type(t) is MaskedTensor]
    if len(both) != 2:
        raise ValueError("where: both of the tensors must be MaskedTensors")
    condition = plain(condition)
    return masked(where(condition, plain(input), plain(other)), where(condition, input.get_mask(), other.get_mask()))


def _reduction(name):
    call = getattr(functions, name)

    def function(self, dim=None, keepdim=False, *args, **kwargs):
        if name in ("var", "std") and isinstance(dim, bool):
            return call(self, None, dim, **kwargs)
        if name in ("var", "std") and args:
            keepdim, args = args[0], ()
        given = {"keepdim": keepdim} if keepdim or name != "median" else {}
        return call(self, dim, **given, **kwargs)

    return function


TABLE.update({n: _elementwise(n) for n in (*_UNARY, *_BINARY) if _call(n) is not None})
TABLE.update({n + "_": _inplace(n + "_") for n in (*_UNARY, *_BINARY) if hasattr(Tensor, n + "_")})
TABLE.update({n: _rearranging(n) for n in _REARRANGING if hasattr(Tensor, n)})
TABLE.update({n: _reduction(n) for n in _REDUCTIONS})
TABLE.update({n: getattr(Tensor, n) for n in _ATTRIBUTES if hasattr(Tensor, n)})
TABLE.update({"all": _truth, "cat": _joining("cat"), "stack": _joining("stack"), "where": _where,
              "is_tensor": lambda obj: True,
              "softmax": functions.softmax, "log_softmax": functions.log_softmax})


_NO_NUMBERS = {"tolist": ".tolist() is not supported for tensor subclasses, got MaskedTensor",
               "numpy": ".numpy() is not supported for tensor subclasses."}


def _refuse(name, self, args, kwargs):
    if name in _NO_NUMBERS:
        raise RuntimeError(_NO_NUMBERS[name])
    raise TypeError(f"no implementation found for 'torch.Tensor.{name}' on types that implement __torch_function__: "
                    "[MaskedTensor]")


answer_by_table(MaskedTensor, TABLE, _refuse)
