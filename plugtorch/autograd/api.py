"""``backward`` and ``grad``: what users call of the engine."""

from __future__ import annotations

import math
import warnings

from .base import TensorBase, edge_of, shape_and_dtype, wrap
from .edges import GradientEdge, inner_edge
from .engine import run_backward
from .hooks import retain_grad
from .record import differentiable


def _as_tuple(value):
    return (value,) if isinstance(value, (TensorBase, GradientEdge)) or value is None else tuple(value)


def _edges(inputs):
    """Where the gradients of tensors and gradient edges arrive."""
    edges = []
    for i in inputs:
        if isinstance(i, GradientEdge):
            edges.append(inner_edge(i))
        elif not isinstance(i, TensorBase):
            raise RuntimeError(f"all inputs have to be Tensors or GradientEdges, but got {type(i).__name__}")
        elif not i._req:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        else:
            edges.append(edge_of(i))
    return edges


def _seed_edge(edge, g):
    """The start at a gradient edge: its inner edge and a gradient."""
    to = inner_edge(edge, None if g is None else g._a)
    if g is None:
        (shape, dtype), k = shape_and_dtype(to), to._k
        if math.prod(shape) != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        g = wrap(k.full(shape=tuple(shape), value=1, dtype=k.spec_dtype(dtype), device=k.default_device()), k)
    return to, g


def _seed(t, g, n=0):
    """The gradient to start with at one output."""
    if not t._req:
        raise RuntimeError(f"element {n} of tensors does not require grad and does not have a grad_fn")
    k = t._k
    if g is None:
        if math.prod(t._a.shape) != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if not k.dtype_of(t._a).is_floating_point:
            raise RuntimeError(
                f"grad can be implicitly created only for real scalar outputs but got torch.{k.dtype_of(t._a).name}"
            )
        return wrap(k.ones_like(t._a), k)
    if not isinstance(g, TensorBase):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    if tuple(g._a.shape) != tuple(t._a.shape):
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{n}] has a shape of torch.Size({list(g._a.shape)}) and output[{n}] has a "
            f"shape of torch.Size({list(t._a.shape)})."
        )
    if k.dtype_of(g._a).is_complex and not k.dtype_of(t._a).is_complex:
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype:"
            f" grad_output[{n}] has a dtype of {k.dtype_of(g._a)!r} and output[{n}] has a dtype of "
            f"{k.dtype_of(t._a)!r}."
        )
    return g


