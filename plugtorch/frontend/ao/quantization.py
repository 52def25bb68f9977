"""``torch.ao.quantization``: the marks of what is to be quantised; what converts models to quantised kernels is refused."""

from __future__ import annotations

from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.not_offered import refused_class, refused_function

__all__ = ["DeQuantStub", "QuantStub"]


class QuantStub(Module):
    """Marks where values are to be quantised; the identity, as models stay in floats."""

    def __init__(self, qconfig=None):
        super().__init__()
        if qconfig:
            self.qconfig = qconfig

    def forward(self, x):
        return x


class DeQuantStub(QuantStub):
    """Marks where values are to be dequantised; the identity."""


_WHY = ("no array library has quantised kernels; torch.fake_quantize_per_tensor_affine imitates quantisation in floats, "
        "torch.quantize_per_tensor stores integers")
_FUNCTIONS = (
    "convert", "fuse_modules", "fuse_modules_qat", "get_default_qat_qconfig", "get_default_qat_qconfig_mapping",
    "get_default_qconfig", "get_default_qconfig_mapping", "prepare", "prepare_qat", "propagate_qconfig_", "quantize",
    "quantize_dynamic", "quantize_qat", "swap_module")
_CLASSES = (
    "FakeQuantize", "HistogramObserver", "MinMaxObserver", "MovingAverageMinMaxObserver",
    "MovingAveragePerChannelMinMaxObserver", "NoopObserver", "ObserverBase", "PerChannelMinMaxObserver",
    "PlaceholderObserver",
    "QConfig", "QConfigMapping", "QuantWrapper", "RecordingObserver")
for _name in _FUNCTIONS:
    globals()[_name] = refused_function(f"ao.quantization.{_name}", _WHY)
for _name in _CLASSES:
    globals()[_name] = refused_class(f"ao.quantization.{_name}", _WHY)
__all__ += [*_FUNCTIONS, *_CLASSES]
