"""``torch.ao.nn.quantizable``: layers in parts that can be quantised."""

from __future__ import annotations

from plugtorch.ao.nn.quantizable import modules
from plugtorch.frontend.ao.nn.quantizable import LSTM, LSTMCell, MultiheadAttention

__all__ = ["LSTM", "LSTMCell", "MultiheadAttention", "modules"]
