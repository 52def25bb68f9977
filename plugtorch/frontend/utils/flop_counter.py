"""Counting the multiplications and additions of products and convolutions; names of ``torch.utils.flop_counter``."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from plugtorch.frontend.overrides import TorchFunctionMode, install_in_layers
from plugtorch.frontend.tensor import Tensor

__all__ = ["FlopCounterMode", "register_flop_formula"]

# name of a function -> the operations of a call, of its arguments and its result
FORMULAS: dict[str, Callable] = {}


def _formula(*names):
    def decorate(function):
        FORMULAS.update(dict.fromkeys(names, function))
        return function

    return decorate


def register_flop_formula(targets, get_raw: bool = False) -> Callable:
    """A decorator that says how the operations of functions are counted.

    Args:
        targets: a function or its name, or a list of them.
        get_raw: the formula gets the tensors; else their shapes, and that of the result as ``out_shape``.
    """
    names = [t if isinstance(t, str) else t.__name__ for t in (targets if isinstance(targets, (list, tuple)) else [targets])]

    def decorate(function):
        def formula(out, *args, **kwargs):
            if get_raw:
                return function(*args, **kwargs, out_val=out)
            return function(*map(_shape, args), **{k: _shape(v) for k, v in kwargs.items()}, out_shape=_shape(out))

        FORMULAS.update(dict.fromkeys(names, formula))
        return function

    return decorate


def _shape(value):
    return tuple(value.shape) if hasattr(value, "shape") else value


@_formula("mm", "bmm", "matmul", "__matmul__", "mv", "dot")
def _product(out, a, b, **_):
    return 2 * max(math.prod(out.shape), 1) * a.shape[-1]


@_formula("__rmatmul__")
def _product_from_the_right(out, b, a, **_):
    return _product(out, a, b)


@_formula("addmm", "baddbmm")
def _added_product(out, input, a, b, **_):
    return _product(out, a, b)


@_formula("linear")
def _linear(out, input, weight, bias=None):
    return 2 * math.prod(out.shape) * weight.shape[-1]


@_formula("conv1d", "conv2d", "conv3d")
def _convolution(out, input, weight, *_, **__):
    return 2 * math.prod(out.shape) * math.prod(weight.shape[1:])


@_formula("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _transposed_convolution(out, input, weight, *_, **__):
    return 2 * math.prod(input.shape) * math.prod(weight.shape[1:])


@_formula("scaled_dot_product_attention")
def _attention(out, query, key, value, *_, **__):
    batch = math.prod(out.shape[:-2])
    length, source = query.shape[-2], key.shape[-2]
    return 2 * batch * length * source * (query.shape[-1] + value.shape[-1])


# Operators are functions without a name of their own.
_OPERATORS = {vars(Tensor)[name]: name for name in ("__matmul__", "__rmatmul__")}


def _name(func) -> str:
    plain = getattr(func, "__wrapped__", func)
    return _OPERATORS.get(func) or _OPERATORS.get(plain) or getattr(func, "__name__", "")


def _suffixed(n: int) -> str:
    for size, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if n >= size:
            return f"{n / size:.3f}{suffix}"
    return str(n)


class FlopCounterMode(TorchFunctionMode):
    """``with FlopCounterMode() as counter:`` counts the operations of the products, convolutions and attentions called
    inside: two for each multiplication and addition of a product.

    Calls of functions are counted, so the forward pass is; the backward pass calls kernels, which are not.

    Args:
        mods: modules whose operations are counted apart, with the modules inside them.
        depth: how deep the table goes.
        display: print the table at the end.
        custom_mapping: functions of (arguments..., out_val) for more functions, by the function.
    """

    def __init__(self, mods=None, depth: int = 2, display: bool = True, custom_mapping: dict | None = None):
        self.depth, self.display = depth, display
        self._modules = [] if mods is None else list(mods) if isinstance(mods, (list, tuple)) else [mods]
        self._counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._open: list[str] = ["Global"]
        self._handles: list[Any] = []
        self._custom = {getattr(f, "__name__", str(f)): formula for f, formula in (custom_mapping or {}).items()}

    def __enter__(self):
        install_in_layers()
        for root in self._modules:
            base = type(root).__name__
            for name, module in root.named_modules():
                shown = f"{base}.{name}" if name else base
                self._handles.append(module.register_forward_pre_hook(lambda *_, shown=shown: self._open.append(shown)))
                self._handles.append(module.register_forward_hook(lambda *_: self._close(), always_call=True))
        return super().__enter__()

    def _close(self):
        self._open.pop()

    def __exit__(self, *exc):
        super().__exit__(*exc)
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        if self.display:
            print(self.get_table(self.depth))

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = _name(func)
        custom = self._custom.get(name)
        if custom is not None:
            n = custom(*args, **(kwargs or {}), out_val=out)
        elif name in FORMULAS and out is not NotImplemented:
            n = FORMULAS[name](out, *args, **(kwargs or {}))
        else:
            return out
        for place in dict.fromkeys(self._open):
            self._counts[place][name.strip("_")] += n
        return out

    def get_total_flops(self) -> int:
        """All operations."""
        return sum(self._counts["Global"].values())

    def get_flop_counts(self) -> dict[str, dict[str, int]]:
        """Operations by module ("Global" for all) and by function."""
        return {place: dict(counts) for place, counts in self._counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """The counts as text, a line per module and function."""
        depth = self.depth if depth is None else depth
        total = self.get_total_flops()
        rows = [("Module", "FLOP", "% Total")]
        for place, counts in self._counts.items():
            level = 0 if place == "Global" else place.count(".") + 1
            if level > depth:
                continue
            n = sum(counts.values())
            rows.append((" " * level + place, _suffixed(n), f"{n / total:.2%}" if total else "0.00%"))
            rows += [(" " * level + f" - {name}", _suffixed(c), f"{c / total:.2%}" if total else "0.00%")
                     for name, c in counts.items()]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = ["  ".join(c.ljust(w) if not i else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
                 for row in rows]
        lines.insert(1, "  ".join("-" * w for w in widths))
        return "\n".join(lines)
