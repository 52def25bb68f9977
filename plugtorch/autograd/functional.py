"""Products with Jacobians and Hessians, and whole ones, of functions of tensors; names of ``torch.autograd.functional``.

A function takes one tensor or several (``inputs`` is then a tuple) and returns a tensor or a tuple of them; results have
the same structure. With ``create_graph`` they can be differentiated again. ``strict`` makes an output that does not
depend on an input an error, where the default is a zero.
"""

from __future__ import annotations

import math

import numpy as np

from .api import grad, stack
from .base import TensorBase, wrap
from .mode import enable_grad, is_grad_enabled
from .record import differentiable

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

_LEAVES, _GIVEN, _RESULTS = "inputs", "v", "outputs of the user-provided function"


def _tuple(value, what, function):
    """``(whether it was a tuple, the tuple)``.

    Raises:
        TypeError: something in it is no tensor.
    """
    single = isinstance(value, TensorBase)
    text = f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the "
    if not single and not isinstance(value, tuple):
        raise TypeError(f"{text}given {what} has type {type(value)}.")
    values = (value,) if single else value
    for i, v in enumerate(values):
        if not isinstance(v, TensorBase):
            raise TypeError(f"{text}value at index {i} has type {type(v)}.")
    return not single, values


def _as_given(values, is_tuple):
    return tuple(values) if is_tuple else values[0]


def _detached(t, requires_grad=False):
    new = wrap(t._a, t._k)
    new._req = requires_grad
    return new


def _inputs(values, create_graph):
    """Tensors to differentiate by: linked to the given ones under ``create_graph``, else cut off."""
    out = []
    for t in values:
        if create_graph and t._req:
            t = differentiable(t._k).reshape(t, shape=tuple(t._a.shape))
        else:
            t = _detached(t, t._k.dtype_of(t._a).differentiable)
        out.append(t)
    return tuple(out)


def _finished(values, create_graph):
    """Results as they are under ``create_graph``, else cut off."""
    if isinstance(values, tuple):
        return tuple(_finished(v, create_graph) for v in values)
    return values if create_graph else _detached(values)


def _zeros(t):
    return wrap(t._k.zeros_like(t._a), t._k)


def _gradients(outputs, inputs, cotangents, create_graph=False):
    """Gradients by ``inputs``, None where nothing depends on one."""
    pairs = [(o, g) for o, g in zip(outputs, cotangents, strict=True) if o is not None and o._req]
    if not pairs:
        return (None,) * len(inputs)
    return grad([o for o, _ in pairs], inputs, [g for _, g in pairs], create_graph=create_graph, retain_graph=True,
                allow_unused=True)


_INDEPENDENT = {
    "back": "The output of the user-provided function is independent of input {}. This is not allowed in strict mode.",
    "back_trick": "The gradient with respect to the input is independent of entry {} in the grad_outputs when using the "
                  "double backward trick to compute forward mode gradients. This is not allowed in strict mode.",
    "double_back": "The jacobian of the user-provided function is independent of input {}. This is not allowed in "
                   "strict mode.",
    "double_back_trick": "The hessian of the user-provided function is independent of entry {} in the grad_jacobian. "
                         "This is not allowed in strict mode as it prevents from using the double backward trick to "
                         "replace forward mode AD.",
}
_CONSTANT = {
    "back": "The jacobian of the user-provided function is independent of input {}. This is not allowed in strict mode "
            "when create_graph=True.",
    "double_back": "The hessian of the user-provided function is independent of input {}. This is not allowed in strict "
                   "mode when create_graph=True.",
}
_CONSTANT["back_trick"], _CONSTANT["double_back_trick"] = _CONSTANT["back"], _CONSTANT["double_back"]


