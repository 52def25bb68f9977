"""``torch.cuda`` for the active backend."""

from plugtorch.frontend.devices.cuda import (
    current_device,
    device_count,
    empty_cache,
    get_device_name,
    is_available,
    is_initialized,
    manual_seed,
    manual_seed_all,
    set_device,
    synchronize,
)

__all__ = ["current_device", "device_count", "empty_cache", "get_device_name", "is_available", "is_initialized",
           "manual_seed", "manual_seed_all", "set_device", "synchronize"]
