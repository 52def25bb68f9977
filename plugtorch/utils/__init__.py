"""Tools around tensors and modules; names of ``torch.utils``."""

from __future__ import annotations

import importlib

_SUBMODULES = frozenset({
    "_python_dispatch", "_pytree", "benchmark", "checkpoint", "collect_env", "cpp_extension", "data", "dlpack",
    "flop_counter", "hooks", "mobile_optimizer", "model_zoo", "tensorboard",
})


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_SUBMODULES})
