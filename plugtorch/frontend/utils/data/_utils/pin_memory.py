"""Pinning batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .collate import is_namedtuple, rebuilt_mapping, rebuilt_sequence

__all__ = ["pin_memory"]


def pin_memory(data, device=None):
    """What the method ``pin_memory`` of a batch gives, or of the parts of one without it; other data as it is."""
    if hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, (str, bytes)):
        return data
    if isinstance(data, Mapping):
        return rebuilt_mapping(data, {key: pin_memory(value, device) for key, value in data.items()})
    if is_namedtuple(data):
        return type(data)(*(pin_memory(value, device) for value in data))
    if isinstance(data, tuple):
        return type(data)(pin_memory(value, device) for value in data)
    if isinstance(data, Sequence):
        return rebuilt_sequence(data, [pin_memory(value, device) for value in data])
    return data
