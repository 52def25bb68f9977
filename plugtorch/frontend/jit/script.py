"""Scripted functions and modules. Nothing is compiled: they are the Python function or module, run by Python, with the
names of TorchScript around it, so all of Python is allowed in them."""

from __future__ import annotations

import functools
import inspect
import os
from typing import Any, NamedTuple

from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.not_offered import message

__all__ = [
    "Attribute", "CompilationUnit", "Error", "RecursiveScriptModule", "ScriptFunction", "ScriptModule", "ScriptWarning",
    "export", "export_opnames", "freeze", "ignore", "interface", "is_scripting", "optimize_for_inference",
    "run_frozen_optimizations", "script", "script_if_tracing", "script_method", "unused",
]

NO_GRAPH = "functions and modules are run by Python and not compiled, so there is no TorchScript graph"


class Error(Exception):
    """What TorchScript's interpreter raises in PyTorch; here errors keep their own type."""


class ScriptWarning(Warning):
    """A warning about scripting."""


class Attribute(NamedTuple):
    """A value with the type that scripting is to give it."""

    value: Any
    type: Any


def is_scripting() -> bool:
    """False: nothing is compiled, so the code that runs is always Python."""
    return False


def _source(function) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return repr(function)


class _NoGraph:
    """The attributes of compiled code."""

    @property
    def graph(self):
        """There is none.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(message("jit", NO_GRAPH))

    inlined_graph = graph

    def graph_for(self, *args, **kwargs):
        """As :attr:`graph`."""
        return self.graph

    def get_debug_state(self):
        """As :attr:`graph`."""
        return self.graph


class ScriptFunction(_NoGraph):
    """A function given to :func:`script` or :func:`trace`; a call of it is a call of the function.

    Attributes:
        name, qualified_name: of the function.
        code: its Python source.
    """

    def __init__(self, function):
        self._function = function
        functools.update_wrapper(self, function)
        self._torchdynamo_inline = function

    @property
    def name(self) -> str:
        return self._function.__name__

    @property
    def qualified_name(self) -> str:
        return f"__torch__.{self._function.__module__}.{self._function.__name__}"

    @property
    def code(self) -> str:
        return _source(self._function)

    def __call__(self, *args, **kwargs):
        return self._function(*args, **kwargs)

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self):
        raise TypeError("ScriptFunction cannot be pickled; torch.jit.save writes it")

    def save(self, filename, _extra_files=None) -> None:
        """Writes it to a file; see :func:`plugtorch.jit.save`."""
        from .archive import save

        save(self, filename, _extra_files)

    def save_to_buffer(self, _extra_files=None) -> bytes:
        """The bytes that :meth:`save` writes."""
        from .archive import to_bytes

        return to_bytes(self, _extra_files)


class ScriptModule(Module, _NoGraph):
    """The base class of modules written for scripting; a Module whose methods marked :func:`script_method` are run by
    Python."""

    @property
    def original_name(self) -> str:
        """The name of the class that was scripted."""
        return type(self).__name__

    @property
    def code(self) -> str:
        """The Python source of ``forward``."""
        return _source(type(self).forward)

    @property
    def code_with_constants(self):
        """The source, and the constants in it: none."""
        return self.code, {}

    def save(self, f, **kwargs) -> None:
        """Writes it to a file; see :func:`plugtorch.jit.save`."""
        from .archive import save

        save(self, os.fspath(f), **kwargs)

    def save_to_buffer(self, _extra_files=None) -> bytes:
        """The bytes that :meth:`save` writes."""
        from .archive import to_bytes

        return to_bytes(self, _extra_files)


class RecursiveScriptModule(ScriptModule):
    """A module that :func:`script` or :func:`trace` was given, sharing all its state with it.

    Its class is made for each class of modules: it has that class's methods, so that a call of any of them does what the
    module does.
    """

    _wrapped: type = Module

    @property
    def original_name(self) -> str:
        return self._wrapped.__name__

    @property
    def code(self) -> str:
        return _source(self._wrapped.forward)

    def _get_name(self) -> str:
        return self._shown

    def extra_repr(self) -> str:
        return f"original_name={self.original_name}"

    def __reduce_ex__(self, protocol):
        return _rebuild, (self._shown, self._wrapped, self.__dict__)

    def __deepcopy__(self, memo):
        import copy

        new = memo[id(self)] = _rebuild(self._shown, self._wrapped, {})
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return new

    def __copy__(self):
        return _rebuild(self._shown, self._wrapped, dict(self.__dict__))


@functools.cache
def _class_of(shown, wrapped):
    own = {"_wrapped": wrapped, "_shown": shown, "__doc__": wrapped.__doc__, "__module__": __name__}
    return type("RecursiveScriptModule", (RecursiveScriptModule, wrapped), own)


def _rebuild(shown, wrapped, state):
    new = object.__new__(_class_of(shown, wrapped))
    new.__dict__ = state
    return new


def scripted_module(module: Module, shown: str = "RecursiveScriptModule") -> RecursiveScriptModule:
    """The module as a script module: its parameters, buffers, children and hooks are the module's own."""
    return _rebuild(shown, type(module), module.__dict__)