def _filled(gradients, like, strict, create_graph, stage):
    """Zeros in place of None, unless ``strict`` forbids them."""
    out = []
    for i, (g, t) in enumerate(zip(gradients, like, strict=True)):
        if g is None:
            if strict:
                raise RuntimeError(_INDEPENDENT[stage].format(i))
            g = _zeros(t)
        elif strict and create_graph and not g._req and "double" not in stage:
            raise RuntimeError(_CONSTANT[stage].format(i))
        out.append(g)
    return tuple(out)


_MUST_REQUIRE = {
    "outputs": "Output {} of the user-provided function does not require gradients. The outputs must be computed in a "
               "differentiable manner from the input when running in strict mode.",
    "grad_inputs": "The gradient with respect to input {} is independent of the inputs of the user-provided function. "
                   "This is not allowed in strict mode.",
    "jacobian": "While computing the hessian, found that the jacobian of the user-provided function with respect to "
                "input {} is independent of the input. This is not allowed in strict mode. You should ensure that your "
                "function is twice differentiable and that the jacobian depends on the inputs (this would be violated "
                "by a linear function for example).",
}


def _require_grad(values, what, strict):
    if not strict:
        return
    for i, v in enumerate(values):
        if v is None or not v._req:
            raise RuntimeError(_MUST_REQUIRE[what].format(i))


def _vector(v, like, is_tuple, function, missing):
    """The tuple ``v``, checked against the tensors it goes with; None stands for a single 1."""
    if v is None:
        if len(like) != 1 or math.prod(like[0]._a.shape) != 1:
            raise RuntimeError(missing)
        return (wrap(like[0]._k.ones_like(like[0]._a), like[0]._k),)
    v_is_tuple, vs = _tuple(v, _GIVEN, function)
    if len(vs) != len(like):
        if is_tuple:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(vs)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (a, b) in enumerate(zip(vs, like, strict=True)):
        if tuple(a._a.shape) != tuple(b._a.shape):
            where = f"Entry {i} in " if is_tuple else ""
            raise RuntimeError(f"{where}v has invalid size: should be torch.Size({list(b._a.shape)}) but got "
                               f"torch.Size({list(a._a.shape)}).")
    return tuple(_detached(t) if not is_grad_enabled() or not t._req else t for t in vs)


_ONE_OUTPUT = ("The vector v can only be None if the user-provided function returns a single Tensor with a single "
               "element.")
_ONE_INPUT = ("The vector v can only be None if the input to the user-provided function is a single Tensor with a single "
              "element.")


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """``(func(*inputs), v^T J)``: the product of a vector with the Jacobian.

    Args:
        v: one tensor per output of ``func``, of its shape; None for a scalar output.

    Raises:
        TypeError: inputs, outputs or v hold something other than tensors.
        RuntimeError: v does not fit; in strict mode, an output depends on nothing or on not every input.
    """
    with enable_grad():
        many, given = _tuple(inputs, _LEAVES, "vjp")
        xs = _inputs(given, create_graph)
        out_many, ys = _tuple(func(*xs), _RESULTS, "vjp")
        _require_grad(ys, "outputs", strict)
        vs = _vector(v, ys, out_many, "vjp", _ONE_OUTPUT)
        recording = create_graph
        products = _filled(_gradients(ys, xs, vs, recording), xs, strict, create_graph, "back")
    return _finished(_as_given(ys, out_many), create_graph), _finished(_as_given(products, many), create_graph)


