"""Public path of the signatures of exported programs."""

from __future__ import annotations

from plugtorch.frontend.exporting.signature import *  # noqa: F403
from plugtorch.frontend.exporting.signature import __all__ as __all__