def script(obj, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """A function, module or class, with TorchScript's names around it. It is not compiled: Python runs it.

    Args:
        obj: a function (gives a :class:`ScriptFunction`), a Module (gives a module that shares its state), or a class, a
            list or a dict (given back).
        optimize, example_inputs: accepted for PyTorch's sake.

    Raises:
        RuntimeError: nothing of these.
    """
    if isinstance(obj, (ScriptModule, ScriptFunction, type, list, dict)):
        return obj
    if isinstance(obj, Module):
        prepare = getattr(obj, "__prepare_scriptable__", None)
        return scripted_module(prepare() if prepare is not None else obj)
    if not callable(obj):
        raise RuntimeError(f"torch.jit.script takes a function, a module or a class, but got {type(obj).__name__}")
    if not hasattr(obj, "__name__") and callable(obj):  # an object with __call__
        return obj
    return ScriptFunction(obj)


def script_method(fn):
    """Marks a method of a :class:`ScriptModule`; Python runs it."""
    return fn


def script_if_tracing(fn):
    """A function that is scripted while a trace is taken; as nothing is compiled, the function itself."""

    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        return fn(*args, **kwargs)

    wrapper.__script_if_tracing_wrapper = True
    wrapper.__original_fn = fn
    return wrapper


def export(fn):
    """Marks a method to be kept by scripting; all methods are."""
    fn._torchscript_modifier = "export"
    return fn


def ignore(drop=False, **kwargs):
    """Marks a method that scripting leaves to Python; all are left to Python."""
    if callable(drop):
        drop._torchscript_modifier = "ignore"
        return drop
    if not isinstance(drop, bool):
        raise RuntimeError(f"Argument to @torch.jit.ignore must be a bool or a function but got {drop}")

    def decorator(fn):
        fn._torchscript_modifier = "unused" if drop else "ignore"
        return fn

    return decorator


def unused(fn):
    """Marks a method that compiled code would refuse to run. It is not compiled, so it runs."""
    if isinstance(fn, property):
        unused(fn.fget)
        return fn
    fn._torchscript_modifier = "unused"
    return fn


def interface(obj):
    """Marks a class as an interface.

    Raises:
        RuntimeError: no class.
    """
    if not inspect.isclass(obj):
        raise RuntimeError("interface must be applied to a class")
    obj.__torch_script_interface__ = True
    return obj


def _check_eval(mod, what):
    if not isinstance(mod, ScriptModule):
        raise RuntimeError(f"{what} expects a ScriptModule as input. Please use torch.jit.script or torch.jit.trace to "
                           "script your 'nn.Module'.")


def freeze(mod, preserved_attrs=None, optimize_numerics: bool = True):
    """A copy of a script module with its parameters as constants: they require no grad.

    Raises:
        RuntimeError: no ScriptModule, or it is in training mode.
    """
    import copy

    _check_eval(mod, "Freezing")
    if mod.training:
        raise RuntimeError("Freezing is currently only implemented for modules in eval mode. Please call .eval() on your "
                           "module before freezing.")
    return copy.deepcopy(mod).requires_grad_(False)


def run_frozen_optimizations(mod, optimize_numerics: bool = True, preserved_methods=None) -> None:
    """Nothing: there is no graph to optimise."""


def optimize_for_inference(mod, other_methods=None):
    """The module, frozen if it is in eval mode; there is nothing to optimise.

    Raises:
        RuntimeError: no ScriptModule.
    """
    _check_eval(mod, "optimize_for_inference")
    return mod if mod.training else freeze(mod)


def export_opnames(m) -> list[str]:
    """The names of the ops in a script module's graph.

    Raises:
        RuntimeError: always, as there is no graph.
    """
    raise RuntimeError(message("jit.export_opnames", NO_GRAPH))


class CompilationUnit:
    """A set of functions by name.

    Args:
        lang: source in TorchScript; Python runs it, with ``torch`` as this library and the types of annotations.
    """

    def __init__(self, lang=None, _frames_up=0):
        self._functions: dict[str, ScriptFunction] = {}
        if lang is not None:
            self.define(lang)

    def define(self, lang, rcb=None, _frames_up=0) -> None:
        """Adds the functions of a source."""
        import textwrap
        import typing

        import plugtorch

        scope: dict[str, Any] = {"torch": plugtorch, "Tensor": plugtorch.Tensor, "annotations": None,
                                 **{n: getattr(typing, n) for n in ("List", "Dict", "Tuple", "Optional", "Union", "Any")}}
        before = set(scope)
        exec(compile(textwrap.dedent(lang), "<torch.jit.CompilationUnit>", "exec", dont_inherit=True), scope)
        for name in scope.keys() - before - {"__builtins__"}:
            if inspect.isfunction(scope[name]):
                self._functions[name] = ScriptFunction(scope[name])

    def __getattr__(self, attr):
        found = self.__dict__.get("_functions", {}).get(attr)
        if found is None:
            raise AttributeError(f"'CompilationUnit' has no attribute '{attr}'")
        return found

    def get_functions(self) -> list[ScriptFunction]:
        """The functions."""
        return list(self._functions.values())
