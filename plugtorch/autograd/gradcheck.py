"""Checking gradients against finite differences.

For an output element and a cotangent v the real number ``L = Re(conj(v) * out)`` is differentiated: by the engine,
whose gradient is ``dL/dRe(x) + i dL/dIm(x)``, and by central differences of the same.
"""

from __future__ import annotations

import numpy as np

from .api import grad
from .base import TensorBase, wrap
from .mode import enable_grad


class GradcheckError(RuntimeError):
    """A gradient does not agree with finite differences; the message shows both."""


def _tensors(values):
    return [v for v in values if isinstance(v, TensorBase)]


def _outputs(result):
    outs = _tensors(result if isinstance(result, (tuple, list)) else (result,))
    return [o for o in outs if o._k.dtype_of(o._a).differentiable]


def _host(t):
    return np.array(t._k.to_host(t._a))


def _rebuilt(t, array):
    new = wrap(t._k.from_host(np.ascontiguousarray(array).reshape(array.shape), device=t._k.device_of(t._a)), t._k)
    new._req = t._req
    return new


def _values(func, inputs):
    with enable_grad():
        return [_host(o) for o in _outputs(func(*inputs))]


def _numerical(func, inputs, which, eps):
    """Differences of every output by every real degree of freedom of one input: a list of (outputs, size) arrays."""
    base = _host(inputs[which])
    directions = (1.0, 1j) if base.dtype.kind == "c" else (1.0,)
    columns = []
    for n in range(base.size):
        column = 0
        for d in directions:
            moved = []
            for sign in (1, -1):
                x = base.copy()
                x.reshape(-1)[n] += sign * eps * d
                args = list(inputs)
                args[which] = _rebuilt(inputs[which], x)
                moved.append(_values(func, args))
            column = [c + (d if d != 1.0 else 1) * _parts((a - b) / (2 * eps))
                      for c, a, b in zip(column or [0] * len(moved[0]), *moved, strict=True)]
        columns.append(column)
    count = len(columns[0]) if columns else 0
    return [np.stack([c[o] for c in columns], axis=-1) for o in range(count)]


def _parts(difference):
    """Derivatives of Re(conj(v) * out) for v = 1 and, if complex, v = 1j."""
    flat = difference.reshape(-1)
    return np.concatenate([flat.real, flat.imag]) if flat.dtype.kind == "c" else flat


def _analytical(outputs, x, create_graph=False):
    """The engine's gradients for every element and cotangent of every output."""
    jacobians = []
    for o in outputs:
        size = int(np.prod(o._a.shape))
        complex_ = o._k.dtype_of(o._a).is_complex
        rows = []
        for v in ((1.0, 1j) if complex_ else (1.0,)):
            for n in range(size):
                seed = np.zeros(o._a.shape, dtype=_host(o).dtype)
                seed.reshape(-1)[n] = v
                if not o._req:
                    rows.append(np.zeros(x._a.shape, dtype=_host(x).dtype).reshape(-1))
                    continue
                g = grad(o, x, _rebuilt_plain(o, seed), retain_graph=True, allow_unused=True)[0]
                rows.append(np.zeros(x._a.shape, _host(x).dtype).reshape(-1) if g is None else _host(g).reshape(-1))
        jacobians.append(np.stack(rows) if rows else np.zeros((0, int(np.prod(x._a.shape)))))
    return jacobians


def _rebuilt_plain(t, array):
    new = _rebuilt(t, array)
    new._req = False
    return new


