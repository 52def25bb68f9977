"""``torch.backends.cuda``: CUDA's libraries."""

from __future__ import annotations

from contextlib import contextmanager

from plugtorch.cuda import is_available

from . import cudnn  # noqa: F401  (programs reach it by this name, too)


def is_built() -> bool:
    """Whether the active backend computes on CUDA."""
    return is_available()


class cuBLASModule:  # noqa: N801
    """Switches of products of matrices; kept and read back."""

    def __init__(self):
        self.allow_tf32 = self.allow_fp16_accumulation = False
        self.allow_fp16_reduced_precision_reduction = self.allow_bf16_reduced_precision_reduction = True
        self.fp32_precision = "none"


class cuFFTPlanCache:  # noqa: N801
    """The plans that are kept for Fourier transforms: the array library's matter."""

    size, max_size = 0, 0

    def clear(self) -> None:
        """Forgets plans; none are kept here."""


matmul, cufft_plan_cache = cuBLASModule(), cuFFTPlanCache()
_linalg_library, _blas_library = "default", "default"


def preferred_linalg_library(backend=None):
    """The library for factorisations; one that is named is kept and read back."""
    global _linalg_library
    _linalg_library = backend or _linalg_library
    return _linalg_library


def preferred_blas_library(backend=None):
    """The library for products; one that is named is kept and read back."""
    global _blas_library
    _blas_library = backend or _blas_library
    return _blas_library


# Which ways of computing attention are allowed. There is one here, the plain one, and switches are kept and read back.
_attention = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True, "fp16_bf16_reduction_math": False}


def _define(name):
    def enabled() -> bool:
        return _attention[name]

    def enable(enabled: bool) -> None:
        _attention[name] = bool(enabled)

    enabled.__doc__ = f"Whether the switch of {name} attention is on."
    enable.__doc__ = f"Sets the switch of {name} attention."
    return enabled, enable


flash_sdp_enabled, enable_flash_sdp = _define("flash")
mem_efficient_sdp_enabled, enable_mem_efficient_sdp = _define("mem_efficient")
math_sdp_enabled, enable_math_sdp = _define("math")
cudnn_sdp_enabled, enable_cudnn_sdp = _define("cudnn")
fp16_bf16_reduction_math_sdp_allowed, allow_fp16_bf16_reduction_math_sdp = _define("fp16_bf16_reduction_math")


def is_flash_attention_available() -> bool:
    """False: attention is computed from products and softmax."""
    return False


def can_use_flash_attention(params, debug=False) -> bool:
    """False."""
    return False


can_use_efficient_attention = can_use_cudnn_attention = can_use_flash_attention


@contextmanager
def sdp_kernel(enable_flash=True, enable_math=True, enable_mem_efficient=True, enable_cudnn=True):
    """Switches of attention for a block."""
    before = dict(_attention)
    _attention.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield {}
    finally:
        _attention.update(before)
