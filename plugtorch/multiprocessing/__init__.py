"""``torch.multiprocessing``."""

from plugtorch.frontend.multiprocessing import *  # noqa: F403
from plugtorch.frontend.multiprocessing import __all__ as __all__
from plugtorch.multiprocessing import reductions as reductions
from plugtorch.multiprocessing import spawn as _spawn_module  # noqa: F401  (the module, before its name is the function's)

from plugtorch.frontend.multiprocessing import spawn as spawn  # isort: skip
