# ruff: noqa: F401  (the imports are the module)
"""``torch.multiprocessing``."""

import plugtorch.multiprocessing.spawn  # the module; its name becomes the function's below
from plugtorch.frontend import multiprocessing as _multiprocessing
from plugtorch.frontend.multiprocessing import *  # noqa: F403
from plugtorch.multiprocessing import reductions as reductions

spawn = _multiprocessing.spawn

__all__ = list(_multiprocessing.__all__)
