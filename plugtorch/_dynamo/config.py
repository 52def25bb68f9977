"""Settings of the compiler that programs set; none has an effect."""

from __future__ import annotations

import sys
from types import ModuleType

from plugtorch.frontend.compilation import config as _settings


class _Settings(ModuleType):
    """Reads and writes the settings as attributes of the module."""

    def __getattr__(self, name):
        return getattr(_settings, name)

    def __setattr__(self, name, value):
        if name.startswith("__"):
            super().__setattr__(name, value)
        else:
            setattr(_settings, name, value)


sys.modules[__name__].__class__ = _Settings
