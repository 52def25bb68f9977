"""Activations and the softmax family."""

from __future__ import annotations

from plugtorch.autograd.names import named
from plugtorch.autograd.record import apply
from plugtorch.spec.dtypes import BOOL, FLOAT, INT

from ...activations import log_softmax, maybe_inplace, relu, relu_, softmax
from ...amp.casting import autocasts
from ...dispatch import is_tensor, normalize_axis, rounded_once, takes_out
from ...selection import where
from ...splitting import chunk

__all__ = [
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_softmax",
    "logsigmoid", "mish", "prelu", "relu", "relu_", "relu6", "selu", "sigmoid", "silu", "softmax", "softmin", "softplus",
    "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
]


def _floating(input, name):
    if not is_tensor(input):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if input.dtype.category < FLOAT:
        raise RuntimeError(f'"{name}" not implemented for \'{input.dtype.legacy}\'')
    return input


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """The input where positive, else ``negative_slope`` times it."""
    _floating(input, "leaky_relu_cpu")
    return maybe_inplace(input, inplace, lambda x: apply("leaky_relu", (x,), {"slope": negative_slope}))


def elu(input, alpha=1.0, inplace=False):
    """The input where positive, else ``alpha * (exp(input) - 1)``."""
    _floating(input, "elu_cpu")
    return maybe_inplace(input, inplace, lambda x: apply("elu", (x,), {"alpha": alpha}))


def selu(input, inplace=False):
    """Self-normalising elu (Klambauer et al., arXiv:1706.02515)."""
    params = {"alpha": 1.6732632423543772848170429916717, "scale": 1.0507009873554804934193349852946}
    return maybe_inplace(_floating(input, "selu"), inplace, lambda x: apply("elu", (x,), params))


@named("CeluBackward0")
def celu(input, alpha=1.0, inplace=False):
    """``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))`` (Barron, arXiv:1704.07483).

    Raises:
        RuntimeError: alpha is 0.
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    params = {"alpha": alpha, "input_scale": 1.0 / alpha}
    return maybe_inplace(_floating(input, "celu"), inplace, lambda x: apply("elu", (x,), params))


@takes_out
def gelu(input, approximate="none"):
    """``input * Phi(input)``; ``approximate`` "none" or "tanh".

    Raises:
        RuntimeError: another approximation.
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return apply("gelu", (_floating(input, "GeluKernelImpl"),), {"approximate": approximate})


def silu(input, inplace=False):
    """``input * sigmoid(input)``."""
    return maybe_inplace(_floating(input, "silu_cpu"), inplace, lambda x: apply("silu", (x,)))


@named("MishBackward0")
def mish(input, inplace=False):
    """``input * tanh(softplus(input))``."""
    return maybe_inplace(_floating(input, "mish_cpu"), inplace, lambda x: apply("mish", (x,)))


def sigmoid(input):
    """``1 / (1 + exp(-input))``."""
    return input.sigmoid()


def tanh(input):
    """Hyperbolic tangent."""
    return input.tanh()


@takes_out
def logsigmoid(input):
    """``log(sigmoid(input))``."""
    return apply("log_sigmoid", (_floating(input, "log_sigmoid_cpu"),))


@takes_out
@autocasts
def softplus(input, beta=1, threshold=20):
    """``log(1 + exp(beta * input)) / beta``, the input itself above the threshold."""
    return apply("softplus", (_floating(input, "softplus_cpu"),), {"beta": beta, "threshold": threshold})


@named("HardtanhBackward0")
def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """Limited to [min_val, max_val]; the gradient is 0 at the edges.

    Raises:
        ValueError: min_val is above max_val.
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if input.dtype.category == BOOL:
        raise NotImplementedError("Bool inputs not supported for hardtanh")
    if input.dtype.category == INT:
        min_val, max_val = int(min_val), int(max_val)

    def compute(x):
        low = where(x.detach().le(min_val), min_val, x)
        return where(x.detach().ge(max_val), max_val, low)

    return maybe_inplace(input, inplace, compute)


@named("HardtanhBackward0")
def relu6(input, inplace=False):
    """Limited to [0, 6]."""
    return hardtanh(input, 0, 6, inplace)


@named("HardsigmoidBackward0")
def hardsigmoid(input, inplace=False):
    """``relu6(input + 3) / 6``."""
    return maybe_inplace(_floating(input, "hardsigmoid"), inplace, lambda x: hardtanh(x + 3, 0, 6) / 6)


@named("HardswishBackward0")
def hardswish(input, inplace=False):
    """``input * relu6(input + 3) / 6`` (Howard et al., arXiv:1905.02244)."""
    @rounded_once
    def compute(x):
        flat = x.detach()
        inner = where(flat.le(-3), 0.0, x * (x + 3) / 6)
        return where(flat.lt(3), inner, x)

    return maybe_inplace(_floating(input, "hardswish"), inplace, compute)


@takes_out
@named("HardshrinkBackward0")
def hardshrink(input, lambd=0.5):
    """0 within ``lambd`` of zero, else the input."""
    flat = input.detach()
    return where(flat.ge(-lambd) & flat.le(lambd), 0, input)


@takes_out
@named("SoftshrinkBackward0")
def softshrink(input, lambd=0.5):
    """The input moved ``lambd`` toward zero, 0 within it.

    Raises:
        RuntimeError: lambd is negative.
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    flat = input.detach()
    return where(flat.abs().le(lambd), input * 0, where(flat.lt(0), input + lambd, input - lambd))


def tanhshrink(input):
    """``input - tanh(input)``."""
    return input - input.tanh()


def softsign(input):
    """``input / (1 + abs(input))``."""
    return input / (input.abs() + 1)


@named("ThresholdBackward0")
def threshold(input, threshold, value, inplace=False):
    """The input above the threshold, else ``value``."""
    return maybe_inplace(input, inplace, lambda x: where(x.detach().le(threshold), value, x))


@named("PreluKernelBackward0")
@autocasts
def prelu(input, weight):
    """The input where positive, else a learned slope, one for all or one per channel, times it."""
    if weight.dim() > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.dim()}")
    if weight.numel() != 1:
        channels = input._a.shape[1] if input.dim() > 1 else 1
        if weight.numel() != channels:
            raise RuntimeError(f"Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                               f"{weight.numel()} and channel size = {channels}.")
        shape = (1, -1, *(1,) * (input.dim() - 2)) if input.dim() > 1 else (-1,)
        weight = weight.reshape(shape)
    else:
        weight = weight.reshape((1,) * input.dim())
    return where(input.detach().gt(0), input, input * weight)


@named("GluBackward0")
def glu(input, dim=-1):
    """The first half times the sigmoid of the second half of a dimension.

    Raises:
        RuntimeError: a 0-d input or an odd size.
    """
    if not input.dim():
        raise RuntimeError("glu does not support 0-dimensional tensors")
    n = input._a.shape[normalize_axis(dim, input.dim())]
    if n % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {normalize_axis(dim, input.dim())} is size {n}")
    a, b = chunk(input, 2, dim)
    return a * b.sigmoid()


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """``softmax(-input)``."""
    return softmax(-input, dim, _stacklevel, dtype)


def _twin(function):
    name = function.__name__ + "_"

    def twin(input, *args, **kwargs):
        return function(input, *args, inplace=True, **kwargs)

    twin.__name__ = twin.__qualname__ = name
    twin.__doc__ = f"In-place version of :func:`{function.__name__}`."
    globals()[name] = twin
    __all__.append(name)


for _function in (leaky_relu, elu, selu, celu, hardtanh, threshold):
    _twin(_function)
