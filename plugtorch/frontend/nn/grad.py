"""Gradients of convolutions by input and weight."""

from __future__ import annotations

from plugtorch.autograd.record import apply

from .functional.convolution import _tuple

__all__ = [f"conv{n}d_{what}" for n in (1, 2, 3) for what in ("input", "weight")]


def _settings(n, stride, padding, dilation, groups):
    return {"stride": _tuple(stride, n, "stride"), "padding": _tuple(padding, n, "padding"),
            "dilation": _tuple(dilation, n, "dilation"), "groups": groups}


def _define(n):
    def by_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
        if input_size is None:
            raise ValueError("grad.conv_input requires specifying an input_size")
        return apply("conv_input", (grad_output, weight), {"input_size": tuple(input_size)[-n:],
                                                           **_settings(n, stride, padding, dilation, groups)})

    def by_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
        return apply("conv_weight", (input, grad_output), {"kernel_size": tuple(weight_size)[-n:],
                                                           **_settings(n, stride, padding, dilation, groups)})

    by_input.__name__, by_weight.__name__ = f"conv{n}d_input", f"conv{n}d_weight"
    by_input.__doc__ = f"The gradient of conv{n}d by its input of ``input_size`` (N, C, *)."
    by_weight.__doc__ = f"The gradient of conv{n}d by its weight of ``weight_size`` (O, C / groups, *)."
    globals()[by_input.__name__], globals()[by_weight.__name__] = by_input, by_weight


for _n in (1, 2, 3):
    _define(_n)
