"""Comparing tensors, numbers and containers of them, with errors that say where and by how much they differ."""

from __future__ import annotations

import cmath
import math
import warnings
from collections.abc import Mapping, Sequence

from plugtorch.frontend import functions as fn
from plugtorch.frontend.dispatch import is_tensor
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec import dtypes

__all__ = ["assert_allclose", "assert_close"]

# dtype -> (rtol, atol); all other dtypes are compared exactly
_PRECISIONS = {
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
    "complex32": (1e-3, 1e-5), "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}
_PYTHON = {float: "float64", complex: "complex128"}


def default_tolerances(*inputs) -> tuple[float, float]:
    """``(rtol, atol)`` of tensors, dtypes or numbers, the loosest of them."""
    names = [v.name if isinstance(v, dtypes.DType) else v.dtype.name if is_tensor(v) else _PYTHON.get(type(v), "")
             for v in inputs]
    both = [_PRECISIONS.get(name, (0.0, 0.0)) for name in names]
    return max(r for r, _ in both), max(a for _, a in both)


class _Options:
    """How to compare."""

    def __init__(self, rtol, atol, equal_nan, allow_subclasses, check_device, check_dtype, check_layout, check_stride, msg):
        if (rtol is None) != (atol is None):
            raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no "
                             f"{'rtol' if rtol is None else 'atol'}.")
        self.rtol, self.atol, self.equal_nan, self.allow_subclasses = rtol, atol, equal_nan, allow_subclasses
        self.device, self.dtype, self.layout, self.stride = check_device, check_dtype, check_layout, check_stride
        self.msg = msg

    def fail(self, text, path):
        if path:
            text += "\n\nThe failure occurred for item " + "".join(f"[{p!r}]" for p in path)
        if self.msg is not None:
            text = self.msg(text) if callable(self.msg) else self.msg
        raise AssertionError(text)

    def tolerances(self, *inputs):
        return default_tolerances(*inputs) if self.rtol is None else (self.rtol, self.atol)


def _attributes(actual, expected, options, path):
    def check(name, a, b):
        if a != b:
            options.fail(f"The values for attribute '{name}' do not match: {a} != {b}.", path)

    check("shape", actual.shape, expected.shape)
    if options.device:
        check("device", actual.device, expected.device)
    if options.layout:
        check("layout", actual.layout, expected.layout)
    if options.dtype:
        check("dtype", actual.dtype, expected.dtype)
    if options.stride and str(actual.layout) == "torch.strided":
        check("stride()", actual.stride(), expected.stride())


_SPARSE_PARTS = {
    "torch.sparse_coo": ("_indices", "_values"), "torch.sparse_csr": ("crow_indices", "col_indices", "values"),
    "torch.sparse_csc": ("ccol_indices", "row_indices", "values"),
    "torch.sparse_bsr": ("crow_indices", "col_indices", "values"),
    "torch.sparse_bsc": ("ccol_indices", "row_indices", "values"),
}


def _common(actual, expected):
    """Both on the host and in one dtype that holds the values of both."""
    if actual.device != expected.device or actual.backend != expected.backend:
        expected = expected.to(actual)  # a device is compared before, where it matters
    if actual.dtype is not expected.dtype:
        wide = fn.promote_types(actual.dtype, expected.dtype)
        actual, expected = actual.to(wide), expected.to(wide)
    return actual, expected


def _tensors(actual, expected, options, path):
    if actual is expected and options.equal_nan:
        return
    _attributes(actual, expected, options, path)
    actual, expected = actual.detach(), expected.detach()
    kind, other = str(actual.layout), str(expected.layout)
    if kind != other:
        actual, expected = (t.to_dense() if str(t.layout) != "torch.strided" else t for t in (actual, expected))
    elif kind in _SPARSE_PARTS:
        if kind == "torch.sparse_coo":
            actual, expected = actual.coalesce(), expected.coalesce()
        if actual._nnz() != expected._nnz():
            options.fail(f"The number of specified values in sparse tensors does not match: {actual._nnz()} != "
                         f"{expected._nnz()}", path)
        for part in _SPARSE_PARTS[kind]:
            _values(getattr(actual, part)(), getattr(expected, part)(), options, path,
                    f"Sparse {kind.rpartition('_')[2].upper()} {part.strip('_')}")
        return
    if "meta" in (actual.device.type, expected.device.type):
        if options.device or actual.device == expected.device:
            return
    _values(actual, expected, options, path, "Tensor-likes")


def _values(actual, expected, options, path, what):
    rtol, atol = options.tolerances(actual, expected)
    actual, expected = _common(actual, expected)
    if actual.dtype.is_complex or actual.dtype.is_floating_point:
        close = fn.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=options.equal_nan)
    elif rtol or atol:
        close = fn.isclose(*_wide(actual, expected), rtol=rtol, atol=atol)
    else:
        close = fn.eq(actual, expected)
    if bool(close.all()):
        return
    if what == "Tensor-likes" and not actual.dim():
        options.fail(_number_text(actual.item(), expected.item(), rtol, atol), path)
    options.fail(_tensor_text(actual, expected, ~close, rtol, atol, what), path)


def _wide(*tensors):
    return [t.to(dtypes.int64) if t.dtype.category < dtypes.FLOAT and t.dtype is not dtypes.uint64 else t for t in tensors]


def _differences(actual, expected):
    """Absolute and relative differences, of the dtype in which they are shown."""
    if actual.dtype.category < dtypes.FLOAT:
        actual, expected = _wide(actual, expected)
    absolute = (actual - expected).abs()
    return absolute, absolute / expected.abs()


