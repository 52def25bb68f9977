"""Views, rearrangement, joining and splitting."""

from __future__ import annotations

import math

from plugtorch.autograd.aliasing import check_inplace, share
from plugtorch.autograd.aliasing import view as make_view
from plugtorch.autograd.layout import layout_of, reshaped_strides, strides_of
from plugtorch.autograd.mode import NO_GRAD, mode
from plugtorch.autograd.names import named
from plugtorch.autograd.plans import rule_for
from plugtorch.autograd.record import apply, count_version, record
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import DType

from .amp.casting import autocasts
from .dispatch import (
    broadcast_shapes as _broadcast,
)
from .dispatch import (
    is_tensor,
    normalize_axes,
    normalize_axis,
    require_tensor,
    shape_from,
    store,
)
from .methods import exporter, inplace_twin, method
from .strides import is_contiguous
from .tensor import Size, Tensor

__all__: list[str] = []
_export = exporter(__all__)


# Shape.

def _full_shape(shape, n):
    """Sizes with -1 replaced.

    Raises:
        RuntimeError: the number of elements does not fit.
    """
    if -1 in shape:
        if list(shape).count(-1) > 1:
            raise RuntimeError("only one dimension can be inferred")
        known = math.prod(s for s in shape if s != -1)
        if known == 0:
            raise RuntimeError(f"cannot reshape tensor of {n} elements into shape {list(shape)} because the "
                               "unspecified dimension size -1 can be any value and is ambiguous")
        if n % known:
            raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {n}")
        return tuple(n // known if s == -1 else s for s in shape)
    if any(s < 0 for s in shape):
        raise RuntimeError(f"invalid shape dimension {min(shape)}")
    if math.prod(shape) != n:
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {n}")
    return tuple(shape)


def _settle(t):
    """Puts the array of a tensor that shares it with nobody in C order; the layout of a result is free."""
    if t._k.aliases and t._alias is None and not is_contiguous(t):
        t._a = t._k.copy(t._a)


@_export
@method
def reshape(input, *shape):
    """The elements in C order under another shape; a view where the strides allow it, else a copy."""
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = shape[0]
    shape = _full_shape(shape_from((shape,)) if not isinstance(shape, tuple) else shape_from(shape), input.numel())
    if shape == tuple(input._a.shape) or reshaped_strides(tuple(input._a.shape), strides_of(input), shape) is not None:
        return make_view(input, "reshape", {"shape": shape})
    return apply("reshape", (input,), {"shape": shape})


@method
def view(self, *shape, dtype=None):
    """A view under another shape, or of the same bytes under another dtype.

    Raises:
        RuntimeError: the strides do not allow the shape without a copy; use reshape.
    """
    if len(shape) == 1 and isinstance(shape[0], DType):
        dtype, shape = shape[0], ()
    if dtype is not None:
        return _reinterpreted(self, dtype)
    shape = _full_shape(shape_from(shape), self.numel())
    if reshaped_strides(tuple(self._a.shape), strides_of(self), shape) is None:
        _settle(self)
        if reshaped_strides(tuple(self._a.shape), strides_of(self), shape) is None:
            raise RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
                "two contiguous subspaces). Use .reshape(...) instead."
            )
    return make_view(self, "reshape", {"shape": shape})


def _reinterpreted(x, dtype):
    """The same bytes as elements of another dtype; the last dimension grows or shrinks with the size of an element.

    Raises:
        RuntimeError: the bytes of the last dimension do not make whole elements.
    """
    old, new = x.dtype, dtype
    if old is new:
        return make_view(x, "reshape", {"shape": tuple(x._a.shape)})
    shape, strides, offset = layout_of(x)
    if old.itemsize != new.itemsize:
        sizes = f"to view {old.legacy} as {new.legacy} (different element sizes)"
        if not shape:
            raise RuntimeError(f"self.dim() cannot be 0 {sizes}")
        if strides[-1] != 1:
            raise RuntimeError(f"self.stride(-1) must be 1 {sizes}, but got {strides[-1]}")
        ratio = new.itemsize // old.itemsize
        if ratio > 1:
            if shape[-1] % ratio:
                raise RuntimeError(f"self.size(-1) must be divisible by {ratio} {sizes}, but got {shape[-1]}")
            if offset % ratio:
                raise RuntimeError(f"self.storage_offset() must be divisible by {ratio} {sizes}, but got {offset}")
            bad = next((d for d, s in enumerate(strides[:-1]) if s % ratio), None)
            if bad is not None:
                raise RuntimeError(f"self.stride({bad}) must be divisible by {ratio} {sizes}, but got {strides[bad]}")
    v = share(x, x._k.bitcast(x._a, dtype=new), ("bitcast", {"dtype": new}))
    if old.is_complex == new.is_complex and new.differentiable and x._req and not mode() & NO_GRAD:
        record(v, rule_for("bitcast").plan(1, 1), x._k, (x,), (x._a,), {"dtype": new}, v._a)
    return v


