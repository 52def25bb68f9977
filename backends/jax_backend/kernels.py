"""The op spec on ``jax.numpy``, as functions that JAX can trace; every op of it is compiled by the backend.

Inside a trace Python numbers among the operands are weakly typed tracers, so that they take the arrays' type.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from plugtorch.spec import Abstract, infer
from plugtorch.spec.abstract import is_number
from plugtorch.spec.dtypes import BOOL, FLOAT, INT, int64, uint8
from plugtorch.spec.xp import XPBackend

from .half import halved
from .index import JaxIndex
from .layers import JaxLayers
from .linalg import JaxLinalg
from .recurrent import JaxRecurrent


class JaxArrays(XPBackend, xp=jnp):
    """What the shared kernels give on ``jax.numpy``."""


class JaxKernels(JaxIndex, JaxLinalg, JaxLayers, JaxRecurrent, JaxArrays):
    """Traceable kernels: where ``jax.numpy`` differs from the spec, or XLA has something better."""

    name = "jax"
    aliases = False

    def device_of(self, x):
        return None

    def from_host(self, array, *, device):
        raise TypeError("host arrays are moved by the backend, outside of compiled kernels")

    def full(self, *, shape, value, dtype, device):
        native = self.native(dtype)
        if dtype.category == INT and is_number(value):
            return super().full(shape=shape, value=value, dtype=dtype, device=device)
        return jnp.full(shape, value, native)

    def copy(self, x):
        return x

    def cast(self, x, *, dtype):
        native = self.native(dtype)
        if x.dtype == native:
            return x
        source = self.dtype_of(x)
        if source.is_complex and not dtype.is_complex and dtype.category != BOOL:
            x = jnp.real(x)
        if dtype.category == BOOL:
            return x != 0
        if dtype.category == INT and source.category >= FLOAT and dtype is not int64:
            x = x.astype(jnp.int64)  # XLA saturates where PyTorch wraps
        return x.astype(native)

    def bitcast(self, x, *, dtype):
        shape = infer("bitcast", Abstract(x.shape, self.dtype_of(x)), dtype=dtype).shape
        line = x.reshape(-1)
        if x.dtype.kind == "c":
            line = jnp.stack((line.real, line.imag), axis=1).reshape(-1)
        if x.dtype == jnp.bool_:
            line = line.astype(jnp.uint8)
        part = dtype.to_real() if dtype.is_complex else uint8 if dtype.category == BOOL else dtype
        ratio = part.itemsize // line.dtype.itemsize
        line = lax.bitcast_convert_type(line.reshape(-1, ratio) if ratio > 1 else line, self.native(part)).reshape(-1)
        if dtype.is_complex:
            line = lax.complex(line[::2], line[1::2])
        elif dtype.category == BOOL:
            line = line != 0
        return line.reshape(shape)

    # Elementwise ops on which XLA and the spec differ.

    def exp(self, x):
        y = jnp.exp(x)
        if x.dtype.kind != "c":
            return y
        # exp(-inf + i inf) is 0, whatever the direction.
        return jnp.where(jnp.isneginf(x.real), jnp.zeros_like(y), y)

    def abs(self, x):
        y = jnp.abs(x)
        if x.dtype.kind != "c":
            return y
        return jnp.where(jnp.isinf(x.real) | jnp.isinf(x.imag), jnp.inf, y)

    def sqrt(self, x):
        y = jnp.sqrt(x)
        if x.dtype.kind != "c":
            return y
        # Below the branch cut the root has a negative imaginary part: the sign of a zero counts.
        return lax.complex(y.real, jnp.copysign(y.imag, x.imag))

    def complex(self, a, b):
        a, b = jnp.broadcast_arrays(a, b)
        if a.dtype.itemsize == 2:
            a, b = a.astype(jnp.float32), b.astype(jnp.float32)
        return lax.complex(a, b)

    def where(self, m, a, b):
        return jnp.where(m, a, b)

    def erf(self, x):
        return lax.erf(x)

    def sigmoid(self, x):
        return lax.logistic(x) if x.dtype.kind != "c" else 0.5 * jnp.tanh(0.5 * x) + 0.5

    def _integer_divisor(self, b, name):
        """Known divisors are looked at by the backend, before a kernel is traced."""

    def _category(self, a, b):
        return max(self.dtype_of(v).category for v in (a, b) if not is_number(v))

    def _integer_power(self, a, b):
        return super()._integer_power(*(v if is_number(v) else jnp.asarray(v) for v in (a, b)))

    # Reductions and order.

    def sort(self, x, *, axis, descending=False):
        if not x.shape:
            return x, jnp.zeros((), jnp.int64)
        place = lax.broadcasted_iota(jnp.int64, x.shape, axis)
        if not descending:
            return tuple(lax.sort((x, place), dimension=axis, num_keys=1, is_stable=True))
        # A stable descending order is the stable ascending order of the reversed line, read backwards.
        values, order = lax.sort((jnp.flip(x, axis), jnp.flip(place, axis)), dimension=axis, num_keys=1,
                                 is_stable=True)
        return jnp.flip(values, axis), jnp.flip(order, axis)

    def flip(self, x, *, axis):
        return jnp.flip(x, axis) if axis else x

    def pad(self, x, *, lo, hi, value=0):
        fill = jnp.asarray(value, x.dtype)
        return lax.pad(x, fill, [(a, b, 0) for a, b in zip(lo, hi, strict=True)])

    def slice(self, x, *, start, stop, step):
        return lax.slice(x, start, [max(a, b) for a, b in zip(start, stop, strict=True)], step)

    def permute(self, x, *, axes):
        return lax.transpose(x, axes)


# PyTorch computes these for half precision in float32 and rounds once; most libraries round every step.
HALVED = (
    "add", "sub", "mul", "div", "sqrt", "exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "pow", "atan2",
    "remainder", "floor_divide", "fmod", "round", "mul_conj", "square", "reciprocal", "rsqrt", "tan", "asin", "acos",
    "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "exp2", "log2", "log10", "logaddexp", "hypot", "lerp", "erf",
    "cumsum", "cumprod", "prod", "leaky_relu", "elu", "sigmoid", "log_sigmoid", "softplus", "silu", "mish", "gelu",
    "gelu_backward", "softmax", "softmax_backward", "log_softmax", "log_softmax_backward", "logsumexp",
    "channel_sum", "bias_add", "linear", "linear_weight", "avg_pool", "avg_pool_backward", "max_pool_backward",
    "max_pool_window_backward", "embedding_backward", "index_add", "index_put", "scatter", "batch_norm_train",
    "batch_norm_train_backward", "batch_norm_eval", "layer_norm", "layer_norm_backward", "group_norm",
    "group_norm_backward", "rnn_layer", "rnn_layer_backward", "lstm_layer", "lstm_layer_train", "lstm_layer_backward",
    "gru_layer", "gru_layer_train", "gru_layer_backward",
)
for _name in HALVED:
    setattr(JaxKernels, _name, halved(getattr(JaxKernels, _name)))
