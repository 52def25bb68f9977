"""All names of ``torch.ao.quantization``; apart from the package, so that modules can import parts of it."""

from __future__ import annotations

from . import fake_quantize, fuse_modules, histogram, mappings, observer, qconfig, quantize, refused, stubs

_PARTS = (observer, histogram, fake_quantize, qconfig, stubs, fuse_modules, mappings, quantize, refused)
__all__: list[str] = []
for _part in _PARTS:
    globals().update({name: getattr(_part, name) for name in _part.__all__})
    __all__ += _part.__all__
