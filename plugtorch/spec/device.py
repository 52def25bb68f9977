"""Devices: a type such as ``cpu`` or ``cuda`` and an optional index."""

from __future__ import annotations

import functools
from contextvars import ContextVar

# PyTorch's, and the TPUs of array libraries.
TYPES = ("cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla", "lazy",
         "vulkan",
         "mps", "meta", "hpu", "mtia", "privateuseone", "tpu")


# The devices on which this context makes new tensors, the innermost last; empty: the backend's own choice.
DEFAULT: ContextVar[tuple] = ContextVar("plugtorch_default_device", default=())


class Device:
    """``device("cuda:1")``, ``device("cuda", 1)`` or ``device(1)``. As a context manager it is where new tensors are made.

    Attributes:
        type: the kind of device, e.g. ``"cpu"``.
        index: its number, or ``None`` for the current one of its kind.

    Raises:
        RuntimeError: the text names no known device type, or its index is malformed.
    """

    __slots__ = ("type", "index")

    def __new__(cls, type="cpu", index=None):
        if isinstance(type, Device):
            return type
        if isinstance(type, int):
            type, index = "cuda", type
        name, _, number = str(type).partition(":")
        if number:
            if index is not None:
                raise RuntimeError(
                    f"type (string) must not include an index because index was passed explicitly: {type}"
                )
            if not number.isdigit():
                raise RuntimeError(f"Invalid device string: '{type}'")
            index = int(number)
        if name not in TYPES:
            raise RuntimeError(
                f"Expected one of {', '.join(TYPES)} device type at start of device string: {type}"
            )
        self = object.__new__(cls)
        object.__setattr__(self, "type", name)
        object.__setattr__(self, "index", index)
        return self

    def __setattr__(self, name, value):
        raise AttributeError(f"readonly attribute: device.{name}")

    def __enter__(self):
        DEFAULT.set((*DEFAULT.get(), self))
        return self

    def __exit__(self, *exc):
        DEFAULT.set(DEFAULT.get()[:-1])
        return False

    def __call__(self, function):
        """Decorates a function: inside it new tensors are made on this device."""
        @functools.wraps(function)
        def on_device(*args, **kwargs):
            with self:
                return function(*args, **kwargs)

        return on_device

    def __eq__(self, other):
        if not isinstance(other, Device):
            return NotImplemented
        return self.type == other.type and self.index == other.index

    def __hash__(self):
        return hash((self.type, self.index))

    def __str__(self):
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self):
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __reduce__(self):
        return Device, (self.type, self.index)

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self


CPU = Device("cpu")
