"""Recurrent layers as one ``lax.scan`` over time, so that compilation does not grow with the sequence."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from .linalg import EXACT


def _times(x, w, b):
    y = jnp.matmul(x, w.T, precision=EXACT)
    return y if b is None else y + b


class JaxRecurrent:
    """Plain, LSTM and GRU layers."""

    def rnn_layer(self, x, h0, w_ih, w_hh, b_ih, b_hh, *, nonlinearity, reverse=False):
        activate = jnp.tanh if nonlinearity == "tanh" else lambda v: jnp.maximum(v, 0)

        def step(h, a):
            h = activate(a + _times(h, w_hh, b_hh))
            return h, h

        h, out = lax.scan(step, h0, _times(x, w_ih, b_ih), reverse=reverse)
        return out, h

    def lstm_layer(self, x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        def step(state, a):
            h, c = state
            i, f, g, o = jnp.split(a + _times(h, w_hh, b_hh), 4, axis=1)
            c = lax.logistic(f) * c + lax.logistic(i) * jnp.tanh(g)
            h = lax.logistic(o) * jnp.tanh(c)
            return (h, c), h

        (h, c), out = lax.scan(step, (h0, c0), _times(x, w_ih, b_ih), reverse=reverse)
        return out, h, c

    def gru_layer(self, x, h0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        def step(h, a):
            a_r, a_z, a_n = jnp.split(a, 3, axis=1)
            b_r, b_z, b_n = jnp.split(_times(h, w_hh, b_hh), 3, axis=1)
            r, z = lax.logistic(a_r + b_r), lax.logistic(a_z + b_z)
            n = jnp.tanh(a_n + r * b_n)
            h = n + z * (h - n)
            return h, h

        h, out = lax.scan(step, h0, _times(x, w_ih, b_ih), reverse=reverse)
        return out, h
