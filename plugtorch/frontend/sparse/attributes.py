"""What sparse tensors tell of themselves, and in-place changes of what they are made of."""

from __future__ import annotations

import builtins

from plugtorch.autograd.names import rename
from plugtorch.spec.dtypes import int64

from .. import layouts
from ..tensor import Tensor
from . import conversion, patterns
from .construction import zeros_of
from .patterns import filled, sparse_dim
from .tensor import TABLE, could_not_run, dispatch_key, implements, is_sparse, like, make, make_coo, require_sparse

COO = layouts.sparse_coo
ROW, COLUMN = (layouts.sparse_csr, layouts.sparse_bsr), (layouts.sparse_csc, layouts.sparse_bsc)

for _name in ("size", "dim", "ndimension", "numel", "nelement", "element_size", "is_floating_point", "is_complex",
              "is_signed",
              "get_device", "is_inference", "_number", "is_shared", "pin_memory", "is_pinned"):
    TABLE[_name] = getattr(Tensor, _name)
for _name in ("__len__", "__bool__", "__int__", "__float__", "__complex__", "__index__", "is_neg", "is_conj", "_is_view"):
    TABLE[_name] = getattr(Tensor, _name)

implements("dense_dim")(lambda self: patterns.dense_dim(self) if is_sparse(self) else self.dim())


@implements("sparse_dim")
def _sparse_dim(self):
    parts = self._a
    return sparse_dim(self) if parts.layout is COO else 2


@implements("_nnz")
def nnz(self):
    """The number of entries (per batch)."""
    parts = self._a
    return parts.values._a.shape[0 if parts.layout is COO else parts.plain[1]._a.ndim - 1]


@implements("is_coalesced")
def is_coalesced(self):
    """Whether the indices of a COO tensor are known to be sorted and distinct."""
    require_sparse(self, "is_coalesced", COO)
    return self._a.coalesced


@implements("_coalesced_")
def mark_coalesced(self, coalesced):
    """Says whether the indices are sorted and distinct, without a look at them."""
    self._a.coalesced = bool(coalesced)
    return self


def _need_coalesced(t, name):
    if not t._a.coalesced:
        raise RuntimeError(f"Cannot get {name} on an uncoalesced tensor, please call .coalesce() first")


@implements("indices")
def indices(self):
    """The indices (sparse_dim, nnz) of a coalesced COO tensor."""
    require_sparse(self, "indices", COO)
    _need_coalesced(self, "indices")
    return self._a.plain[0]


@implements("_indices")
def _indices(self):
    require_sparse(self, "_indices", COO)
    return self._a.plain[0]


@implements("values")
def values(self):
    """The values of a coalesced COO tensor or of a compressed one; gradients flow through them."""
    if not is_sparse(self):
        require_sparse(self, "values", COO, *ROW, *COLUMN)
    if self._a.layout is COO:
        _need_coalesced(self, "values")
    v = self._a.values
    return rename(v.view_as(v), "ValuesBackward0") if v.requires_grad else v


implements("_values")(lambda self: self._a.values.detach())


def _index_getter(name, allowed, at):
    def get(self):
        require_sparse(self, name, *allowed)
        return self._a.plain[at]

    get.__name__ = get.__qualname__ = name
    return implements(name)(get)


crow_indices, col_indices = _index_getter("crow_indices", ROW, 0), _index_getter("col_indices", ROW, 1)
ccol_indices, row_indices = _index_getter("ccol_indices", COLUMN, 0), _index_getter("row_indices", COLUMN, 1)
for _name in ("indices", "values", "crow_indices", "col_indices", "ccol_indices", "row_indices"):
    implements(f"{_name}_copy")(lambda self, *, out=None, _get=TABLE[_name]: _get(self).clone())


# -- conversions of values ----------------------------------------------------

def _convert(name):
    def convert(self, *args, **kwargs):
        new = getattr(self._a.values, name)(*args, **kwargs)
        return self if new is self._a.values else like(self, new)

    implements(name)(convert)


for _name in ("float", "double", "half", "bfloat16", "int", "long", "short", "char", "byte", "bool", "cfloat", "cdouble"):
    _convert(_name)


