"""One layer of long short-term memory in one direction over a whole sequence, with its adjoint (Hochreiter and
Schmidhuber, 1997, with forget gates: Gers, Schmidhuber and Cummins, 2000).

The units lie along the first axis and the sequences of the batch along the last one. So every gate is one run of memory, and
the product of a time step has the many rows that the library is fast on.  It takes the weights of input, state and bias side
by side and the three operands one above the other: what it writes are the sums.

Sigmoids are ``0.5 * tanh(0.5 * z) + 0.5``, with the inner half folded into the weights, so that one ``tanh`` serves all
gates of a step.  Sequences do not depend on each other: shares of the batch run side by side.

Shapes: x ``(T, B, I)``; h0, c0 ``(B, H)``; w_ih ``(4 * H, I)``; w_hh ``(4 * H, H)``; b_ih, b_hh ``(4 * H,)`` or None, in
PyTorch's order of gates: in, forget, cell, out.  Saved gates have the cell's last.
"""

from __future__ import annotations

import numpy as np

from ..threads import shares, spread
from .rnn import both, order, weight_gradients

__all__ = ["lstm", "lstm_backward"]

# Sequences of the batch below which a share of it is not worth a thread.
LEAST = 8


def _cell_last(a):
    """Gates along axis 0 with the last two exchanged: the three sigmoids side by side, or PyTorch's order again."""
    size = a.shape[0] // 4
    return np.concatenate([a[:2 * size], a[3 * size:], a[2 * size:3 * size]])


def lstm(x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, reverse):
    """Returns ``(out, h, c, gates, cells)``: all states ``(T, B, H)``, the last state and cell ``(B, H)``, the activated
    gates ``(T, B, 4 * H)`` and all cells ``(T, B, H)``."""
    steps, batch, width = x.shape
    size = h0.shape[-1]
    bias = both(b_ih, b_hh)
    weight = np.zeros((4 * size, width + size + 1), x.dtype)
    weight[:, :width], weight[:, width:-1] = _cell_last(w_ih), _cell_last(w_hh)
    if bias is not None:
        weight[:, -1] = _cell_last(bias)
    weight[:3 * size] *= 0.5
    out = np.empty((steps, batch, size), x.dtype)
    gates, cells = (np.empty((steps, n * size, batch), x.dtype) for n in (4, 1))
    last_h, last_c = np.empty_like(h0, order="C"), np.empty_like(c0, order="C")

    def work(part):
        where, count = slice(part.start, part.stop), len(part)
        operand = np.ones((width + size + 1, count), x.dtype)
        entry, h = operand[:width], operand[width:-1]
        h[...] = h0[where].T
        c = c0[where].T.copy()
        term = np.empty((size, count), x.dtype)
        z = np.empty((4 * size, count), x.dtype)
        for t in order(steps, reverse):
            entry[...] = x[t, where].T
            if count == batch:
                z = gates[t]
            np.matmul(weight, operand, out=z)
            np.tanh(z, out=z)
            sigmoids = z[:3 * size]
            np.multiply(sigmoids, 0.5, out=sigmoids)
            np.add(sigmoids, 0.5, out=sigmoids)
            np.multiply(c, z[size:2 * size], out=c)
            np.multiply(z[:size], z[3 * size:], out=term)
            np.add(c, term, out=c)
            np.tanh(c, out=term)
            np.multiply(z[2 * size:3 * size], term, out=h)
            out[t, where] = h.T
            cells[t, :, where] = c
            if count != batch:
                gates[t, :, where] = z
        last_h[where], last_c[where] = h.T, c.T

    spread(work, shares(batch, LEAST))
    return out, last_h, last_c, gates.swapaxes(1, 2), cells.swapaxes(1, 2)


def lstm_backward(g_out, g_h, g_c, x, h0, c0, w_ih, w_hh, out, gates, cells, *, reverse, input_grad):
    """Returns ``(gx, gh0, gc0, gw_ih, gw_hh, gb)`` from `lstm`'s operands and results; a gradient that is None counts as
    zero, and without ``input_grad`` gx is empty."""
    grads, gh0, gc0 = _through_time(g_out, g_h, g_c, c0, w_hh, gates, cells, reverse)
    gx, *weights = weight_gradients(x, h0, out, grads, grads, _cell_last(w_ih), reverse, input_grad)
    return gx, gh0, gc0, *(_cell_last(w) for w in weights[:-1])


def _through_time(g_out, g_h, g_c, c0, w_hh, gates, cells, reverse):
    """Gradients of the sums before the activation ``(T, B, 4 * H)``, and of the first state and cell."""
    steps, batch, size = cells.shape
    gates, cells = gates.swapaxes(1, 2), cells.swapaxes(1, 2)
    weight = np.ascontiguousarray(_cell_last(w_hh).T)
    grads = np.empty((steps, batch, 4 * size), c0.dtype)
    gh0, gc0 = (np.empty((batch, size), c0.dtype) for _ in range(2))

    def work(part):
        where, count = slice(part.start, part.stop), len(part)
        dh, dc = (np.zeros((size, count), c0.dtype) if g is None else g[where].T.copy() for g in (g_h, g_c))
        d, slope = (np.empty((4 * size, count), c0.dtype) for _ in range(2))
        part, squashed = (np.empty((size, count), c0.dtype) for _ in range(2))
        for t in order(steps, not reverse):
            if g_out is not None:
                np.add(dh, g_out[t, where].T, out=dh)
            before = t + 1 if reverse else t - 1
            start = cells[before, :, where] if 0 <= before < steps else c0[where].T
            z = np.ascontiguousarray(gates[t, :, where])
            np.tanh(cells[t, :, where], out=squashed)
            # Slopes from the values: s * (1 - s) for the three sigmoids, 1 - v * v for the cell gate.
            np.multiply(z, z, out=slope)
            np.subtract(z[:3 * size], slope[:3 * size], out=slope[:3 * size])
            np.subtract(1, slope[3 * size:], out=slope[3 * size:])
            np.multiply(dh, squashed, out=d[2 * size:3 * size])
            np.multiply(squashed, squashed, out=part)
            np.subtract(1, part, out=part)
            np.multiply(part, z[2 * size:3 * size], out=part)
            np.multiply(part, dh, out=part)
            np.add(dc, part, out=dc)
            np.multiply(dc, z[3 * size:], out=d[:size])
            np.multiply(dc, start, out=d[size:2 * size])
            np.multiply(dc, z[:size], out=d[3 * size:])
            np.multiply(d, slope, out=d)
            np.multiply(dc, z[size:2 * size], out=dc)
            grads[t, where] = d.T
            np.matmul(weight, d, out=dh)
        gh0[where], gc0[where] = dh.T, dc.T

    spread(work, shares(batch, LEAST))
    return grads, gh0, gc0
