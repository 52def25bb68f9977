"""``torch.distributed.distributed_c10d``."""

from plugtorch.frontend.distributed import *  # noqa: F403
from plugtorch.frontend.distributed import __all__ as __all__
from plugtorch.frontend.distributed.groups import default_group as _get_default_group  # noqa: F401