@implements("to", "cpu", "cuda", "type_as")
def to(self, *args, **kwargs):
    """The tensor with its values in another dtype, and all of it on another device or backend."""
    if not is_sparse(self):
        other = args[0] if args else kwargs["other"]
        return self.to(device=other.device, dtype=other.dtype)
    args = tuple(a._a.values if is_sparse(a) else a for a in args)
    new = self._a.values.to(*args, **{n: v._a.values if is_sparse(v) else v for n, v in kwargs.items()})
    if new is self._a.values:
        return self
    parts = self._a
    if new._k is parts.values._k and new.device == parts.values.device:
        return like(self, new)
    plain = tuple(p.to(device=new.device, backend=new._k.name) for p in parts.plain)
    return make(parts.layout, plain, new, parts.shape, parts.coalesced)


@implements("clone")
def clone(self, *, memory_format=None):
    """A copy in fresh memory, through which gradients flow."""
    parts = self._a
    return make(parts.layout, tuple(p.clone() for p in parts.plain), parts.values.clone(), parts.shape, parts.coalesced)


@implements("type")
def type_(self, dtype=None, non_blocking=False):
    """The tensor's type string, or the tensor in another dtype."""
    if dtype is not None:
        return like(self, self._a.values.type(dtype))
    if self._a.layout is not COO:
        raise RuntimeError(f"Unimplemented backend {dispatch_key(self)}")
    return self._a.values.type().replace("torch.", "torch.sparse.").replace("sparse.cuda", "cuda.sparse")


# -- in place -----------------------------------------------------------------

def become(self, other):
    """Puts the parts of ``other`` under ``self``.

    Raises:
        RuntimeError: a leaf that requires grad.
    """
    check_inplace(self)
    self._a = other._a
    return self


def check_inplace(self):
    """Raises for what must not be changed in place while gradients are recorded."""
    from ..functions import is_grad_enabled

    if self.requires_grad and self.is_leaf and is_grad_enabled():
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")


@implements("zero_")
def zero_(self):
    """Takes all entries away; the values that others share are set to 0."""
    check_inplace(self)
    self._a.values.detach().zero_()
    return become(self, zeros_of(self))


@implements("copy_")
def copy_(self, src, non_blocking=False):
    """Makes it the same as another tensor of its layout and shape."""
    if is_sparse(self) is not is_sparse(src):
        raise RuntimeError("copy_() between dense and sparse Tensors is not implemented! Found self type = "
                           f"{self.type()} and src type = {src.type()}")
    if self._a.layout is not src._a.layout:
        raise RuntimeError(f"copy_: copy between {self._a.layout!r} and {src._a.layout!r} is not supported")
    if self._a.shape != src._a.shape:
        raise RuntimeError(f"copy_: the sizes {list(self._a.shape)} and {list(src._a.shape)} of the tensors differ")
    return become(self, clone(src) if src.dtype is self.dtype else like(src, src._a.values.to(self.dtype)))


def _resized(self, size, sparse, dense):
    size = tuple(size)
    if sparse + dense != len(size):
        raise RuntimeError(f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, sparse_dim = "
                           f"{sparse}, dense_dim = {dense}")
    return size


def _need_coo(self, name):
    if not is_sparse(self) or self._a.layout is not COO:
        raise NotImplementedError(could_not_run(name, dispatch_key(self)))


@implements("sparse_resize_")
def sparse_resize_(self, size, sparse_dim, dense_dim):
    """Gives a COO tensor another size, which must keep its entries inside.

    Raises:
        RuntimeError: numbers of dimensions that do not fit, or a dimension that would shrink under entries.
    """
    _need_coo(self, "sparse_resize_")
    size = _resized(self, size, sparse_dim, dense_dim)
    parts = self._a
    have, n = parts.plain[0]._a.shape
    if n and (sparse_dim != have or dense_dim != patterns.dense_dim(self)):
        raise RuntimeError("changing the number of sparse or dense dimensions on a non-empty sparse tensor is not "
                           "supported: use sparse_resize_and_clear_")
    if n and any(new < old for new, old in zip(size, parts.shape, strict=True)):
        raise RuntimeError("shrinking the size of a non-empty sparse tensor is not supported: use sparse_resize_and_clear_")
    if n and size[sparse_dim:] != parts.shape[sparse_dim:]:
        wide = parts.values.new_zeros((n, *size[sparse_dim:]))
        wide[tuple(slice(0, m) for m in parts.values._a.shape)] = parts.values
        return become(self, make_coo(parts.plain[0], wide, size, parts.coalesced))
    if not n:
        return sparse_resize_and_clear_(self, size, sparse_dim, dense_dim)
    return become(self, make_coo(parts.plain[0], parts.values, size, parts.coalesced))


