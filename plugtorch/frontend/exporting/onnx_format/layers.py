"""Products, convolution, pooling, normalisation and recurrent layers in ONNX."""

from __future__ import annotations

import math

import numpy as np

from plugtorch.spec.dtypes import int64
from plugtorch.spec.program import Symbol

from .writer import computed, dtype_of, first_only, maps


@maps("matmul")
def matmul(g, one):
    """A product of matrices, with NumPy's rules."""
    return computed(g, one, lambda a, b: g.node("MatMul", a, b))


@maps("adjoint")
def adjoint(g, one):
    """The last two axes exchanged."""
    n = len(one.operands[0].shape)
    return g.node("Transpose", g.name(one.operands[0]), perm=[*range(n - 2), n - 1, n - 2])


@maps("linear")
def linear(g, one):
    """A product with a transposed weight, and a bias."""
    x, w, b = one.operands
    if len(x.shape) == 2 and dtype_of(one).is_floating_point:
        return g.node("Gemm", g.name(x), g.name(w), g.name(b), transB=1)
    found = g.node("MatMul", g.name(x), g.node("Transpose", g.name(w), perm=[1, 0]))
    return found if b is None else g.node("Add", found, g.name(b))


@maps("det")
def det(g, one):
    """The determinant."""
    return g.node("Det", g.name(one.operands[0]))


@maps("softmax", "log_softmax")
def softmax(g, one):
    """Along one axis."""
    if not one.operands[0].shape:
        x = g.reshape(g.name(one.operands[0]), (1,))
        return g.reshape(g.node("Softmax" if one.op == "softmax" else "LogSoftmax", x, axis=0), ())
    return g.node("Softmax" if one.op == "softmax" else "LogSoftmax", g.name(one.operands[0]), axis=one.params["axis"])


# Convolution and pooling.

@maps("conv")
def conv(g, one):
    """Cross-correlation."""
    x, w = one.operands
    p = one.params
    return g.node("Conv", g.name(x), g.name(w), strides=list(p["stride"]), pads=[*p["padding"], *p["padding"]],
                  dilations=list(p["dilation"]), group=p["groups"], kernel_shape=list(w.shape[2:]))


def _output_padding(one):
    grad, w = one.operands
    p = one.params
    return [size - (s * (m - 1) + d * (j - 1) + 1 - 2 * q) for size, s, m, d, j, q in
            zip(p["input_size"], p["stride"], grad.shape[2:], p["dilation"], w.shape[2:], p["padding"], strict=True)]


@maps("conv_input", when=lambda one, used, opset: all(
    0 <= n < max(s, d) for n, s, d in zip(_output_padding(one), one.params["stride"], one.params["dilation"], strict=True)))
def conv_input(g, one):
    """Transposed convolution."""
    grad, w = one.operands
    p = one.params
    return g.node("ConvTranspose", g.name(grad), g.name(w), strides=list(p["stride"]),
                  pads=[*p["padding"], *p["padding"]], dilations=list(p["dilation"]), group=p["groups"],
                  kernel_shape=list(w.shape[2:]), output_padding=_output_padding(one))


@maps("bias_add")
def bias_add(g, one):
    """A number per channel."""
    y, b = one.operands
    return g.node("Add", g.name(y), g.reshape(g.name(b), (y.shape[1], *(1,) * (len(y.shape) - 2))))


def _pads(one, dilation):
    """Padding before and after; after it also what the last windows of ``ceil_mode`` need."""
    p, x, y = one.params, one.operands[0], one.outputs[0]
    after = [max(q, (m - 1) * s + d * (j - 1) + 1 - n - q) for m, s, d, j, n, q in zip(
        y.shape[2:], p["stride"], dilation, p["kernel_size"], x.shape[2:], p["padding"], strict=True)]
    return [*p["padding"], *after]


def _poolable(one, used, opset):
    p = one.params
    pads = _pads(one, p["dilation"])
    return dtype_of(one).is_floating_point and all(n < j for n, j in zip(pads, 2 * p["kernel_size"], strict=True))


def _max_pool(g, one, results):
    p = one.params
    return g.node("MaxPool", g.name(one.operands[0]), results=results, kernel_shape=list(p["kernel_size"]),
                  strides=list(p["stride"]), pads=_pads(one, p["dilation"]), dilations=list(p["dilation"]))


@maps("max_pool_window", when=lambda one, used, opset: first_only(one, used, opset) and _poolable(one, used, opset))
def max_pool_window(g, one):
    """The largest of each window; which one it is, is not asked."""
    return _max_pool(g, one, 1), None


