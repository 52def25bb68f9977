"""``torch.cpu.amp``: older names of ``torch.amp`` for the host."""

from plugtorch.frontend.amp.deprecated import CpuGradScaler as GradScaler
from plugtorch.frontend.amp.deprecated import cpu_autocast as autocast

__all__ = ["GradScaler", "autocast"]
