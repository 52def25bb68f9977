"""One layer of a recurrent network in one direction over a whole sequence, with its adjoint.

LSTM: Hochreiter and Schmidhuber, 1997, with forget gates (Gers, Schmidhuber and Cummins, 2000); GRU: Cho et
al., 2014, with the reset gate applied after the recurrent product; plain: Elman, 1990.

The projection of all inputs is one matrix product, as are the weight gradients after the loop over time.
Sigmoids are taken as ``0.5 * tanh(0.5 * z) + 0.5``, with the inner half folded into the weights, so that one
``tanh`` serves all gates of a step.

Shapes: x ``(T, B, I)``; h0, c0 ``(B, H)``; w_ih ``(k * H, I)``; w_hh ``(k * H, H)``; b_ih, b_hh ``(k * H,)``
or None, with k = 4 gates (input, forget, cell, output) for LSTM, 3 (reset, update, new) for GRU and 1
otherwise.  With ``reverse`` time runs from the end to the start; results stay at their own time step.  The
returned ``out`` ``(T, B, H)`` shares memory with ``saved``.  In the backward functions a gradient that is
None counts as zero.
"""

from __future__ import annotations

import numpy as np

from .conv import column_sum

__all__ = ["gru", "gru_backward", "lstm", "lstm_backward", "rnn", "rnn_backward"]


def _order(steps, reverse):
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
    y = np.matmul(x.reshape(steps * batch, width), w.T)
    if b is not None:
        y += b
    return y.reshape(steps, batch, w.shape[0])


def _weight_gradients(x, before, grad_input, grad_hidden, w_ih):
    """(gx, gw_ih, gw_hh, gb_ih, gb_hh) from the gradients of the two pre-activations, each ``(T, B, k *
    H)``."""
    a = grad_input.reshape(-1, grad_input.shape[-1])
    b = a if grad_hidden is grad_input else grad_hidden.reshape(-1, grad_hidden.shape[-1])
    gx = np.matmul(a, w_ih).reshape(x.shape)
    gw_ih = np.matmul(a.T, x.reshape(-1, x.shape[-1]))
    gw_hh = np.matmul(b.T, before.reshape(-1, before.shape[-1]))
    gb_ih = column_sum(a)
    return gx, gw_ih, gw_hh, gb_ih, gb_ih.copy() if b is a else column_sum(b)


def _zeros_if_none(g, like):
    return np.zeros_like(like) if g is None else np.array(g)


def _both(b_ih, b_hh):
    if b_ih is None or b_hh is None:
        return b_hh if b_ih is None else b_ih
    return b_ih + b_hh


def _swap_last_gates(a):
    """Exchanges the last two of four gates along axis 0, so that the three sigmoids lie side by side."""
    size = a.shape[0] // 4
    return np.concatenate([a[: 2 * size], a[3 * size :], a[2 * size : 3 * size]])


def lstm(x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, reverse):
    """Returns ``(out, h, c, saved)`` with the last states ``h`` and ``c`` ``(B, H)``."""
    steps, batch, _ = x.shape
    size = h0.shape[-1]
    half = np.ones(4 * size, x.dtype)
    half[: 3 * size] = 0.5
    x = np.ascontiguousarray(x)
    w_ih, w_hh = _swap_last_gates(w_ih), _swap_last_gates(w_hh)
    b = _both(b_ih, b_hh)
    gates = _project(x, w_ih * half[:, None], None if b is None else _swap_last_gates(b) * half)
    recurrent = np.ascontiguousarray((w_hh * half[:, None]).T)
    h_before, h_after = _states(h0, steps, reverse)
    c_before, c_after = _states(c0, steps, reverse)
    squashed = np.empty((steps, batch, size), x.dtype)
    product = np.empty((batch, 4 * size), x.dtype)
    part = np.empty((batch, size), x.dtype)
    for t in _order(steps, reverse):
        z = gates[t]
        np.matmul(h_before[t], recurrent, out=product)
        np.add(z, product, out=z)
        np.tanh(z, out=z)
        sigmoids = z[:, : 3 * size]
        np.multiply(sigmoids, 0.5, out=sigmoids)
        np.add(sigmoids, 0.5, out=sigmoids)
        c = c_after[t]
        np.multiply(z[:, size : 2 * size], c_before[t], out=c)
        np.multiply(z[:, :size], z[:, 3 * size :], out=part)
        np.add(c, part, out=c)
        np.tanh(c, out=squashed[t])
        np.multiply(z[:, 2 * size : 3 * size], squashed[t], out=h_after[t])
    saved = x, w_ih, w_hh, gates, h_before, c_before, squashed, reverse
    return h_after, _last(h_after, h0, reverse), _last(c_after, c0, reverse), saved


