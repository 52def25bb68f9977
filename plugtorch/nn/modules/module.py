"""Public path of the base class of modules and its global hooks."""

from __future__ import annotations

from plugtorch.frontend.nn.modules._state_dict import _IncompatibleKeys as _IncompatibleKeys
from plugtorch.frontend.nn.modules.module import *  # noqa: F403
from plugtorch.frontend.nn.modules.module import __all__ as __all__
