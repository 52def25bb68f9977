"""Making sparse tensors from indices and values, and the checks of what they are made of."""

from __future__ import annotations

import math

from plugtorch.autograd.names import rename
from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import INT, int32, int64

from .. import layouts
from ..creation import as_tensor, empty
from ..dispatch import is_tensor, to_dtype, transfer_like
from .conversion import COMPRESSED
from .patterns import filled, flat_places
from .tensor import BLOCKED, BY_ROW, SHOWN, like, make, make_coo


class check_sparse_tensor_invariants:  # noqa: N801  (PyTorch's name)
    """Whether the indices of new sparse tensors are checked, where their construction does not say.

    ``enable()``, ``disable()`` and ``is_enabled()`` are global; an instance is a context manager and a decorator that
    switches the checks on (or off, with ``enable=False``) inside.
    """

    _enabled = False

    def __init__(self, enable: bool = True):
        self.state = enable
        self._before: bool | None = None

    @staticmethod
    def is_enabled() -> bool:
        """Whether the checks are on."""
        return check_sparse_tensor_invariants._enabled

    @staticmethod
    def enable() -> None:
        """Switches the checks on."""
        check_sparse_tensor_invariants._enabled = True

    @staticmethod
    def disable() -> None:
        """Switches the checks off."""
        check_sparse_tensor_invariants._enabled = False

    def __enter__(self):
        if self._before is not None:
            raise RuntimeError("This context manager instance is already activated. Use a different context manager "
                               "instance.")
        self._before = self._enabled
        check_sparse_tensor_invariants._enabled = self.state

    def __exit__(self, *exc):
        check_sparse_tensor_invariants._enabled = self._before
        self._before = None

    def __call__(self, function):
        def checked(*args, **kwargs):
            with type(self)(self.state):
                return function(*args, **kwargs)

        return checked


def _as_values(values, dtype, device):
    if is_tensor(values):
        v = values if device is None else values.to(device)
        return v if dtype is None else to_dtype(v, dtype)
    return as_tensor(values, dtype=dtype, device=device)


def _as_indices(indices, values, keep32=False):
    i = as_tensor(indices) if not is_tensor(indices) else indices
    i = transfer_like(i, values)
    return i if keep32 and i.dtype in (int32, int64) else to_dtype(i, int64)


def _finished(t, values, requires_grad):
    """``t`` with its values in the graph: a node of its own after values that have one, else a leaf."""
    v = t._a.values
    if values.requires_grad and v.requires_grad:
        t._a.values = rename(v.view_as(v), f"{SHOWN[t._a.layout]}TensorBackward0")
        return t
    t._a.values = v.detach() if v is values else v
    if requires_grad:
        t.requires_grad_()
    return t


def _checking(check_invariants):
    return check_sparse_tensor_invariants._enabled if check_invariants is None else check_invariants


def sparse_coo_tensor(*args, indices=None, values=None, size=None, dtype=None, device=None, pin_memory=False,
                      requires_grad=False, check_invariants=None, is_coalesced=None):
    """A COO tensor of ``indices`` (sparse_dim, nnz) and ``values`` (nnz, *dense); entries at one place add up.

    ``size`` is, by default, the largest index plus one, and the dense sizes of the values; ``sparse_coo_tensor(size)``
    is a tensor without entries.

    Raises:
        RuntimeError: shapes that do not fit each other; with ``check_invariants`` also indices out of range, and
            ``is_coalesced=True`` for indices that are not.
    """
    from ..tensor import Size

    if len(args) == 1 and indices is None and values is None and size is None and (
            isinstance(args[0], (Size, tuple, list)) and all(isinstance(n, int) for n in args[0])):
        args, size = (), args[0]
    names = [n for n, v in (("indices", indices), ("values", values), ("size", size)) if v is None]
    given = dict(zip(names, args, strict=False))
    indices, values, size = given.get("indices", indices), given.get("values", values), given.get("size", size)
    if indices is None:
        if size is None:
            raise TypeError("sparse_coo_tensor() received an invalid combination of arguments: indices and values, or a "
                            "size, are needed")
        size = tuple(size)
        v = empty(0, dtype=dtype, device=device)
        return _finished(make_coo(filled((len(size), 0), 0, int64, v), v, size, False), v, requires_grad)
    values = _as_values(values, dtype, device)
    i, v = _as_indices(indices, values), values
    if not i.dim():
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    if i.dim() != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(i._a.shape)}")
    if not v.dim():
        v = v.reshape(1)
    rank, count = i._a.shape
    if v._a.shape[0] != count:
        raise RuntimeError(f"indices and values must have same nnz, but got nnz from indices: {count}, nnz from values: "
                           f"{v._a.shape[0]}")
    checking, dense = _checking(check_invariants), tuple(v._a.shape[1:])
    if size is None:
        size = _inferred(i, dense)
    size = tuple(size)
    if len(size) != rank + len(dense):
        raise RuntimeError(f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, sparse_dim = "
                           f"{rank}, dense_dim = {len(dense)}")
    if size[rank:] != dense:
        raise RuntimeError(f"values has incorrect size, expected {[count, *size[rank:]]}, got {list(v._a.shape)}")
    t = make_coo(i, v, size, bool(is_coalesced))
    if checking:
        _check_coo(t)
    return _finished(t, values, requires_grad)