def gradcheck(func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, nondet_tol=0.0,
              check_undefined_grad=True, check_grad_dtypes=False, check_batched_grad=False,
              check_batched_forward_grad=False, check_forward_ad=False, check_backward_ad=True, fast_mode=False,
              masked=None):
    """Whether ``func``'s gradients by every input that requires grad agree with central differences.

    Args:
        func: takes the inputs, returns a tensor or several.
        inputs: a tensor or several; use float64 or complex128, eps is too small for less.
        eps: step of the differences.
        atol, rtol: tolerances of the comparison.
        nondet_tol: how far two backward passes may differ.
        check_grad_dtypes: also compare the gradients' dtypes with the inputs'.
        fast_mode: accepted; the full check is made.

    Returns:
        True; False on disagreement if ``raise_exception`` is off.

    Raises:
        GradcheckError: a gradient disagrees; both Jacobians are in the message.
        ValueError: no input requires grad.
    """
    inputs = [inputs] if isinstance(inputs, TensorBase) else list(inputs)
    try:
        _check(func, inputs, eps, atol, rtol, nondet_tol, check_grad_dtypes)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check(func, inputs, eps, atol, rtol, nondet_tol, check_grad_dtypes):
    wanted = [i for i, x in enumerate(inputs) if isinstance(x, TensorBase) and x._req]
    if not wanted:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of the them have "
                         "requires_grad=True.")
    with enable_grad():
        outputs = _outputs(func(*inputs))
    if not any(o._req for o in outputs):
        raise GradcheckError("Numerical gradient for function expected to be zero: no output of the function requires "
                             "grad, so nothing can be compared")
    for i in wanted:
        numeric = _numerical(func, inputs, i, eps)
        exact = _analytical(outputs, inputs[i])
        for o, (a, n) in enumerate(zip(exact, numeric, strict=True)):
            if not np.allclose(a, n, rtol=rtol, atol=atol, equal_nan=True):
                raise GradcheckError(f"Jacobian mismatch for output {o} with respect to input {i},\n"
                                     f"numerical:{n}\nanalytical:{a}\n")
        again = _analytical(outputs, inputs[i])
        for o, (a, b) in enumerate(zip(exact, again, strict=True)):
            if a.size and np.nanmax(np.abs(a - b), initial=0.0) > nondet_tol:
                raise GradcheckError(f"Backward is not reentrant, i.e., running backward with same input and grad_output "
                                     f"multiple times gives different values, although analytical gradient matches "
                                     f"numerical gradient (output {o}, input {i})")
    if check_grad_dtypes:
        for i in wanted:
            for o in outputs:
                g = grad(o, inputs[i], _rebuilt_plain(o, np.ones_like(_host(o))), retain_graph=True,
                         allow_unused=True)[0]
                if g is not None and g._a.dtype != inputs[i]._a.dtype:
                    raise GradcheckError(f"gradient of input {i} has dtype {g._a.dtype}, the input {inputs[i]._a.dtype}")


def gradgradcheck(func, inputs, grad_outputs=None, *, eps=1e-6, atol=1e-5, rtol=1e-3, gen_non_contig_grad_outputs=False,
                  raise_exception=True, nondet_tol=0.0, check_undefined_grad=True, check_grad_dtypes=False,
                  check_batched_grad=False, check_fwd_over_rev=False, check_rev_over_rev=True, fast_mode=False,
                  masked=False):
    """gradcheck of the gradient itself, as a function of the inputs and of the cotangents."""
    inputs = [inputs] if isinstance(inputs, TensorBase) else list(inputs)
    with enable_grad():
        outputs = _outputs(func(*inputs))
    if grad_outputs is None:
        draw = np.random.RandomState(0)
        seeds = []
        for o in outputs:
            host = _host(o)
            values = draw.uniform(-1, 1, host.shape) + (1j * draw.uniform(-1, 1, host.shape)
                                                        if host.dtype.kind == "c" else 0)
            seed = _rebuilt_plain(o, np.asarray(values, dtype=host.dtype))
            seed._req = True
            seeds.append(seed)
    else:
        seeds = [grad_outputs] if isinstance(grad_outputs, TensorBase) else list(grad_outputs)
    count = len(inputs)

    def gradient(*args):
        xs, gs = args[:count], args[count:]
        wanted = [x for x in xs if isinstance(x, TensorBase) and x._req]
        outs = _outputs(func(*xs))
        pairs = [(o, g) for o, g in zip(outs, gs, strict=True) if o._req]
        grads = grad([o for o, _ in pairs], wanted, [g for _, g in pairs], create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None and g._req)

    return gradcheck(gradient, [*inputs, *seeds], eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
                     nondet_tol=nondet_tol, check_grad_dtypes=check_grad_dtypes)
