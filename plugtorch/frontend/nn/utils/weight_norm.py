"""Weight normalisation by a hook before the forward pass, the older form."""

from __future__ import annotations

import warnings
from typing import Any

from plugtorch.frontend.native import _weight_norm, norm_except_dim
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.tensor import Tensor

from .parameter_hooks import refuse_second, take_off

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]


class WeightNorm:
    """The hook: ``NAME = NAME_g * NAME_v / |NAME_v|`` before each call."""

    def __init__(self, name: str, dim: int) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """The product of length and direction."""
        return _weight_norm(getattr(module, self.name + "_v"), getattr(module, self.name + "_g"), self.dim)

    @staticmethod
    def apply(module: Module, name: str, dim: int) -> WeightNorm:
        """Puts a hook on a module.

        Raises:
            RuntimeError: the parameter has one already.
        """
        refuse_second(module, WeightNorm, name, "weight_norm")
        made = WeightNorm(name, dim)
        weight = getattr(module, name)
        del module._parameters[name]
        module.register_parameter(name + "_g", Parameter(norm_except_dim(weight, 2, made.dim).data))
        module.register_parameter(name + "_v", Parameter(weight.data))
        setattr(module, name, made.compute_weight(module))
        module.register_forward_pre_hook(made)
        return made

    def remove(self, module: Module) -> None:
        """Makes the present value a parameter again."""
        weight = self.compute_weight(module)
        delattr(module, self.name)
        del module._parameters[self.name + "_g"]
        del module._parameters[self.name + "_v"]
        setattr(module, self.name, Parameter(weight.data))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Module, name: str = "weight", dim: int = 0) -> Module:
    """Splits a parameter into ``NAME_g`` and ``NAME_v``, of which a hook makes it before each call; returns the module.

    :func:`plugtorch.nn.utils.parametrizations.weight_norm` is its successor.
    """
    warnings.warn("`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`.",
                  FutureWarning, stacklevel=2)
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Takes weight normalisation off a module.

    Raises:
        ValueError: there is none.
    """
    return take_off(module, WeightNorm, name, "weight_norm")
