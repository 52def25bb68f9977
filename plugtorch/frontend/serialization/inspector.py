"""Going through a pickle without making its objects."""

from __future__ import annotations

import io
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

from .unpickler import BoundedUnpickler, FileError, StorageKind, is_safe, known_storage, malformed, parse_storage


class _Inert:
    """Stands for whatever a pickle makes, and does nothing."""

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __call__(self, *args, **kwargs):
        return self

    def _nothing(self, *args):
        return None

    __setstate__ = __setitem__ = append = extend = add = update = _nothing


class Inspector(BoundedUnpickler):
    """Goes through a pickle, and notes what it refers to.

    Attributes:
        storages: from key to kind and number of elements.
        globals: full names of classes and functions, in order.
    """

    def __init__(self, file, **options):
        super().__init__(file, **options)
        self.storages: dict[str, tuple[StorageKind, int]] = {}
        self.globals: dict[str, None] = {}

    def find_class(self, module, name):
        if self.proto < 3:  # names of Python 2, as the unpickler takes them
            module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        full = f"{module}.{name}"
        self.globals[full] = None
        return known_storage(full) or _Inert

    def get_extension(self, code):
        self.append(_Inert)

    def persistent_load(self, pid):
        if isinstance(pid, tuple) and pid[:1] in (("module",), (b"module",)):
            return _Inert
        kind, key, _, count, _ = parse_storage(pid)
        first = self.storages.setdefault(key, (kind, count))
        if first[0].itemsize * first[1] != kind.itemsize * count:
            raise malformed(f"storage {key!r} is said to have {first[1]} and {count} elements")
        return _Inert()


def unsafe_globals(stream: bytes) -> list[str]:
    """Names in a pickle that loading with ``weights_only`` refuses, each once.

    Raises:
        pickle.UnpicklingError: it is malformed.
    """
    inspector = Inspector(io.BytesIO(stream))
    try:
        inspector.load()
    except FileError:
        raise
    except Exception as error:
        raise malformed(f"{type(error).__name__}: {error}") from error
    return [name for name in inspector.globals if not is_safe(name)]
