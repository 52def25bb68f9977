# ruff: noqa: F401  (the imports are the module)
"""``torch.distributed``."""

import plugtorch.distributed.rendezvous  # the module; its name becomes the function's below
from plugtorch.frontend import distributed as _distributed
from plugtorch.frontend.distributed import *  # noqa: F403
from plugtorch.frontend.distributed import _all_gather_base as _all_gather_base
from plugtorch.frontend.distributed import _reduce_scatter_base as _reduce_scatter_base
from plugtorch.frontend.nn.parallel.distributed import GradBucket as GradBucket

from . import constants as constants
from . import distributed_c10d as distributed_c10d

rendezvous = _distributed.rendezvous

__all__ = [*_distributed.__all__, "GradBucket"]
