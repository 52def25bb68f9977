"""``torch.ao.quantization.qconfig_mapping``: refused, as only the modes that rewrite models as graphs take it."""

from __future__ import annotations

from plugtorch.frontend.ao.quantization.refused import (
    QConfigMapping,
    get_default_qat_qconfig_mapping,
    get_default_qconfig_mapping,
)

__all__ = ["QConfigMapping", "get_default_qat_qconfig_mapping", "get_default_qconfig_mapping"]