def _inferred(i, dense):
    rank, count = i._a.shape
    if not count:
        return (0,) * rank + dense
    for axis, low in enumerate(i.amin(1).tolist()):
        if low < 0:
            raise RuntimeError(f"found negative index {low} for dim {axis}")
    return (*(n + 1 for n in i.amax(1).tolist()), *dense)


def _check_coo(t):
    i = t._a.plain[0]
    if not i.numel():
        return
    for axis, (low, high) in enumerate(zip(i.amin(1).tolist(), i.amax(1).tolist(), strict=True)):
        if low < 0:
            raise RuntimeError(f"found negative index {low} for dim {axis}")
        if high >= t._a.shape[axis]:
            raise RuntimeError(f"size is inconsistent with indices: for dim {axis}, size is {t._a.shape[axis]} but found "
                               f"index {high}")
    if t._a.coalesced:
        flat = flat_places(t)
        if (flat[1:] - flat[:-1]).le(0).any().item():
            raise RuntimeError("cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor")


def _compressed(layout, compressed, plain, values, size, dtype, device, requires_grad, check_invariants):
    values = _as_values(values, dtype, device)
    c, p = (_as_indices(x, values, keep32=True) for x in (compressed, plain))
    blocked, batch = layout in BLOCKED, max(c.dim() - 1, 0)
    if size is None:
        block = tuple(values._a.shape[batch + 1:batch + 3]) if blocked else (1, 1)
        lines = (c._a.shape[-1] - 1) if c.dim() else 0
        width = (int(p.max().item()) + 1) if p.numel() else 0
        pair = (lines * block[0], width * block[1]) if layout in BY_ROW else (width * block[0], lines * block[1])
        size = (*c._a.shape[:-1], *pair, *values._a.shape[batch + (3 if blocked else 1):])
    t = make(layout, (c, p), values, size)
    _check_compressed(t, _checking(check_invariants))
    return _finished(t, values, requires_grad)


def _fail(condition):
    raise RuntimeError(f"`{condition}` is not satisfied.")


def _check_compressed(t, contents):
    """Raises if the parts of a compressed tensor do not fit; ``contents`` looks at the indices themselves, too."""
    parts = t._a
    (c, p), v, shape = parts.plain, parts.values, parts.shape
    by_row, blocked = parts.layout in BY_ROW, parts.layout in BLOCKED
    names = ("crow_indices", "col_indices") if by_row else ("ccol_indices", "row_indices")
    for name, x in zip(names, (c, p), strict=True):
        if not x.dim():
            raise RuntimeError(f"{name} must have dimensionality >= 1 but got {x.dim()}")
    if c.dtype is not p.dtype:
        raise RuntimeError(f"{names[0]} and {names[1]} must have the same dtype, bot got {c.dtype.legacy} and "
                           f"{p.dtype.legacy}, respectively")
    if c.dim() != p.dim():
        raise RuntimeError(f"{names[0]} and {names[1]} dimensionalities must be equal but got {c.dim()} and {p.dim()}, "
                           "respectively")
    batch, base = c.dim() - 1, 2
    dense = v.dim() - batch - 1 - (2 if blocked else 0)
    if dense < 0:
        raise RuntimeError(f"values must have dimensionality > sum of batch and block dimensionalities (={batch} + "
                           f"{2 if blocked else 0}) but got {v.dim()}")
    if len(shape) != batch + base + dense:
        raise RuntimeError(f"tensor dimensionality must be sum of batch, base, and dense dimensionalities (={batch} + "
                           f"{base} + {dense}) but got {len(shape)}")
    if tuple(p._a.shape[:batch]) != shape[:batch] or tuple(c._a.shape[:batch]) != shape[:batch] or (
            tuple(v._a.shape[:batch]) != shape[:batch]):
        raise RuntimeError(f"all batch dimensions of {names[0]} (={list(c._a.shape[:batch])}), {names[1]} "
                           f"(={list(p._a.shape[:batch])}), values (={list(v._a.shape[:batch])}) and tensor dimensions "
                           f"(={list(shape[:batch])}) must be equal to one another")
    block = tuple(v._a.shape[batch + 1:batch + 3]) if blocked else (1, 1)
    for n, (size, b) in enumerate(zip(shape[batch:batch + 2], block, strict=True)):
        if not b or size % b:
            raise RuntimeError(f"tensor shape[{batch + n}] (={size}) must be divisible with blocksize[{n}] (={b}) as "
                               f"defined by values shape")
    rows, columns = shape[batch] // block[0], shape[batch + 1] // block[1]
    lines, width = (rows, columns) if by_row else (columns, rows)
    what = ("rows" if by_row else "columns") if not blocked else ("row" if by_row else "column") + " blocks"
    if c._a.shape[-1] != lines + 1:
        raise RuntimeError(f"{names[0]}.shape[-1] must be equal to the number of {what} + 1 (={lines + 1}), but got "
                           f"{c._a.shape[-1]}")
    count = v._a.shape[batch]
    if p._a.shape[-1] != count:
        raise RuntimeError(f"{names[1]}.shape[-1] must be equal to nnz (={count}) as defined by values.shape[{batch}], but "
                           f"got {p._a.shape[-1]}")
    if tuple(v._a.shape[v.dim() - dense:]) != shape[batch + 2:]:
        raise RuntimeError(f"values.shape[{v.dim() - dense}:] (={list(v._a.shape[v.dim() - dense:])}) must be equal to the "
                           f"dense sizes of the tensor (={list(shape[batch + 2:])})")
    if c.dtype.category != INT:
        raise RuntimeError(f"{names[0]} and {names[1]} must be an int32 or int64 type, but got: {c.dtype.legacy}")
    if contents:
        _check_contents(c, p, names, count, width, lines, ("nrows", "ncols") if by_row else ("ncols", "nrows"))


