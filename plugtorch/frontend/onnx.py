"""``torch.onnx``: nothing is exported, as there is no captured graph."""

from __future__ import annotations

from .not_offered import refused_class, refused_function

__all__ = ["ExportableModule", "InputObserver", "ONNXProgram", "OnnxExporterError", "dynamo_export", "export",
           "is_in_onnx_export", "register_custom_op_symbolic", "select_model_mode_for_export",
           "unregister_custom_op_symbolic"]

_WHY = ("programs are run eagerly and their graph is not captured; save the state_dict() with torch.save, load it in "
        "PyTorch into the same model, and export there")


class OnnxExporterError(RuntimeError):
    """An error of exporting."""


def is_in_onnx_export() -> bool:
    """False: nothing is exported."""
    return False


export, dynamo_export, select_model_mode_for_export, register_custom_op_symbolic, unregister_custom_op_symbolic = (
    refused_function(f"onnx.{name}", _WHY) for name in (
        "export", "dynamo_export", "select_model_mode_for_export", "register_custom_op_symbolic",
        "unregister_custom_op_symbolic"))
ExportableModule, InputObserver, ONNXProgram = (
    refused_class(f"onnx.{name}", _WHY) for name in ("ExportableModule", "InputObserver", "ONNXProgram"))
