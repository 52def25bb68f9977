"""The mode of ``torch.utils._python_dispatch``, which can be subclassed and not entered."""

from __future__ import annotations

from plugtorch.frontend.utils.compiled_extensions import TorchDispatchMode

__all__ = ["TorchDispatchMode"]
