"""Splitting arguments over devices, and bringing results together."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.dispatch import is_tensor

__all__ = ["gather", "scatter", "scatter_kwargs"]


def place(device: Any) -> Any:
    """A device from a number, a name or a device; numbers count the current accelerator's."""
    from plugtorch.frontend.devices import accelerator

    if isinstance(device, int) and not isinstance(device, bool):
        if device < 0:
            return fn.device("cpu")
        current = accelerator.current_accelerator()
        return fn.device("cpu" if current is None else f"{current.type}:{device}")
    return fn.device(device)


def _is_struct(value):
    return isinstance(value, tuple) and hasattr(value, "_fields")


def scatter(inputs: Any, target_gpus: Any, dim: int = 0) -> list:
    """One set of arguments per device: tensors in chunks along ``dim``, containers item by item, anything else as it is."""
    devices = list(target_gpus)

    def spread(value):
        if is_tensor(value):
            return [piece.to(place(d)) for piece, d in zip(value.chunk(len(devices), dim), devices, strict=False)]
        if _is_struct(value):
            return [type(value)(*items) for items in zip(*map(spread, value), strict=False)]
        if isinstance(value, (tuple, list)) and value:
            return [type(value)(items) for items in zip(*map(spread, value), strict=False)]
        if isinstance(value, dict) and value:
            return [type(value)(items) for items in zip(*map(spread, value.items()), strict=False)]
        return [value for _ in devices]

    return spread(inputs)


def scatter_kwargs(inputs: tuple, kwargs: dict | None, target_gpus: Any, dim: int = 0) -> tuple[tuple, tuple]:
    """:func:`scatter` of positional and keyword arguments, as many of the ones as of the others."""
    args = scatter(inputs, target_gpus, dim) if inputs else []
    named = scatter(kwargs, target_gpus, dim) if kwargs else []
    count = max(len(args), len(named))
    args += [() for _ in range(count - len(args))]
    named += [{} for _ in range(count - len(named))]
    return tuple(args), tuple(named)


def gather(outputs: Any, target_device: Any, dim: int = 0) -> Any:
    """The results of several devices as one on ``target_device``: tensors joined along ``dim``, scalars to a vector,
    containers item by item.

    Raises:
        ValueError: dictionaries with different numbers of keys.
    """
    first = outputs[0]
    if is_tensor(first):
        moved = [t.to(place(target_device)) for t in outputs]
        return fn.stack(moved) if not first.dim() and dim == 0 else fn.cat(moved, dim)
    if first is None:
        return None
    if isinstance(first, dict):
        if any(len(d) != len(first) for d in outputs):
            raise ValueError("All dicts must have the same number of keys")
        return type(first)((key, gather([d[key] for d in outputs], target_device, dim)) for key in first)
    items = [gather(list(group), target_device, dim) for group in zip(*outputs, strict=True)]
    return type(first)(*items) if _is_struct(first) else type(first)(items)
