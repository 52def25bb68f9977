"""The examples against PyTorch: the same program, the same seed, the same loss in every step.

The arguments keep training calm. With high learning rates PyTorch's own losses part after a few steps from those it has
in float64.
"""

from __future__ import annotations

import pytest
from test_examples import PROGRAMS, curves, run

STEPS = 10
CASES = [(name, row.arguments) for name, row in PROGRAMS.items()]
CASES.append(("colour_cnn", "--workers 2 --width 8 --lr 0.03"))  # two processes draw the random crops


@pytest.mark.parametrize(("program", "arguments"), CASES)
def test_losses_are_those_of_pytorch(program, arguments):
    arguments = [*arguments.split(), "--steps", str(STEPS)]
    theirs, ours = (curves(run(program, arguments, backend)) for backend in ("torch", "numpy"))
    assert theirs and all(len(losses) == STEPS for losses in theirs)
    assert len(ours) == len(theirs)
    for mine, wanted in zip(ours, theirs):
        assert mine == pytest.approx(wanted, rel=1e-4)
