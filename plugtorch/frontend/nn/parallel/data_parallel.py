"""A module whose batches are split over the devices of a backend."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend.devices import accelerator
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.nn.parallel.parallel_apply import parallel_apply
from plugtorch.frontend.nn.parallel.replicate import replicate
from plugtorch.frontend.nn.parallel.scatter_gather import gather, place, scatter_kwargs

__all__ = ["DataParallel", "data_parallel"]


def _devices(device_ids):
    if device_ids is not None:
        return list(device_ids)
    return list(range(accelerator.device_count())) if accelerator.is_available() else []


class DataParallel(Module):
    """Calls a module on pieces of the batch, one per device, and joins the results; with no accelerator, or one, just
    calls it.

    Args:
        module: the module, whose parameters lie on the first device.
        device_ids: devices or their numbers; all of the current accelerator by default.
        output_device: where results are joined; the first device by default.
        dim: the dimension of the batch.
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.dim = dim
        self.device_ids = _devices(device_ids)
        if self.device_ids:
            self.output_device = self.device_ids[0] if output_device is None else output_device
            self.src_device_obj = place(self.device_ids[0])
            if len(self.device_ids) == 1:
                self.module.to(self.src_device_obj)

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        if not self.device_ids:
            return self.module(*inputs, **kwargs)
        for t in (*self.module.parameters(), *self.module.buffers()):
            if t.device != self.src_device_obj:
                raise RuntimeError(f"module must have its parameters and buffers on device {self.src_device_obj} "
                                   f"(device_ids[0]) but found one of them on device: {t.device}")
        args, named = scatter_kwargs(inputs, kwargs, self.device_ids, self.dim)
        if not args:
            args, named = ((),), ({},)
        if len(self.device_ids) == 1:
            return self.module(*args[0], **named[0])
        replicas = replicate(self.module, self.device_ids[:len(args)])
        return gather(parallel_apply(replicas, args, named), self.output_device, self.dim)


def data_parallel(module: Module, inputs: Any, device_ids: Any = None, output_device: Any = None, dim: int = 0,
                  module_kwargs: dict | None = None) -> Any:
    """One call of :class:`DataParallel`."""
    args = inputs if isinstance(inputs, tuple) else (inputs,) if inputs is not None else ()
    return DataParallel(module, device_ids, output_device, dim)(*args, **(module_kwargs or {}))
