"""``torch.quantization.fuse_modules``."""

from __future__ import annotations

from plugtorch.frontend.ao.quantization.fuse_modules import *  # noqa: F403
from plugtorch.frontend.ao.quantization.fuse_modules import __all__ as __all__