def _pulled_twice(outputs, inputs, vs, create_graph, stage, strict):
    """``J v`` as the derivative of ``u^T J`` by u: two backward passes in place of a forward one."""
    us = tuple(_detached(_zeros(o), True) for o in outputs)
    pulled = _gradients(outputs, inputs, us, True)
    _require_grad(pulled, "grad_inputs", strict)
    return _filled(_gradients(pulled, us, vs, create_graph), outputs, strict, create_graph, stage)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """``(func(*inputs), J v)``: the product of the Jacobian with a vector, by two backward passes.

    Args:
        v: one tensor per input, of its shape; None for a single input of one element.

    Raises:
        As :func:`vjp`.
    """
    with enable_grad():
        many, given = _tuple(inputs, _LEAVES, "jvp")
        xs = _inputs(given, create_graph)
        vs = _vector(v, xs, many, "jvp", _ONE_INPUT)
        out_many, ys = _tuple(func(*xs), _RESULTS, "jvp")
        _require_grad(ys, "outputs", strict)
        if strict:
            _filled(_gradients(ys, xs, [wrap(y._k.ones_like(y._a), y._k) for y in ys]), xs, True, False, "back")
        products = _pulled_twice(ys, xs, vs, create_graph, "back_trick", strict and create_graph)
    return _finished(_as_given(ys, out_many), create_graph), _finished(_as_given(products, out_many), create_graph)


def _rows(y):
    """Per element of a tensor, a cotangent that picks it."""
    k, shape = y._k, tuple(y._a.shape)
    dtype = k.to_host(y._a).dtype
    for j in range(math.prod(shape)):
        one = np.zeros(math.prod(shape), dtype)
        one[j] = 1
        yield wrap(k.from_host(one.reshape(shape), device=k.device_of(y._a)), k)


def _empty(y, x):
    k = x._k
    return wrap(k.full(shape=(*y._a.shape, *x._a.shape), value=0, dtype=k.dtype_of(x._a), device=k.device_of(x._a)), k)


_STRATEGIES = ("forward-mode", "reverse-mode")


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """The Jacobian: per output (if a tuple) and input (if a tuple) a tensor of the shapes of both, one after the other.

    Args:
        vectorize: accepted; rows are computed one by one either way.
        strategy: "reverse-mode", by rows; "forward-mode", by columns, only with ``vectorize``.

    Raises:
        TypeError, RuntimeError: as :func:`vjp`.
        NotImplementedError, AssertionError: strategies that do not go with the other arguments.
    """
    if strategy not in _STRATEGIES:
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs '
            'than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".')
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError(
                'torch.autograd.functional.jacobian: `create_graph=True` and `strategy="forward-mode"` are not supported '
                'together (yet). Please either set `create_graph=False` or `strategy="reverse-mode"`.')
        if strict:
            raise RuntimeError(
                'torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` are not supported '
                'together (yet). Please either set `strict=False` or `strategy="reverse-mode"`.')
        if not vectorize:
            raise NotImplementedError("Computing Jacobian using forward-AD or forward-over-reverse Hessian is"
                                      "only implemented for `vectorize=True`.")
    if vectorize and strict:
        raise RuntimeError("torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported "
                           "together. Please either set `strict=False` or `vectorize=False`.")
    with enable_grad():
        many, given = _tuple(inputs, _LEAVES, "jacobian")
        xs = _inputs(given, create_graph)
        out_many, ys = _tuple(func(*xs), _RESULTS, "jacobian")
        _require_grad(ys, "outputs", strict)
        if strategy == "forward-mode":
            blocks = _columns(ys, xs)
        else:
            blocks = tuple(_block_row(i, y, xs, strict, create_graph) for i, y in enumerate(ys))
    blocks = _finished(blocks, create_graph)
    blocks = tuple(row if many else row[0] for row in blocks)
    return blocks if out_many else blocks[0]


def _block_row(i, y, xs, strict, create_graph):
    """The derivatives of one output by every input."""
    rows = [[] for _ in xs]
    for pick in _rows(y):
        for n, (g, x) in enumerate(zip(_gradients((y,), xs, (pick,), create_graph), xs, strict=True)):
            if g is None:
                if strict:
                    raise RuntimeError(f"Output {i} of the user-provided function is independent of input {n}. This is "
                                       "not allowed in strict mode.")
                g = _zeros(x)
            elif strict and create_graph and not g._req:
                raise RuntimeError(_CONSTANT["back"].format(n))
            rows[n].append(g)
    return tuple(
        differentiable(x._k).reshape(stack(row), shape=(*y._a.shape, *x._a.shape)) if row else _empty(y, x)
        for row, x in zip(rows, xs, strict=True))


