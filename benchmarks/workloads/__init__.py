"""The workloads, by name."""

from __future__ import annotations

import importlib

MODULES = ("overhead", "mlp", "cnn", "resnet", "lstm", "char_rnn", "gpt", "recommender", "scaling")


def workloads():
    """Every :class:`Workload`, by name, in the order of the tables."""
    return {w.name: w for name in MODULES for w in importlib.import_module(f"{__name__}.{name}").WORKLOADS}
