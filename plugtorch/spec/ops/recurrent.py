"""Recurrent layers over a whole sequence, one layer and one direction.

x is (T, B, I), h0 and c0 are (B, H); w_ih is (gates * H, I), w_hh is (gates * H, H),
biases are (gates * H,) or None; gates are in PyTorch's order. ``reverse`` walks
the sequence from its end; results stand at their own time steps.
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


def _part(k, x, i, size):
    return k.slice(x, start=(0, i * size), stop=(x.shape[0], (i + 1) * size), step=(1, 1))


def _stacked(k, steps, reverse):
    b, n = steps[0].shape
    if reverse:
        steps = steps[::-1]
    return k.concat(*[k.reshape(s, shape=(1, b, n)) for s in steps], axis=0)


def _order(length, reverse):
    return range(length - 1, -1, -1) if reverse else range(length)


@derived("recurrent", outputs=("out", "h"))
def rnn_layer(k, x, h0, w_ih, w_hh, b_ih, b_hh, *, nonlinearity, reverse=False):
    """``h = f(w_ih x + b_ih + w_hh h + b_hh)`` with f "tanh" or "relu": all states (T, B, H) and the last."""
    gates, h, steps = _projected(k, x, w_ih, b_ih), h0, []
    activate = k.tanh if nonlinearity == "tanh" else k.relu
    for t in _order(x.shape[0], reverse):
        h = activate(k.add(_step(k, gates, t), k.linear(h, w_hh, b_hh)))
        steps.append(h)
    return _stacked(k, steps, reverse), h


@derived("recurrent", outputs=("out", "h", "c"))
def lstm_layer(k, x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997), gates in, forget, cell, out: all hidden states,
    the last one, and the last cell state."""
    gates, h, c, steps = _projected(k, x, w_ih, b_ih), h0, c0, []
    size = w_hh.shape[1]
    for t in _order(x.shape[0], reverse):
        a = k.add(_step(k, gates, t), k.linear(h, w_hh, b_hh))
        i, f, o = (k.sigmoid(_part(k, a, n, size)) for n in (0, 1, 3))
        c = k.add(k.mul(f, c), k.mul(i, k.tanh(_part(k, a, 2, size))))
        h = k.mul(o, k.tanh(c))
        steps.append(h)
    return _stacked(k, steps, reverse), h, c


@derived("recurrent", outputs=("out", "h"))
def gru_layer(k, x, h0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
    """Gated recurrent unit (Cho et al., arXiv:1406.1078), gates reset, update, new: all states and the last."""
    gates, h, steps = _projected(k, x, w_ih, b_ih), h0, []
    size = w_hh.shape[1]
    for t in _order(x.shape[0], reverse):
        a, b = _step(k, gates, t), k.linear(h, w_hh, b_hh)
        r, z = (k.sigmoid(k.add(_part(k, a, n, size), _part(k, b, n, size))) for n in (0, 1))
        n = k.tanh(k.add(_part(k, a, 2, size), k.mul(r, _part(k, b, 2, size))))
        h = k.add(n, k.mul(z, k.sub(h, n)))
        steps.append(h)
    return _stacked(k, steps, reverse), h