@method
def view_as(self, other):
    """A view in another tensor's shape."""
    return view(self, *other._a.shape)


@method
def reshape_as(self, other):
    """Reshaped to another tensor's shape."""
    return reshape(self, *other._a.shape)


@_export
@method
def permute(input, *dims):
    """A view with its dimensions in another order."""
    if len(dims) == 1 and not isinstance(dims[0], int):
        dims = dims[0]
    ndim = input.dim()
    if len(dims) != ndim:
        raise RuntimeError(f"permute(sparse_coo): number of dimensions in the tensor input does not match the length "
                           f"of the desired ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) "
                           f"= {len(dims)}")
    axes = tuple(normalize_axis(d, ndim) for d in dims)
    if len(set(axes)) != len(axes):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return make_view(input, "permute", {"axes": axes})


@_export
@method
def transpose(input, dim0, dim1):
    """A view with two dimensions swapped."""
    ndim = input.dim()
    a, b = normalize_axis(dim0, ndim), normalize_axis(dim1, ndim)
    axes = list(range(ndim))
    if ndim:
        axes[a], axes[b] = b, a
    return make_view(input, "permute", {"axes": tuple(axes)}, node_name="TransposeBackward0")


swapaxes = swapdims = transpose
method(transpose, name="swapaxes")
method(transpose, name="swapdims")
__all__ += ["swapaxes", "swapdims"]


@_export
@method
def t(input):
    """The transposed matrix; a vector or a 0-d tensor itself.

    Raises:
        RuntimeError: more than two dimensions.
    """
    if input.dim() > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.dim()}D")
    return make_view(input, "permute", {"axes": tuple(reversed(range(input.dim())))}, node_name="TBackward0")


