"""``backward`` and ``grad``: what users call of the engine."""

from __future__ import annotations

import math

from .base import TensorBase, wrap
from .engine import run_backward
from .record import differentiable


def _as_tuple(value):
    return (value,) if isinstance(value, TensorBase) or value is None else tuple(value)


def _seed(t, g):
    """The gradient to start with at one output."""
    if not t._req:
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
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
            f"Mismatch in shape: grad_output[0] has a shape of torch.Size({list(g._a.shape)}) and output[0] has a "
            f"shape of torch.Size({list(t._a.shape)})."
        )
    if k.dtype_of(g._a).is_complex and not k.dtype_of(t._a).is_complex:
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype:"
            f" grad_output[0] has a dtype of {k.dtype_of(g._a)!r} and output[0] has a dtype of {k.dtype_of(t._a)!r}."
        )
    return g


def _seeds(outputs, grads):
    if grads is None:
        grads = (None,) * len(outputs)
    if len(grads) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(grads)} gradients")
    return [_seed(t, g) for t, g in zip(outputs, grads, strict=True)]


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
        grad_tensors = grad_variables
    if inputs is not None:
        inputs = _as_tuple(inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        for i in inputs:
            if not i._req:
                raise RuntimeError("One of the differentiated Tensors does not require grad")
    outputs = _as_tuple(tensors)
    seeds = _seeds(outputs, None if grad_tensors is None else _as_tuple(grad_tensors))
    run_backward(outputs, seeds, create_graph if retain_graph is None else retain_graph, create_graph, inputs)


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
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    retain_graph = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        return _batched(outputs, inputs, _as_tuple(grad_outputs), retain_graph, create_graph, allow_unused,
                        materialize_grads)
    for i in inputs:
        if not i._req:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    seeds = _seeds(outputs, None if grad_outputs is None else _as_tuple(grad_outputs))
    results = run_backward(outputs, seeds, retain_graph, create_graph, inputs, accumulate=False)
    for n, (g, i) in enumerate(zip(results, inputs, strict=True)):
        if g is None:
            if materialize_grads:
                results[n] = wrap(i._k.zeros_like(i._a), i._k)
            elif not allow_unused:
                raise RuntimeError(
                    "One of the differentiated Tensors appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                )
    return tuple(results)


def _batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads):
    count = grad_outputs[0]._a.shape[0]
    rows = []
    for n in range(count):
        gs = [None if g is None else _row(g, n) for g in grad_outputs]
        last = n == count - 1
        rows.append(grad(outputs, inputs, gs, retain_graph or not last, create_graph,
                         allow_unused=allow_unused, materialize_grads=materialize_grads))
    return tuple(None if column[0] is None else _stack(column) for column in zip(*rows, strict=True))


def _row(g, n):
    shape = g._a.shape
    ops = differentiable(g._k)
    row = ops.slice(g, start=(n,) + (0,) * (len(shape) - 1), stop=(n + 1, *shape[1:]), step=(1,) * len(shape))
    return ops.reshape(row, shape=tuple(shape[1:]))


def _stack(column):
    ops = differentiable(column[0]._k)
    return ops.concat(*(ops.reshape(t, shape=(1, *t._a.shape)) for t in column), axis=0)
