"""Which kernel computes attention; names of ``torch.nn.attention``."""

from __future__ import annotations

import contextlib
import enum
import importlib

from plugtorch.backends import cuda as _switches

_REGISTRY = ("activate_flash_attention_impl", "current_flash_attention_impl", "list_flash_attention_impls",
             "register_flash_attention_impl", "restore_flash_attention_impl")
_MODULES = ("bias", "flex_attention")
__all__ = ["SDPBackend", "WARN_FOR_UNFUSED_KERNELS", "sdpa_kernel", *_REGISTRY]
WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(enum.Enum):
    """The kinds of kernels. Here each stands for the one composition of products and softmax."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


_NAMES = {"flash": SDPBackend.FLASH_ATTENTION, "mem_efficient": SDPBackend.EFFICIENT_ATTENTION, "math": SDPBackend.MATH,
          "cudnn": SDPBackend.CUDNN_ATTENTION}


def _cur_sdpa_kernel_backends():
    """The kinds that are allowed now."""
    return [kind for name, kind in _NAMES.items() if getattr(_switches, f"{name}_sdp_enabled")()]


@contextlib.contextmanager
def sdpa_kernel(backends, set_priority=False):
    """Context manager: only the given kinds of kernels are allowed. The switches of ``torch.backends.cuda`` show it;
    results are the same for all of them.

    Args:
        backends: one SDPBackend, or a list.
        set_priority: no difference here.

    Raises:
        AssertionError: something else is given.
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError("Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
                             f"{type(backends).__name__}")
    wanted = {backends} if isinstance(backends, SDPBackend) else set(backends)
    before = set(_cur_sdpa_kernel_backends())
    _allow(wanted)
    try:
        yield {}
    finally:
        _allow(before)


def _allow(kinds):
    for name, kind in _NAMES.items():
        getattr(_switches, f"enable_{name}_sdp")(kind in kinds)


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _REGISTRY:
        return getattr(importlib.import_module("plugtorch.frontend.nn.attention.flash_registry"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
