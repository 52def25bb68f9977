"""Public path of adaptive softmax."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.adaptive import AdaptiveLogSoftmaxWithLoss

__all__ = [
    "AdaptiveLogSoftmaxWithLoss",
]
