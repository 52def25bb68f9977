"""``vmap``: a function of one sample as a function of many."""

from __future__ import annotations

import functools

from plugtorch.autograd.aliasing import view
from plugtorch.autograd.base import TensorBase
from plugtorch.frontend.dispatch import normalize_axis
from plugtorch.frontend.joining import cat
from plugtorch.frontend.pytree import broadcast_prefix, tree_flatten, tree_unflatten
from plugtorch.frontend.random_functions import get_rng_state, set_rng_state
from plugtorch.transforms.vmap import leave, mapping, repeated


def name_of(func) -> str:
    """A function's name in error messages."""
    return getattr(func, "__name__", None) or repr(func)


def check_randomness(randomness: str) -> None:
    """Raises a RuntimeError unless it is "error", "different" or "same"."""
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """``func`` mapped over an axis of its tensor arguments, in one go.

    Args:
        func: a function of tensors, or of nested containers of them, which returns tensors. It sees each argument
            without the mapped axis.
        in_dims: the mapped axis of each argument: a number, None for an argument that is the same for all samples, or
            a tuple that follows the structure of the arguments. Keyword arguments are never mapped.
        out_dims: where the mapped axis is put in each result.
        randomness: what random functions do inside: "error", "different" (for each sample) or "same".
        chunk_size: the number of samples that are computed at once; None for all.

    Raises:
        ValueError: no argument is mapped, mapped sizes differ, ``in_dims`` or ``out_dims`` do not fit, or a result is
            no tensor.
        RuntimeError: inside, values are asked for (``.item()``, ``if tensor``), the size of a result depends on values,
            a tensor from outside is written over with mapped values, or a random function is called under "error".
    """
    check_randomness(randomness)
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def mapped(*args, **kwargs):
        length, leaves, spec, dims = _mapped_arguments(func, in_dims, args)
        if chunk_size is None or chunk_size >= length:
            return _map(func, length, leaves, spec, dims, out_dims, randomness, kwargs)
        return _in_chunks(func, length, leaves, spec, dims, out_dims, randomness, kwargs, chunk_size)

    return mapped


