"""Steps of maps; names of ``torch.utils.data.datapipes.map``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.mapping import *  # noqa: F403
from plugtorch.frontend.utils.data.datapipes.mapping import __all__ as __all__
