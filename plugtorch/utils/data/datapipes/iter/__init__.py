"""Steps of streams; names of ``torch.utils.data.datapipes.iter``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.iterating import *  # noqa: F403
from plugtorch.frontend.utils.data.datapipes.iterating import __all__ as __all__
