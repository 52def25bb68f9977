"""Short training runs, from the seed to the last prediction, against what PyTorch gave."""

from __future__ import annotations

import numpy as np

import plugtorch as torch

from ..check import Bench, Check
from ..programs import SEED, TRAININGS
from ..recorded import recorded


def check_training(bench: Bench, name: str):
    """Losses, parameters, buffers and predictions agree to about the rounding of float32."""
    torch.manual_seed(SEED)
    found = TRAININGS[name](torch)
    np.testing.assert_allclose(found, recorded()["trainings"][name], rtol=2e-4 * bench.slack, atol=2e-5 * bench.slack)


def checks():
    """One check per program."""
    for name in TRAININGS:
        yield Check("training", "programs", name, lambda bench, name=name: check_training(bench, name))
