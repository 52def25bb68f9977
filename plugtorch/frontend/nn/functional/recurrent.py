"""Recurrent networks over layers and directions, and single cells. Shapes are (T, B, *) unless ``batch_first``."""

from __future__ import annotations

import functools

from plugtorch.autograd.record import apply

from ...amp.casting import autocasts
from ...creation import tensor
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


class _Places:
    """Where the rows of packed data (sum of batch sizes, *) lie in padded data (T, B, *).

    In reverse each sequence is laid down from its end, so that a layer runs forward over it.
    """

    def __init__(self, batch_sizes, device):
        counts = batch_sizes.tolist()
        self.steps, self.batch = len(counts), counts[0]
        lengths = [0] * self.batch
        for n in counts:
            for b in range(n):
                lengths[b] += 1
        self.even = counts[-1] == self.batch
        pairs = [(t, b) for t, n in enumerate(counts) for b in range(n)]
        forward, backward = ([t * self.batch + b for t, b in order]
                             for order in (pairs, ((lengths[b] - 1 - t, b) for t, b in pairs)))
        self._rows = tensor(forward, device=device), tensor(backward, device=device)
        self._last = tensor([(n - 1) * self.batch + b for b, n in enumerate(lengths)], device=device)
        self._device = device

    def padded(self, data, reverse):
        """(T, B, *), zero where no sequence lies."""
        blank = data.new_zeros((self.steps * self.batch, data._a.shape[1]))
        return blank.index_copy(0, self._rows[reverse], data).reshape(self.steps, self.batch, -1)

    def packed(self, x, reverse):
        """The inverse of :meth:`padded`."""
        return x.reshape(self.steps * self.batch, -1).index_select(0, self._rows[reverse])

    def ends(self, x):
        """(B, *), the last step of each sequence."""
        return x.reshape(self.steps * self.batch, -1).index_select(0, self._last)

    def blanks(self, like):
        """(T, B, 1), 1 where no sequence lies."""
        ones = like.new_ones((self.steps * self.batch, 1))
        zeros = ones.new_zeros((self._rows[0].numel(), 1))
        return ones.index_copy(0, self._rows[0], zeros).reshape(self.steps, self.batch, 1)


# An input to a gate so large that its sigmoid is 1, or of the other sign 0, in every dtype.
_SHUT = 1e4


def _over_packed(layer, data, places, states, weights, reverse):
    """A layer over packed data: over the padded data, of which the steps behind the end of a sequence are left out.

    Such steps must not change the cell state of an LSTM, whose last value is asked for: one more input, 1 at these steps,
    opens the forget gates and shuts the input gates entirely.
    """
    x = places.padded(data, reverse)
    if len(states) == 2 and not places.even:
        w_ih = weights[0]
        n = w_ih._a.shape[0] // 4
        column = cat([w_ih.new_full((n, 1), -_SHUT), w_ih.new_full((n, 1), _SHUT), w_ih.new_zeros((2 * n, 1))])
        x, weights = cat([x, places.blanks(x)], 2), [cat([w_ih, column], 1), *weights[1:]]
    out, *last = layer(x, states, weights, False)
    return places.packed(out, reverse), places.ends(out), *last[1:]


def _run(op, input, batch_sizes, states, flat_weights, has_biases, num_layers, dropout, train, bidirectional, batch_first,
         params, projected=False):
    """Runs all layers; returns the output and the final states, each (layers * directions, B, H). With ``batch_sizes`` (T,)
    the input is packed: the rows of each step that are still running, step after step."""
    from .dropout import dropout as drop

    x = transpose(input, 0, 1) if batch_first else input
    directions = 2 if bidirectional else 1
    per = (4 if has_biases else 2) + (1 if projected else 0)
    places = None if batch_sizes is None else _Places(batch_sizes, x.device)
    finals = [[] for _ in states]

    def one(x, states, weights, reverse):
        return _layer(op, params, projected, x, states, weights, has_biases, reverse)

    for layer in range(num_layers):
        outs = []
        for direction in range(directions):
            at = layer * directions + direction
            weights = flat_weights[at * per:(at + 1) * per]
            start = [select(s, 0, at) for s in states]
            reverse = direction == 1

            if places is None:
                out, *last = one(x, start, weights, reverse)
            else:
                out, *last = _over_packed(one, x, places, start, weights, reverse)
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
