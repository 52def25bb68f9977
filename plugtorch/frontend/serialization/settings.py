"""What can be set for all loading and saving, and how devices are named in files."""

from __future__ import annotations

import mmap
import sys
import threading
from collections.abc import Callable
from enum import Enum

from plugtorch.frontend import state
from plugtorch.spec.device import TYPES, Device

__all__ = ["LoadEndianness", "default_restore_location", "get_crc32_options", "get_default_load_endianness",
           "get_default_mmap_options", "location_tag", "register_package", "set_crc32_options",
           "set_default_load_endianness", "set_default_mmap_options", "skip_data"]

_SHARED, _PRIVATE = (getattr(mmap, name, number) for name, number in (("MAP_SHARED", 1), ("MAP_PRIVATE", 2)))


class LoadEndianness(Enum):
    """The order of bytes in files that do not say theirs."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


class _Settings:
    order: LoadEndianness | None = None
    mmap_flags: int = _PRIVATE
    crc32: bool = True


#: Taggers and restorers of devices beside this package's own: ``(priority, tagger, restorer)``.
_packages: list[tuple[int, Callable, Callable]] = []


def get_default_load_endianness() -> LoadEndianness | None:
    """The order of bytes that is taken for files that do not say theirs; None stands for little."""
    return _Settings.order


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """Sets it.

    Raises:
        TypeError: it is no :class:`LoadEndianness`.
    """
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _Settings.order = endianness


def default_order() -> str:
    """``"little"`` or ``"big"``, for a file that does not say."""
    if _Settings.order is LoadEndianness.NATIVE:
        return sys.byteorder
    return "big" if _Settings.order is LoadEndianness.BIG else "little"


def get_default_mmap_options() -> int:
    """How ``load(mmap=True)`` maps files, ``mmap.MAP_PRIVATE`` at first."""
    return _Settings.mmap_flags


class set_default_mmap_options:  # noqa: N801  (PyTorch's name)
    """Makes ``load(mmap=True)`` map files by other flags; as a context, inside the block.

    Args:
        flags: ``mmap.MAP_PRIVATE``, where what is written to tensors stays in this process, or ``mmap.MAP_SHARED``, where
        it is
            written to the file; its checksum is then out of date, and only ``mmap=True`` reads it again.

    Raises:
        ValueError: other flags.
    """

    def __init__(self, flags: int) -> None:
        if flags not in (_PRIVATE, _SHARED):
            raise ValueError("Invalid argument in function set_default_mmap_options, expected mmap.MAP_PRIVATE or "
                             f"mmap.MAP_SHARED, but got {flags}")
        self.prev, _Settings.mmap_flags = _Settings.mmap_flags, flags

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc) -> None:
        _Settings.mmap_flags = self.prev


def maps_shared() -> bool:
    """Whether mapped files are written to."""
    return _Settings.mmap_flags == _SHARED


def get_crc32_options() -> bool:
    """Whether saved archives have checksums that tell damage; see :func:`set_crc32_options`."""
    return _Settings.crc32


def set_crc32_options(compute_crc32: bool) -> None:
    """Kept as a setting; archives have their checksums either way, which any zip reader can check."""
    _Settings.crc32 = compute_crc32


class _OfThread(threading.local):
    skip_data: bool = False


_of_thread = _OfThread()


class skip_data:  # noqa: N801  (PyTorch's name)
    """A block in which the contents of storages are neither read nor written: :func:`save` writes zeros in their place, to
    be filled in later, and :func:`load` gives tensors of zeros.

    Args:
        materialize_fake_tensors: no difference, as there are no fake tensors.
    """

    def __init__(self, materialize_fake_tensors: bool = False) -> None:
        self.materialize_fake_tensors = materialize_fake_tensors

    def __enter__(self) -> None:
        self._before, _of_thread.skip_data = _of_thread.skip_data, True

    def __exit__(self, *exc) -> None:
        _of_thread.skip_data = self._before


def skips_data() -> bool:
    """Whether this thread is in a block of :class:`skip_data`."""
    return _of_thread.skip_data


def register_package(priority: int, tagger: Callable, deserializer: Callable) -> None:
    """Names devices of another kind in files, and makes their storages.

    Args:
        priority: packages are asked in this order; this package's own devices come first.
        tagger: from a storage to its name in files, or None.
        deserializer: from a storage on the CPU and a name to the storage where it belongs, or None.
    """
    _packages.append((priority, tagger, deserializer))
    _packages.sort(key=lambda item: item[0])


def place_name(device: Device) -> str | None:
    """A device's name in files; None for kinds that only a registered package names."""
    if device.type == "cuda":
        return f"cuda:{device.index or 0}"
    return device.type if device.type in ("cpu", "meta") else None


def location_tag(storage) -> str:
    """The name in files of the place of a storage.

    Raises:
        RuntimeError: nobody knows it.
    """
    known = place_name(storage.device)
    if known is not None:
        return known
    for _, tagger, _ in _packages:
        name = tagger(storage)
        if name is not None:
            return name
    raise RuntimeError(f"don't know how to determine data location of {type(storage).__name__} on {storage.device}; give "
                       "torch.serialization.register_package one that does, or save tensors of the CPU")


def default_restore_location(storage, location: str):
    """A storage sent to the place that a file names, without ``map_location``.

    Raises:
        RuntimeError: nobody knows the name, or the device is not there.
    """
    if location.partition(":")[0] not in TYPES:
        for _, _, deserializer in _packages:
            found = deserializer(storage, location)
            if found is not None:
                return found
    storage.device = present(location)
    return storage


def present(place) -> Device:
    """A device that exists here.

    Raises:
        RuntimeError: it does not.
    """
    if isinstance(place, str) and place.partition(":")[0] not in TYPES:
        raise RuntimeError(f"don't know how to restore data location of torch.storage.UntypedStorage (tagged with {place})")
    device = Device(place)
    try:
        state.backend_with(state.current_backend(), device)
    except RuntimeError as error:
        if device.type == "cuda":
            raise RuntimeError(
                "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False on this "
                f"backend ({state.get_backend()}). If you are running on a CPU-only machine, please use torch.load "
                "with map_location=torch.device('cpu') to map your storages to the CPU."
            ) from error
        raise
    return device
