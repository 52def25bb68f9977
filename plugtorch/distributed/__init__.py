"""``torch.distributed``."""

from plugtorch.frontend import distributed as _distributed
from plugtorch.frontend.distributed import *  # noqa: F403
from plugtorch.frontend.distributed import _all_gather_base as _all_gather_base
from plugtorch.frontend.distributed import _reduce_scatter_base as _reduce_scatter_base
from plugtorch.frontend.nn.parallel.distributed import GradBucket as GradBucket

from . import constants as constants
from . import distributed_c10d as distributed_c10d

# The module of this name gives way to the function, as in PyTorch.
from . import rendezvous as _rendezvous_module  # noqa: F401

rendezvous = _distributed.rendezvous

__all__ = [*_distributed.__all__, "GradBucket"]