def lstm_backward(g_out, g_h, g_c, saved):
    """Returns ``(gx, gh0, gc0, gw_ih, gw_hh, gb_ih, gb_hh)``."""
    x, w_ih, w_hh, gates, h_before, c_before, squashed, reverse = saved
    steps, batch, size = squashed.shape
    dh = _zeros_if_none(g_h, np.empty((batch, size), x.dtype))
    dc = _zeros_if_none(g_c, dh)
    grads = np.empty_like(gates)
    slope = np.empty((batch, 4 * size), x.dtype)
    part = np.empty((batch, size), x.dtype)
    for t in _order(steps, not reverse):
        if g_out is not None:
            np.add(dh, g_out[t], out=dh)
        z, d, s = gates[t], grads[t], squashed[t]
        # Slopes from the values: s * (1 - s) for the three sigmoids, 1 - v * v for the cell gate.
        sig, cell = z[:, : 3 * size], z[:, 3 * size :]
        np.multiply(z, z, out=slope)
        np.subtract(sig, slope[:, : 3 * size], out=slope[:, : 3 * size])
        np.subtract(1, slope[:, 3 * size :], out=slope[:, 3 * size :])
        np.multiply(dh, s, out=d[:, 2 * size : 3 * size])
        np.multiply(s, s, out=part)
        np.subtract(1, part, out=part)
        np.multiply(part, z[:, 2 * size : 3 * size], out=part)
        np.multiply(part, dh, out=part)
        np.add(dc, part, out=dc)
        np.multiply(dc, cell, out=d[:, :size])
        np.multiply(dc, c_before[t], out=d[:, size : 2 * size])
        np.multiply(dc, z[:, :size], out=d[:, 3 * size :])
        np.multiply(d, slope, out=d)
        np.multiply(dc, z[:, size : 2 * size], out=dc)
        np.matmul(d, w_hh, out=dh)
    gx, *weights = _weight_gradients(x, h_before, grads, grads, w_ih)
    # Exchanging the last two gates again restores the caller's order.
    return gx, dh, dc, *(_swap_last_gates(w) for w in weights)


def gru(x, h0, w_ih, w_hh, b_ih, b_hh, *, reverse):
    """Returns ``(out, h, saved)`` with the last state ``h`` ``(B, H)``."""
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
    for t in _order(steps, reverse):
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
    saved = x, w_ih, w_hh, gates, candidate, before, reverse
    return after, _last(after, h0, reverse), saved


def gru_backward(g_out, g_h, saved):
    """Returns ``(gx, gh0, gw_ih, gw_hh, gb_ih, gb_hh)``."""
    x, w_ih, w_hh, gates, candidate, before, reverse = saved
    steps, batch, size = candidate.shape
    dh = _zeros_if_none(g_h, np.empty((batch, size), x.dtype))
    grad_input, grad_hidden = np.empty_like(gates), np.empty_like(gates)
    slope = np.empty((batch, 3 * size), x.dtype)
    product = np.empty((batch, size), x.dtype)
    for t in _order(steps, not reverse):
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
    gx, *weights = _weight_gradients(x, before, grad_input, grad_hidden, w_ih)
    return gx, dh, *weights


def rnn(x, h0, w_ih, w_hh, b_ih, b_hh, *, nonlinearity, reverse):
    """Returns ``(out, h, saved)``; ``nonlinearity`` is ``"tanh"`` or ``"relu"``."""
    x = np.ascontiguousarray(x)
    projected = _project(x, w_ih, _both(b_ih, b_hh))
    recurrent = np.ascontiguousarray(w_hh.T)
    before, after = _states(h0, len(x), reverse)
    for t in _order(len(x), reverse):
        h = after[t]
        np.matmul(before[t], recurrent, out=h)
        np.add(h, projected[t], out=h)
        if nonlinearity == "tanh":
            np.tanh(h, out=h)
        else:
            np.maximum(h, 0, out=h)
    saved = x, w_ih, w_hh, before, after, nonlinearity, reverse
    return after, _last(after, h0, reverse), saved


def rnn_backward(g_out, g_h, saved):
    """Returns ``(gx, gh0, gw_ih, gw_hh, gb_ih, gb_hh)``."""
    x, w_ih, w_hh, before, after, nonlinearity, reverse = saved
    dh = _zeros_if_none(g_h, np.empty(before.shape[1:], x.dtype))
    grads = np.empty(after.shape, x.dtype)
    for t in _order(len(x), not reverse):
        if g_out is not None:
            np.add(dh, g_out[t], out=dh)
        d = grads[t]
        if nonlinearity == "tanh":
            np.multiply(after[t], after[t], out=d)
            np.subtract(1, d, out=d)
            np.multiply(d, dh, out=d)
        else:
            np.multiply(dh, after[t] > 0, out=d)
        np.matmul(d, w_hh, out=dh)
    gx, *weights = _weight_gradients(x, before, grads, grads, w_ih)
    return gx, dh, *weights
