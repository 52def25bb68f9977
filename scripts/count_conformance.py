"""Writes the manifest of the conformance suite: how many checks each chapter holds.

    python scripts/count_conformance.py

Run after checks or samples were added; the suite fails while the manifest says otherwise.
"""

from __future__ import annotations

import json
from pathlib import Path

from plugtorch.conformance.runner import count_checks

TARGET = Path(__file__).resolve().parent.parent / "plugtorch/conformance/manifest.json"

if __name__ == "__main__":
    counts = count_checks()
    TARGET.write_text(json.dumps(counts, indent=1) + "\n")
    print(f"{sum(counts.values())} checks: {counts}")
