"""Event files for TensorBoard; names of ``torch.utils.tensorboard``."""

from __future__ import annotations

from plugtorch.frontend.utils.tensorboard import SummaryWriter

__all__ = ["SummaryWriter"]
