"""``torch.cuda``: truthful answers about the CUDA devices of the active backend."""

from __future__ import annotations

from plugtorch.spec.device import Device

from .. import state

__all__ = ["current_device", "device_count", "empty_cache", "get_device_name", "is_available", "is_initialized",
           "manual_seed", "manual_seed_all", "set_device", "synchronize"]


def _devices():
    return [d for d in state.current_backend().devices() if d.type == "cuda"]


def is_available() -> bool:
    """Whether the active backend has a CUDA device."""
    return bool(_devices())


def device_count() -> int:
    """The number of CUDA devices of the active backend."""
    return len(_devices())


def is_initialized() -> bool:
    """Whether CUDA is in use: it is as soon as there is a device."""
    return is_available()


def _required():
    devices = _devices()
    if not devices:
        raise RuntimeError(f"Torch not compiled with CUDA enabled: backend {state.get_backend()!r} has no CUDA device")
    return devices


def current_device() -> int:
    """The index of the device on which new tensors are made.

    Raises:
        RuntimeError: the active backend has none.
    """
    _required()
    return state.current_backend().default_device().index or 0


def set_device(device) -> None:
    """Accepts the only device; another is an error, since backends choose their default when they load.

    Raises:
        RuntimeError: there is no such device.
    """
    wanted = Device("cuda", device) if isinstance(device, int) else Device(device)
    if (wanted.index or 0) >= len(_required()):
        raise RuntimeError(f"invalid device ordinal {wanted.index}: {len(_devices())} CUDA devices are present")


def get_device_name(device=None) -> str:
    """The backend's name and the device."""
    return f"{state.get_backend()} {_required()[0]}"


def synchronize(device=None) -> None:
    """Waits until the backend has finished its work."""
    state.current_backend().synchronize()


def empty_cache() -> None:
    """Gives back the memory and the programs that the active backend's library keeps for speed."""
    state.current_backend().release()


def manual_seed(seed: int) -> None:
    """Seeds the one generator that all devices share."""
    from ..random_functions import manual_seed as seed_all

    if is_available():
        seed_all(seed)


manual_seed_all = manual_seed
