"""Recurrent layers over a whole sequence as single kernels."""

from __future__ import annotations

import numpy as np

from .layers import kernel
from .nn import rnn
from .nn.rnn import _swap_last_gates


def _before(first, steps, reverse):
    """The state that each time step starts from."""
    return np.concatenate([steps[1:], first[None]] if reverse else [first[None], steps[:-1]])


class NumpyRecurrent:
    """Plain, LSTM and GRU layers and their adjoints."""

    @kernel
    def rnn_layer(self, x, h0, w_ih, w_hh, b_ih, b_hh, *, nonlinearity, reverse=False):
        out, h, _ = rnn.rnn(x, h0, w_ih, w_hh, b_ih, b_hh, nonlinearity=nonlinearity, reverse=reverse)
        return out, h

    @kernel
    def rnn_layer_backward(self, g_out, g_h, x, h0, w_ih, w_hh, out, *, nonlinearity, reverse=False):
        saved = np.ascontiguousarray(x), w_ih, w_hh, _before(h0, out, reverse), out, nonlinearity, reverse
        return rnn.rnn_backward(g_out, g_h, saved)[:-1]

    @kernel
    def lstm_layer(self, x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        return rnn.lstm(x, h0, c0, w_ih, w_hh, b_ih, b_hh, reverse=reverse)[:3]

    @kernel
    def lstm_layer_train(self, x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        out, h, c, saved = rnn.lstm(x, h0, c0, w_ih, w_hh, b_ih, b_hh, reverse=reverse)
        starts = saved[5]
        cells = np.concatenate([c[None], starts[:-1]] if reverse else [starts[1:], c[None]])
        return out, h, c, saved[3], cells

    @kernel
    def lstm_layer_backward(self, g_out, g_h, g_c, g_gates, g_cells, x, h0, c0, w_ih, w_hh, out, gates, cells, *,
                            reverse=False):
        if g_gates is not None or g_cells is not None:
            return super().lstm_layer_backward(g_out, g_h, g_c, g_gates, g_cells, x, h0, c0, w_ih, w_hh, out, gates,
                                               cells, reverse=reverse)
        saved = (np.ascontiguousarray(x), _swap_last_gates(w_ih), _swap_last_gates(w_hh), gates,
                 _before(h0, out, reverse), _before(c0, cells, reverse), np.tanh(cells), reverse)
        return rnn.lstm_backward(g_out, g_h, g_c, saved)[:-1]

    @kernel
    def gru_layer(self, x, h0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        return rnn.gru(x, h0, w_ih, w_hh, b_ih, b_hh, reverse=reverse)[:2]

    @kernel
    def gru_layer_train(self, x, h0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        out, h, saved = rnn.gru(x, h0, w_ih, w_hh, b_ih, b_hh, reverse=reverse)
        return out, h, saved[3], saved[4]

    @kernel
    def gru_layer_backward(self, g_out, g_h, g_gates, g_candidate, x, h0, w_ih, w_hh, out, gates, candidate, *,
                           reverse=False):
        if g_gates is not None or g_candidate is not None:
            return super().gru_layer_backward(g_out, g_h, g_gates, g_candidate, x, h0, w_ih, w_hh, out, gates,
                                              candidate, reverse=reverse)
        saved = np.ascontiguousarray(x), w_ih, w_hh, gates, candidate, _before(h0, out, reverse), reverse
        return rnn.gru_backward(g_out, g_h, saved)
