"""One layer of a recurrent network in one direction over a whole sequence, with its adjoint.

GRU: Cho et al., 2014, with the reset gate applied after the recurrent product; plain: Elman, 1990.

The projection of all inputs is one matrix product, as are the weight gradients after the loop over time.
Sigmoids are taken as ``0.5 * tanh(0.5 * z) + 0.5``, with the inner half folded into the weights, so that one
``tanh`` serves all gates of a step.

Shapes: x ``(T, B, I)``; h0 ``(B, H)``; w_ih ``(k * H, I)``; w_hh ``(k * H, H)``; b_ih, b_hh ``(k * H,)`` or None, with
k = 3 gates (reset, update, new) for GRU and 1 otherwise.  With ``reverse`` time runs from the end to the start; results
stay at their own time step.  The backward functions take the results of the forward ones; in them a gradient that is None
counts as zero, and without ``input_grad`` the gradient of x is empty, shape ``(0,)``.
"""

from __future__ import annotations

import numpy as np

from ..threads import shared_product
from .conv import column_sum

__all__ = ["both", "gru", "gru_backward", "order", "rnn", "rnn_backward", "weight_gradients"]


def order(steps, reverse):
    return range(steps - 1, -1, -1) if reverse else range(steps)


def _states(first, steps, reverse):
    """Storage of ``T + 1`` states that holds ``first``; views of the states before and after each time
    step."""
    states = np.empty((steps + 1, *first.shape), first.dtype)
    states[-1 if reverse else 0] = first
    return (states[1:], states[:-1]) if reverse else (states[:-1], states[1:])


def _last(after, first, reverse):
    if not len(after):
        return first.copy()
    return (after[0] if reverse else after[-1]).copy()


def _project(x, w, b):
    """``x @ w.T + b`` for every time step."""
    steps, batch, width = x.shape
    y = shared_product(x.reshape(steps * batch, width), w.T)
    if b is not None:
        y += b
    return y.reshape(steps, batch, w.shape[0])


def _before(first, steps, reverse):
    """The state that each time step starts from."""
    return np.concatenate([steps[1:], first[None]] if reverse else [first[None], steps[:-1]])


def weight_gradients(x, h0, out, grad_input, grad_hidden, w_ih, reverse, input_grad):
    """``(gx, gw_ih, gw_hh, gb_ih, gb_hh)`` from the gradients of the two pre-activations, each ``(T, B, k * H)``; where
    those are one array, so are the biases'."""
    a = grad_input.reshape(-1, grad_input.shape[-1])
    b = a if grad_hidden is grad_input else grad_hidden.reshape(-1, grad_hidden.shape[-1])
    gx = shared_product(a, w_ih).reshape(x.shape) if input_grad else np.empty(0, x.dtype)
    before = _before(h0, out, reverse) if len(out) else out
    gw_ih = shared_product(a.T, np.ascontiguousarray(x).reshape(-1, x.shape[-1]))
    gw_hh = shared_product(b.T, before.reshape(-1, before.shape[-1]))
    gb_ih = column_sum(a)
    return gx, gw_ih, gw_hh, gb_ih, gb_ih if b is a else column_sum(b)


def _zeros_if_none(g, like):
    return np.zeros_like(like) if g is None else np.array(g)


def both(b_ih, b_hh):
    if b_ih is None or b_hh is None:
        return b_hh if b_ih is None else b_ih
    return b_ih + b_hh


def gru(x, h0, w_ih, w_hh, b_ih, b_hh, *, reverse):
    """Returns ``(out, h, gates, candidate)``: all states ``(T, B, H)``, the last one, the activated gates ``(T, B, 3 * H)``
    and the recurrent part of the new gate ``(T, B, H)`` before the reset."""
    steps, batch, _ = x.shape
    size = h0.shape[-1]
    half = np.ones(3 * size, x.dtype)
    half[: 2 * size] = 0.5
    x = np.ascontiguousarray(x)
    gates = _project(x, w_ih * half[:, None], None if b_ih is None else b_ih * half)
    recurrent = np.ascontiguousarray((w_hh * half[:, None]).T)
    offset = None if b_hh is None else b_hh * half
    before, after = _states(h0, steps, reverse)
    candidate = np.empty((steps, batch, size), x.dtype)
    product = np.empty((batch, 3 * size), x.dtype)
    part = np.empty((batch, size), x.dtype)
    for t in order(steps, reverse):
        z = gates[t]
        np.matmul(before[t], recurrent, out=product)
        if offset is not None:
            np.add(product, offset, out=product)
        sigmoids, new = z[:, : 2 * size], z[:, 2 * size :]
        np.add(sigmoids, product[:, : 2 * size], out=sigmoids)
        np.tanh(sigmoids, out=sigmoids)
        np.multiply(sigmoids, 0.5, out=sigmoids)
        np.add(sigmoids, 0.5, out=sigmoids)
        candidate[t] = product[:, 2 * size :]
        np.multiply(z[:, :size], candidate[t], out=part)
        np.add(new, part, out=new)
        np.tanh(new, out=new)
        h = after[t]
        np.subtract(before[t], new, out=h)
        np.multiply(h, z[:, size : 2 * size], out=h)
        np.add(h, new, out=h)
    return after, _last(after, h0, reverse), gates, candidate


