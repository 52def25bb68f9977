"""Names of ``torch.utils.cpp_extension``, which is not offered: there is no C++ interface."""

from __future__ import annotations

from plugtorch.frontend.utils import compiled_extensions as _names

CUDA_HOME = ROCM_HOME = None
globals().update({name: getattr(_names, name) for name in _names.CPP_EXTENSION})
__all__ = ["CUDA_HOME", "ROCM_HOME", *_names.CPP_EXTENSION]
