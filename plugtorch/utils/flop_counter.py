"""Counting operations; names of ``torch.utils.flop_counter``."""

from __future__ import annotations

from plugtorch.frontend.utils.flop_counter import FlopCounterMode, register_flop_formula

__all__ = ["FlopCounterMode", "register_flop_formula"]
