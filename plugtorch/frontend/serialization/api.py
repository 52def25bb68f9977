"""``save`` and ``load``."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import sys

from plugtorch.spec.device import Device

from . import stream_format, tar_format, unpickler
from .inspector import unsafe_globals
from .pickler import make_pickler
from .settings import default_order, default_restore_location, present, skips_data
from .storage import UntypedStorage
from .zip_format import ArchiveReader, ArchiveWriter, is_archive, replacing

__all__ = ["get_unsafe_globals_in_checkpoint", "load", "save"]


def _is_path(f) -> bool:
    return isinstance(f, (str, os.PathLike))


def save(obj, f, pickle_module=pickle, pickle_protocol: int = 2, _use_new_zipfile_serialization: bool = True,
         _disable_byteorder_record: bool = False) -> None:
    """Saves an object in PyTorch's format, readable by PyTorch.

    Tensors that share memory share it in the file, whole; ``clone()`` a small view of something large first. A file
    appears under its path only when it is complete, and then replaces the old one at once.

    Args:
        f: a path, or a file open for writing bytes.
        pickle_module: has the pickler class that writes what is not a tensor.
        _use_new_zipfile_serialization: False writes the format before PyTorch 1.6, one stream.

    Raises:
        RuntimeError: the folder does not exist, or the older format in a block of :class:`skip_data`.
        AttributeError: ``f`` is neither a path nor has a ``write`` method.
        pickle.PicklingError, TypeError: the object holds something that cannot be pickled.
    """
    if skips_data() and not _use_new_zipfile_serialization:
        raise RuntimeError("Cannot use skip_data=True with _use_new_zipfile_serialization=False")

    def write(file, root):
        if _use_new_zipfile_serialization:
            _write_archive(file, root, obj, pickle_module, pickle_protocol, _disable_byteorder_record)
        else:
            _write_stream(file, obj, pickle_module, pickle_protocol)

    if not _is_path(f):
        if not hasattr(f, "write"):
            raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
        data = io.BytesIO()
        write(data, "archive")
        f.write(data.getbuffer())
        return
    root = os.path.splitext(os.path.basename(os.fspath(f)))[0] or "archive"
    with replacing(f) as file:
        write(file, root)


def _write_stream(file, obj, pickle_module, protocol):
    stream, pickler = _pickled(obj, pickle_module, protocol, (None,))
    storages = {key: (memory, pickler.widths[key]) for key, memory in pickler.storages.items()}
    stream_format.write(file, stream, storages, protocol)


def _pickled(obj, pickle_module, protocol, views=()):
    stream = io.BytesIO()
    pickler = make_pickler(getattr(pickle_module, "_Pickler", pickle_module.Pickler), stream, protocol, views)
    pickler.dump(obj)
    return stream.getvalue(), pickler


def _write_archive(file, root, obj, pickle_module, protocol, no_byteorder):
    stream, pickler = _pickled(obj, pickle_module, protocol)
    archive = ArchiveWriter(file, root)
    archive.write("data.pkl", stream)
    archive.write(".format_version", b"1")
    archive.write(".storage_alignment", b"64")
    if not no_byteorder:
        archive.write("byteorder", sys.byteorder.encode())
    for key, memory in pickler.storages.items():
        archive.write(f"data/{key}", bytes(memory.nbytes) if skips_data() else memory.view("u1"))
    archive.close()


def load(f, map_location=None, pickle_module=None, *, weights_only: bool | None = None, mmap: bool | None = None,
         **pickle_load_args):
    """Loads an object saved by :func:`save` or by PyTorch.

    Args:
        f: a path, or a seekable file open for reading bytes.
        map_location: where tensors are to be made: a device or its name for all, a dict from saved to wanted device
            names, or a function ``(storage, saved name)`` that returns the storage sent elsewhere
            (``storage.cpu()``) or None. Without it they go where they were.
        weights_only: reads tensors, containers and plain values only, so that no file can run code. False reads
            anything, and lets the file run any code; use it for trusted files alone.
        mmap: leaves tensors in the file until they are used; ``f`` must be a path.
        pickle_module: given, it says that the file is trusted; the standard unpickler reads it.
        pickle_load_args: options of the unpickler, such as ``encoding``.

    Raises:
        pickle.UnpicklingError: the file names a class that ``weights_only`` does not allow, or is malformed.
        RuntimeError: it is damaged, or a tensor's device is not present; a tar archive of PyTorch's first releases, which
            needs ``weights_only=False``.
        FileNotFoundError: there is no such file.
    """
    if weights_only is None:
        weights_only = pickle_module is None
    elif weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    if mmap and not _is_path(f):
        raise ValueError("f must be a file path in order to use the mmap argument")
    pickle_load_args.setdefault("encoding", "utf-8")
    with contextlib.ExitStack() as stack:
        if _is_path(f):
            file = stack.enter_context(open(f, "rb"))
        elif hasattr(f, "read") and hasattr(f, "seek"):
            file = f
        else:
            raise AttributeError("expected 'f' to be a path, or a file-like object with 'read' and 'seek' attributes; "
                                 "read the bytes into an io.BytesIO first")
        if tar_format.is_tar(file):
            if weights_only:
                raise RuntimeError("Cannot use ``weights_only=True`` with files saved in the legacy .tar format. Loading "
                                   "with `weights_only=False` lets the file run any code: do that only with files from a "
                                   "source you trust.")
            storages = _Storages(None, map_location, None)
            try:
                return tar_format.load(file, storages.sent, pickle_load_args)
            finally:
                storages.settle()
        archive = ArchiveReader(file) if is_archive(file) else stream_format.StreamReader(file, pickle_load_args)
        storages = _Storages(archive, map_location, f if mmap else None)
        try:
            return unpickler.read(bytes(storages.archive.read("data.pkl")), storages, weights_only, pickle_load_args)
        except unpickler.FileError:
            if storages.users_error is not None:  # it is not the file's
                raise storages.users_error from None
            raise
        finally:
            storages.settle()


def get_unsafe_globals_in_checkpoint(f) -> list[str]:
    """Full names of the classes and functions in a file that ``load`` refuses by default; the file is not run.

    Args:
        f: a path, or a seekable file open for reading bytes.

    Raises:
        ValueError: it is no archive of :func:`save`.
    """
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(f, "rb")) if _is_path(f) else f
        if not is_archive(file):
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        return unsafe_globals(bytes(ArchiveReader(file).read("data.pkl")))


class _Storages:
    """The storages of an archive, each read once."""

    def __init__(self, archive, map_location, path):
        self.archive, self._map, self._path = archive, map_location, path
        self._read = {}
        self.users_error = None
        recorded = archive is not None and archive.has("byteorder")
        order = archive.read("byteorder").decode("ascii", "replace") if recorded else default_order()
        if order not in ("little", "big"):
            raise unpickler.malformed(f"its byte order is said to be {order!r}")
        self._swap = order != sys.byteorder

    def __call__(self, key, location, needed):
        if key in self._read:
            storage = self._read[key]
            self._check(key, needed)
            return storage
        self._check(key, needed)
        if skips_data():
            data = bytearray(self.archive.size(f"data/{key}"))
        else:
            data = self.archive.read(f"data/{key}") if self._path is None else \
                self.archive.map(f"data/{key}", self._path)
        storage = self._read[key] = self.sent(data, location)
        return storage

    def _check(self, key, needed):
        size = self.archive.size(f"data/{key}")
        if needed > size:
            raise pickle.UnpicklingError(f"the file is malformed: storage {key!r} should have {needed} bytes, its "
                                         f"member in the archive has {size}")

    def sent(self, data, location):
        """A storage on some bytes, where ``map_location`` wants it."""
        storage = UntypedStorage(data, Device("cpu"), self._swap)
        target = self._map
        if isinstance(target, dict):
            target = target.get(location, location)
        elif target is not None and not isinstance(target, (str, Device)):
            try:
                answer = target(storage, location)
            except Exception as error:
                self.users_error = error
                raise
            if answer is not None:
                answer.device = present(answer.device)
                return answer
            target = None
        if target is None:
            return default_restore_location(storage, location)
        storage.device = present(target)
        return storage

    def settle(self):
        for storage in self._read.values():
            storage.settle()
