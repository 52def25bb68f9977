"""The format of PyTorch's first releases: a tar archive of ``storages``, ``tensors`` and ``pickle``.

It refers to tensors by numbers that are resolved while the object is read, and only trusted files are read at all, as by
PyTorch. Members are read in memory; nothing of the archive is written to disk.
"""

from __future__ import annotations

import io
import pickle
import struct
import tarfile

from .unpickler import FileStorage, FullUnpickler, StorageKind

_LONG = struct.Struct("<q")


def is_tar(file) -> bool:
    """Whether such an archive begins where the file is; the file stays there."""
    start = file.tell()
    head = file.read(512)
    file.seek(start)
    return len(head) == 512 and head[257:262] == b"ustar"


class _OfTar(FullUnpickler):
    def __init__(self, stream, objects, **options):
        super().__init__(b"", None, **options)
        pickle.Unpickler.__init__(self, stream, **options)
        self._objects = objects

    def persistent_load(self, pid):
        if isinstance(pid, tuple):  # a module class, its file and its source
            return pid[0]
        return self._objects[int(pid)]


def load(file, storages, options):
    """The object of such a file. It may run any code.

    Args:
        file: at the start of the archive.
        storages: ``f(data, location)`` that gives the storage on some bytes.
        options: of the unpickler.

    Raises:
        RuntimeError: it is damaged.
    """
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            parts = {}
            for name in ("storages", "tensors", "pickle"):
                member = archive.extractfile(name)
                if member is None:
                    raise KeyError(f"member {name!r} is no file")
                parts[name] = io.BytesIO(member.read())
        objects = {}
        _read_storages(parts["storages"], objects, storages, options)
        _read_tensors(parts["tensors"], objects, options)
    except (tarfile.TarError, pickle.UnpicklingError, KeyError, ValueError, EOFError, struct.error) as error:
        raise RuntimeError(f"the tar archive is damaged: {error}; save it again or use another copy") from error
    return _OfTar(parts["pickle"], objects, **options).load()


def _read_storages(stream, objects, storages, options):
    for _ in range(_OfTar(stream, objects, **options).load()):
        key, location, kind = _OfTar(stream, objects, **options).load()
        if not isinstance(kind, StorageKind):
            raise ValueError(f"a storage of type {kind!r}")
        (count,) = _LONG.unpack(stream.read(8))
        left = len(stream.getbuffer()) - stream.tell()
        if not 0 <= count * kind.itemsize <= left:
            raise ValueError(f"storage {key!r} should have {count * kind.itemsize} bytes, {left} are left")
        objects[key] = FileStorage(storages(bytearray(stream.read(count * kind.itemsize)), location), kind.dtype)
    for key, root, start, count in _OfTar(stream, objects, **options).load():
        whole = objects[root]
        if start < 0 or count < 0 or start + count > whole.count:
            raise ValueError(f"a view of elements {start} to {start + count} of a storage of {whole.count}")
        objects[key] = FileStorage(whole.file, whole.dtype, start, count)


def _read_tensors(stream, objects, options):
    for _ in range(_OfTar(stream, objects, **options).load()):
        key, storage, _kind = _OfTar(stream, objects, **options).load()
        (dims,) = _LONG.unpack(stream.read(8))
        dims &= 0xFFFFFFFF  # 32 bits; the others were never set
        if not 0 <= dims <= 64:
            raise ValueError(f"a tensor of {dims} dimensions")
        numbers = struct.unpack(f"<{2 * dims + 1}q", stream.read(8 * (2 * dims + 1)))
        whole = objects[storage]
        objects[key] = whole.tensor(whole.dtype, numbers[-1], numbers[:dims], numbers[dims:-1])
