"""``torch.nn.parallel.distributed``."""

from plugtorch.frontend.nn.parallel.distributed import DistributedDataParallel

__all__ = ["DistributedDataParallel"]
