"""Recurrent layers as one ``lax.scan`` over time, so that compilation does not grow with the sequence."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from .linalg import EXACT

sigmoid = lax.logistic


def _times(x, w, b):
    y = jnp.matmul(x, w.T, precision=EXACT)
    return y if b is None else y + b


def _before(first, steps, reverse):
    """The state that each time step starts from."""
    return jnp.concatenate([steps[1:], first[None]] if reverse else [first[None], steps[:-1]])


def _cell_last(w):
    """Gates along axis 0 in the order in, forget, out, cell, or back."""
    i, f, g, o = jnp.split(w, 4)
    return jnp.concatenate([i, f, o, g])


def _weights(grads, x, starts):
    """Gradients of the input weight, the recurrent weight and the bias."""
    gw_ih, gw_hh = (jnp.einsum("tbg,tbi->gi", grads, v, precision=EXACT) for v in (x, starts))
    return gw_ih, gw_hh, grads.sum((0, 1))


def _input_gradient(grads, w, wanted):
    return _product(grads, w) if wanted else jnp.zeros(0, grads.dtype)


def _product(a, w):
    return jnp.matmul(a, w, precision=EXACT)


class JaxRecurrent:
    """Plain, LSTM and GRU layers and their adjoints."""

    def rnn_layer(self, x, h0, w_ih, w_hh, b_ih, b_hh, *, nonlinearity, reverse=False):
        activate = jnp.tanh if nonlinearity == "tanh" else lambda v: jnp.maximum(v, 0)

        def step(h, a):
            h = activate(a + _times(h, w_hh, b_hh))
            return h, h

        h, out = lax.scan(step, h0, _times(x, w_ih, b_ih), reverse=reverse)
        return out, h

    def rnn_layer_backward(self, g_out, g_h, x, h0, w_ih, w_hh, out, *, nonlinearity, reverse=False, input_grad=True):
        g_out = jnp.zeros_like(out) if g_out is None else g_out

        def step(dh, now):
            g, y = now
            slope = 1 - y * y if nonlinearity == "tanh" else (y > 0).astype(y.dtype)
            d = (dh + g) * slope
            return _product(d, w_hh), d

        dh, grads = lax.scan(step, jnp.zeros_like(h0) if g_h is None else g_h, (g_out, out), reverse=not reverse)
        return _input_gradient(grads, w_ih, input_grad), dh, *_weights(grads, x, _before(h0, out, reverse))

    def lstm_layer_train(self, x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        def step(state, a):
            h, c = state
            i, f, g, o = jnp.split(a + _times(h, w_hh, b_hh), 4, axis=1)
            i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), jnp.tanh(g)
            c = f * c + i * g
            h = o * jnp.tanh(c)
            return (h, c), (h, jnp.concatenate([i, f, o, g], axis=1), c)

        (h, c), (out, gates, cells) = lax.scan(step, (h0, c0), _times(x, w_ih, b_ih), reverse=reverse)
        return out, h, c, gates, cells

    def lstm_layer_backward(self, g_out, g_h, g_c, g_gates, g_cells, x, h0, c0, w_ih, w_hh, out, gates, cells, *,
                            reverse=False, input_grad=True):
        g_out, g_gates, g_cells = (jnp.zeros_like(v) if g is None else g
                                   for g, v in ((g_out, out), (g_gates, gates), (g_cells, cells)))
        dh, dc = (jnp.zeros_like(h0) if g is None else g for g in (g_h, g_c))
        turned = _cell_last(w_hh)

        def step(state, now):
            dh, dc = state
            g_y, g_gate, g_cell, gate, c, start = now
            dh = dh + g_y
            i, f, o, g = jnp.split(gate, 4, axis=1)
            s = jnp.tanh(c)
            dc = dc + dh * o * (1 - s * s) + g_cell
            d = jnp.concatenate([dc * g, dc * start, dh * s, dc * i], axis=1) + g_gate
            slopes = jnp.concatenate([i * (1 - i), f * (1 - f), o * (1 - o), 1 - g * g], axis=1)
            d = d * slopes
            return (_product(d, turned), dc * f), d

        now = g_out, g_gates, g_cells, gates, cells, _before(c0, cells, reverse)
        (dh, dc), grads = lax.scan(step, (dh, dc), now, reverse=not reverse)
        weights = _weights(grads, x, _before(h0, out, reverse))
        return _input_gradient(grads, _cell_last(w_ih), input_grad), dh, dc, *(_cell_last(w) for w in weights)

    def gru_layer_train(self, x, h0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        def step(h, a):
            a_r, a_z, a_n = jnp.split(a, 3, axis=1)
            b_r, b_z, b_n = jnp.split(_times(h, w_hh, b_hh), 3, axis=1)
            r, z = sigmoid(a_r + b_r), sigmoid(a_z + b_z)
            n = jnp.tanh(a_n + r * b_n)
            h = n + z * (h - n)
            return h, (h, jnp.concatenate([r, z, n], axis=1), b_n)

        h, (out, gates, candidate) = lax.scan(step, h0, _times(x, w_ih, b_ih), reverse=reverse)
        return out, h, gates, candidate

    def gru_layer_backward(self, g_out, g_h, g_gates, g_candidate, x, h0, w_ih, w_hh, out, gates, candidate, *,
                           reverse=False, input_grad=True):
        g_out, g_gates, g_candidate = (jnp.zeros_like(v) if g is None else g for g, v in
                                       ((g_out, out), (g_gates, gates), (g_candidate, candidate)))
        starts = _before(h0, out, reverse)

        def step(dh, now):
            g_y, g_gate, g_part, gate, b_n, start = now
            dh = dh + g_y
            r, z, n = jnp.split(gate, 3, axis=1)
            e_r, e_z, e_n = jnp.split(g_gate, 3, axis=1)
            d_n = (dh * (1 - z) + e_n) * (1 - n * n)
            d_r, d_z = (d_n * b_n + e_r) * r * (1 - r), (dh * (start - n) + e_z) * z * (1 - z)
            inner = jnp.concatenate([d_r, d_z, d_n * r + g_part], axis=1)
            return _product(inner, w_hh) + dh * z, (jnp.concatenate([d_r, d_z, d_n], axis=1), inner)

        now = g_out, g_gates, g_candidate, gates, candidate, starts
        dh, (outer, inner) = lax.scan(step, jnp.zeros_like(h0) if g_h is None else g_h, now, reverse=not reverse)
        gw_ih, _, gb_ih = _weights(outer, x, starts)
        _, gw_hh, gb_hh = _weights(inner, x, starts)
        return _input_gradient(outer, w_ih, input_grad), dh, gw_ih, gw_hh, gb_ih, gb_hh
