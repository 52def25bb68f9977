"""The numbers that PyTorch gave."""

from __future__ import annotations

import functools
import json
from importlib import resources


@functools.cache
def recorded() -> dict:
    """``draws`` and ``trainings`` by name, and the version of PyTorch that gave them."""
    return json.loads(resources.files(__package__).joinpath("recorded.json").read_text())