def _mapped_arguments(func, in_dims, args):
    """``(length, leaves, spec, axes)``; axes are >= 0, or None."""
    call = f"vmap({name_of(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure "
                         f"of inputs, got: {type(in_dims)}.")
    if not args:
        raise ValueError(f"vmap({name_of(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are "
                         "trying to vmap over a function with no inputs. The latter is unsupported.")
    leaves, spec = tree_flatten(args)
    dims = broadcast_prefix(in_dims, spec)
    if dims is None:
        from plugtorch.frontend.pytree import tree_structure

        raise ValueError(f"{call}: in_dims is not compatible with the structure of `inputs`. in_dims has structure "
                         f"{tree_structure(in_dims)} but inputs has structure {spec}.")
    axes = []
    for leaf, dim in zip(leaves, dims, strict=True):
        if not isinstance(dim, int) and dim is not None:
            raise ValueError(f"{call}: Got in_dim={dim} for an input but in_dim must be either an integer dimension or "
                             "None.")
        if isinstance(dim, int) and not isinstance(leaf, TensorBase):
            raise ValueError(f"{call}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We cannot "
                             "vmap over non-Tensor arguments, please use None as the respective in_dim")
        if dim is not None:
            n = len(leaf._a.shape)
            if not -n <= dim < n:
                raise ValueError(f"{call}: Got in_dim={dim} for some input, but that input is a Tensor of dimensionality "
                                 f"{n} so expected in_dim to satisfy -{n} <= in_dim < {n}.")
            dim %= n
        axes.append(dim)
    sizes = [leaf._a.shape[d] for leaf, d in zip(leaves, axes, strict=True) if d is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any(n != sizes[0] for n in sizes):
        raise ValueError("vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                         f"{sizes} for the mapped dimension")
    return sizes[0], leaves, spec, axes


def _first_axis(t, axis):
    """A view with one axis in front of the others."""
    n = len(t._a.shape)
    if axis == 0:
        return view(t, "reshape", {"shape": tuple(t._a.shape)})
    return view(t, "permute", {"axes": (axis, *(i for i in range(n) if i != axis))})


def _map(func, length, leaves, spec, axes, out_dims, randomness, kwargs):
    base = next(leaf for leaf, axis in zip(leaves, axes, strict=True) if axis is not None)._k
    with mapping(length, base, randomness) as k:
        fronts = [None if axis is None else _first_axis(leaf, axis) for leaf, axis in zip(leaves, axes, strict=True)]
        inside = [leaf if front is None else k.enter(front) for leaf, front in zip(leaves, fronts, strict=True)]
        outputs = func(*tree_unflatten(inside, spec), **kwargs)
        results = _results(func, k, outputs, out_dims)
        for front, t in zip(fronts, inside, strict=True):
            if front is not None and t._cell is not None and t._cell[0]:  # written in place: so was the argument
                front.copy_(t._a.value)
        return results


def _out_axes(func, outputs, spec, out_dims):
    """Where the mapped axis goes, for each leaf of the results."""
    name = name_of(func)
    if isinstance(outputs, TensorBase) and isinstance(out_dims, tuple) and len(out_dims) == 1:
        out_dims = out_dims[0]
    axes = broadcast_prefix(out_dims, spec)
    if axes is None:
        from plugtorch.frontend.pytree import tree_structure

        raise ValueError(f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the "
                         f"structure of `outputs`. out_dims has structure {tree_structure(out_dims)} but outputs has "
                         f"structure {spec}.")
    for axis in axes:
        if axis is not None and not isinstance(axis, int):
            raise ValueError(f"vmap({name}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python "
                             "collection of ints representing where in the outputs the vmapped dimension should appear.")
    return axes


def _results(func, k, outputs, out_dims):
    leaves, spec = tree_flatten(outputs)
    axes = _out_axes(func, outputs, spec, out_dims)
    results = []
    for leaf, axis in zip(leaves, axes, strict=True):
        if not isinstance(leaf, TensorBase):
            if axis is None:
                results.append(leaf)
                continue
            raise ValueError(f"vmap({name_of(func)}, ...): `{name_of(func)}` must only return Tensors, got type "
                             f"{type(leaf)}. Did you mean to set out_dims= to None for output?")
        t, mapped = leave(k, leaf)
        if axis is None:
            if mapped:
                raise ValueError(f"vmap({name_of(func)}, ...): `{name_of(func)}` can not return a BatchedTensor when "
                                 "out_dim is None")
            results.append(t)
            continue
        if not mapped:
            t = repeated(t, k.length)
        n = len(t._a.shape)
        axis = normalize_axis(axis, n)
        results.append(t if axis == 0 else view(t, "permute", {"axes": (*range(1, axis + 1), 0, *range(axis + 1, n))}))
    return tree_unflatten(results, spec)


def _in_chunks(func, length, leaves, spec, axes, out_dims, randomness, kwargs, chunk_size):
    state = get_rng_state() if randomness == "same" else None
    parts, structure, out_axes = [], None, None
    for start in range(0, length, chunk_size):
        stop = min(start + chunk_size, length)
        piece = [leaf if axis is None else leaf.narrow(axis, start, stop - start)
                 for leaf, axis in zip(leaves, axes, strict=True)]
        if state is not None:
            set_rng_state(state)
        out = _map(func, stop - start, piece, spec, axes, out_dims, randomness, kwargs)
        flat, structure = tree_flatten(out)
        out_axes = _out_axes(func, out, structure, out_dims)
        parts.append(flat)
    joined = [column[0] if axis is None else cat(column, axis)
              for column, axis in zip(zip(*parts, strict=True), out_axes, strict=True)]
    return tree_unflatten(joined, structure)
