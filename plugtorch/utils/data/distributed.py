"""The sampler for several processes; names of ``torch.utils.data.distributed``."""

from __future__ import annotations

from plugtorch.frontend.utils.data.distributed import *  # noqa: F403
from plugtorch.frontend.utils.data.distributed import __all__ as __all__
