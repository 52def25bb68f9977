"""Tracing. The function or module runs once with the example inputs, as a check; a call of the result runs it again, by
Python: what PyTorch's trace would freeze (sizes, branches, random modes) is decided anew at each call."""

from __future__ import annotations

import inspect
from contextvars import ContextVar

from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.tensor import Tensor

from .script import ScriptFunction, ScriptModule, scripted_module

__all__ = [
    "ONNXTracedModule", "TopLevelTracedModule", "TracedModule", "TracerWarning", "TracingCheckError", "is_tracing", "trace",
    "trace_module",
]

_tracing: ContextVar[bool] = ContextVar("plugtorch_jit_tracing", default=False)


class TracerWarning(Warning):
    """What PyTorch warns of when a trace may not be right for other inputs; none is given here."""

    @staticmethod
    def ignore_lib_warnings() -> None:
        """Nothing, as there are none."""


class TracingCheckError(Exception):
    """A traced function that does not give the same results twice, in PyTorch."""


class TracedModule(ScriptModule):
    """The class of traced modules."""


TopLevelTracedModule = ONNXTracedModule = TracedModule


def is_tracing() -> bool:
    """Whether :func:`trace` is running a function to record it."""
    return _tracing.get()


def _run(function, args, kwargs):
    token = _tracing.set(True)
    try:
        return function(*args, **kwargs)
    finally:
        _tracing.reset(token)


def _arguments(example):
    return (example,) if isinstance(example, (Tensor, dict)) else tuple(example)


def trace(func, example_inputs=None, optimize=None, check_trace=True, check_inputs=None, check_tolerance=1e-5, strict=True,
          _force_outplace=False, _module_class=None, _compilation_unit=None, example_kwarg_inputs=None, _store_inputs=True):
    """A function or module, run once with the inputs, that can be called and saved like a TorchScript one.

    Args:
        func: a function, or a Module, whose ``forward`` is meant.
        example_inputs: a tensor or a tuple of arguments.
        example_kwarg_inputs: keyword arguments, instead.
        check_inputs: more tuples of arguments; the function is run with each.
        check_trace, check_tolerance, strict, optimize: accepted for PyTorch's sake.

    Returns:
        A :class:`ScriptFunction`, or a script module that shares the module's state. Python runs it.

    Raises:
        RuntimeError: no inputs.
    """
    if example_inputs is None and example_kwarg_inputs is None:
        raise RuntimeError("example_kwarg_inputs should be a dict" if example_kwarg_inputs is not None else
                           "torch.jit.trace needs example_inputs or example_kwarg_inputs")
    if example_kwarg_inputs is not None and not isinstance(example_kwarg_inputs, dict):
        raise RuntimeError("example_kwarg_inputs should be a dict")
    if isinstance(func, ScriptModule):
        return func
    bound = getattr(func, "__self__", None)
    if isinstance(bound, Module) and func.__name__ == "forward":
        func = bound
    args = () if example_inputs is None else _arguments(example_inputs)
    _run(func, args, example_kwarg_inputs or {})
    for more in check_inputs or ():
        _run(func, _arguments(more), {})
    if isinstance(func, Module):
        return scripted_module(func)
    if isinstance(bound, Module):
        raise AttributeError(f"trace doesn't support compiling individual module's functions.\nPlease use trace_module "
                             f"for {func.__name__}")
    return ScriptFunction(func if inspect.isfunction(func) or hasattr(func, "__name__") else func.__call__)


def trace_module(mod, inputs, optimize=None, check_trace=True, check_inputs=None, check_tolerance=1e-5, strict=True,
                 _force_outplace=False, _module_class=None, _compilation_unit=None, example_inputs_is_kwarg=False,
                 _store_inputs=True):
    """A module, several methods of which are run once; see :func:`trace`.

    Args:
        inputs: from the name of each method to its arguments.

    Raises:
        AttributeError: no Module, or inputs are no dict.
    """
    if not isinstance(mod, Module):
        raise AttributeError("expected torch.nn.Module as the first argument")
    if not isinstance(inputs, dict):
        raise AttributeError("expected a dictionary of (method_name, input) pairs")
    for name, example in inputs.items():
        args, kwargs = ((), example) if example_inputs_is_kwarg else (_arguments(example), {})
        _run(mod if name == "forward" else getattr(mod, name), args, kwargs)
    return scripted_module(mod)
