"""The backend of the device "meta": tensors with a shape and a dtype and no values. Ops on them infer shapes."""

from __future__ import annotations

from .abstract import Abstract
from .backend import AbstractBackend
from .device import Device
from .dtypes import BY_NAME

META = Device("meta")


class MetaBackend(AbstractBackend):
    """Arrays without data."""

    name = "meta"

    def device_of(self, x):
        return META

    def default_device(self):
        return META

    def from_host(self, array, *, device):
        return Abstract(array.shape, BY_NAME[array.dtype.name])

    def to_host(self, x):
        raise NotImplementedError("Cannot copy out of meta tensor; no data! Make the tensor on a device with memory: "
                                  "torch.empty_like(x, device='cpu'), or Module.to_empty(device=...)")

    def address_of(self, x):
        return 0

    def nonzero(self, x):
        raise NotImplementedError("nonzero() has a result whose shape depends on the values, which a meta tensor has not: "
                                  "move it to a device with memory first")
