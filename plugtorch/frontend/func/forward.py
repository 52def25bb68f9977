"""Forward mode: ``jvp``, ``linearize``, ``jacfwd`` and ``hessian``.

A pullback is linear in its cotangent, and the transpose of the pushforward; so the pullback of the pullback is the
pushforward, and forward mode needs no second set of rules and nests with every other transform.
"""

from __future__ import annotations

import functools

from plugtorch.autograd.base import TensorBase
from plugtorch.frontend.pytree import tree_flatten, tree_map, tree_unflatten

from .arguments import selected, with_replaced
from .basis import split_rows, standard_basis
from .reverse import checked_outputs, jacrev
from .tracking import Twins, pull, zeros_like
from .vmap import check_randomness, vmap


class Pushforward:
    """The derivative of a function at a point, along any tangents.

    Attributes:
        outputs: the tensors that the function returned.
    """

    def __init__(self, function, primals):
        self.twins = Twins(primals, leaves=False)
        with self.twins.run():
            self.outputs = function(self.twins.tensors)
            cotangents = [zeros_like(o).requires_grad_() if o.dtype.differentiable else zeros_like(o)
                          for o in self.outputs]
            self.cotangents = cotangents
            self.pulled = pull(self.outputs, cotangents, self.twins.edges, self.twins.own, True, primals, retain=True)

    def __call__(self, tangents):
        """The tangents of the outputs."""
        own = {*self.twins.own, *self.cotangents}
        tangents = [t if t.dtype is p.dtype else t.to(p.dtype) for t, p in zip(tangents, self.pulled, strict=True)]
        tracked = [n for n, c in enumerate(self.cotangents) if c._req]
        found = pull(self.pulled, tangents, [self.cotangents[n] for n in tracked], own, self.twins.outside,
                     [self.cotangents[n] for n in tracked], retain=True)
        result = [zeros_like(o) for o in self.outputs]
        for n, t in zip(tracked, found, strict=True):
            result[n] = t
        return result


def _check_tuple(what, value, where):
    if not isinstance(value, tuple):
        raise RuntimeError(f"{where}: Expected {what} to be a tuple. E.g. it should be valid to call f(*primals).")
    if not value:
        raise RuntimeError(f"{where}: Expected {what} to contain at least one Tensor.")


def _checked_tensors(what, leaves, where):
    for leaf in leaves:
        if not isinstance(leaf, TensorBase):
            raise RuntimeError(f"{where}: Expected {what} to only contain Tensors, got {type(leaf)}")
    return leaves


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """``(output, tangent of the output)`` of ``func`` at ``primals`` along ``tangents``; ``(output, tangent, aux)``
    with ``has_aux``, if ``func`` returns a pair.

    Args:
        primals, tangents: tuples of tensors, or of containers of tensors, of one structure and the same shapes.

    Raises:
        RuntimeError: they are not, or the output holds something that is no tensor.
    """
    where = "jvp(f, primals, tangents)"
    _check_tuple("primals", primals, where)
    leaves, spec = tree_flatten(primals)
    flat, tangent_spec = tree_flatten(tangents)
    if spec != tangent_spec:
        raise RuntimeError(f"{where}: Expected primals and tangents to have the same python structure. For example, if "
                           f"primals is a tuple of 3 tensors, tangents also must be. Got primals with structure {spec} "
                           f"and tangents with structure {tangent_spec}")
    _checked_tensors("primals", leaves, where)
    _checked_tensors("tangents", flat, where)
    for p, t in zip(leaves, flat, strict=True):
        if tuple(p._a.shape) != tuple(t._a.shape):
            raise RuntimeError("Trying to set a forward gradient that has a different size than that of the original "
                               f"Tensor, this is not supported. Tensor is of size {list(p._a.shape)} while the given "
                               f"forward gradient is of size {list(t._a.shape)}.")
    structure, extra = None, None

    def call(twins):
        nonlocal structure, extra
        result = func(*tree_unflatten(twins, spec))
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                raise RuntimeError(f"{where}: output of function f should be a tuple: (output, aux) if has_aux is True")
            result, extra = result
        flat_out, structure = checked_outputs(result, where)
        return flat_out

    push = Pushforward(call, leaves)
    tangent_out = push(flat)
    release = push.twins.release
    output = tree_unflatten([release(o) for o in push.outputs], structure)
    tangent = tree_unflatten(tangent_out, structure)
    return (output, tangent, tree_map(release, extra)) if has_aux else (output, tangent)


def linearize(func, *primals):
    """``(output, jvp_fn)``: the value of ``func``, and its derivative there as a function of tangents.

    ``jvp_fn(*tangents)`` costs less than :func:`jvp` for several tangents at one point.

    Raises:
        RuntimeError: tangents of another structure, or other shapes, than the primals.
    """
    leaves, spec = tree_flatten(primals)
    structure = None

    def call(twins):
        nonlocal structure
        flat_out, structure = checked_outputs(func(*tree_unflatten(twins, spec)), "linearize(f, *primals)")
        return flat_out

    push = Pushforward(call, leaves)

    def jvp_fn(*tangents):
        flat, tangent_spec = tree_flatten(tangents)
        if tangent_spec != spec:
            raise RuntimeError(f"Expected the tangents {tangent_spec} to have the same argspec as the primals {spec}")
        for n, (t, p) in enumerate(zip(flat, leaves, strict=True)):
            if tuple(t._a.shape) != tuple(p._a.shape):
                raise RuntimeError(f"tangent:{n} with shape {t.shape} in flattened pytree doesn't match the shape "
                                   f"{p.shape} of the corresponding primal.")
        return tree_unflatten(push(flat), structure)

    return tree_unflatten([push.twins.release(o) for o in push.outputs], structure), jvp_fn


def jacfwd(func, argnums=0, has_aux=False, *, randomness="error"):
    """A function that gives the Jacobian of ``func`` by its arguments ``argnums``, in forward mode: one pushforward per
    element of the inputs, mapped. The result is that of :func:`jacrev`.

    Args:
        randomness: as for :func:`vmap`; ``func`` itself runs once.
    """
    check_randomness(randomness)

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        primals = selected(args, argnums)
        flat_in, in_spec = tree_flatten(primals)
        structure, extra = None, None

        def call(twins):
            nonlocal structure, extra
            result = func(*with_replaced(args, argnums, tree_unflatten(twins, in_spec)), **kwargs)
            if has_aux:
                if not isinstance(result, tuple) or len(result) != 2:
                    raise RuntimeError("jacfwd: output of function f should be a tuple: (output, aux) if has_aux is True")
                result, extra = result
            flat_out, structure = checked_outputs(result, "jacfwd(f)(*args)")
            return flat_out

        push = Pushforward(call, flat_in)
        columns = vmap(lambda *tangents: push(tangents))(*standard_basis(flat_in))
        jacobian = []
        for o, column in zip(push.outputs, columns, strict=True):
            parts = [part.movedim(0, -1).reshape((*o._a.shape, *i._a.shape))
                     for part, i in zip(split_rows(column, flat_in), flat_in, strict=True)]
            jacobian.append(tree_unflatten(parts, in_spec))
        result = tree_unflatten(jacobian, structure)
        return (result, tree_map(push.twins.release, extra)) if has_aux else result

    return wrapper


def hessian(func, argnums=0):
    """A function that gives the Hessian of ``func``: the forward-mode Jacobian of the reverse-mode one."""
    return jacfwd(jacrev(func, argnums), argnums)
