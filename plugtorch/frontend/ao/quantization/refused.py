"""The ways of quantising that need a compiler: through FX graphs, TorchScript and exported programs."""

from __future__ import annotations

from plugtorch.frontend.not_offered import refused_class, refused_function

_GRAPHS = "models are not rewritten as graphs: use the eager functions (QuantStub, fuse_modules, prepare, convert)"
_SCRIPT = "there is no compiler of TorchScript: use the eager functions (QuantStub, fuse_modules, prepare, convert)"
_SPARSE = "there are no quantised kernels of sparse weights: use the dense mappings"
_WHY = {
    **dict.fromkeys(("get_default_qat_qconfig_dict", "get_default_qat_qconfig_mapping", "get_default_qconfig_dict",
                     "get_default_qconfig_mapping"), _GRAPHS),
    **dict.fromkeys(("convert_dynamic_jit", "convert_jit", "fuse_conv_bn_jit", "prepare_dynamic_jit", "prepare_jit",
                     "quantize_dynamic_jit", "quantize_jit", "script_qconfig", "script_qconfig_dict"), _SCRIPT),
    **dict.fromkeys(("get_default_dynamic_sparse_quant_module_mappings",
                     "get_default_static_sparse_quant_module_mappings"), _SPARSE),
    "get_default_static_quant_reference_module_mappings":
        "reference modules are for other compilers; the quantised modules compute in floats themselves",
}
FX = ("convert_fx", "convert_to_reference_fx", "fuse_fx", "prepare_fx", "prepare_qat_fx")
__all__ = ["QConfigMapping", *_WHY]

QConfigMapping = refused_class("ao.quantization.QConfigMapping", _GRAPHS)
for _name, _why in _WHY.items():
    globals()[_name] = refused_function(f"ao.quantization.{_name}", _why)
for _name in FX:
    globals()[_name] = refused_function(f"ao.quantization.quantize_fx.{_name}", _GRAPHS)
