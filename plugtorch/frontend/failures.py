"""Exceptions of the library that programs catch by name."""

from __future__ import annotations


class AcceleratorError(RuntimeError):
    """An accelerator's runtime reported an error."""


class OutOfMemoryError(RuntimeError):
    """A device has not the memory that an op needs."""


__all__ = ["AcceleratorError", "OutOfMemoryError"]
