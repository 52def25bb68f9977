"""Public path of recurrent layers."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.rnn import *  # noqa: F403
from plugtorch.frontend.nn.modules.rnn import __all__ as __all__
