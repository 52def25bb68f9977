"""Recurrent layers over a whole sequence as single kernels."""

from __future__ import annotations

from .layers import kernel
from .nn import lstm, rnn
from .threads import one_blas_thread


class NumpyRecurrent:
    """Plain, LSTM and GRU layers and their adjoints."""

    @kernel
    @one_blas_thread
    def rnn_layer(self, x, h0, w_ih, w_hh, b_ih, b_hh, *, nonlinearity, reverse=False):
        return rnn.rnn(x, h0, w_ih, w_hh, b_ih, b_hh, nonlinearity=nonlinearity, reverse=reverse)

    @kernel
    @one_blas_thread
    def rnn_layer_backward(self, g_out, g_h, x, h0, w_ih, w_hh, out, *, nonlinearity, reverse=False, input_grad=True):
        return rnn.rnn_backward(g_out, g_h, x, h0, w_ih, w_hh, out, nonlinearity=nonlinearity, reverse=reverse,
                                input_grad=input_grad)

    @kernel
    @one_blas_thread
    def lstm_layer(self, x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        return lstm.lstm(x, h0, c0, w_ih, w_hh, b_ih, b_hh, reverse=reverse)[:3]

    @kernel
    @one_blas_thread
    def lstm_layer_train(self, x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        return lstm.lstm(x, h0, c0, w_ih, w_hh, b_ih, b_hh, reverse=reverse)

    @kernel
    @one_blas_thread
    def lstm_layer_backward(self, g_out, g_h, g_c, g_gates, g_cells, x, h0, c0, w_ih, w_hh, out, gates, cells, *,
                            reverse=False, input_grad=True):
        if g_gates is not None or g_cells is not None:
            return super().lstm_layer_backward(g_out, g_h, g_c, g_gates, g_cells, x, h0, c0, w_ih, w_hh, out, gates,
                                               cells, reverse=reverse, input_grad=input_grad)
        return lstm.lstm_backward(g_out, g_h, g_c, x, h0, c0, w_ih, w_hh, out, gates, cells, reverse=reverse,
                                  input_grad=input_grad)

    @kernel
    @one_blas_thread
    def gru_layer(self, x, h0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        return rnn.gru(x, h0, w_ih, w_hh, b_ih, b_hh, reverse=reverse)[:2]

    @kernel
    @one_blas_thread
    def gru_layer_train(self, x, h0, w_ih, w_hh, b_ih, b_hh, *, reverse=False):
        return rnn.gru(x, h0, w_ih, w_hh, b_ih, b_hh, reverse=reverse)

    @kernel
    @one_blas_thread
    def gru_layer_backward(self, g_out, g_h, g_gates, g_candidate, x, h0, w_ih, w_hh, out, gates, candidate, *,
                           reverse=False, input_grad=True):
        if g_gates is not None or g_candidate is not None:
            return super().gru_layer_backward(g_out, g_h, g_gates, g_candidate, x, h0, w_ih, w_hh, out, gates,
                                              candidate, reverse=reverse, input_grad=input_grad)
        return rnn.gru_backward(g_out, g_h, x, h0, w_ih, w_hh, out, gates, candidate, reverse=reverse,
                                input_grad=input_grad)
