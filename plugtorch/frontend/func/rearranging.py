"""``rearrange``: permuting, splitting and merging dimensions by a pattern of their names."""

from __future__ import annotations

import math
import re

from plugtorch.autograd.base import TensorBase
from plugtorch.frontend.joining import stack


def _parse(text):
    """Groups of names: a name alone is a group of one; ``(a b)`` one of two; ``1`` an empty one; ``...`` itself."""
    if text.count("(") != text.count(")"):
        raise ValueError(f"brackets are not balanced in the expression: {text!r}")
    groups = []
    for part in re.findall(r"\([^()]*\)|[^\s()]+", text):
        names = tuple(n for n in part.strip("()").split() if n != "1")
        for name in names:
            if name != "..." and not name.isidentifier():
                raise ValueError(f"{name!r} is no valid name of an axis in the expression: {text!r}")
        groups.append(names)
    flat = [n for g in groups for n in g]
    repeated = sorted({n for n in flat if flat.count(n) > 1})
    if repeated:
        raise ValueError(f"indexing expression contains duplicate dimension {repeated[0]!r}: {text!r}")
    return groups


def _sizes(groups, shape, lengths, pattern):
    """The size of every named axis."""
    sizes = dict(lengths)
    for names, n in zip(groups, shape, strict=True):
        unknown = [name for name in names if name not in sizes]
        known = math.prod(sizes[name] for name in names if name in sizes)
        if len(unknown) > 1:
            raise ValueError(f"cannot infer the sizes of {unknown} in {pattern!r}: give all but one as keyword arguments")
        if unknown:
            if known == 0 or n % known:
                raise ValueError(f"a dimension of size {n} cannot be split by {known} in {pattern!r}")
            sizes[unknown[0]] = n // known
        elif known != n:
            raise ValueError(f"a dimension of size {n} does not have the size {known} that {pattern!r} asks for")
    return sizes


def rearrange(tensor, pattern, **axes_lengths):
    """A tensor with its dimensions permuted, split and merged, by a pattern such as ``"b c (h k) -> b h (k c)"``.

    Args:
        tensor: a tensor, or a sequence of tensors of one shape, which are stacked first.
        pattern: names of the dimensions before and after; ``(a b)`` is one dimension made of several, ``...`` any
            number of them, ``1`` one of size 1. (Rogozhnikov, "Einops: clear and reliable tensor manipulations with
            Einstein-like notation", 2022.)
        axes_lengths: sizes of names that are split off.

    Raises:
        ValueError: the pattern is malformed or does not fit the shape.
    """
    if not isinstance(tensor, TensorBase):
        tensor = stack(list(tensor))
    if pattern.count("->") != 1:
        raise ValueError(f"expected one '->' in the pattern, got {pattern!r}")
    left, right = map(_parse, pattern.split("->"))
    shape = tuple(tensor.shape)
    if ("...",) in left:
        extra = tuple(f"_{n}" for n in range(len(shape) - len(left) + 1))
        at = left.index(("...",))
        left[at:at + 1] = [(name,) for name in extra]
        expanded = []
        for group in right:
            if group == ("...",):
                expanded += [(name,) for name in extra]
            else:
                expanded.append(tuple(n for name in group for n in (extra if name == "..." else (name,))))
        right = expanded
    if len(left) != len(shape):
        raise ValueError(f"the left side of {pattern!r} names {len(left)} dimensions, the tensor has {len(shape)}")
    names, wanted = [n for g in left for n in g], [n for g in right for n in g]
    if set(names) != set(wanted):
        raise ValueError(f"identifiers only on one side of the expression (should be on both): "
                         f"{sorted(set(names) ^ set(wanted))}")
    sizes = _sizes(left, shape, axes_lengths, pattern)
    split = tensor.reshape([sizes[n] for n in names])
    return split.permute([names.index(n) for n in wanted]).reshape([math.prod(sizes[n] for n in g) for g in right])