def _seeds(outputs, grads):
    """Edges to start from, and a gradient for each."""
    if grads is None:
        grads = (None,) * len(outputs)
    if len(grads) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    roots, seeds = [], []
    for n, (t, g) in enumerate(zip(outputs, grads, strict=True)):
        if isinstance(t, GradientEdge):
            root, seed = _seed_edge(t, g)
        else:
            seed = _seed(t, g, n)
            root = edge_of(t)
        roots.append(root)
        seeds.append(seed)
    return roots, seeds


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None):
    """Adds the gradients of ``tensors`` to the ``.grad`` of the leaves of their graph.

    Args:
        tensors: a tensor or several; those without ``grad_tensors`` must hold one element.
        grad_tensors: cotangents of the tensors' shapes, or None.
        retain_graph: keep the graph for another pass; defaults to ``create_graph``.
        create_graph: record the pass, for higher derivatives.
        inputs: only these tensors (leaves or not) receive gradients.

    Raises:
        RuntimeError: a tensor requires no grad; the graph was freed before; a saved tensor was modified in place.
    """
    if grad_variables is not None:
        warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise RuntimeError("`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. "
                               "Please only use `grad_tensors`.")
        grad_tensors = grad_variables
    if _sparse is not None:
        grad_tensors = None if grad_tensors is None else tuple(map(_sparse.cotangent, _as_tuple(tensors),
                                                                   _as_tuple(grad_tensors)))
        tensors, inputs = _carriers(_as_tuple(tensors)), None if inputs is None else _carriers(_as_tuple(inputs))
    if inputs is not None:
        inputs = _as_tuple(inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        for i in inputs:
            if isinstance(i, TensorBase):
                retain_grad(i)
        edges = _edges(inputs)
    else:
        edges = None
    outputs = _as_tuple(tensors)
    roots, seeds = _seeds(outputs, None if grad_tensors is None else _as_tuple(grad_tensors))
    run_backward(roots, seeds, create_graph if retain_graph is None else retain_graph, create_graph, edges)


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True,
         allow_unused=None, is_grads_batched=False, materialize_grads=False):
    """Gradients of the (summed) outputs by the inputs, as a tuple; ``.grad`` is not touched.

    Args:
        allow_unused: give None for an input that no output depends on, where the default is an error.
        materialize_grads: give zeros instead of None.
        is_grads_batched: the cotangents have a leading axis; gradients are computed per entry and stacked.

    Raises:
        RuntimeError: as :func:`backward`; an input is unused and ``allow_unused`` is not set.
        ValueError: ``allow_unused=False`` together with ``materialize_grads``.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
                         "allow_unused=False.")
    if not only_inputs:
        warnings.warn("only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient "
                      "for other parts of the graph, please use torch.autograd.backward.", FutureWarning, stacklevel=2)
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    retain_graph = create_graph if retain_graph is None else retain_graph
    if _sparse is not None and any(isinstance(t, TensorBase) and t._k.level for t in (*outputs, *inputs)):
        cotangents = None if grad_outputs is None else tuple(map(_sparse.cotangent, outputs, _as_tuple(grad_outputs)))
        carriers = _carriers(outputs), _carriers(inputs)
        if any(a is not b for a, b in zip((*outputs, *inputs), (*carriers[0], *carriers[1]), strict=True)):
            found = grad(*carriers, cotangents, retain_graph, create_graph, only_inputs, allow_unused, is_grads_batched,
                         materialize_grads)
            return tuple(map(_sparse.gradient, inputs, found))
    if is_grads_batched:
        return _batched(outputs, inputs, _as_tuple(grad_outputs), retain_graph, create_graph, allow_unused,
                        materialize_grads)
    edges = _edges(inputs)
    roots, seeds = _seeds(outputs, None if grad_outputs is None else _as_tuple(grad_outputs))
    results = run_backward(roots, seeds, retain_graph, create_graph, edges, accumulate=False)
    for n, (g, i) in enumerate(zip(results, inputs, strict=True)):
        if g is None:
            if materialize_grads and isinstance(i, TensorBase):
                results[n] = wrap(i._k.zeros_like(i._a), i._k)
            elif not allow_unused:
                raise RuntimeError(
                    f"The differentiated Tensor at index {n} appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                )
    return tuple(results)


def _batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads):
    for n, (t, g) in enumerate(zip(outputs, grad_outputs, strict=True)):
        if g is not None and tuple(g._a.shape[1:]) != tuple(t._a.shape) or g is not None and not g._a.shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch "
                "dimension. The sizes of the remaining dimensions are expected to match the shape of corresponding "
                f"output, but a mismatch was detected: grad_output[{n}] has a shape of "
                f"torch.Size({list(g._a.shape[1:])}) and output[{n}] has a shape of torch.Size({list(t._a.shape)}). If "
                "you only want some tensors in `grad_output` to be considered batched, consider using vmap."
            )
    sizes = [g._a.shape[0] for g in grad_outputs if g is not None]
    if len(set(sizes)) != 1:
        raise ValueError("vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
                         f"{sizes} for the mapped dimension")
    return _batched_pass(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)


_batched_pass = None


def bind_batched_pass(function) -> None:
    """Tells ``grad`` how to run one pass for cotangents with a leading axis: by the transform that maps functions, which
    is made of this package and so cannot be imported here."""
    global _batched_pass
    _batched_pass = function


_sparse = None


def bind_sparse(translator) -> None:
    """Tells ``backward`` and ``grad`` how gradients of sparse tensors pass: through the values, which are in the graph.

    Args:
        translator: ``carrier(t)`` is the tensor in the graph (``t`` itself if it is not sparse), ``cotangent(t, g)`` a
            gradient of ``t`` as one of its carrier, and ``gradient(t, g)`` the reverse.
    """
    global _sparse
    _sparse = translator


def _carriers(tensors):
    return tuple([_sparse.carrier(t) if isinstance(t, TensorBase) else t for t in tensors])


def stack(tensors):
    """Tensors of one shape along a new first axis."""
    ops = differentiable(tensors[0]._k)
    return ops.concat(*(ops.reshape(t, shape=(1, *t._a.shape)) for t in tensors), axis=0)
