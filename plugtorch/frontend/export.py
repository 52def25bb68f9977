"""``torch.export``: not offered, as programs are run eagerly and their graph is not captured."""

from __future__ import annotations

from .not_offered import refused_class, refused_function

_WHY = ("programs are run eagerly and their graph is not captured; torch.fx.symbolic_trace records the calls of a module, "
        "torch.jit.save keeps a module")
_FUNCTIONS = ("default_decompositions", "dims", "draft_export", "export", "load", "register_dataclass", "save", "unflatten")
_CLASSES = ("AdditionalInputs", "Constraint", "CustomDecompTable", "Dim", "ExportBackwardSignature", "ExportGraphSignature",
            "ExportedProgram", "FlatArgsAdapter", "ModuleCallEntry", "ModuleCallSignature", "ShapesCollection",
            "UnflattenedModule")
for _name in _FUNCTIONS:
    globals()[_name] = refused_function(f"export.{_name}", _WHY)
for _name in _CLASSES:
    globals()[_name] = refused_class(f"export.{_name}", _WHY)
__all__ = [*_CLASSES, *_FUNCTIONS]
