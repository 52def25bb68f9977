"""What real programs use works: a snippet for each name that two public repositories or more use (tests/usage.tsv)."""

from __future__ import annotations

import importlib.util
import pathlib
import subprocess
import sys

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "scripts" / "api_usage.py"
sys.path.insert(0, str(SCRIPT.parent))
import api_usage  # noqa: E402

# Names that are there and refuse: docs/not_offered.md; and those that need an extra.
REFUSED: set[str] = set()
EXTRAS = {"torch.utils.tensorboard": "tensorboardX", "torch.onnx.export": "onnx"}


def test_every_name_works(backend):
    done = subprocess.run([sys.executable, "-W", "ignore", SCRIPT, "--backend", backend, "-v"], capture_output=True,
                          text=True,
                          timeout=300)
    rows, lines = api_usage.entries(), done.stdout.strip().splitlines()
    failed = {line.split()[0] for line in lines} & {row["name"] for row in rows}
    absent = {name for name, package in EXTRAS.items() if importlib.util.find_spec(package) is None}
    assert failed == REFUSED | absent, done.stdout + done.stderr
    assert lines[-1].startswith(f"{len(rows) - len(failed)} of {len(rows)} names")


def test_the_table_is_whole(backend):
    rows = api_usage.entries()
    assert len(rows) > 560 and all(row["snippet"] for row in rows)
