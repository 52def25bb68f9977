"""``torch.amp``: mixed precision."""

from plugtorch.frontend.amp.autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from plugtorch.frontend.amp.grad_scaler import GradScaler

from . import autocast_mode, grad_scaler

__all__ = ["GradScaler", "autocast", "autocast_mode", "custom_bwd", "custom_fwd", "grad_scaler", "is_autocast_available"]