@implements("sparse_resize_and_clear_")
def sparse_resize_and_clear_(self, size, sparse_dim, dense_dim):
    """Gives a COO tensor another size and no entries."""
    _need_coo(self, "sparse_resize_and_clear_")
    size = _resized(self, size, sparse_dim, dense_dim)
    v = self._a.values.detach()
    return become(self, make_coo(filled((sparse_dim, 0), 0, int64, v), v.new_empty((0, *size[sparse_dim:])), size))


@implements("resize_as_sparse_")
def resize_as_sparse_(self, template):
    """Gives a COO tensor the size of another one."""
    _need_coo(self, "resize_as_sparse_")
    _need_coo(template, "resize_as_sparse_")
    return sparse_resize_(self, template._a.shape, sparse_dim(template), patterns.dense_dim(template))


# -- others of the kind -------------------------------------------------------

@implements("zeros_like", "empty_like")
def zeros_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, pin_memory=False):
    """A tensor without entries, of the same layout and size; a dense one if ``layout`` is strided."""
    t = zeros_of(input, None, dtype, device)
    return (conversion.to_dense(t) if layout is layouts.strided else t).requires_grad_(requires_grad)


@implements("new_zeros", "new_empty")
def new_zeros(self, *size, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """A tensor without entries, of another size and this tensor's layout, dtype and place."""
    from ..dispatch import shape_from

    return zeros_of(self, shape_from(size), dtype, device).requires_grad_(requires_grad)


implements("new_tensor")(lambda self, data, **kwargs: self._a.values.new_tensor(data, **kwargs))
implements("stride")(lambda self, dim=None: (0,) * self.dim() if dim is None else 0)
implements("is_contiguous")(lambda self, memory_format=None: False)
implements("is_same_size")(lambda self, other: tuple(self._a.shape) == tuple(other._a.shape))
implements("resolve_conj", "resolve_neg", "contiguous_")(lambda self: self)


def _refusal(message, kind=RuntimeError):
    def refuse(*args, **kwargs):
        raise kind(message)

    return refuse


implements("numpy", "__array__")(_refusal("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.",
                                          TypeError))
implements("tolist", "data_ptr")(_refusal("Cannot access data pointer of Tensor that doesn't have storage"))
implements("storage", "untyped_storage")(_refusal("Cannot access storage of SparseTensorImpl", NotImplementedError))
implements("reshape", "flatten", "ravel")(_refusal("reshape is not implemented for sparse tensors"))
implements("expand", "broadcast_to", "expand_as")(_refusal("expand is unsupported for Sparse tensors"))
implements("contiguous")(_refusal("unsupported memory format option Contiguous"))


@implements("item")
def item(self):
    """The only element, as a Python number."""
    n = self.numel()
    if n != 1:
        raise RuntimeError(f"a Tensor with {n} elements cannot be converted to Scalar")
    return conversion.to_dense(self).item()


@implements("tensor", "as_tensor", "asarray")
def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False, copy=None):
    """A sparse tensor as it is, or in another dtype or place; ``tensor`` gives a copy."""
    t = data if dtype is None and device is None else to(data, **{n: v for n, v in (("dtype", dtype), ("device", device))
                                                                  if v is not None})
    return clone(t).detach().requires_grad_(requires_grad)


implements("is_tensor")(lambda obj: True)
implements("is_nonzero")(lambda input: builtins.bool(item(input)))
implements("typename")(lambda obj: type_(obj))
