"""Layers in parts that can be quantised, ``torch.nn.quantizable``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantizable import LSTM, LSTMCell, MultiheadAttention

__all__ = ["LSTM", "LSTMCell", "MultiheadAttention"]
