"""Neural networks: modules, functional forms, initialisation and helpers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from plugtorch.nn import attention, common_types, functional, grad, init, modules, parallel, parameter, utils  # noqa: F401
from plugtorch.nn.modules import *  # noqa: F403
from plugtorch.nn.parallel import DataParallel  # noqa: F401
from plugtorch.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter  # noqa: F401


def factory_kwargs(kwargs):
    """The arguments for creation functions (``device``, ``dtype``, ``memory_format``) among a layer's keyword arguments, and
    those under ``factory_kwargs``, which come first.

    Raises:
        TypeError: another argument, or one given twice.
    """
    if kwargs is None:
        return {}
    names = {"device", "dtype", "memory_format"}
    unknown = kwargs.keys() - {*names, "factory_kwargs"}
    if unknown:
        raise TypeError(f"unexpected kwargs {unknown}")
    inner = dict(kwargs.get("factory_kwargs", {}))
    unknown = inner.keys() - names
    if unknown:
        raise TypeError(f"unexpected kwargs {unknown}")
    for key in names & kwargs.keys():
        if key in inner:
            raise TypeError(f"{key} specified twice, in **kwargs and in factory_kwargs")
        inner[key] = kwargs[key]
    return inner


_LAZY = ("intrinsic", "qat", "quantizable", "quantized")  # quantisation: imported when it is first used


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LAZY})


if not TYPE_CHECKING:  # type checkers take every name that the imports bring
    __all__ = sorted(modules.__all__ + [
        "Buffer", "DataParallel", "Parameter", "UninitializedBuffer", "UninitializedParameter", "attention",
        "factory_kwargs", "functional", "grad", "init", "modules", "parallel", "parameter", "utils",
    ])
