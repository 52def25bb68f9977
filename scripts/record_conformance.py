"""Stores what PyTorch gives for the programs of the conformance suite.

    python scripts/record_conformance.py

Needs PyTorch 2.13 on a CPU; writes ``plugtorch/conformance/recorded.json``.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from plugtorch.conformance.programs import DRAWS, SEED, TRAININGS

TARGET = Path(__file__).resolve().parent.parent / "plugtorch/conformance/recorded.json"


def main():
    """Runs every program once, each from the seed."""
    torch.set_num_threads(1)
    found = {"torch": torch.__version__, "draws": {}, "trainings": {}}
    for kind, programs in (("draws", DRAWS), ("trainings", TRAININGS)):
        for name, program in programs.items():
            torch.manual_seed(SEED)
            result = program(torch)
            found[kind][name] = result if kind == "trainings" else result.detach().double().reshape(-1).tolist()
    TARGET.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{TARGET.name}: {len(DRAWS)} draws, {len(TRAININGS)} trainings, PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
