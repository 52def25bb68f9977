"""Helpers for training modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugtorch.nn.utils import (  # noqa: F401
    clip_grad,
    convert_parameters,
    fusion,
    init,
    memory_format,
    parametrizations,
    parametrize,
    rnn,
    stateless,
)
from plugtorch.nn.utils.clip_grad import *  # noqa: F403
from plugtorch.nn.utils.convert_parameters import *  # noqa: F403
from plugtorch.nn.utils.fusion import *  # noqa: F403
from plugtorch.nn.utils.init import skip_init
from plugtorch.nn.utils.memory_format import *  # noqa: F403
from plugtorch.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
from plugtorch.nn.utils.weight_norm import remove_weight_norm, weight_norm

if not TYPE_CHECKING:  # type checkers take every name that the imports bring
    __all__ = clip_grad.__all__ + convert_parameters.__all__ + fusion.__all__ + memory_format.__all__ + [
        "parametrizations", "parametrize", "remove_spectral_norm", "remove_weight_norm", "rnn", "skip_init", "spectral_norm",
        "stateless", "weight_norm",
    ]
