"""Recurrent layers over a whole sequence, one layer and one direction.

x is (T, B, I), h0 and c0 are (B, H); w_ih is (gates * H, I), w_hh is (gates * H, H),
biases are (gates * H,) or None; gates are in PyTorch's order. ``reverse`` walks
the sequence from its end; results stand at their own time steps.

The ``_train`` forms return beside the results what the ``_backward`` ops need; a gradient given as None is zero.
"""

from __future__ import annotations

from ..op import derived


def _projected(k, x, w_ih, b_ih):
    t, b, i = x.shape
    flat = k.linear(k.reshape(x, shape=(t * b, i)), w_ih, b_ih)
    return k.reshape(flat, shape=(t, b, w_ih.shape[0]))


def _step(k, x, t):
    _, b, n = x.shape
    return k.reshape(k.slice(x, start=(t, 0, 0), stop=(t + 1, b, n), step=(1, 1, 1)), shape=(b, n))


def _stacked(k, steps, reverse):
    b, n = steps[0].shape
    if reverse:
        steps = steps[::-1]
    return k.concat(*[k.reshape(s, shape=(1, b, n)) for s in steps], axis=0)


def _order(length, reverse):
    return range(length - 1, -1, -1) if reverse else range(length)


def _before(k, first, steps, reverse):
    """The state that each time step starts from: ``first``, then the results of the step before."""
    t, b, n = steps.shape
    lead = k.reshape(first, shape=(1, b, n))
    if t == 1:
        return lead
    start, stop = ((1, 0, 0), (t, b, n)) if reverse else ((0, 0, 0), (t - 1, b, n))
    rest = k.slice(steps, start=start, stop=stop, step=(1, 1, 1))
    return k.concat(*((rest, lead) if reverse else (lead, rest)), axis=0)


def _parts(k, x, count):
    """The last axis cut into equal parts."""
    size = x.shape[-1] // count
    lead = tuple(x.shape[:-1])
    zero, one = (0,) * len(lead), (1,) * (len(lead) + 1)
    return [k.slice(x, start=(*zero, i * size), stop=(*lead, (i + 1) * size), step=one) for i in range(count)]


def _plus(k, a, b):
    """A sum in which None counts as zero."""
    return b if a is None else a if b is None else k.add(a, b)


def _slope(k, sigmoid):
    return k.mul(sigmoid, k.sub(1, sigmoid))


def _tanh_slope(k, tanh):
    return k.sub(1, k.mul(tanh, tanh))


def _zeros(k, like, shape):
    return k.full(shape=shape, value=0, dtype=k.dtype_of(like), device=k.device_of(like))


def _weight_gradient(k, grads, inputs):
    """``sum over time of grads^T inputs`` and the sum of grads, the gradients of a weight and its bias."""
    flat = k.reshape(grads, shape=(grads.shape[0] * grads.shape[1], grads.shape[2]))
    return k.linear_weight(grads, inputs), k.sum(flat, axis=(0,))


def _input_gradient(k, grads, w, wanted):
    """The gradient of x, or an empty array where it is not wanted."""
    if not wanted:
        return _zeros(k, grads, (0,))
    t, b, n = grads.shape
    return k.reshape(k.matmul(k.reshape(grads, shape=(t * b, n)), w), shape=(t, b, w.shape[1]))


def _cell_last(k, w):
    """Rows of an LSTM's weight with the gates in the order in, forget, out, cell."""
    n = w.shape[0] // 4
    cut = [k.slice(w, start=(i * n, 0), stop=((i + 1) * n, w.shape[1]), step=(1, 1)) for i in (0, 1, 3, 2)]
    return k.concat(*cut, axis=0)


@derived("recurrent", outputs=("out", "h"))
def rnn_layer(k, x, h0, w_ih, w_hh, b_ih, b_hh, *, nonlinearity, reverse=False):
    """``h = f(w_ih x + b_ih + w_hh h + b_hh)`` with f "tanh" or "relu": all states (T, B, H) and the last."""
    gates, h, steps = _projected(k, x, w_ih, b_ih), h0, []
    activate = k.tanh if nonlinearity == "tanh" else k.relu
    for t in _order(x.shape[0], reverse):
        h = activate(k.add(_step(k, gates, t), k.linear(h, w_hh, b_hh)))
        steps.append(h)
    return _stacked(k, steps, reverse), h