def gru_backward(g_out, g_h, x, h0, w_ih, w_hh, out, gates, candidate, *, reverse, input_grad):
    """Returns ``(gx, gh0, gw_ih, gw_hh, gb_ih, gb_hh)``."""
    steps, batch, size = candidate.shape
    before = _before(h0, out, reverse)
    dh = _zeros_if_none(g_h, np.empty((batch, size), x.dtype))
    grad_input, grad_hidden = np.empty_like(gates), np.empty_like(gates)
    slope = np.empty((batch, 3 * size), x.dtype)
    product = np.empty((batch, size), x.dtype)
    for t in order(steps, not reverse):
        if g_out is not None:
            np.add(dh, g_out[t], out=dh)
        z, d, e = gates[t], grad_input[t], grad_hidden[t]
        reset, update, new = z[:, :size], z[:, size : 2 * size], z[:, 2 * size :]
        np.multiply(z, z, out=slope)
        np.subtract(z[:, : 2 * size], slope[:, : 2 * size], out=slope[:, : 2 * size])
        np.subtract(1, slope[:, 2 * size :], out=slope[:, 2 * size :])
        np.subtract(before[t], new, out=d[:, size : 2 * size])
        np.multiply(d[:, size : 2 * size], dh, out=d[:, size : 2 * size])
        np.multiply(dh, update, out=product)
        np.subtract(dh, product, out=d[:, 2 * size :])
        np.multiply(d[:, size:], slope[:, size:], out=d[:, size:])
        np.multiply(d[:, 2 * size :], candidate[t], out=d[:, :size])
        np.multiply(d[:, :size], slope[:, :size], out=d[:, :size])
        e[:, : 2 * size] = d[:, : 2 * size]
        np.multiply(d[:, 2 * size :], reset, out=e[:, 2 * size :])
        np.matmul(e, w_hh, out=dh)
        np.add(dh, product, out=dh)
    gx, *weights = weight_gradients(x, h0, out, grad_input, grad_hidden, w_ih, reverse, input_grad)
    return gx, dh, *weights


def rnn(x, h0, w_ih, w_hh, b_ih, b_hh, *, nonlinearity, reverse):
    """Returns ``(out, h)``, all states and the last; ``nonlinearity`` is ``"tanh"`` or ``"relu"``."""
    x = np.ascontiguousarray(x)
    projected = _project(x, w_ih, both(b_ih, b_hh))
    recurrent = np.ascontiguousarray(w_hh.T)
    before, after = _states(h0, len(x), reverse)
    for t in order(len(x), reverse):
        h = after[t]
        np.matmul(before[t], recurrent, out=h)
        np.add(h, projected[t], out=h)
        if nonlinearity == "tanh":
            np.tanh(h, out=h)
        else:
            np.maximum(h, 0, out=h)
    return after, _last(after, h0, reverse)


def rnn_backward(g_out, g_h, x, h0, w_ih, w_hh, out, *, nonlinearity, reverse, input_grad):
    """Returns ``(gx, gh0, gw_ih, gw_hh, gb)``."""
    dh = _zeros_if_none(g_h, h0)
    grads = np.empty(out.shape, x.dtype)
    for t in order(len(x), not reverse):
        if g_out is not None:
            np.add(dh, g_out[t], out=dh)
        d = grads[t]
        if nonlinearity == "tanh":
            np.multiply(out[t], out[t], out=d)
            np.subtract(1, d, out=d)
            np.multiply(d, dh, out=d)
        else:
            np.multiply(dh, out[t] > 0, out=d)
        np.matmul(d, w_hh, out=dh)
    gx, *weights = weight_gradients(x, h0, out, grads, grads, w_ih, reverse, input_grad)
    return gx, dh, *weights[:-1]
