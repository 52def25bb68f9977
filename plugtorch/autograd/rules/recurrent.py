"""Gradients of recurrent layers, one pass over the whole sequence each.

The layers without ``_train`` in their name are composed of those with it, and so take their gradients from here.
"""

from __future__ import annotations

from ..plans import defvjp_joint


def _needed(grads, needs):
    return tuple(g if need else None for g, need in zip(grads, needs, strict=True))


@defvjp_joint("rnn_layer")
def _rnn_layer(k, gs, needs, x, h0, w_ih, w_hh, out, nonlinearity, reverse):
    *grads, gb = k.rnn_layer_backward(*gs, x, h0, w_ih, w_hh, out, nonlinearity=nonlinearity, reverse=reverse,
                                      input_grad=needs[0])
    return _needed((*grads, gb, gb), needs)


@defvjp_joint("lstm_layer_train")
def _lstm_layer(k, gs, needs, x, h0, c0, w_ih, w_hh, out, gates, cells, reverse):
    *grads, gb = k.lstm_layer_backward(*gs, x, h0, c0, w_ih, w_hh, out, gates, cells, reverse=reverse, input_grad=needs[0])
    return _needed((*grads, gb, gb), needs)


@defvjp_joint("gru_layer_train")
def _gru_layer(k, gs, needs, x, h0, w_ih, w_hh, out, gates, candidate, reverse):
    grads = k.gru_layer_backward(*gs, x, h0, w_ih, w_hh, out, gates, candidate, reverse=reverse, input_grad=needs[0])
    return _needed(grads, needs)
