"""``torch.cuda.amp.common``."""

from plugtorch.cuda import is_available


def amp_definitely_not_available() -> bool:
    """Whether there is surely no CUDA device."""
    return not is_available()


__all__ = ["amp_definitely_not_available"]