def _tensor_text(actual, expected, wrong, rtol, atol, what):
    n, total = int(wrong.sum().item()), wrong.numel()
    shape, lines = tuple(actual.shape), []
    flat = wrong.reshape(-1)
    for name, values, tolerance in zip(("absolute", "relative"), _differences(actual, expected), (atol, rtol), strict=True):
        values = values.reshape(-1).masked_fill(~flat, 0)
        at = int(values.argmax().item())
        greatest, index = values[at].item(), []
        for size in reversed(shape):
            at, i = divmod(at, size)
            index.append(i)
        place = tuple(reversed(index))
        lines.append(f"Greatest {name} difference: {greatest} at index {place}"
                     + (f" (up to {tolerance} allowed)" if rtol or atol else ""))
    return (f"{what} are not {'close' if rtol or atol else 'equal'}!\n\nMismatched elements: {n} / {total} "
            f"({n / total:.1%})\n" + "\n".join(lines))


def _number_text(actual, expected, rtol, atol):
    difference = abs(actual - expected)
    relative = float("inf") if expected == 0 else difference / abs(expected)
    allowed = (f" (up to {atol} allowed)", f" (up to {rtol} allowed)") if rtol or atol else ("", "")
    return (f"Scalars are not {'close' if rtol or atol else 'equal'}!\n\nExpected {expected} but got {actual}.\n"
            f"Absolute difference: {difference}{allowed[0]}\nRelative difference: {relative}{allowed[1]}")


def _numbers(actual, expected, options, path):
    if options.dtype and type(actual) is not type(expected):
        options.fail(f"The (d)types do not match: {type(actual)} != {type(expected)}.", path)
    rtol, atol = options.tolerances(actual, expected)
    nans = cmath.isnan(actual) and cmath.isnan(expected)
    if actual == expected or (options.equal_nan and nans):
        return
    difference = abs(actual - expected)
    if math.isfinite(difference) and difference <= atol + rtol * abs(expected):
        return
    options.fail(_number_text(actual, expected, rtol, atol), path)


def _is_numpy(value):
    return hasattr(value, "__array__") and not is_tensor(value)


def _compare(actual, expected, options, path):
    if actual is None or expected is None:
        if actual is not expected:
            options.fail(f"None mismatch: {actual} is not {expected}", path)
    elif isinstance(actual, bool) and isinstance(expected, bool):
        if actual is not expected:
            options.fail(f"Booleans mismatch: {actual} is not {expected}", path)
    elif isinstance(actual, (int, float, complex)) and isinstance(expected, (int, float, complex)):
        _numbers(actual, expected, options, path)
    elif is_tensor(actual) and is_tensor(expected) and (options.allow_subclasses or type(actual) is type(expected)):
        _tensors(actual, expected, options, path)
    elif _is_numpy(actual) and _is_numpy(expected):
        _tensors(fn.as_tensor(actual), fn.as_tensor(expected), options, path)
    elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
        missing, more = set(expected) - set(actual), set(actual) - set(expected)
        if missing or more:
            options.fail("The keys of the mappings do not match:\n"
                         f"Missing keys in the actual mapping: {sorted(missing, key=str)}\n"
                         f"Additional keys in the actual mapping: {sorted(more, key=str)}", path)
        for key in actual:
            _compare(actual[key], expected[key], options, (*path, key))
    elif all(isinstance(v, Sequence) and not isinstance(v, str) for v in (actual, expected)):
        if len(actual) != len(expected):
            options.fail(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path)
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            _compare(a, e, options, (*path, i))
    else:
        where = "".join(f"[{p!r}]" for p in path)
        raise TypeError(f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}."
                        + (f"\n\nThe failure occurred for item {where}" if path else ""))


def assert_close(actual, expected, *, allow_subclasses=True, rtol=None, atol=None, equal_nan=False, check_device=True,
                 check_dtype=True, check_layout=True, check_stride=False, msg=None) -> None:
    """Raises unless ``|actual - expected| <= atol + rtol |expected|`` everywhere.

    Args:
        actual, expected: tensors, arrays, numbers, or sequences and mappings of them.
        allow_subclasses: tensors of different classes are compared.
        rtol, atol: tolerances, both or none; by default those of the dtype: (1e-3, 1e-5) for float16, (1.6e-2, 1e-5) for
            bfloat16, (1.3e-6, 1e-5) for float32 and complex64, (1e-7, 1e-7) for float64 and complex128, else 0.
        equal_nan: nan equals nan.
        check_device, check_dtype, check_layout, check_stride: these must be equal.
        msg: the error's text, or a function of the text that is made.

    Raises:
        AssertionError: they are not close; the text says where and by how much.
        ValueError: one of the tolerances alone.
        TypeError: values that cannot be compared.
    """
    options = _Options(rtol, atol, equal_nan, allow_subclasses, check_device, check_dtype, check_layout, check_stride, msg)
    _compare(actual, expected, options, ())


_OLDER = {"float16": (1e-3, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-5, 1e-8)}


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan=True, msg="") -> None:
    """:func:`assert_close` as it was: devices and strides do not matter, nan equals nan, other tolerances.

    Raises:
        AssertionError: they are not close.
    """
    warnings.warn("`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a future release. "
                  "Please use `torch.testing.assert_close()` instead.", FutureWarning, stacklevel=2)
    actual = actual if isinstance(actual, Tensor) else fn.tensor(actual)
    expected = expected if isinstance(expected, Tensor) else fn.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        both = [_OLDER.get(t.dtype.name, (0.0, 0.0)) for t in (actual, expected)]
        rtol, atol = max(r for r, _ in both), max(a for _, a in both)
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False,
                 check_stride=False, msg=msg or None)
