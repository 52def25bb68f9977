"""The archive: a zip file whose members are stored uncompressed, each at a multiple of 64 bytes.

Members, below one folder of any name: ``data.pkl`` (the object), ``data/KEY`` (the memory of storages),
``byteorder``, ``version`` and a few small ones. Nothing of an archive is ever written to disk: members are
looked up by their exact names.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import tempfile
import zipfile
import zlib

import numpy as np

from .settings import maps_shared

_ALIGNMENT = 64
_LOCAL_HEADER = struct.Struct("<26xHH")
_ZIP64_LIMIT = (1 << 31) - 1
_START = b"PK\x03\x04"


class ArchiveWriter:
    """Writes the members of an archive into an open file at its start."""

    def __init__(self, file, root: str):
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._root = root
        self._digest = 0

    def write(self, name: str, data) -> None:
        """Adds a member from bytes or a host array."""
        view = memoryview(data).cast("B") if len(data) else memoryview(b"")
        info = zipfile.ZipInfo(f"{self._root}/{name}")
        info.file_size = len(view)
        wide = info.file_size * 1.05 > _ZIP64_LIMIT  # zipfile's own rule for a longer header
        at = self._zip.fp.tell() + 30 + len(info.filename.encode()) + (20 if wide else 0)
        padding = -(at + 4) % _ALIGNMENT
        info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
        with self._zip.open(info, "w") as member:
            member.write(view)
        self._digest = zlib.crc32(view, zlib.crc32(name.encode(), self._digest))

    def close(self) -> None:
        """Adds the closing members and the directory."""
        self.write("version", b"3\n")
        self.write(".data/serialization_id", f"{self._digest:040d}".encode())
        self._zip.close()


@contextlib.contextmanager
def replacing(path):
    """A file to write that takes the place of ``path`` if the block succeeds; otherwise the old file stays.

    Raises:
        RuntimeError: the folder does not exist.
    """
    path = os.path.realpath(os.fspath(path))
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {folder} does not exist.")
    handle, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode_of(path))
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _mode_of(path) -> int:
    """The permissions of the file that is replaced, or those of a new one."""
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _damaged(reason) -> RuntimeError:
    return RuntimeError(f"PytorchStreamReader failed reading zip archive: {reason}. The file is damaged or was not "
                        "saved, transferred or stored completely; save it again or use another copy")


def is_archive(file) -> bool:
    """Whether an archive begins where the file is; the file stays there.

    Raises:
        EOFError: the file is empty.
    """
    start = file.tell()
    magic = file.read(len(_START))
    file.seek(start)
    if not magic:
        raise EOFError("Ran out of input: the file is empty")
    return magic == _START


class ArchiveReader:
    """Reads members of an archive from an open file.

    Raises:
        RuntimeError: it is a TorchScript archive, or damaged.
    """

    def __init__(self, file):
        start = file.tell()
        file.seek(0, io.SEEK_END)
        self._size = file.tell()
        file.seek(start)
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, OSError) as error:
            raise _damaged(error) from error
        claimed = sum(info.compress_size for info in self._zip.infolist())
        if claimed > self._size:  # members that lie over one another could fill any memory
            raise _damaged(f"its members claim {claimed} bytes together, the whole file has {self._size}")
        pickles = [n for n in self._zip.namelist() if n.endswith("/data.pkl") and n.count("/") == 1]
        if len(pickles) != 1:
            raise _damaged(f"it has {len(pickles)} members named data.pkl in a folder, not one")
        self._root = pickles[0].removesuffix("data.pkl")
        if f"{self._root}constants.pkl" in self._zip.NameToInfo:
            raise RuntimeError("this is a TorchScript archive, a compiled program; only files of save() can be loaded. "
                               "Save the state_dict of the module instead")

    def _info(self, name):
        info = self._zip.NameToInfo.get(self._root + name)
        if info is None:
            raise _damaged(f"there is no member {name!r}")
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise _damaged(f"member {name!r} is compressed or encrypted")
        ends = info.header_offset + info.file_size
        if info.header_offset < 0 or info.file_size != info.compress_size or ends > self._size:
            raise _damaged(f"member {name!r} claims {info.file_size} bytes, the whole file has {self._size}")
        return info

    def has(self, name: str) -> bool:
        """Whether there is such a member."""
        return self._root + name in self._zip.NameToInfo

    def size(self, name: str) -> int:
        """The bytes of a member, checked against the size of the file."""
        return self._info(name).file_size

    def _place(self, name: str) -> tuple[zipfile.ZipInfo, int]:
        """A member, and where its bytes begin in the file."""
        info = self._info(name)
        self._file.seek(info.header_offset)
        header = self._file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(_START):
            raise _damaged(f"member {name!r} has no header where the directory says")
        names, extra = _LOCAL_HEADER.unpack(header)
        at = info.header_offset + _LOCAL_HEADER.size + names + extra
        if at + info.file_size > self._size:
            raise _damaged(f"member {name!r} ends early")
        return info, at

    def read(self, name: str) -> bytearray:
        """The contents of a member, compared with its checksum; a checksum of 0 stands for none, as PyTorch can write it."""
        info, at = self._place(name)
        self._file.seek(at)
        data = bytearray(info.file_size)
        view, done = memoryview(data), 0
        while done < len(data):
            n = self._file.readinto(view[done:]) if hasattr(self._file, "readinto") else _read_into(self._file, view[done:])
            if not n:
                raise _damaged(f"member {name!r} ends early")
            done += n
        if info.CRC and zlib.crc32(data) != info.CRC:
            raise _damaged(f"Bad CRC-32 for member {name!r}")
        return data

    def map(self, name: str, path) -> np.ndarray:
        """A member as writable bytes on the file itself; what is written is private, unless the settings say otherwise."""
        info, at = self._place(name)
        if not info.file_size:
            return np.empty(0, np.uint8)
        return np.asarray(np.memmap(path, np.uint8, "r+" if maps_shared() else "c", at, (info.file_size,)))


def _read_into(file, view) -> int:
    data = file.read(len(view))
    view[:len(data)] = data
    return len(data)
