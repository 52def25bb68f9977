"""Which rules run in float32 where gradients are float16 or bfloat16: those of ops for whose backward pass PyTorch has one
kernel. The others are formulas there too, rounded after each op, and are written in the order of its formulas."""

from __future__ import annotations

from ..plans import in_single

in_single(
    "batch_norm_eval", "batch_norm_train", "elu", "group_norm", "layer_norm", "leaky_relu", "log_sigmoid", "log_softmax",
    "mish",
    "sigmoid", "silu", "softmax", "softplus", "tanh",
)
