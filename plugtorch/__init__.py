# ruff: noqa: F401  (the imports are the module)
"""plugtorch: PyTorch's programming model over swappable array libraries.

``import plugtorch as torch``, or run a PyTorch script unchanged with ``plugtorch run``.
Submodules (``plugtorch.nn``, ``plugtorch.optim``, ...) are imported when first used.
"""

from __future__ import annotations

import importlib
import math as _math
from typing import TYPE_CHECKING

from . import autograd
from .frontend.functions import *  # noqa: F403
from .frontend.functions import __all__ as _function_names
from .frontend.jit.names import CORE as _CORE_NAMES
from .frontend.jit.names import TYPES as _TYPE_NAMES
from .frontend.nn_names import NAMES as _LAYER_NAMES
from .frontend.state import (
    BackendUnavailable,
    available_backends,
    backend,
    get_backend,
    set_backend,
)
from .frontend.torch_version import TorchVersion as _TorchVersion
from .spec.dtypes import ALIASES as _ALIASES
from .spec.dtypes import BY_NAME as _DTYPES
from .spec.fallback import host_fallback_counts, is_host_fallback_enabled, set_host_fallback

if TYPE_CHECKING:
    from . import cuda, nn, optim, random, serialization, utils  # noqa: F401
    from .frontend.serialization import load, save  # noqa: F401

__version__ = _TorchVersion("0.1.0", compares_as="2.13.0")

e, inf, nan, pi = _math.e, _math.inf, _math.nan, _math.pi
globals().update(_DTYPES)
globals().update(_ALIASES)

_SUBMODULES = frozenset({
    "_C", "__config__", "__future__", "_dynamo", "accelerator", "amp", "ao", "backends", "classes", "cli", "compiler",
    "conformance", "cpu", "cuda", "distributed", "distributions", "export", "fft", "frontend", "func", "functional",
    "futures", "fx", "hub", "jit", "library", "linalg", "masked", "monitor", "mps", "mtia", "multiprocessing",
    "nested", "nn", "onnx", "optim", "overrides", "package", "profiler", "quantization", "quasirandom", "random",
    "return_types", "serialization", "signal", "sparse", "spec", "special", "storage", "testing", "torch_version",
    "transforms", "types", "utils", "version", "xpu",
})
_LAZY = {
    **dict.fromkeys(("save", "load"), "plugtorch.frontend.serialization"),
    "ops": "plugtorch.frontend.extra_ops",
    "vmap": "plugtorch.frontend.func.vmap",
    **dict.fromkeys(_CORE_NAMES, "plugtorch.frontend.jit.core"),
    **dict.fromkeys(_TYPE_NAMES, "plugtorch.frontend.jit.types"),
    "CompilationUnit": "plugtorch.frontend.jit.script",
    **dict.fromkeys(("DisableTorchFunction", "DisableTorchFunctionSubclass"), "plugtorch.frontend.overrides"),
    "Future": "plugtorch.frontend.futures",
    **dict.fromkeys(("fork", "wait"), "plugtorch.frontend.jit.annotations"),
    "windows": "plugtorch.signal",
    **dict.fromkeys(_LAYER_NAMES, "plugtorch.frontend.nn_functions"),
}


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _LAZY:
        value = getattr(importlib.import_module(_LAZY[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_SUBMODULES, *_LAZY})


__all__ = sorted({
    *_function_names, *_DTYPES, *_ALIASES, *(_LAZY.keys() - {*_CORE_NAMES, *_TYPE_NAMES}),
    "BackendUnavailable", "autograd", "available_backends", "backend",
    "e", "get_backend", "host_fallback_counts", "inf", "is_host_fallback_enabled", "nan", "pi", "set_backend",
    "set_host_fallback",
})
