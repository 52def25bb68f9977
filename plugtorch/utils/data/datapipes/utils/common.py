"""Names of ``torch.utils.data.datapipes.utils.common``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.datapipes.files import *  # noqa: F403
from plugtorch.frontend.utils.data.datapipes.files import __all__ as __all__