def _check_contents(c, p, names, count, width, lines, sizes):
    if c[..., 0].ne(0).any().item():
        _fail(f"{names[0]}[..., 0] == 0")
    if c[..., -1].ne(count).any().item():
        _fail(f"{names[0]}[..., -1] == nnz")
    steps = c[..., 1:] - c[..., :-1]
    if steps.lt(0).any().item() or steps.gt(width).any().item():
        _fail(f"0 <= {names[0]}[..., 1:] - {names[0]}[..., :-1] <= {sizes[1]}")
    if p.lt(0).any().item() or p.ge(width).any().item():
        _fail(f"0 <= {names[1]} < {sizes[1]}")
    if p._a.shape[-1] > 1:
        starts = c.reshape(math.prod(c._a.shape[:-1]), -1).tolist()
        rising = (p[..., 1:] - p[..., :-1]).gt(0).reshape(len(starts), -1).tolist()
        for at, up in zip(starts, rising, strict=True):
            begins = set(at)
            if any(not ok and n + 1 not in begins for n, ok in enumerate(up)):
                _fail(f"{names[1]}[..., {names[0]}[..., i - 1]:{names[0]}[..., i]] for all i = 1, ..., {sizes[0]} are "
                      f"sorted and distinct along the last dimension values")


def _maker(layout):
    by_row = layout in BY_ROW
    short = layout.name[-3:]

    def build(first, second, values, size, dtype, device, requires_grad, check_invariants):
        return _compressed(layout, first, second, values, size, dtype, device, requires_grad, check_invariants)

    if by_row:
        def function(crow_indices, col_indices, values, size=None, *, dtype=None, device=None, pin_memory=False,
                     requires_grad=False, check_invariants=None, layout=None):
            return build(crow_indices, col_indices, values, size, dtype, device, requires_grad, check_invariants)
    else:
        def function(ccol_indices, row_indices, values, size=None, *, dtype=None, device=None, pin_memory=False,
                     requires_grad=False, check_invariants=None, layout=None):
            return build(ccol_indices, row_indices, values, size, dtype, device, requires_grad, check_invariants)

    function.__name__ = function.__qualname__ = f"sparse_{short}_tensor"
    return function


sparse_csr_tensor, sparse_csc_tensor = _maker(layouts.sparse_csr), _maker(layouts.sparse_csc)
sparse_bsr_tensor, sparse_bsc_tensor = _maker(layouts.sparse_bsr), _maker(layouts.sparse_bsc)


def sparse_compressed_tensor(compressed_indices, plain_indices, values, size=None, *, dtype=None, layout=None, device=None,
                             pin_memory=False, requires_grad=False, check_invariants=None):
    """A tensor in the compressed layout that ``layout`` names."""
    if layout not in COMPRESSED:
        raise RuntimeError("sparse_compressed_tensor expected sparse compressed tensor layout but got "
                           f"{'none' if layout is None else SHOWN[layout]}")
    return _compressed(layout, compressed_indices, plain_indices, values, size, dtype, device, requires_grad,
                       check_invariants)


def zeros_of(t, size=None, dtype=None, device=None):
    """A tensor without entries, of a sparse tensor's layout, dtype and place unless others are named."""
    parts = t._a
    shape = parts.shape if size is None else tuple(size)
    v = parts.values.detach()[:0] if parts.layout is layouts.sparse_coo and size is None else None
    if parts.layout is layouts.sparse_coo:
        if v is None:
            v = parts.values.new_empty(0)
        v = v.to(dtype=dtype or v.dtype)
        v = v if device is None else v.to(Device(device))
        rank = parts.plain[0]._a.shape[0] if size is None else len(shape)
        return make_coo(filled((rank, 0), 0, int64, v), v, shape, False)
    first, second = parts.plain
    zero = like(t, parts.values.detach())
    batch = second._a.ndim - 1
    v = zero._a.values.narrow(batch, 0, 0).to(dtype=dtype or parts.values.dtype)
    return make(parts.layout, (first * 0, second.narrow(batch, 0, 0)), v, shape)
