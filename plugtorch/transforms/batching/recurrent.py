"""Recurrent layers: with weights that all samples share, samples are more sequences of one batch."""

from __future__ import annotations

from plugtorch.autograd.record import apply
from plugtorch.spec.op import OPS

from .table import batched, is_array, move_axis, reshape, rule, shape_of


def _declare(name, sequences, states, results):
    """The rule of a layer whose first operands are ``sequences`` of shape (T, B, n) and then ``states`` of shape
    (B, n); ``results`` says the same of its results."""
    body = OPS[name].body

    @rule(name)
    def layer(k, name, operands, params):
        data, weights = operands[:sequences + states], operands[sequences + states:]
        if any(is_array(w) and w.batched for w in weights):
            return body(k, *operands, **params)
        wide = []
        for n, o in enumerate(data):
            value = batched(k, o)
            if n < sequences:
                t, b, size = o.shape
                wide.append(reshape(move_axis(value, 0, 1), t, k.length * b, size))
            else:
                wide.append(reshape(value, k.length * o.shape[0], o.shape[1]))
        values = tuple(w.value if is_array(w) else w for w in weights)
        out = apply(name, (*wide, *values), params)
        return tuple(_split(k, t, kind) for t, kind in zip(out, results, strict=True))


def _split(k, t, kind):
    shape = shape_of(t)
    if kind == "state":
        return reshape(t, k.length, shape[0] // k.length, shape[1])
    return move_axis(reshape(t, shape[0], k.length, shape[1] // k.length, shape[2]), 1, 0)


_declare("rnn_layer", 1, 1, ("sequence", "state"))
_declare("lstm_layer", 1, 2, ("sequence", "state", "state"))
_declare("lstm_layer_train", 1, 2, ("sequence", "state", "state", "sequence", "sequence"))
_declare("gru_layer", 1, 1, ("sequence", "state"))
_declare("gru_layer_train", 1, 1, ("sequence", "state", "sequence", "sequence"))
