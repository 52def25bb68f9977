"""``repr`` of tensors, as PyTorch prints them."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.autograd.tangents import tangent_of
from plugtorch.spec import dtypes
from plugtorch.spec.dtypes import BOOL, FLOAT

from . import state


class PrintOptions:
    """Digits, summary threshold, items at each edge, characters per line, forced notation."""

    def __init__(self, precision=4, threshold=1000, edgeitems=3, linewidth=80, sci_mode=None):
        self.precision, self.threshold, self.edgeitems = precision, threshold, edgeitems
        self.linewidth, self.sci_mode = linewidth, sci_mode


OPTIONS = PrintOptions()
_PROFILES = {"default": PrintOptions(), "short": PrintOptions(precision=2, edgeitems=2),
             "full": PrintOptions(threshold=math.inf)}


def set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None):
    """Digits, the number of elements above which tensors are summarised, items kept at each edge, characters per
    line, a profile ("default", "short", "full"), and whether to force scientific notation."""
    if profile is not None:
        for field, value in vars(_PROFILES[profile]).items():
            setattr(OPTIONS, field, value)
    for field, value in (("precision", precision), ("threshold", threshold), ("edgeitems", edgeitems),
                         ("linewidth", linewidth)):
        if value is not None:
            setattr(OPTIONS, field, value)
    OPTIONS.sci_mode = sci_mode


class _Formatter:
    """The common format of all numbers shown."""

    def __init__(self, values, category):
        self.floating = category >= FLOAT
        self.integers, self.scientific, self.width = True, False, 1
        if not self.floating:
            texts = [str(v) for v in values.tolist()]
            self.width = max([1, *map(len, texts)])
            return
        wide = values.astype(np.float64)
        finite = np.abs(wide[np.isfinite(wide) & (wide != 0)])
        if finite.size == 0:
            return
        low, high = float(finite.min()), float(finite.max())
        self.integers = bool(np.all(finite == np.ceil(finite)))
        if self.integers:
            self.scientific = high / low > 1000.0 or high > 1.0e8
        else:
            self.scientific = high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4
        if self.integers and not self.scientific:
            self.scientific = high > 1.0e8
        if OPTIONS.sci_mode is not None:
            self.scientific = OPTIONS.sci_mode
        self._measure(wide[np.isfinite(wide) & (wide != 0)])

    def _measure(self, values):
        self.width = max([1, *(len(self._text(float(v))) for v in values.ravel())])

    def _text(self, value):
        if self.scientific:
            return f"{value:.{OPTIONS.precision}e}"
        if self.integers:
            return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"
        return f"{value:.{OPTIONS.precision}f}"

    def __call__(self, value):
        text = self._text(value) if self.floating else str(value)
        return " " * (self.width - len(text)) + text


def _complex_text(value, real, imag):
    a, b = real(value.real), imag(value.imag).lstrip()
    return a + (f"-{b[1:]}j" if b.startswith("-") else f"+{b}j")


def _line(values, indent, formatter, summarize):
    per_item = formatter.width + 2
    per_line = max(1, math.floor((OPTIONS.linewidth - indent) / per_item))
    edge = OPTIONS.edgeitems
    items = values.tolist()
    if summarize and len(items) > 2 * edge and edge:
        data = [*map(formatter, items[:edge]), " ...", *map(formatter, items[-edge:])]
    else:
        data = list(map(formatter, items))
    lines = [data[i:i + per_line] for i in range(0, len(data), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(", ".join(line) for line in lines) + "]"


def _block(values, indent, formatter, summarize):
    if values.ndim == 0:
        return formatter(values.item())
    if values.ndim == 1:
        return _line(values, indent, formatter, summarize)
    edge = OPTIONS.edgeitems
    if summarize and len(values) > 2 * edge:
        parts = [_block(values[i], indent + 1, formatter, True) for i in range(edge)]
        parts.append("...")
        parts += [_block(values[i], indent + 1, formatter, True) for i in range(len(values) - edge, len(values))]
    else:
        parts = [_block(v, indent + 1, formatter, summarize) for v in values]
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


class _ComplexFormatter:
    def __init__(self, values):
        self.real, self.imag = _Formatter(values.real, FLOAT), _Formatter(values.imag, FLOAT)
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, value):
        return _complex_text(value, self.real, self.imag)


def _shown(values, summarize):
    """The elements that will be printed: their common format is found from these alone."""
    edge = OPTIONS.edgeitems
    if not summarize:
        return values
    for axis, n in enumerate(values.shape):
        if n > 2 * edge:
            keep = [*range(edge), *range(n - edge, n)]
            values = np.take(values, keep, axis=axis)
    return values


def numbers(values, category, indent) -> str:
    """The numbers of a NumPy array as ``repr`` shows them, the lines after the first indented."""
    if values.size == 0:
        return "[" * max(values.ndim, 1) + "]" * max(values.ndim, 1) if values.ndim <= 1 else "[]"
    summarize = values.size > OPTIONS.threshold
    shown = _shown(values, summarize)
    formatter = _ComplexFormatter(shown.ravel()) if values.dtype.kind == "c" else _Formatter(shown.ravel(), category)
    return _block(values, indent, formatter, summarize)


def add_suffixes(text, suffixes, indent, new_line=False) -> str:
    """``text`` with suffixes and a closing bracket, wrapped at the line width; ``new_line`` puts the first on a line of its
    own."""
    out = [text]
    last = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if new_line or last + len(suffix) + 2 > OPTIONS.linewidth:
            out.append(",\n" + " " * indent + suffix)
            last = indent + len(suffix)
            new_line = False
        else:
            out.append(", " + suffix)
            last += len(suffix) + 2
    return "".join(out) + ")"


def tensor_repr(t, contents=None) -> str:
    """``tensor(...)`` with suffixes for device, dtype and grad_fn, wrapped at the line width; ``contents`` stands for
    the numbers if given. A subclass shows its name."""
    from .nn.parameter import Parameter

    if t._k.level:
        return t._k.text(t)
    kind = type(t)
    plain = kind.__name__ == "Tensor" or isinstance(t, Parameter)
    prefix = "tensor(" if plain else f"{kind.__name__}("
    dtype = t.dtype
    suffixes = []
    device = t.device
    if device.type != "cpu":
        suffixes.append(f"device='{device}'")
    if device.type == "meta" and contents is None:
        contents = "..."
        suffixes.append(f"size={tuple(t._a.shape)}")
    if contents == "...":
        values = np.zeros(1)
    else:
        values = np.asarray(t._k.to_host(t._a))
    if dtype is dtypes.bfloat16 or dtype is dtypes.float16:
        values = values.astype(np.float32)
    default = dtype in (state.get_default_dtype(), dtypes.int64, dtypes.bool_) or dtype is (
        state.get_default_dtype().to_complex())
    if values.size == 0:
        if values.ndim != 1:
            suffixes.append(f"size={tuple(values.shape)}")
        if dtype is not state.get_default_dtype():
            suffixes.append(f"dtype={dtype!r}")
        text = "[]"
    else:
        if not default:
            suffixes.append(f"dtype={dtype!r}")
        text = numbers(values, FLOAT if dtype.is_floating_point else BOOL, len(prefix))
    if contents is not None:
        text = contents
    if t.grad_fn is not None:
        suffixes.append(f"grad_fn=<{t.grad_fn.name().rsplit('::', 1)[-1]}>")
    elif t.requires_grad:
        suffixes.append("requires_grad=True")
    tangent = tangent_of(t)
    if tangent is not None:
        suffixes.append(f"tangent={tensor_repr(tangent)}")
    text = add_suffixes(prefix + text, suffixes, len(prefix))
    if isinstance(t, Parameter):
        return "Parameter containing:\n" + text
    return text
