"""``torch.multiprocessing.reductions``."""

from plugtorch.frontend.multiprocessing.reductions import init_reductions, reduce_tensor

__all__ = ["init_reductions", "reduce_tensor"]
