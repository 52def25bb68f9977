"""``torch.backends``: switches of the libraries behind PyTorch. Programs set them for speed or for determinism; the array
libraries here have none of them, so that a switch is kept and read back, and changes nothing. Questions are answered
truthfully.
"""

from . import cpu, cuda, cudnn, cusparselt, kleidiai, mha, miopen, mkl, mkldnn, mps, nnpack, openmp, opt_einsum, quantized

__all__ = ["cpu", "cuda", "cudnn", "cusparselt", "disable_global_flags", "flags_frozen", "kleidiai", "mha", "miopen", "mkl",
           "mkldnn", "mps", "nnpack", "openmp", "opt_einsum", "quantized"]

_frozen = False


def disable_global_flags() -> None:
    """Notes that flags are to be set by ``flags()`` blocks alone."""
    global _frozen
    _frozen = True


def flags_frozen() -> bool:
    """Whether :func:`disable_global_flags` was called."""
    return _frozen
