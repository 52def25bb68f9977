"""float16 and bfloat16, which libraries know a little: computed in float32 and rounded once, as PyTorch does."""

from __future__ import annotations

import functools

from ..abstract import is_number
from ..dtypes import HALF, float32

# Most libraries round every step of these, or return float32 for half operands.
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
# And of these, where half types are foreign to the library (NumPy, whose bfloat16 comes from ml_dtypes).
FOREIGN = ("matmul", "maximum", "minimum", "clamp", "conv", "conv_input", "conv_weight", "sort")
# Where a half array meets a number here, the number is rounded to the array's type.
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")


def in_float32(kernel):
    """A kernel for float32 and wider, made to take half arrays too; its float32 results become half again."""

    @functools.wraps(kernel)
    def wrapped(self, *operands, **params):
        for o in operands:
            if hasattr(o, "shape") and self.dtype_of(o) in HALF:
                return _rounded(self, kernel, self.dtype_of(o), operands, params)
        return kernel(self, *operands, **params)

    wrapped.halved = True
    return wrapped


def _rounded(k, kernel, half, operands, params):
    wide = [k.cast(o, dtype=float32) if hasattr(o, "shape") and k.dtype_of(o) in HALF else o for o in operands]
    found = kernel(k, *wide, **params)
    if isinstance(found, tuple):
        return tuple(_narrow(k, y, half) for y in found)
    return _narrow(k, found, half)


def _narrow(k, y, half):
    return k.cast(y, dtype=half) if k.dtype_of(y) is float32 else y


def halve(cls, names=HALVED) -> None:
    """Lets the named kernels of a class take half arrays, unless they do already."""
    for name in names:
        kernel = getattr(cls, name)
        if not getattr(kernel, "halved", False):
            setattr(cls, name, in_float32(kernel))


def with_rounded_numbers(kernel):
    """A comparison whose numbers are rounded to the half type that they are compared with."""

    @functools.wraps(kernel)
    def wrapped(self, a, b):
        like = b if is_number(a) else a
        if is_number(a) or is_number(b):
            dtype = self.dtype_of(like)
            if dtype in HALF:
                a, b = (self.full(shape=(), value=v, dtype=dtype, device=self.device_of(like)) if is_number(v) else v
                        for v in (a, b))
        return kernel(self, a, b)

    return wrapped
