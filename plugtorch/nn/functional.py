"""Public path of the functional forms of the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugtorch.frontend.nn.functional import *  # noqa: F403
from plugtorch.frontend.nn.functional import __all__ as __all__
from plugtorch.nn import grad  # noqa: F401

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """The names are gathered at run time; this tells type checkers that they are there."""
