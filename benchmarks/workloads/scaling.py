"""How costs grow: with the batch, with the depth of a network, and with the ops in one graph."""

from __future__ import annotations

from .mlp import perceptron
from .overhead import workload

BATCHES = (1, 16, 256, 1024)
DEPTHS = (2, 8, 32, 128)
COUNTS = (10, 100, 1_000, 10_000, 100_000)

WORKLOADS = [
    *(perceptron(f"batch_{n}", (784, 256, 128, 10), n, "sgd") for n in BATCHES),
    *(perceptron(f"depth_{n}", (64,) * n + (10,), 32, "sgd") for n in DEPTHS),
    *(workload(f"ops_{n}_{part}", "add", part, n) for n in COUNTS for part in ("forward", "backward", "release"))]
