"""Older names: ``torch.cuda.amp`` and ``torch.cpu.amp``, whose device is fixed."""

from __future__ import annotations

import functools
import warnings

from plugtorch.spec import dtypes

from . import autocast_mode
from .grad_scaler import GradScaler


def _warn(old, new):
    warnings.warn(f"`{old}` is deprecated. Please use `{new}` instead.", FutureWarning, stacklevel=3)


class cuda_autocast(autocast_mode.autocast):  # noqa: N801
    """``torch.cuda.amp.autocast(...)``: older name of ``torch.amp.autocast("cuda", ...)``."""

    def __init__(self, enabled=True, dtype=dtypes.float16, cache_enabled=True):
        _warn("torch.cuda.amp.autocast(args...)", "torch.amp.autocast('cuda', args...)")
        super().__init__("cuda", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


class cpu_autocast(autocast_mode.autocast):  # noqa: N801
    """``torch.cpu.amp.autocast(...)``: older name of ``torch.amp.autocast("cpu", ...)``."""

    def __init__(self, enabled=True, dtype=dtypes.bfloat16, cache_enabled=True):
        _warn("torch.cpu.amp.autocast(args...)", "torch.amp.autocast('cpu', args...)")
        super().__init__("cpu", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


class CudaGradScaler(GradScaler):
    """``torch.cuda.amp.GradScaler(...)``: older name of ``torch.amp.GradScaler("cuda", ...)``."""

    def __init__(self, init_scale=2.0 ** 16, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000, enabled=True):
        _warn("torch.cuda.amp.GradScaler(args...)", "torch.amp.GradScaler('cuda', args...)")
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


class CpuGradScaler(GradScaler):
    """``torch.cpu.amp.GradScaler(...)``: older name of ``torch.amp.GradScaler("cpu", ...)``."""

    def __init__(self, init_scale=2.0 ** 16, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000, enabled=True):
        _warn("torch.cpu.amp.GradScaler(args...)", "torch.amp.GradScaler('cpu', args...)")
        super().__init__("cpu", init_scale, growth_factor, backoff_factor, growth_interval, enabled)


def cuda_custom_fwd(fwd=None, *, cast_inputs=None):
    """``torch.cuda.amp.custom_fwd``: older name of ``torch.amp.custom_fwd(..., device_type="cuda")``."""
    _warn("torch.cuda.amp.custom_fwd(args...)", "torch.amp.custom_fwd(args..., device_type='cuda')")
    return functools.partial(autocast_mode.custom_fwd, device_type="cuda")(fwd=fwd, cast_inputs=cast_inputs)


def cuda_custom_bwd(bwd):
    """``torch.cuda.amp.custom_bwd``: older name of ``torch.amp.custom_bwd(..., device_type="cuda")``."""
    _warn("torch.cuda.amp.custom_bwd(args...)", "torch.amp.custom_bwd(args..., device_type='cuda')")
    return functools.partial(autocast_mode.custom_bwd, device_type="cuda")(bwd)


for _class, _name in ((cuda_autocast, "autocast"), (cpu_autocast, "autocast"), (CudaGradScaler, "GradScaler"),
                      (CpuGradScaler, "GradScaler")):
    _class.__name__ = _class.__qualname__ = _name
