"""Exchange of arrays between libraries; names of ``torch.utils.dlpack``."""

from __future__ import annotations

from plugtorch.frontend.dlpack import DLDeviceType, from_dlpack, to_dlpack

__all__ = ["DLDeviceType", "from_dlpack", "to_dlpack"]
