"""``torch.nn.quantizable.modules.rnn``."""

from __future__ import annotations

from plugtorch.frontend.ao.nn.quantizable import LSTM, LSTMCell

__all__ = ["LSTM", "LSTMCell"]
