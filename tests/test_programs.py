"""Ordinary PyTorch programs, run unchanged by ``plugtorch run``: they say ``import torch`` and know nothing else."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

PROGRAMS = pathlib.Path(__file__).parent / "programs"


def run(program, backend):
    command = [sys.executable, "-m", "plugtorch", "run", "--backend", backend, str(PROGRAMS / f"{program}.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_basics(backend):
    lines = run("basics", backend)
    assert lines[:3] == ["tensor([[1, 2]])", "tensor([[1, 2]])", "tensor(6.)"]
    assert lines[3:] == [
        "Net(",
        "  (fc1): Linear(in_features=1, out_features=2, bias=True)",
        "  (fc2): Linear(in_features=2, out_features=1, bias=True)",
        ")",
    ]


# What PyTorch 2.13 prints for the same files.
EXPECTED = {
    "cnn": ["[1,     2] loss: 2.331", "[1,     4] loss: 2.267", "[2,     2] loss: 2.240", "[2,     4] loss: 2.228",
            "Finished Training", "Accuracy of the network on the 16 test images: 31 %"],
    "regression_module": ["loss 1.6340"],
    "regression_line": ["loss 0.8362 weight 1.881 bias 1.160"],
    "models": ["logistic 0.359", "tensor(12.)", "mlp 0.139", "mlp 0.056", "mlp 0.025", "mlp 0.030", "lstm 0.000",
               "gan 0.954 0.595", "ratings 1.335"],
}
SAFETENSORS = """\
{'a': ((2, 3), torch.float32, [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]), 'b': ((3,), torch.bfloat16, [0.0, 1.0, 2.0]), 'c': ((), torch.bool, True)}
['a', 'b', 'c'] {'k': 'v'} [0.0, 1.0, 2.0] [[1.0, 1.0]]
{'h': tensor([0.5000, 0.5000], dtype=torch.float16)}
(set(), []) True
SafetensorError"""  # noqa: E501  (what PyTorch prints)
NUMBER = re.compile(r"-?\d+\.\d+")


def test_safetensors_through_its_own_library(backend):
    """It asks for the addresses of tensors and reads the memory there."""
    assert run("safetensors_files", backend) == SAFETENSORS.splitlines()


@pytest.mark.parametrize("program", EXPECTED)
def test_prints_what_pytorch_prints(program, backend):
    """The words exactly; the numbers to the rounding that another summation order leaves after training."""
    lines = run(program, backend)
    assert [NUMBER.sub("#", line) for line in lines] == [NUMBER.sub("#", line) for line in EXPECTED[program]]
    got, want = (list(map(float, NUMBER.findall(" ".join(rows)))) for rows in (lines, EXPECTED[program]))
    assert got == pytest.approx(want, rel=0.02, abs=0.003)
