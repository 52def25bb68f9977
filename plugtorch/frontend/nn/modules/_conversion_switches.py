"""How conversions of modules treat parameters; names of ``torch.__future__``."""

from __future__ import annotations

__all__ = [
    "get_overwrite_module_params_on_conversion", "get_swap_module_params_on_conversion",
    "set_overwrite_module_params_on_conversion", "set_swap_module_params_on_conversion",
]

_overwrite, _swap = False, False


def set_overwrite_module_params_on_conversion(value: bool) -> None:
    """Says whether conversions put new parameters in the place of the old ones, so that an optimizer keeps the old."""
    global _overwrite
    _overwrite = value


def get_overwrite_module_params_on_conversion() -> bool:
    """Whether conversions make new parameters; False unless set."""
    return _overwrite


def set_swap_module_params_on_conversion(value: bool) -> None:
    """Sets what :func:`get_swap_module_params_on_conversion` answers. Parameters stay the same objects either way."""
    global _swap
    _swap = value


def get_swap_module_params_on_conversion() -> bool:
    """Whether conversions were asked to swap the parameters' contents; False unless set."""
    return _swap
