"""Helpers for training modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugtorch.nn.utils import clip_grad, convert_parameters
from plugtorch.nn.utils.clip_grad import *  # noqa: F403
from plugtorch.nn.utils.convert_parameters import *  # noqa: F403

if not TYPE_CHECKING:  # type checkers take every name that the imports bring
    __all__ = clip_grad.__all__ + convert_parameters.__all__
