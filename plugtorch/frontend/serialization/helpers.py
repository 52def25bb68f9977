"""Small parts of ``torch.serialization`` that programs around it use."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

from plugtorch.spec.device import Device
from plugtorch.spec.dtypes import DType

from .names import DTYPE_OF_STORAGE
from .settings import present

__all__ = ["StorageType", "check_module_version_greater_or_equal", "mkdtemp", "validate_cuda_device"]


@contextlib.contextmanager
def mkdtemp() -> Iterator[str]:
    """A new folder, which is removed at the end of the block."""
    path = tempfile.mkdtemp()
    try:
        yield path
    finally:
        shutil.rmtree(path)


def check_module_version_greater_or_equal(module: Any, req_version_tuple: tuple, error_if_malformed: bool = True) -> bool:
    """Whether a module's ``__version__`` is at least a tuple of numbers.

    Raises:
        RuntimeError: the version cannot be compared with it; only a warning, and True, if not ``error_if_malformed``.
    """
    try:
        parts = module.__version__.split(".")
        return tuple(type(want)(parts[i]) for i, want in enumerate(req_version_tuple)) >= req_version_tuple
    except Exception as error:
        message = (f"'{module.__name__}' module version string is malformed '{module.__version__}' and cannot be compared "
                   f"with tuple {req_version_tuple}")
        if error_if_malformed:
            raise RuntimeError(message) from error
        warnings.warn(message + ", but continuing assuming that requirement is met", stacklevel=2)
        return True


class StorageType:
    """A storage class that a file names.

    Raises:
        KeyError: there is none of this name.
    """

    def __init__(self, name: str) -> None:
        if name not in DTYPE_OF_STORAGE:
            raise KeyError(f'pickle storage type "{name}" is not recognized')
        self._dtype = DTYPE_OF_STORAGE[name]

    @property
    def dtype(self) -> DType:
        """The dtype of its elements."""
        return self._dtype

    def __str__(self) -> str:
        return f"StorageType(dtype={self.dtype})"


def validate_cuda_device(location: Any) -> int:
    """The number of a CUDA device that a file names.

    Raises:
        ValueError: it is a device of another kind.
        RuntimeError: it is not here.
    """
    device = Device(location)
    if device.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {device}")
    return present(device).index or 0
