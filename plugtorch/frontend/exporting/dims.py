"""Names of sizes, and which axes of a call's arguments are to vary."""

from __future__ import annotations

from typing import Any

from plugtorch.autograd.base import TensorBase

from .. import pytree


class DimHint:
    """What is known of a size: "AUTO", "DYNAMIC" or "STATIC"."""

    def __init__(self, kind: str):
        self.kind = kind

    def __repr__(self):
        return f"DimHint({self.kind})"


class Dim:
    """A size with a name, and the least and greatest number that it may be.

    Raises:
        AssertionError: the name is no identifier, or the bounds are in the wrong order.
    """

    AUTO, DYNAMIC, STATIC = map(DimHint, ("AUTO", "DYNAMIC", "STATIC"))

    def __init__(self, name: str, *, min: int | None = None, max: int | None = None):  # noqa: A002
        self.min, self.max = 0 if min is None else min, max
        if max is not None and self.max <= self.min:
            raise AssertionError(f"Cannot create Dim with inconsistent min={self.min}, max={max}")
        if not name.isidentifier():
            raise AssertionError(f"Dim name must be a valid identifier, got {name}")
        self.__name__ = name

    def __repr__(self):
        return f"Dim({self.__name__!r}, min={self.min}, max={self.max})"


def dims(*names: str, min: int | None = None, max: int | None = None) -> tuple[Dim, ...]:  # noqa: A002
    """Several :class:`Dim`."""
    return tuple(Dim(name, min=min, max=max) for name in names)


def is_static(size: Any) -> bool:
    """Whether an entry of ``dynamic_shapes`` says that a size is fixed."""
    return size is None or type(size) is int or size is Dim.STATIC


# What varies: by place among the leaves of (args, kwargs), axes and their sizes.
Axes = dict[int, dict[int, Any]]


def axes_of(shapes, args: tuple, kwargs: dict, names: list[str]) -> Axes:
    """The axes that ``dynamic_shapes`` says to vary.

    Args:
        shapes: as PyTorch takes it: per argument, by name or in order, None, a mapping from axes to sizes, or a size for
            each axis; nested as the arguments are.
        names: of the positional arguments.

    Raises:
        ValueError: it does not have the structure of the arguments.
    """
    found: Axes = {}
    if shapes is None:
        return found
    if isinstance(shapes, dict):
        unknown = set(shapes) - set(names) - set(kwargs)
        if unknown:
            raise ValueError(f"dynamic_shapes names arguments that are not there: {sorted(unknown)}")
        specs = [shapes.get(names[i]) if i < len(names) else None for i in range(len(args))]
        specs += [shapes.get(key) for key in kwargs]
    else:
        specs = list(shapes)
    values = [*args, *kwargs.values()]
    if len(specs) != len(values):
        raise ValueError(f"dynamic_shapes has {len(specs)} entries for {len(values)} arguments")
    at = 0
    for value, spec in zip(values, specs, strict=True):
        _walk(value, spec, at, found)
        at += len(pytree.tree_leaves(value))
    return found


def _walk(value, spec, at, found):
    if spec is None:
        return
    if isinstance(value, TensorBase):
        pairs = spec.items() if isinstance(spec, dict) else enumerate(spec)
        chosen = {axis % max(value.dim(), 1): size for axis, size in pairs if not is_static(size)}
        if chosen:
            found[at] = chosen
        return
    children, structure = pytree.tree_flatten(value, is_leaf=lambda v: v is not value)
    specs = list(spec.values()) if isinstance(spec, dict) else list(spec)
    if len(specs) != len(children) or structure.is_leaf():
        raise ValueError("dynamic_shapes does not have the structure of the arguments")
    for child, inner in zip(children, specs, strict=True):
        _walk(child, inner, at, found)
        at += len(pytree.tree_leaves(child))


def only_dim(axes: Axes, sizes) -> Dim | None:
    """The one name that all axes have; None if there are none.

    Args:
        sizes: ``sizes(place, axis)`` gives a size of the example.

    Raises:
        NotImplementedError: several sizes vary.
        ValueError: the examples of one size differ.
    """
    named = {}
    for place, chosen in axes.items():
        for axis, size in chosen.items():
            name = size if isinstance(size, str) else "batch" if isinstance(size, DimHint) else size.__name__
            named.setdefault(name, (size, []))[1].append(sizes(place, axis))
    if not named:
        return None
    if len(named) > 1:
        raise NotImplementedError(f"one size of a program may vary, not several: {', '.join(sorted(named))}")
    [(name, (size, examples))] = named.items()
    if len(set(examples)) > 1:
        raise ValueError(f"the size {name} is {sorted(set(examples))} in the example arguments")
    return size if isinstance(size, Dim) else Dim(name if name.isidentifier() else "batch")
