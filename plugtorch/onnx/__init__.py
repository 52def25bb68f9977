"""Names of ``torch.onnx``; exporting is not offered."""

from __future__ import annotations

from plugtorch.frontend.onnx import *  # noqa: F403
from plugtorch.frontend.onnx import __all__ as __all__
