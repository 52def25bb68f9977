"""Public path of exported programs' classes."""

from __future__ import annotations

from plugtorch.frontend.exporting.program import ExportedProgram, ModuleCallEntry, ModuleCallSignature
from plugtorch.frontend.exporting.signature import ConstantArgument, ExportGraphSignature, TensorArgument

__all__ = ["ConstantArgument", "ExportGraphSignature", "ExportedProgram", "ModuleCallEntry", "ModuleCallSignature",
           "TensorArgument"]
