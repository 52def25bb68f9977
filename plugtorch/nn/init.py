"""Public path of the initial values of parameters."""

from __future__ import annotations

from plugtorch.frontend.nn.init import *  # noqa: F403
from plugtorch.frontend.nn.init import __all__ as __all__
from plugtorch.frontend.nn.init import _calculate_correct_fan as _calculate_correct_fan
from plugtorch.frontend.nn.init import _calculate_fan_in_and_fan_out as _calculate_fan_in_and_fan_out
from plugtorch.frontend.tensor import Tensor as Tensor