@_export
@method
def movedim(input, source, destination):
    """A view with dimensions moved to other positions."""
    if isinstance(source, int) is not isinstance(destination, int):
        raise TypeError(f"movedim() received an invalid combination of arguments - got (Tensor, {type(source).__name__}, "
                        f"{type(destination).__name__})")
    ndim = input.dim()
    source = [normalize_axis(d, ndim) for d in ((source,) if isinstance(source, int) else source)]
    destination = [normalize_axis(d, ndim) for d in ((destination,) if isinstance(destination, int) else destination)]
    if len(source) != len(destination):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({source} dims) should contain the "
                           f"same number of dims as destination ({destination} dims)")
    for which, dims in (("source", source), ("destination", destination)):
        if len(set(dims)) < len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{which}` ({dims})")
    rest = iter([d for d in range(ndim) if d not in source])
    placed = dict(zip(destination, source, strict=True))
    return permute(input, tuple(placed[d] if d in placed else next(rest) for d in range(ndim)))


moveaxis = movedim
method(movedim, name="moveaxis")
__all__.append("moveaxis")
method(property(lambda self: permute(self, tuple(range(self.dim() - 1, -1, -1))),
                doc="The dimensions in reverse order."), name="T")
method(property(lambda self: transpose(self, -2, -1), doc="The last two dimensions swapped."), name="mT")
method(property(lambda self: transpose(self, -2, -1).conj(), doc="The conjugate transpose of matrices."), name="mH")
method(property(lambda self: transpose(self, 0, 1).conj(), doc="The conjugate transpose of a matrix."), name="H")


@_export
@method
def adjoint(input):
    """The conjugate transpose of the last two dimensions."""
    return transpose(input, -2, -1).conj()


@_export
@method
def squeeze(input, dim=None):
    """A view without dimensions of size 1, or without those named if their size is 1."""
    require_tensor(input, "squeeze")
    shape = input._a.shape
    if dim is None:
        drop = set(range(len(shape)))
    else:
        drop = set(normalize_axes(dim, len(shape))) if dim != () else set()
    new = tuple(n for i, n in enumerate(shape) if n != 1 or i not in drop)
    name = "SqueezeBackward0" if dim is None else "SqueezeBackward1" if isinstance(dim, int) else "SqueezeBackward2"
    return make_view(input, "reshape", {"shape": new}, None, name)


@_export
@method
def unsqueeze(input, dim):
    """A view with a dimension of size 1 inserted."""
    at = normalize_axis(dim, input.dim() + 1)
    shape = tuple(input._a.shape)
    return make_view(input, "reshape", {"shape": (*shape[:at], 1, *shape[at:])}, node_name="UnsqueezeBackward0")


def rename_in_place(function):
    """In-place twin of a view op: the tensor itself takes the view's place."""

    def twin(self, *args, **kwargs):
        check_inplace(self, spread=True)
        before = self._alias
        v = function(self, *args, **kwargs)
        self._a, self._node, self._cell, self._req = v._a, v._node, v._cell, v._req
        at = v._alias
        if before is None or before.base is None:
            at.base, at.steps = None, ()  # it is still what it was: no view
        self._alias = at
        at.storage.add(self)
        count_version(self)
        return self

    twin.__name__ = function.__name__ + "_"
    twin.__doc__ = f"In-place version of :func:`{function.__name__}`."
    return method(twin)


for _function in (squeeze, unsqueeze, transpose, t):
    rename_in_place(_function)
method(Tensor.transpose_, name="swapaxes_")
method(Tensor.transpose_, name="swapdims_")


@_export
@method
def flatten(input, start_dim=0, end_dim=-1):
    """Dimensions ``start_dim`` to ``end_dim`` joined into one."""
    shape = tuple(input._a.shape)
    if not shape:
        return reshape(input, (1,))
    a, b = normalize_axis(start_dim, len(shape)), normalize_axis(end_dim, len(shape))
    if a > b:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if a == b:
        return input
    return reshape(input, (*shape[:a], math.prod(shape[a:b + 1]), *shape[b + 1:]))


@_export
@method
def ravel(input):
    """All elements in one dimension."""
    return reshape(input, (-1,)) if input.numel() else reshape(input, (0,))


@_export
@method
def unflatten(input, dim, sizes):
    """One dimension split into several."""
    shape = tuple(input._a.shape)
    at = normalize_axis(dim, len(shape))
    inner = _full_shape(tuple(sizes), shape[at]) if -1 in sizes else tuple(sizes)
    if math.prod(inner) != shape[at]:
        raise RuntimeError(f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {at} "
                           f"({shape[at]}) in the input tensor")
    return view(input, *shape[:at], *inner, *shape[at + 1:])


@method
def expand(self, *sizes):
    """A view repeated along dimensions of size 1; -1 keeps a size.

    Raises:
        RuntimeError: a size that is neither kept nor 1.
    """
    sizes = shape_from(sizes)
    shape = tuple(self._a.shape)
    lead = len(sizes) - len(shape)
    if lead < 0:
        raise RuntimeError(f"expand({self.type()}{{{list(shape)}}}, size={list(sizes)}): the number of sizes provided "
                           f"({len(sizes)}) must be greater or equal to the number of dimensions in the tensor "
                           f"({len(shape)})")
    full = list(sizes)
    for i, n in enumerate(sizes):
        have = shape[i - lead] if i >= lead else None
        if n == -1:
            if have is None:
                raise RuntimeError(f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing "
                                   f"dimension {i}")
            full[i] = have
        elif have is not None and have != 1 and have != n:
            raise RuntimeError(f"The expanded size of the tensor ({n}) must match the existing size ({have}) at "
                               f"non-singleton dimension {i}.  Target sizes: {list(sizes)}.  Tensor sizes: "
                               f"{list(shape)}")
    return make_view(self, "broadcast_to", {"shape": tuple(full)})


@method
def expand_as(self, other):
    """Expanded to another tensor's shape."""
    return expand(self, *other._a.shape)


@_export
def broadcast_to(input, size):
    """Expanded to a shape."""
    return expand(input, *size)


method(broadcast_to)


@_export
def broadcast_shapes(*shapes):
    """The shape to which shapes broadcast."""
    return Size(_broadcast(*((s,) if isinstance(s, int) else tuple(s) for s in shapes)))


@_export
def broadcast_tensors(*tensors):
    """Tensors expanded to their common shape."""
    if len(tensors) == 1 and not is_tensor(tensors[0]):
        tensors = tensors[0]
    shape = _broadcast(*(tuple(x._a.shape) for x in tensors))
    return tuple(expand(x, *shape) for x in tensors)


@_export
@method
def narrow(input, dim, start, length):
    """A view of ``length`` entries of a dimension, from ``start``."""
    ndim = input.dim()
    if not ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    at = normalize_axis(dim, ndim)
    n = input._a.shape[at]
    if is_tensor(start) and (start.dim() or start.dtype.category != dtypes.INT):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    start = int(start)
    if start < 0:
        start += n
    if not 0 <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {start})")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return slice_view(input, at, start, start + length, 1)


def slice_view(x, axis, start, stop, step, node_name=None, output=None):
    """The view ``x[..., start:stop:step, ...]`` along one axis; ``output`` counts the views of one call."""
    shape = tuple(x._a.shape)
    return make_view(x, "slice", {
        "start": tuple(start if i == axis else 0 for i in range(len(shape))),
        "stop": tuple(max(stop, start) if i == axis else n for i, n in enumerate(shape)),
        "step": tuple(step if i == axis else 1 for i in range(len(shape))),
    }, None, node_name, output)


@_export
@method
def select(input, dim, index):
    """A view of one entry of a dimension, which disappears."""
    ndim = input.dim()
    if ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    at = normalize_axis(dim, ndim)
    n = input._a.shape[at]
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(input._a.shape)} at dimension "
                         f"{at}")
    return make_view(input, "select", {"axis": at, "index": int(index) % n})


# Rearrangement.

@_export
@method
def flip(input, *args, dims=None):
    """A copy with the order reversed along dimensions."""
    dims = args if dims is None else (dims,)
    axes = normalize_axes(tuple(shape_from(dims)), input.dim()) if shape_from(dims) else ()
    return apply("flip", (input,), {"axis": axes})


@_export
@method
def fliplr(input):
    """Reversed along the second dimension."""
    if input.dim() < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


@_export
@method
def flipud(input):
    """Reversed along the first dimension."""
    if input.dim() < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


@_export
@method
@named("Rot90Backward0")
def rot90(input, k=1, dims=(0, 1)):
    """Turned k quarter turns in the plane of two dimensions."""
    k %= 4
    if input.dim() < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.dim()}")
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    a, b = dims
    if a == b or abs(a - b) == input.dim():
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {a} and dim1 = {b}")
    for d in dims:
        if not -input.dim() <= d < input.dim():
            raise RuntimeError(f"Rotation dim out of range, dim = {d}")
    if k == 0:
        return input.clone()
    if k == 1:
        return transpose(flip(input, b), a, b)
    if k == 2:
        return flip(input, a, b)
    return flip(transpose(input, a, b), b)


@_export
@method
@named("RollBackward0")
def roll(input, shifts, dims=None):
    """Elements moved along dimensions, those falling off the end coming in at the start."""
    shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    if dims is None:
        return reshape(roll(reshape(input, (-1,)), shifts, 0), tuple(input._a.shape))
    dims = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(dims) != len(shifts):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}")
    for shift, dim in zip(shifts, dims, strict=True):
        n = input._a.shape[normalize_axis(dim, input.dim())]
        if n:
            cut = -shift % n
            parts = (narrow(input, dim, cut, n - cut), narrow(input, dim, 0, cut))
            input = apply("concat", parts, {"axis": normalize_axis(dim, input.dim())})
    return input.clone() if not shifts else input


@method
@named("RepeatBackward0")
def repeat(self, *sizes):
    """A copy repeated along dimensions."""
    sizes = shape_from(sizes)
    shape = tuple(self._a.shape)
    if len(sizes) < len(shape):
        raise RuntimeError("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
    if any(n < 0 for n in sizes):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(sizes)}: repeat sizes {list(sizes)} of a "
                           f"tensor of shape {list(shape)}")
    shape = (1,) * (len(sizes) - len(shape)) + shape
    spread = tuple(v for n, size in zip(shape, sizes, strict=True) for v in (size, n))
    inner = reshape(self, tuple(v for n in shape for v in (1, n)))
    # A repetition along an axis of one element could stay a view, whose places share memory.
    return apply("reshape", (apply("copy", (expand(inner, *spread),)),),
                 {"shape": tuple(n * size for n, size in zip(shape, sizes, strict=True))})


@_export
@method
def tile(input, *dims):
    """Repeated like NumPy's tile."""
    dims = shape_from(dims)
    return repeat(input, *((1,) * max(0, input.dim() - len(dims)) + tuple(dims)))


@_export
@method
def diagonal(input, offset=0, dim1=0, dim2=1):
    """A view of the diagonal of the planes of two dimensions, moved last."""
    ndim = input.dim()
    a, b = normalize_axis(dim1, ndim), normalize_axis(dim2, ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return make_view(input, "diagonal", {"offset": offset, "axis1": a, "axis2": b})


@_export
@method
def diag(input, diagonal=0, *, out=None):
    """The diagonal of a matrix, or a matrix with a vector on its diagonal."""
    if input.dim() == 1:
        return store(out, diag_embed(input, diagonal))
    if input.dim() != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.dim()}D")
    return store(out, globals()["diagonal"](input, diagonal).clone())


@_export
@method
@named("DiagEmbedBackward0")
def diag_embed(input, offset=0, dim1=-2, dim2=-1):
    """Matrices with the last dimension's values on a diagonal."""
    n = input._a.shape[-1] + abs(offset)
    ndim = input.dim() + 1
    a, b = normalize_axis(dim1, ndim), normalize_axis(dim2, ndim)
    plane = apply("reshape", (input,), {"shape": (*input._a.shape, 1)})
    m = input._a.shape[-1]
    rows, cols = max(0, -offset), max(0, offset)
    eye = input.new_full((m, m), False, dtype=dtypes.bool_)
    eye.diagonal().fill_(True)
    square = plane.masked_fill(~eye, 0) if m else plane.expand(*plane._a.shape[:-1], 0)
    lead = (0,) * (input.dim() - 1)
    full = apply("pad", (square,), {"lo": (*lead, rows, cols), "hi": (*lead, n - m - rows, n - m - cols)})
    return movedim(full, (-2, -1), (a, b)) if (a, b) != (ndim - 2, ndim - 1) else full


def _triangle(name):
    def function(input, diagonal=0, *, out=None):
        if input.dim() < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        return store(out, apply(name, (input,), {"diagonal": diagonal}))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The {'lower' if name == 'tril' else 'upper'} triangle of matrices, zero elsewhere."
    inplace_twin(function)
    return _export(method(function))


tril, triu = _triangle("tril"), _triangle("triu")


@method
def unfold(self, dimension, size, step):
    """Views of windows of ``size`` elements every ``step`` along a dimension, in a new last dimension."""
    if not self.dim():
        self = reshape(self, (1,))
        whole = unfold(self, 0, size, step)
        return squeeze(whole, 0) if size == 1 else whole
    at = normalize_axis(dimension, self.dim())
    n = self._a.shape[at]
    if size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {at} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    return make_view(self, "unfold_dim", {"axis": at, "size": size, "step": step})


# Complex numbers as pairs.

def _part(name):
    def get(self):
        if not self.dtype.is_complex:
            if name == "imag":
                raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
            return self
        return make_view(self, name, {}, None, "SelectBackward0")

    return get


_real, _imag = _part("real"), _part("imag")
method(property(_real, lambda self, v: _real(self).copy_(v), doc="The real part, a view."), name="real")
method(property(_imag, lambda self, v: _imag(self).copy_(v), doc="The imaginary part, a view."), name="imag")


@_export
def real(input):
    """The real part, a view; a real tensor itself."""
    return _real(input)


@_export
def imag(input):
    """The imaginary part, a view."""
    return _imag(input)


@_export
def view_as_real(input):
    """A complex tensor as pairs of reals in a new last dimension."""
    if not input.dtype.is_complex:
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return make_view(input, "view_as_real", {})


@_export
@autocasts
def view_as_complex(input):
    """Pairs of reals in the last dimension as a complex tensor."""
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError("view_as_complex is only supported for half, float and double tensors, but got a tensor of "
                           f"scalar type: {input.dtype.legacy} (half complex numbers do not exist here)")
    if input.dim() == 0:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if input._a.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    strides = strides_of(input)
    if strides[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if any(s % 2 for s in strides[:-1]):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    return make_view(input, "view_as_complex", {})


def _resolve(self):
    """The tensor itself: conjugations and negations are done at once."""
    return self


for _name in ("resolve_conj", "resolve_neg"):
    method(_resolve, name=_name)


@method
def alias(self):
    """Another tensor on the same memory."""
    return share(self, self._a)


@method
def is_set_to(self, tensor):
    """Whether two tensors lie on one storage with equal offset, sizes and strides."""
    if self is tensor:
        return True
    if self._alias is None or tensor._alias is None or self._alias.storage is not tensor._alias.storage:
        return False
    return self.dtype is tensor.dtype and layout_of(self) == layout_of(tensor)

