"""Which arguments of a function are differentiated."""

from __future__ import annotations


def _checked(argnum, count):
    if not -count <= argnum < count:
        raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    return argnum % count


def chosen(args, argnums):
    """The positions that ``argnums`` names, as a tuple.

    Raises:
        RuntimeError: it is neither a number nor a tuple of different numbers, it is empty, or out of range.
    """
    if isinstance(argnums, int):
        return (_checked(argnums, len(args)),)
    if not isinstance(argnums, tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if not argnums:
        raise RuntimeError("argnums must be non-empty")
    if not all(isinstance(n, int) for n in argnums):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {argnums}")
    positions = tuple(_checked(n, len(args)) for n in argnums)
    if len(set(positions)) != len(positions):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return positions


def selected(args, argnums):
    """The chosen arguments: one, or a tuple."""
    positions = chosen(args, argnums)
    return args[positions[0]] if isinstance(argnums, int) else tuple(args[n] for n in positions)


def with_replaced(args, argnums, values):
    """The arguments with others in the place of the chosen ones."""
    positions = chosen(args, argnums)
    args = list(args)
    for n, value in zip(positions, (values,) if isinstance(argnums, int) else values, strict=True):
        args[n] = value
    return tuple(args)