@maps("max_pool", when=_poolable)
def max_pool(g, one):
    """The largest of each window and its place, which ONNX counts over the whole array."""
    y, places = _max_pool(g, one, 2)
    return y, g.node("Mod", places, g.number(math.prod(one.operands[0].shape[2:]), int64))


@maps("avg_pool", when=lambda one, used, opset: not one.params.get("ceil_mode") and not one.params.get("divisor_override"))
def avg_pool(g, one):
    """The mean of each window."""
    p = one.params
    return g.node("AveragePool", g.name(one.operands[0]), kernel_shape=list(p["kernel_size"]), strides=list(p["stride"]),
                  pads=[*p["padding"], *p["padding"]], count_include_pad=int(p.get("count_include_pad", True)))


# Normalisation.

def _or(g, o, value, shape, dtype):
    return g.name(o) if o is not None else g.constant(np.full(shape, value, dtype.numpy))


@maps("batch_norm_eval")
def batch_norm(g, one):
    """By given moments."""
    x, weight, bias, mean, var = one.operands
    flat = (x.shape[1],)
    return g.node("BatchNormalization", g.name(x), _or(g, weight, 1, flat, x.dtype), _or(g, bias, 0, flat, x.dtype),
                  g.name(mean), g.name(var), epsilon=float(one.params["eps"]))


@maps("layer_norm")
def layer_norm(g, one):
    """Over the last axes."""
    x, weight, bias = one.operands
    ndim = one.params["ndim"]
    return g.node("LayerNormalization", g.name(x), _or(g, weight, 1, x.shape[len(x.shape) - ndim:], x.dtype), g.name(bias),
                  results=3, axis=-ndim, epsilon=float(one.params["eps"]))


@maps("group_norm", when=lambda one, used, opset: opset >= 21 and first_only(one, used, opset)
      and len(one.operands[0].shape) > 2)
def group_norm(g, one):
    """Over groups of channels."""
    x, weight, bias = one.operands
    flat = (x.shape[1],)
    y = g.node("GroupNormalization", g.name(x), _or(g, weight, 1, flat, x.dtype), _or(g, bias, 0, flat, x.dtype),
               num_groups=one.params["groups"], epsilon=float(one.params["eps"]))
    return y, None, None


# Recurrent layers. ONNX wants the gates in another order, and an axis for the directions.

def _gates(g, o, order, lead):
    """Rows of a weight with its gates in another order, with an axis in front."""
    size = o.shape[0] // len(order)
    rows = np.concatenate([np.arange(i * size, (i + 1) * size) for i in order])
    if o in g.known:
        return g.constant(g.known[o][rows][None], lead)
    picked = g.name(o) if list(order) == sorted(order) else g.node("Gather", g.name(o), g.constant(rows), axis=0)
    return g.reshape(picked, (1, *o.shape))


def _recurrent(g, one, kind, order, states, **attributes):
    x, *start = one.operands[:1 + states]
    w_ih, w_hh, b_ih, b_hh = one.operands[1 + states:]
    t, b, _ = x.shape
    size = w_hh.shape[1]
    bias = None
    if b_ih is not None or b_hh is not None:
        zero = g.constant(np.zeros((1, len(order) * size), x.dtype.numpy))
        bias = g.node("Concat", *(zero if o is None else _gates(g, o, order, "bias") for o in (b_ih, b_hh)), axis=1)
    start = [g.reshape(g.name(s), (1, b, size)) for s in start]
    found = g.node(kind, g.name(x), _gates(g, w_ih, order, "weight"), _gates(g, w_hh, order, "weight"), bias, None, *start,
                   results=1 + states, hidden_size=size,
                   direction="reverse" if one.params.get("reverse") else "forward", **attributes)
    return (g.reshape(found[0], (t, b, size)), *(g.reshape(s, (b, size)) for s in found[1:]))


def _steps(one, used, opset):
    return 0 not in one.operands[0].shape and isinstance(one.operands[0], Symbol)


@maps("rnn_layer", when=_steps)
def rnn(g, one):
    """A plain recurrent layer."""
    return _recurrent(g, one, "RNN", (0,), 1, activations=["Tanh" if one.params["nonlinearity"] == "tanh" else "Relu"])


@maps("lstm_layer", when=_steps)
def lstm(g, one):
    """Long short-term memory: in, out, forget, cell."""
    return _recurrent(g, one, "LSTM", (0, 3, 1, 2), 2)


@maps("gru_layer", when=_steps)
def gru(g, one):
    """Gated recurrent unit: update, reset, new, the reset after the product."""
    return _recurrent(g, one, "GRU", (1, 0, 2), 1, linear_before_reset=1)
