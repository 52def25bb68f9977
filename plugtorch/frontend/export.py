"""``torch.export``: modules as programs of ops that stand by themselves, and their files."""

from __future__ import annotations

from .exporting.dims import Dim, dims
from .exporting.program import ExportedProgram, ModuleCallEntry, ModuleCallSignature, export
from .exporting.saving import load, save
from .exporting.signature import ExportBackwardSignature, ExportGraphSignature
from .not_offered import refused_class, refused_function

_FIXED = "one size of an exported program may vary: give dynamic_shapes a Dim for its axes"
AdditionalInputs, Constraint, ShapesCollection = (
    refused_class(f"export.{name}", _FIXED) for name in ("AdditionalInputs", "Constraint", "ShapesCollection"))
CustomDecompTable = refused_class(
    "export.CustomDecompTable", "ExportedProgram.run_decompositions takes a set of the names of ops")
FlatArgsAdapter, UnflattenedModule = (
    refused_class(f"export.{name}", "a program is flat; its parameters keep the names of the modules")
    for name in ("FlatArgsAdapter", "UnflattenedModule"))
unflatten = refused_function("export.unflatten", "a program is flat; ExportedProgram.module() runs it")


def default_decompositions() -> set[str]:
    """The ops that :meth:`ExportedProgram.run_decompositions` writes out where it is not told which: those that are no
    primitives of the contract."""
    from plugtorch.spec.op import OPS

    return {op.name for op in OPS.values() if not op.primitive}


def draft_export(mod, args, kwargs=None, *, dynamic_shapes=None, preserve_module_call_signature=(), strict=False):
    """:func:`export`; there is nothing that a draft would leave out."""
    return export(mod, args, kwargs, dynamic_shapes=dynamic_shapes, strict=strict)


def register_dataclass(cls, *, serialized_type_name: str | None = None) -> None:
    """Lets objects of a dataclass be arguments and results of exported modules, as containers of their fields.

    Raises:
        AssertionError: it is no dataclass.
    """
    import dataclasses

    from . import pytree

    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise AssertionError(f"Only dataclasses can be registered with this function: {cls}")
    names = [field.name for field in dataclasses.fields(cls) if field.init]
    pytree.register_pytree_node(
        cls, lambda value: ([getattr(value, name) for name in names], names),
        lambda values, context: cls(**dict(zip(context, values, strict=True))), serialized_type_name=serialized_type_name)


__all__ = ["AdditionalInputs", "Constraint", "CustomDecompTable", "Dim", "ExportBackwardSignature", "ExportGraphSignature",
           "ExportedProgram", "FlatArgsAdapter", "ModuleCallEntry", "ModuleCallSignature", "ShapesCollection",
           "UnflattenedModule", "default_decompositions", "dims", "draft_export", "export", "load", "register_dataclass",
           "save", "unflatten"]
