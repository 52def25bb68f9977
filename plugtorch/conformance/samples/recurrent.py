"""Samples of recurrent layers."""

from __future__ import annotations

import numpy as np

from .formulas import slopes
from .sample import declare, normal, sample

declare(__name__)


# Recurrent layers, one time step, image and unit at a time.
def sigma(v):
    return 1 / (1 + np.exp(-v))


def walk(x, reverse):
    return range(len(x) - 1, -1, -1) if reverse else range(len(x))


def plus(b):
    return 0 if b is None else b


def rnn(x, h, w_ih, w_hh, b_ih, b_hh, nonlinearity, reverse=False):
    out = np.empty((*x.shape[:2], h.shape[1]))
    for t in walk(x, reverse):
        a = x[t] @ w_ih.T + plus(b_ih) + h @ w_hh.T + plus(b_hh)
        out[t] = h = np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0)
    return out, h


def lstm(x, h, c, w_ih, w_hh, b_ih, b_hh, reverse=False):
    out, gates, cells = (np.empty((*x.shape[:2], n * h.shape[1])) for n in (1, 4, 1))
    for t in walk(x, reverse):
        i, f, g, o = np.split(x[t] @ w_ih.T + plus(b_ih) + h @ w_hh.T + plus(b_hh), 4, 1)
        cells[t] = c = sigma(f) * c + sigma(i) * np.tanh(g)
        gates[t] = np.hstack([sigma(i), sigma(f), sigma(o), np.tanh(g)])
        out[t] = h = sigma(o) * np.tanh(c)
    return out, h, c, gates, cells


def gru(x, h, w_ih, w_hh, b_ih, b_hh, reverse=False):
    out, gates, candidate = (np.empty((*x.shape[:2], n * h.shape[1])) for n in (1, 3, 1))
    for t in walk(x, reverse):
        a, b = np.split(x[t] @ w_ih.T + plus(b_ih), 3, 1), np.split(h @ w_hh.T + plus(b_hh), 3, 1)
        r, z, candidate[t] = sigma(a[0] + b[0]), sigma(a[1] + b[1]), b[2]
        n = np.tanh(a[2] + r * b[2])
        gates[t] = np.hstack([r, z, n])
        out[t] = h = (1 - z) * n + z * h
    return out, h, gates, candidate


LAYERS = (
    ("rnn_layer", "", rnn, 1, 1, {"nonlinearity": "tanh"}),
    ("rnn_layer", "", rnn, 1, 1, {"nonlinearity": "relu"}),
    ("lstm_layer", "_train", lstm, 4, 2, {}),
    ("gru_layer", "_train", gru, 3, 1, {}),
)
for _reverse, _biased in ((False, True), (True, True), (True, False)):
    for _op, _train, _f, _gates, _states, _how in LAYERS:
        _how = {**_how, "reverse": _reverse}
        _bias = [normal(_gates * 2) if _biased else None for _ in range(2)]
        _operands = (
            normal(3, 2, 4),
            *(normal(2, 2) for _ in range(_states)),
            normal(_gates * 2, 4),
            normal(_gates * 2, 2),
        )
        sample(_op, lambda *o, f=_f, n=_states + 1, **how: f(*o, **how)[:n], *_operands, *_bias, **_how)
        if _train:
            sample(_op + _train, _f, *_operands, *_bias, **_how)
        # Backward: with every cotangent, then with that of the sequence alone, with the gradient of the input and without.
        _zero = np.zeros(_gates * 2)
        _results = _f(*_operands, _zero, _zero, **_how)
        _saved = (_results[0], *_results[_states + 1 :])
        for _given, _wanted in ((len(_results), True), (1, True), (1, False)):
            _g = [normal(*r.shape) if j < _given else None for j, r in enumerate(_results)]

            def backward(*o, f=_f, count=len(_g), n=len(_operands), gates=_gates, gru_like=_op == "gru_layer",
                         input_grad=True, **how):
                zero = np.zeros(gates * 2)
                grads = slopes(lambda *v: f(*v, **how), (*o[count : count + n], zero, zero), o[:count])
                gx = grads[0] if input_grad else np.zeros(0)
                return (gx, *(grads[1:] if gru_like else grads[1:-1]))

            # Relu's gradient jumps where a state is zero, and half of the states are.
            smooth = _how.get("nonlinearity") != "relu"
            _kept = {} if _wanted else {"input_grad": False}
            sample(_op + "_backward", backward, *_g, *_operands, *_saved, half=False, grad=smooth, tolerance=100, **_how,
                   **_kept)
