"""``torch.package``: not offered; archives of code and data are run by Python's own packaging."""

from __future__ import annotations

from .not_offered import refused_class, refused_function

_WHY = "archives that hold code are not written or run: package the code as Python packages, and save data with torch.save"
_CLASSES = ("Directory", "GlobGroup", "Importer", "OrderedImporter", "PackageExporter", "PackageImporter")
_ERRORS = ("EmptyMatchError", "ObjMismatchError", "ObjNotFoundError", "PackagingError")
for _name in _CLASSES:
    globals()[_name] = refused_class(f"package.{_name}", _WHY)
for _name in _ERRORS:
    globals()[_name] = type(_name, (Exception,), {"__doc__": "An error of torch.package, which is not offered."})
is_from_package = refused_function("package.is_from_package", _WHY)
__all__ = [*_CLASSES, *_ERRORS, "is_from_package"]
