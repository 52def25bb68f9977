"""``torch.nn.quantizable``: layers in parts that can be quantised."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantizable import LSTM, LSTMCell, MultiheadAttention
from plugtorch.nn.quantizable import modules

__all__ = ["LSTM", "LSTMCell", "MultiheadAttention", "modules"]