@derived("recurrent", outputs=("gx", "gh0", "gw_ih", "gw_hh", "gb"))
def rnn_layer_backward(k, g_out, g_h, x, h0, w_ih, w_hh, out, *, nonlinearity, reverse=False, input_grad=True):
    """Gradients of rnn_layer, from its first result; gb is that of either bias. Without ``input_grad`` gx is empty, of
    shape (0,)."""
    dh, steps = g_h, []
    for t in _order(out.shape[0], not reverse):
        dh = _plus(k, dh, None if g_out is None else _step(k, g_out, t))
        dh = _zeros(k, h0, tuple(h0.shape)) if dh is None else dh
        y = _step(k, out, t)
        d = k.mul(dh, _tanh_slope(k, y)) if nonlinearity == "tanh" else k.threshold_backward(dh, y)
        steps.append(d)
        dh = k.matmul(d, w_hh)
    grads = _stacked(k, steps, not reverse)
    gw_ih, gb = _weight_gradient(k, grads, x)
    gw_hh, _ = _weight_gradient(k, grads, _before(k, h0, out, reverse))
    return _input_gradient(k, grads, w_ih, input_grad), dh, gw_ih, gw_hh, gb


@derived("recurrent", outputs=("out", "h", "c", "gates", "cells"))
def lstm_layer_train(k, x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
    """lstm_layer's results, and at every time step the activated gates (T, B, 4 * H), in the order in, forget, out,
    cell, and the cell states (T, B, H)."""
    projected, h, c = _projected(k, x, w_ih, b_ih), h0, c0
    outs, gates, cells = [], [], []
    for t in _order(x.shape[0], reverse):
        i, f, g, o = _parts(k, k.add(_step(k, projected, t), k.linear(h, w_hh, b_hh)), 4)
        i, f, o, g = k.sigmoid(i), k.sigmoid(f), k.sigmoid(o), k.tanh(g)
        c = k.add(k.mul(f, c), k.mul(i, g))
        h = k.mul(o, k.tanh(c))
        outs.append(h)
        cells.append(c)
        gates.append(k.concat(i, f, o, g, axis=1))
    return _stacked(k, outs, reverse), h, c, _stacked(k, gates, reverse), _stacked(k, cells, reverse)


@derived("recurrent", outputs=("gx", "gh0", "gc0", "gw_ih", "gw_hh", "gb"))
def lstm_layer_backward(k, g_out, g_h, g_c, g_gates, g_cells, x, h0, c0, w_ih, w_hh, out, gates, cells, *,
                        reverse=False, input_grad=True):
    """Gradients of lstm_layer_train, from its results; gb is that of either bias. Without ``input_grad`` gx is empty, of
    shape (0,)."""
    size, zero = h0.shape[1], _zeros(k, h0, tuple(h0.shape))
    dh, dc = (zero if g is None else g for g in (g_h, g_c))
    starts, squashed, turned = _before(k, c0, cells, reverse), k.tanh(cells), _cell_last(k, w_hh)
    steps = []
    for t in _order(out.shape[0], not reverse):
        dh = _plus(k, dh, None if g_out is None else _step(k, g_out, t))
        i, f, o, g = _parts(k, _step(k, gates, t), 4)
        s = _step(k, squashed, t)
        extra = [None] * 4 if g_gates is None else _parts(k, _step(k, g_gates, t), 4)
        d_o = _plus(k, k.mul(dh, s), extra[2])
        dc = k.add(dc, k.mul(k.mul(dh, o), _tanh_slope(k, s)))
        dc = _plus(k, dc, None if g_cells is None else _step(k, g_cells, t))
        d_i, d_f = _plus(k, k.mul(dc, g), extra[0]), _plus(k, k.mul(dc, _step(k, starts, t)), extra[1])
        d_g = _plus(k, k.mul(dc, i), extra[3])
        d = k.concat(k.mul(d_i, _slope(k, i)), k.mul(d_f, _slope(k, f)), k.mul(d_o, _slope(k, o)),
                     k.mul(d_g, _tanh_slope(k, g)), axis=1)
        steps.append(d)
        dh, dc = k.matmul(d, turned), k.mul(dc, f)
    grads = _stacked(k, steps, not reverse)
    gw_ih, gb = _weight_gradient(k, grads, x)
    gw_hh, _ = _weight_gradient(k, grads, _before(k, h0, out, reverse))
    gb = k.reshape(_cell_last(k, k.reshape(gb, shape=(4 * size, 1))), shape=(4 * size,))
    gx = _input_gradient(k, grads, _cell_last(k, w_ih), input_grad)
    return gx, dh, dc, _cell_last(k, gw_ih), _cell_last(k, gw_hh), gb


@derived("recurrent", outputs=("out", "h", "c"))
def lstm_layer(k, x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997), gates in, forget, cell, out: all hidden states,
    the last one, and the last cell state."""
    return k.lstm_layer_train(x, h0, c0, w_ih, w_hh, b_ih, b_hh, reverse=reverse)[:3]


@derived("recurrent", outputs=("out", "h", "gates", "candidate"))
def gru_layer_train(k, x, h0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
    """gru_layer's results, and at every time step the activated gates (T, B, 3 * H), reset, update, new, and the
    recurrent part of the new gate (T, B, H), ``w_hh h + b_hh``, before the reset."""
    projected, h = _projected(k, x, w_ih, b_ih), h0
    outs, gates, candidates = [], [], []
    for t in _order(x.shape[0], reverse):
        a_r, a_z, a_n = _parts(k, _step(k, projected, t), 3)
        b_r, b_z, b_n = _parts(k, k.linear(h, w_hh, b_hh), 3)
        r, z = k.sigmoid(k.add(a_r, b_r)), k.sigmoid(k.add(a_z, b_z))
        n = k.tanh(k.add(a_n, k.mul(r, b_n)))
        h = k.add(n, k.mul(z, k.sub(h, n)))
        outs.append(h)
        candidates.append(b_n)
        gates.append(k.concat(r, z, n, axis=1))
    return _stacked(k, outs, reverse), h, _stacked(k, gates, reverse), _stacked(k, candidates, reverse)


@derived("recurrent", outputs=("gx", "gh0", "gw_ih", "gw_hh", "gb_ih", "gb_hh"))
def gru_layer_backward(k, g_out, g_h, g_gates, g_candidate, x, h0, w_ih, w_hh, out, gates, candidate, *,
                       reverse=False, input_grad=True):
    """Gradients of gru_layer_train, from its results. Without ``input_grad`` gx is empty, of shape (0,)."""
    dh = _zeros(k, h0, tuple(h0.shape)) if g_h is None else g_h
    starts = _before(k, h0, out, reverse)
    outer, inner = [], []
    for t in _order(out.shape[0], not reverse):
        dh = _plus(k, dh, None if g_out is None else _step(k, g_out, t))
        r, z, n = _parts(k, _step(k, gates, t), 3)
        extra = [None] * 3 if g_gates is None else _parts(k, _step(k, g_gates, t), 3)
        d_z = _plus(k, k.mul(dh, k.sub(_step(k, starts, t), n)), extra[1])
        d_n = k.mul(_plus(k, k.mul(dh, k.sub(1, z)), extra[2]), _tanh_slope(k, n))
        d_r = _plus(k, k.mul(d_n, _step(k, candidate, t)), extra[0])
        d_b = _plus(k, k.mul(d_n, r), None if g_candidate is None else _step(k, g_candidate, t))
        d_r, d_z = k.mul(d_r, _slope(k, r)), k.mul(d_z, _slope(k, z))
        outer.append(k.concat(d_r, d_z, d_n, axis=1))
        inner.append(k.concat(d_r, d_z, d_b, axis=1))
        dh = k.add(k.matmul(inner[-1], w_hh), k.mul(dh, z))
    outer, inner = _stacked(k, outer, not reverse), _stacked(k, inner, not reverse)
    gw_ih, gb_ih = _weight_gradient(k, outer, x)
    gw_hh, gb_hh = _weight_gradient(k, inner, starts)
    return _input_gradient(k, outer, w_ih, input_grad), dh, gw_ih, gw_hh, gb_ih, gb_hh


@derived("recurrent", outputs=("out", "h"))
def gru_layer(k, x, h0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
    """Gated recurrent unit (Cho et al., arXiv:1406.1078), gates reset, update, new: all states and the last."""
    return k.gru_layer_train(x, h0, w_ih, w_hh, b_ih, b_hh, reverse=reverse)[:2]
