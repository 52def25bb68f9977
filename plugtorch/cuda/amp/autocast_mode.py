"""``torch.cuda.amp.autocast_mode``."""

from plugtorch.frontend.amp.deprecated import cuda_autocast as autocast
from plugtorch.frontend.amp.deprecated import cuda_custom_bwd as custom_bwd
from plugtorch.frontend.amp.deprecated import cuda_custom_fwd as custom_fwd

__all__ = ["autocast", "custom_bwd", "custom_fwd"]
