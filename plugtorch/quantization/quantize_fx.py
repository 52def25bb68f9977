"""``torch.quantization.quantize_fx``: refused, as it rewrites models as graphs."""

from __future__ import annotations

from plugtorch.frontend.ao.quantization.refused import (
    convert_fx,
    convert_to_reference_fx,
    fuse_fx,
    prepare_fx,
    prepare_qat_fx,
)

__all__ = ["convert_fx", "convert_to_reference_fx", "fuse_fx", "prepare_fx", "prepare_qat_fx"]
