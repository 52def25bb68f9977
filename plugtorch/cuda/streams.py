"""``torch.cuda.streams``."""

from plugtorch.frontend.devices.cuda import (
    Event,
    Stream,
)

__all__ = ["Event", "Stream"]
