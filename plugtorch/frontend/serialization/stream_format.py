"""The format before PyTorch 1.6: pickles one after the other (a magic number, a version, facts about the writer, the
object, the keys of its storages), then the memory of each storage behind its number of elements.

The memory comes last, so a first pass over the object's pickle, which makes nothing, finds where it ends and how wide the
elements of each storage are; then everything is looked up by its place in the file, checked against the file's size.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys

from .inspector import Inspector
from .unpickler import BoundedUnpickler, FileError, malformed

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
_COUNT = struct.Struct("<q")


class _Plain(BoundedUnpickler):
    """Reads numbers, texts, lists and dicts, and nothing that has a name."""

    def find_class(self, module, name):
        raise malformed(f"{module}.{name} where plain values belong")


def _damaged(what) -> RuntimeError:
    return RuntimeError(f"the file is damaged or was not saved, transferred or stored completely: {what}; save it again "
                        "or use another copy")


class StreamReader:
    """The parts of such a file by the names that they have in an archive.

    Args:
        file: open for reading bytes, at the start of the stream, which goes to the end of the file.
        options: of the unpickler.

    Raises:
        pickle.UnpicklingError: it is malformed.
        RuntimeError: it is damaged or of another version.
    """

    def __init__(self, file, options):
        data = file.read()
        stream = io.BytesIO(data)
        self._data = memoryview(data)
        try:
            if _Plain(stream).load() != MAGIC_NUMBER:
                raise RuntimeError("Invalid magic number; corrupt file? It is a pickle, but not one of torch.save")
            version = _Plain(stream).load()
            if version != PROTOCOL_VERSION:
                raise RuntimeError(f"Invalid protocol version: {version}")
            facts = _Plain(stream, **options).load()
            start = stream.tell()
            inspector = Inspector(stream, **options)
            inspector.load()
            self._object = self._data[start:stream.tell()]
            keys = _Plain(stream, **options).load()
        except (FileError, RuntimeError):
            raise
        except Exception as error:  # whatever a malformed stream makes the reader stumble over
            raise malformed(f"{type(error).__name__}: {error}") from error
        if not isinstance(facts, dict) or not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) \
                or set(keys) != set(inspector.storages) or len(set(keys)) != len(keys):
            raise malformed("the list of its storages is not that of its object")
        self._order = b"little" if facts.get("little_endian", True) else b"big"
        self._places = {}
        at = stream.tell()
        for key in keys:
            kind, count = inspector.storages[key]
            if at + _COUNT.size > len(data):
                raise _damaged(f"it ends before storage {key!r}")
            (said,) = _COUNT.unpack_from(data, at)
            at += _COUNT.size
            size = count * kind.itemsize
            if said != count:
                raise _damaged(f"storage {key!r} should have {count} elements, and says {said}")
            if size > len(data) - at:
                raise _damaged(f"storage {key!r} should have {size} bytes, {len(data) - at} are left")
            self._places[f"data/{key}"] = (at, size)
            at += size

    def has(self, name: str) -> bool:
        """Whether there is such a part."""
        return name in ("data.pkl", "byteorder") or name in self._places

    def size(self, name: str) -> int:
        """The bytes of a part."""
        if name not in self._places:
            raise _damaged(f"there is no {name!r}")
        return self._places[name][1]

    def read(self, name: str) -> bytearray:
        """The contents of a part."""
        if name == "data.pkl":
            return bytearray(self._object)
        if name == "byteorder":
            return bytearray(self._order)
        size = self.size(name)
        at = self._places[name][0]
        return bytearray(self._data[at:at + size])

    def map(self, name: str, path):
        """Refused: the parts of such a file lie at any address.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("mmap can only be used with files saved with `torch.save(_use_new_zipfile_serialization=True), "
                           "please torch.save your checkpoint with this option in order to use mmap.")


def write(file, stream: bytes, storages: dict[str, tuple[object, int]], protocol: int) -> None:
    """Writes an object that has been pickled.

    Args:
        stream: its pickle.
        storages: from key to host array and size of an element in bytes.
    """
    facts = {"protocol_version": PROTOCOL_VERSION, "little_endian": sys.byteorder == "little",
             "type_sizes": {"short": 2, "int": 4, "long": 4}}
    for part in (MAGIC_NUMBER, PROTOCOL_VERSION, facts):
        pickle.dump(part, file, protocol=protocol)
    file.write(stream)
    keys = sorted(storages)
    pickle.dump(keys, file, protocol=protocol)
    for key in keys:
        memory, itemsize = storages[key]
        view = memoryview(memory.view("u1"))
        file.write(_COUNT.pack(len(view) // itemsize))
        file.write(view)
