"""What real programs use works: a snippet for each name that two public repositories or more use (tests/usage.tsv)."""

from __future__ import annotations

import pathlib
import sys

import pytest

import plugtorch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
import api_usage  # noqa: E402

ROWS = api_usage.entries()
# Names that are there and refuse, see docs/differences.md.
REFUSED = {"torch.onnx.export"}


@pytest.mark.parametrize("part", range(8))
def test_every_name_works(backend, part):
    with plugtorch.backend(backend):
        wrong = {row["name"]: why for row in ROWS[part::8] if (why := api_usage.failure(row["snippet"]))}
    assert set(wrong) <= REFUSED, wrong


def test_the_table_is_whole():
    assert len(ROWS) > 560 and all(row["snippet"] for row in ROWS)
