"""Names of ``torch.utils.mobile_optimizer``, which is not offered."""

from __future__ import annotations

from plugtorch.frontend.utils import compiled_extensions as _names

globals().update({name: getattr(_names, name) for name in _names.MOBILE_OPTIMIZER})
__all__ = [*_names.MOBILE_OPTIMIZER]
