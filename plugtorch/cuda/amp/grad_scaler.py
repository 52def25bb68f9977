"""``torch.cuda.amp.grad_scaler``."""

from plugtorch.frontend.amp.deprecated import CudaGradScaler as GradScaler

__all__ = ["GradScaler"]
