"""Weights from addresses; names of ``torch.utils.model_zoo``."""

from __future__ import annotations

from tqdm import tqdm

from plugtorch.frontend.hub import load_state_dict_from_url as load_url

__all__ = ["load_url", "tqdm"]
