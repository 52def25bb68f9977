"""A version that compares as a version; the name of ``torch.torch_version``."""

from __future__ import annotations

from . import __version__
from .frontend.torch_version import TorchVersion

__all__ = ["TorchVersion", "__version__"]
