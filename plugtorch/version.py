"""``torch.version``: what this library is, and what it was built with: nothing."""

from __future__ import annotations

from . import __version__

cuda = hip = rocm = xpu = None
debug = False
git_version = "unknown"

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "rocm", "xpu"]
