"""What real programs use gives what PyTorch gives: the snippets of tests/usage.tsv under both."""

from __future__ import annotations

import pathlib
import sys
import warnings

import pytest

pytest.importorskip("torch")

from compare import agree  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import api_usage  # noqa: E402

ROWS = api_usage.entries()
# PyTorch's needs packages that are not here, or refuses after another test has imported its internals, or ours refuses
# (docs/not_offered.md).
APART = {"torch.onnx.export", "torch.utils.tensorboard", "torch.backends.cudnn.benchmark",
         "torch.backends.cudnn.deterministic"}


@pytest.mark.parametrize("part", range(12))
def test_snippets(part):
    wrong = {}
    for row in ROWS[part::12]:
        if row["name"] in APART:
            continue
        with api_usage.in_empty_folder(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                agree(api_usage.PREAMBLE + row["snippet"])
            except AssertionError as error:
                wrong[row["name"]] = str(error).strip().splitlines()[0][-300:]
    assert wrong == {}
