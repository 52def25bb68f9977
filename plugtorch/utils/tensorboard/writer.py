"""Public path of the writer of event files."""

from __future__ import annotations

from plugtorch.frontend.utils.tensorboard import SummaryWriter

__all__ = ["SummaryWriter"]
