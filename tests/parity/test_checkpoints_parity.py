"""Checkpoints of other people's packages answer as under PyTorch, and changed ones are refused in the documented ways.

The packages are public ones, of 7 MB together, fetched once into the user's cache; ``scripts/check_checkpoints.py`` and
``scripts/fuzz_load.py`` do the same with larger ones and more changes.
"""

from __future__ import annotations

import pathlib
import sys

import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import check_checkpoints  # noqa: E402
import fuzz_load  # noqa: E402

SMALL = ("facenet-pytorch", "attacut", "g2p-en", "lpips", "pesto-pitch")


def test_networks_answer_as_under_pytorch(tmp_path):
    check_checkpoints.unpack(SMALL, tmp_path)
    want, have = (check_checkpoints.answers(library, SMALL, tmp_path) for library in ("torch", "numpy"))
    assert len(want) == 11 and "pesto-pitch: mir-1k_g7.ckpt (refused)" in want
    for name, (difference, largest) in check_checkpoints.differences(have, want).items():
        assert difference <= 1e-6 * max(1.0, largest), name


@pytest.mark.skipif(not hasattr(fuzz_load.signal, "alarm"), reason="needs alarms")
def test_changed_files_are_refused_as_documented():
    tally = fuzz_load.Tally()
    fuzz_load.fuzz(tally, 300)
    assert sum(tally.ends.values()) >= 300
    assert tally.ends["loaded"] and tally.ends["RuntimeError"] and tally.ends["FileError"]
