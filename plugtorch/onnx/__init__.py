"""Public path of ``torch.onnx``."""

from __future__ import annotations

from plugtorch.frontend.onnx import *  # noqa: F403
from plugtorch.frontend.onnx import __all__ as __all__