def _columns(ys, xs):
    """The derivatives of every output by every input, one element of an input at a time."""
    columns = [[[] for _ in xs] for _ in ys]
    for n, x in enumerate(xs):
        for pick in _rows(x):
            vs = [pick if i == n else _zeros(other) for i, other in enumerate(xs)]
            for i, product in enumerate(_pulled_twice(ys, xs, vs, False, "back_trick", False)):
                columns[i][n].append(product)

    def block(y, x, column):
        if not column:
            return _empty(y, x)
        ops, rank = differentiable(y._k), len(y._a.shape)
        stacked = ops.permute(stack(column), axes=(*range(1, rank + 1), 0))
        return ops.reshape(stacked, shape=(*y._a.shape, *x._a.shape))

    return tuple(tuple(block(y, x, c) for x, c in zip(xs, row, strict=True)) for y, row in zip(ys, columns, strict=True))


def _scalar_output(value, function):
    """The one output of a function that has to return one element.

    Raises:
        RuntimeError: it returns several, or a larger one.
    """
    out_many, ys = _tuple(value, _RESULTS, function)
    if out_many:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if math.prod(ys[0]._a.shape) != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single element")
    return ys[0]


def hessian(func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"):
    """The Hessian of a function that returns one element: per pair of inputs (if a tuple) a tensor of both shapes, one
    after the other.

    Args:
        outer_jacobian_strategy: how the Jacobian of the gradient is computed; see :func:`jacobian`.

    Raises:
        As :func:`jacobian`.
    """
    many, given = _tuple(inputs, _LEAVES, "hessian")
    if outer_jacobian_strategy not in _STRATEGIES:
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def scalar(*xs):
        y = _scalar_output(func(*xs), "hessian")
        _require_grad((y,), "outputs", strict)
        return differentiable(y._k).reshape(y, shape=())

    def gradient(*xs):
        if outer_jacobian_strategy == "forward-mode":
            xs = tuple(differentiable(x._k).reshape(x, shape=tuple(x._a.shape)) for x in xs)
        gs = jacobian(scalar, xs, create_graph=True)
        _require_grad(gs, "jacobian", strict)
        return gs

    out = jacobian(gradient, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return out if many else out[0][0]


def _gradient(func, inputs, v, function, create_graph, strict):
    """What both products with the Hessian begin with."""
    many, given = _tuple(inputs, _LEAVES, function)
    xs = _inputs(given, create_graph)
    vs = _vector(v, xs, many, function, _ONE_INPUT)
    y = _scalar_output(func(*xs), function)
    _require_grad((y,), "outputs", strict)
    one = wrap(y._k.ones_like(y._a), y._k)
    gs = _filled(_gradients((y,), xs, (one,), True), xs, strict, False, "back")
    _require_grad(gs, "jacobian", strict)
    return many, xs, vs, y, gs


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """``(func(*inputs), v^T H)``: the product of a vector with the Hessian of a function that returns one element.

    Raises:
        As :func:`vjp`.
    """
    with enable_grad():
        many, xs, vs, y, gs = _gradient(func, inputs, v, "vhp", create_graph, strict)
        products = _filled(_gradients(gs, xs, vs, create_graph), xs, strict, create_graph, "double_back")
    return _finished(y, create_graph), _finished(_as_given(products, many), create_graph)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """``(func(*inputs), H v)``: the product of the Hessian with a vector. :func:`vhp` gives the same for less, where the
    Hessian is symmetric.

    Raises:
        As :func:`vjp`.
    """
    with enable_grad():
        many, xs, vs, y, gs = _gradient(func, inputs, v, "hvp", create_graph, strict)
        products = _pulled_twice(gs, xs, vs, create_graph, "double_back_trick", False)
    return _finished(y, create_graph), _finished(_as_given(products, many), create_graph)
