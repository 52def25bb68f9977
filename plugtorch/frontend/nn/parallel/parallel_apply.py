"""Calling modules side by side."""

from __future__ import annotations

from typing import Any

from plugtorch.frontend.tensor import Tensor

__all__ = ["get_a_var", "parallel_apply"]


def get_a_var(obj: Any) -> Tensor | None:
    """The first tensor in nested lists, tuples and dictionaries; None if there is none."""
    if isinstance(obj, Tensor):
        return obj
    items = obj if isinstance(obj, (list, tuple)) else obj.items() if isinstance(obj, dict) else ()
    return next((found for found in map(get_a_var, items) if found is not None), None)


def parallel_apply(modules: Any, inputs: Any, kwargs_tup: Any = None, devices: Any = None) -> list:
    """The results of each module on its own arguments. The calls follow one another: array libraries with several devices
    run their work in the background.

    Raises:
        AssertionError: different numbers of modules, arguments or devices.
    """
    for name, values in (("inputs", inputs), ("kwargs", kwargs_tup), ("devices", devices)):
        if values is not None and len(values) != len(modules):
            raise AssertionError(f"The number of modules {len(modules)} is not equal to the number of {name} {len(values)}")
    named = kwargs_tup if kwargs_tup is not None else [{} for _ in modules]
    return [module(*(args if isinstance(args, (tuple, list)) else (args,)), **kwargs)
            for module, args, kwargs in zip(modules, inputs, named, strict=True)]
