"""The named results of functions; names of ``torch.return_types``."""

from __future__ import annotations

from .frontend import functions as _functions  # noqa: F401  (declares them)
from .frontend.return_types import KINDS as _KINDS


def pytree_register_structseq(cls) -> None:
    """Nothing: containers with named fields are taken apart by their class."""


def __getattr__(name):
    found = _KINDS.get(name.removesuffix("_out"))
    if found is None and name.removesuffix("_out") == "slogdet":
        found = _KINDS.get("linalg_slogdet")
    if found is None or name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found


all_return_types: list[type] = list(_KINDS.values())


def __dir__():
    return sorted({*_KINDS, *(f"{name}_out" for name in _KINDS), "all_return_types", "pytree_register_structseq"})
