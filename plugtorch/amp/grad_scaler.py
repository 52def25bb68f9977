"""``torch.amp.grad_scaler``."""

from plugtorch.frontend.amp.grad_scaler import GradScaler, OptState

__all__ = ["GradScaler", "OptState"]
