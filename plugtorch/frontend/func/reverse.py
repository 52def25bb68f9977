"""Reverse mode: ``grad``, ``grad_and_value``, ``vjp`` and ``jacrev``."""

from __future__ import annotations

import functools

from plugtorch.autograd.base import TensorBase
from plugtorch.frontend.pytree import tree_flatten, tree_map, tree_unflatten

from .arguments import selected, with_replaced
from .basis import split_rows, standard_basis
from .tracking import Twins, ones_like, pull
from .vmap import vmap


def _output_and_aux(result, where):
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(f"{where}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return result


def grad_and_value(func, argnums=0, has_aux=False):
    """A function that gives the gradient of ``func``, and its value.

    ``func`` returns a 0-d tensor, or with ``has_aux`` a pair of one and anything else. The result is
    ``(gradient, value)``, or ``(gradient, (value, aux))``; the gradient has the structure of the argument, or of a
    tuple of arguments if ``argnums`` is a tuple.

    Raises:
        RuntimeError: the output is not a 0-d tensor, or ``argnums`` does not fit.
    """

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        where = "grad_and_value(f)(*args)"
        leaves, spec = tree_flatten(selected(args, argnums))
        twins = Twins(leaves)
        with twins.run():
            result = func(*with_replaced(args, argnums, tree_unflatten(twins.tensors, spec)), **kwargs)
            output, aux = _output_and_aux(result, where) if has_aux else (result, None)
            if not isinstance(output, TensorBase):
                raise RuntimeError(f"{where}: Expected f(*args) to return a Tensor, got {type(output)}")
            if output.dim():
                raise RuntimeError(f"{where}: Expected f(*args) to return a scalar Tensor, got tensor with "
                                   f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?")
            grads = pull([output], [ones_like(output)], twins.edges, twins.own, twins.outside, leaves,
                         retain=has_aux or leaves_graph(output, twins))
        value = twins.release(output)
        gradient = tree_unflatten(grads, spec)
        return (gradient, (value, tree_map(twins.release, aux))) if has_aux else (gradient, value)

    return wrapper


def leaves_graph(output, twins):
    """Whether the function's output may be differentiated outside, so that its graph has to stay."""
    return twins.outside and twins.release(output) is output


def grad(func, argnums=0, has_aux=False):
    """A function that gives the gradient of ``func``, which returns a 0-d tensor, by its arguments ``argnums``.

    With ``has_aux``, ``func`` returns a pair, and the result is ``(gradient, aux)``. See :func:`grad_and_value`.
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def checked_outputs(outputs, where):
    """The leaves of a function's result, all tensors, and their structure."""
    leaves, spec = tree_flatten(outputs)
    for leaf in leaves:
        if not isinstance(leaf, TensorBase):
            raise RuntimeError(f"{where}: expected f(*primals) to return only tensors, got unsupported type {type(leaf)}")
    return leaves, spec


def vjp(func, *primals, has_aux=False):
    """``(output, vjp_fn)``, or ``(output, vjp_fn, aux)`` if ``func`` returns a pair.

    ``vjp_fn(cotangents)``, with cotangents of the structure and shapes of the output, gives the tuple of the primals'
    gradients. It may be called several times.

    Raises:
        RuntimeError: the output holds something that is no tensor; cotangents do not fit.
    """
    leaves, spec = tree_flatten(primals)
    twins = Twins(leaves)
    with twins.run():
        result = func(*tree_unflatten(twins.tensors, spec))
        output, aux = _output_and_aux(result, "vjp(f, *primals)") if has_aux else (result, None)
        flat, out_spec = checked_outputs(output, "vjp(f, *primals)")

    def vjp_fn(cotangents, retain_graph=True, create_graph=None):
        given, given_spec = tree_flatten(cotangents)
        if given_spec != out_spec:
            raise RuntimeError("Expected pytree structure of cotangents to be the same as pytree structure of outputs to "
                               f"the function. cotangents: {_shown(given_spec)}, primal output: {_shown(out_spec)}")
        for n, (g, o) in enumerate(zip(given, flat, strict=True)):
            if tuple(g._a.shape) != tuple(o._a.shape):
                raise RuntimeError(f"Mismatch in shape: grad_output[{n}] has a shape of {g.shape} and output[{n}] has a "
                                   f"shape of {o.shape}.")
        grads = pull(flat, given, twins.edges, twins.own, twins.outside, leaves, retain=retain_graph)
        return tree_unflatten(grads, spec)

    output = tree_map(twins.release, output)
    return (output, vjp_fn, tree_map(twins.release, aux)) if has_aux else (output, vjp_fn)


def _shown(spec):
    """A structure of tuples in round brackets, as PyTorch shows it here."""
    if spec.type is None:
        return "*"
    inner = ", ".join(map(_shown, spec.children_specs))
    return f"({inner})" if spec.type is tuple else f"[{inner}]" if spec.type is list else repr(spec)


def jacrev(func, argnums=0, *, has_aux=False, chunk_size=None, _preallocate_and_copy=False):
    """A function that gives the Jacobian of ``func`` by its arguments ``argnums``, in reverse mode: one pullback per
    element of the output, mapped.

    For each tensor of the output, a container as the differentiated arguments with Jacobians of shape
    ``output.shape + input.shape``. With ``has_aux``, a pair of that and ``func``'s second result.

    Args:
        chunk_size: the number of rows computed at once; None for all.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        primals = selected(args, argnums)

        def of_primals(*values):
            return func(*with_replaced(args, argnums, values[0] if isinstance(argnums, int) else values), **kwargs)

        found = vjp(of_primals, *((primals,) if isinstance(argnums, int) else primals), has_aux=has_aux)
        output, pullback = found[:2]
        flat_out, out_spec = tree_flatten(output)
        flat_in, in_spec = tree_flatten(primals)

        def row(*cotangents):
            return tree_flatten(pullback(tree_unflatten(cotangents, out_spec)))[0]

        columns = vmap(row, chunk_size=chunk_size)(*standard_basis(flat_out))
        blocks = [split_rows(column, flat_out) for column in columns]  # [input][output]
        jacobian = []
        for n, o in enumerate(flat_out):
            parts = [block[n].reshape((*o._a.shape, *i._a.shape)) for block, i in zip(blocks, flat_in, strict=True)]
            jacobian.append(tree_unflatten(parts, in_spec))
        result = tree_unflatten(jacobian, out_spec)
        return (result, found[2]) if has_aux else result

    return wrapper
