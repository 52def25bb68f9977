"""``torch.nn.functional``: one module per family, gathered here."""

from __future__ import annotations

from . import (
    activation,
    attention,
    convolution,
    ctc,
    dispatching,
    distance,
    dropout,
    embedding,
    fractional,
    grouped,
    interpolation,
    linear_loss,
    loss,
    normalization,
    padding,
    pooling,
    rearrange,
    recurrent,
    sampling,
    unpooling,
)

_FAMILIES = (activation, attention, convolution, ctc, dispatching, distance, dropout, embedding, fractional, grouped,
             interpolation, linear_loss, loss,
             normalization, padding, pooling, rearrange, recurrent, sampling, unpooling)
__all__: list[str] = []
for _family in _FAMILIES:
    for _name in _family.__all__:
        globals()[_name] = getattr(_family, _name)
    __all__ += [n for n in _family.__all__ if not n.startswith("_")]
__all__.sort()
