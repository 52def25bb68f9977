"""Recurrent networks over layers and directions, and single cells. Shapes are (T, B, *) unless ``batch_first``."""

from __future__ import annotations

import functools

from plugtorch.autograd.record import apply

from ...amp.casting import autocasts
from ...dispatch import is_tensor
from ...joining import cat, stack
from ...shaping import select, transpose
from ...splitting import chunk
from .convolution import linear

__all__ = ["_gru", "_gru_cell", "_lstm", "_lstm_cell", "_rnn_relu", "_rnn_relu_cell", "_rnn_tanh", "_rnn_tanh_cell"]


def _layer(op, params, projected, x, states, weights, has_biases, reverse):
    """One layer in one direction over (T, B, *): the output and the final states."""
    w_ih, w_hh = weights[:2]
    b_ih, b_hh = weights[2:4] if has_biases else (None, None)
    if projected:
        return _projected_lstm(x, *states, w_ih, w_hh, b_ih, b_hh, weights[-1], reverse)
    return apply(op, (x, *states, w_ih, w_hh, b_ih, b_hh), {**params, "reverse": reverse})


def _runs(batch_sizes):
    """``(steps, batch)`` for each run of steps of one batch size."""
    runs = []
    for n in batch_sizes.tolist():
        if runs and runs[-1][1] == n:
            runs[-1][0] += 1
        else:
            runs.append([1, n])
    return runs


def _over_packed(layer, data, runs, states, reverse):
    """A layer over packed data (sum of batch sizes, *): run by run, the batch shrinking, or growing in reverse."""
    pieces, at = [], 0
    for steps, n in runs:
        pieces.append(data.narrow(0, at, steps * n).reshape(steps, n, data._a.shape[1]))
        at += steps * n
    outs, finals = [], [[] for _ in states]
    current = [s.narrow(0, 0, runs[-1][1] if reverse else runs[0][1]) for s in states]
    for (_, n), x in reversed(list(zip(runs, pieces, strict=True))) if reverse else zip(runs, pieces, strict=True):
        have = current[0]._a.shape[0]
        if n > have:
            current = [cat([c, s.narrow(0, have, n - have)]) for c, s in zip(current, states, strict=True)]
        elif n < have:
            for held, c in zip(finals, current, strict=True):
                held.append(c.narrow(0, n, have - n))
            current = [c.narrow(0, 0, n) for c in current]
        out, *current = layer(x, current, reverse)
        outs.append(out.reshape(-1, out._a.shape[2]))
    last = [cat([c, *reversed(held)]) if held else c for held, c in zip(finals, current, strict=True)]
    return cat(outs[::-1] if reverse else outs), *last


def _run(op, input, batch_sizes, states, flat_weights, has_biases, num_layers, dropout, train, bidirectional, batch_first,
         params, projected=False):
    """Runs all layers; returns the output and the final states, each (layers * directions, B, H). With ``batch_sizes`` (T,)
    the input is packed: the rows of each step that are still running, step after step."""
    from .dropout import dropout as drop

    x = transpose(input, 0, 1) if batch_first else input
    directions = 2 if bidirectional else 1
    per = (4 if has_biases else 2) + (1 if projected else 0)
    runs = None if batch_sizes is None else _runs(batch_sizes)
    finals = [[] for _ in states]
    for layer in range(num_layers):
        outs = []
        for direction in range(directions):
            at = layer * directions + direction
            weights = flat_weights[at * per:(at + 1) * per]
            start = [select(s, 0, at) for s in states]
            reverse = direction == 1

            def one(x, states, reverse, weights=weights):
                return _layer(op, params, projected, x, states, weights, has_biases, reverse)

            out, *last = one(x, start, reverse) if runs is None else _over_packed(one, x, runs, start, reverse)
            outs.append(out)
            for held, s in zip(finals, last, strict=True):
                held.append(s)
        x = outs[0] if directions == 1 else cat(outs, x.dim() - 1)
        if dropout and train and layer < num_layers - 1:
            x = drop(x, dropout, True)
    return (transpose(x, 0, 1) if batch_first else x), [stack(f, 0) for f in finals]


def _projected_lstm(x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr, reverse):
    """An LSTM whose hidden state is projected (Sak et al., arXiv:1402.1128), step by step."""
    steps = range(x.shape[0])
    outs = {}
    for t in reversed(steps) if reverse else steps:
        h, c = _lstm_cell(x[t], (h, c), w_ih, w_hh, b_ih, b_hh)
        h = linear(h, w_hr)
        outs[t] = h
    return stack([outs[t] for t in steps], 0), h, c


def _padded_or_packed(run):
    """The two forms of a recurrent function: ``(input, hx, params, has_biases, num_layers, dropout, train, bidirectional,
    batch_first)``, and ``(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)``."""

    @functools.wraps(run)
    def either(input, *args, **kwargs):
        packed = "batch_sizes" in kwargs or len(args) > 1 and is_tensor(args[0]) and (
            is_tensor(args[1]) or len(args) > 2 and not isinstance(args[2], (bool, int)))
        return run(input, *args, batch_first=False, **kwargs) if packed else run(input, None, *args, **kwargs)

    return either


@functools.partial(autocasts, name="lstm")
@_padded_or_packed
def _lstm(input, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
    """Output, final hidden states and final cell states of an LSTM."""
    per = len(params) // (num_layers * (2 if bidirectional else 1))
    y, (h, c) = _run("lstm_layer", input, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional,
                     batch_first, {}, projected=per in (3, 5))
    return y, h, c


@functools.partial(autocasts, name="gru")
@_padded_or_packed
def _gru(input, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
    """Output and final hidden states of a GRU."""
    y, (h,) = _run("gru_layer", input, batch_sizes, (hx,), params, has_biases, num_layers, dropout, train, bidirectional,
                   batch_first, {})
    return y, h


def _simple(nonlinearity):
    def run(input, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first):
        y, (h,) = _run("rnn_layer", input, batch_sizes, (hx,), params, has_biases, num_layers, dropout, train, bidirectional,
                       batch_first, {"nonlinearity": nonlinearity})
        return y, h

    run.__name__ = f"_rnn_{nonlinearity}"
    run.__doc__ = f"Output and final hidden states of an Elman network with {nonlinearity}."
    return _padded_or_packed(run)


_rnn_tanh, _rnn_relu = autocasts(_simple("tanh"), "rnn_tanh"), autocasts(_simple("relu"), "rnn_relu")


def _rnn_tanh_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """``tanh(w_ih x + b_ih + w_hh h + b_hh)``."""
    return (linear(input, w_ih, b_ih) + linear(hx, w_hh, b_hh)).tanh()


def _rnn_relu_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """``relu(w_ih x + b_ih + w_hh h + b_hh)``."""
    return (linear(input, w_ih, b_ih) + linear(hx, w_hh, b_hh)).relu()


def _lstm_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of an LSTM: the new hidden and cell state."""
    h, c = hx
    i, f, g, o = chunk(linear(input, w_ih, b_ih) + linear(h, w_hh, b_hh), 4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _gru_cell(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
    """One step of a GRU: the new hidden state."""
    a_r, a_z, a_n = chunk(linear(input, w_ih, b_ih), 3, 1)
    b_r, b_z, b_n = chunk(linear(hx, w_hh, b_hh), 3, 1)
    r, z = (a_r + b_r).sigmoid(), (a_z + b_z).sigmoid()
    n = (a_n + r * b_n).tanh()
    return n + z * (hx - n)
