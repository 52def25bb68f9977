"""Ops of users' own in ``torch.library``: Python functions with their own gradients."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from plugtorch.autograd.function import Function

from .not_offered import refused_class, refused_function

__all__ = ["CustomOpDef", "Library", "custom_op", "define", "fallthrough_kernel", "get_ctx", "get_kernel", "impl",
           "impl_abstract", "infer_schema", "register_autocast", "register_autograd", "register_fake", "register_kernel",
           "register_torch_dispatch", "register_vmap", "triton_op", "wrap_triton"]

_defined: dict[str, CustomOpDef] = {}


class CustomOpDef:
    """A function with a name, which may be given a gradient; a call runs it.

    It is also found as ``torch.ops.NAMESPACE.NAME``.
    """

    def __init__(self, name: str, function: Callable, mutates_args):
        self._name, self._function, self._mutates = name, function, mutates_args
        self._kernels: dict[str, Callable] = {}
        self._gradient: type[Function] | None = None
        self._vmap: Callable | None = None
        self.__name__, self.__doc__ = name, function.__doc__
        self.__wrapped__ = function
        self.default = self
        _defined[name] = self
        _show(name, self)

    def _run(self, *args):
        device = next((a.device.type for a in args if hasattr(a, "device")), None)
        return self._kernels.get(device, self._function)(*args)

    def __call__(self, *args, **kwargs):
        bound = inspect.signature(self._function).bind(*args, **kwargs)
        bound.apply_defaults()
        if self._gradient is None:
            return self._run(*bound.args, **bound.kwargs) if not bound.kwargs else self._function(*args, **kwargs)
        return self._gradient.apply(*bound.args, *bound.kwargs.values())

    def register_fake(self, fn: Callable, /) -> Callable:
        """Keeps a function of shapes; ops are run eagerly, so it is not called."""
        self._fake = fn
        return fn

    def register_kernel(self, device_types, fn: Callable | None = None, /):
        """Another function for the devices of some kinds; without it, a decorator."""
        if fn is None:
            return lambda function: self.register_kernel(device_types, function)
        for device in [device_types] if isinstance(device_types, str) or device_types is None else device_types:
            if device is None:
                self._function = fn
            else:
                self._kernels[device] = fn
        return fn

    def register_autograd(self, backward: Callable, /, *, setup_context: Callable | None = None) -> None:
        """The gradient: ``backward(ctx, *grads)``, with what ``setup_context(ctx, inputs, output)`` saves.

        Raises:
            RuntimeError: the op writes into its arguments.
        """
        if self._mutates not in ((), [], set()):
            raise RuntimeError(f"Cannot register autograd formula for non-functional operator {self._name}")
        op = self

        def forward(*args):
            return op._run(*args)

        def setup(ctx, inputs, output):
            if setup_context is not None:
                setup_context(ctx, inputs=inputs, output=output) if _takes_keywords(setup_context) else \
                    setup_context(ctx, inputs, output)

        def gradient(ctx, *grads):
            found = backward(ctx, *grads)
            return found

        self._gradient = type(f"GeneratedBackwardFor_{self._name.replace('::', '_')}", (Function,), {
            "forward": staticmethod(forward), "setup_context": staticmethod(setup), "backward": staticmethod(gradient),
            "generate_vmap_rule": True})

    def register_vmap(self, func: Callable | None = None, /):
        """Not needed: the function itself is mapped."""
        return func if func is not None else lambda function: function

    def register_autocast(self, device_type: str, cast_inputs) -> None:
        """Casts floating operands to a dtype under autocast.

        Raises:
            NotImplementedError: always: cast inside the function.
        """
        return _no_autocast(device_type, cast_inputs)

    def __repr__(self):
        return f"<CustomOpDef({self._name})>"


def _takes_keywords(function) -> bool:
    names = list(inspect.signature(function).parameters)
    return {"inputs", "output"} <= set(names)


def _show(name, op):
    from .extra_ops import ops

    space, _, plain = name.partition("::")
    if space not in vars(ops):
        setattr(ops, space, SimpleNamespace())
    setattr(getattr(ops, space), plain, op)


def _check_name(name):
    space, found, plain = name.partition("::")
    if not found or not space.isidentifier() or not plain.replace(".", "_").isidentifier():
        raise ValueError(f"Expected the name of an operator to look like NAMESPACE::NAME, got {name!r}")


def custom_op(name: str, fn: Callable | None = None, /, *, mutates_args: Any, device_types=None, schema: str | None = None,
              tags=None):
    """A Python function as an op ``NAMESPACE::NAME``; without ``fn``, a decorator.

    Args:
        mutates_args: the names of the arguments into which it writes.
        device_types, schema, tags: accepted for PyTorch's sake.

    Raises:
        ValueError: a name of another form.
    """
    _check_name(name)
    if fn is None:
        return lambda function: CustomOpDef(name, function, mutates_args)
    return CustomOpDef(name, fn, mutates_args)


def _op(op) -> CustomOpDef:
    if isinstance(op, CustomOpDef):
        return op
    if op in _defined:
        return _defined[op]
    raise RuntimeError(f"torch.library: there is no op {op!r}: define it with torch.library.custom_op")


def register_autograd(op, backward: Callable, /, *, setup_context=None, lib=None) -> None:
    """:meth:`CustomOpDef.register_autograd` of an op or its name."""
    _op(op).register_autograd(backward, setup_context=setup_context)


def register_kernel(op, device_types, func: Callable | None = None, /, *, lib=None):
    """:meth:`CustomOpDef.register_kernel` of an op or its name."""
    return _op(op).register_kernel(device_types, func)


def register_fake(op, func: Callable | None = None, /, *, lib=None, _stacklevel: int = 1, allow_override: bool = True):
    """:meth:`CustomOpDef.register_fake` of an op or its name."""
    return _op(op).register_fake if func is None else _op(op).register_fake(func)


def impl_abstract(qualname, func=None, *, lib=None, _stacklevel=1):
    """The older name of :func:`register_fake`."""
    return register_fake(qualname, func)


def register_vmap(op, func: Callable | None = None, /, *, lib=None):
    """:meth:`CustomOpDef.register_vmap` of an op or its name."""
    return _op(op).register_vmap(func)


_PYTHON = "ops of users' own are Python functions: torch.library.custom_op; ops for all backends are plugins, see the docs"
Library = refused_class("library.Library", _PYTHON)
define, impl, fallthrough_kernel, get_ctx, get_kernel, infer_schema, register_torch_dispatch, triton_op, wrap_triton = (
    refused_function(f"library.{name}", _PYTHON) for name in (
        "define", "impl", "fallthrough_kernel", "get_ctx", "get_kernel", "infer_schema", "register_torch_dispatch",
        "triton_op", "wrap_triton"))
register_autocast = _no_autocast = refused_function("library.register_autocast", "cast the operands inside the function")
