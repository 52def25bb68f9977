"""Hooks of modules: the global ones, how hooks are registered, and a call that runs them."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from plugtorch.frontend.tensor import Tensor
from plugtorch.frontend.utils.hooks import BackwardHook, RemovableHandle

__all__ = [
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

Hooks = OrderedDict[int, Callable]


class GlobalHooks:
    """The hooks that run for every module of the process."""

    def __init__(self) -> None:
        self.forward_pre: Hooks = OrderedDict()
        self.forward: Hooks = OrderedDict()
        self.forward_with_kwargs: dict[int, bool] = OrderedDict()
        self.forward_always_called: dict[int, bool] = OrderedDict()
        self.backward_pre: Hooks = OrderedDict()
        self.backward: Hooks = OrderedDict()
        self.is_full_backward: bool | None = None
        self.parameter_registration: Hooks = OrderedDict()
        self.buffer_registration: Hooks = OrderedDict()
        self.module_registration: Hooks = OrderedDict()
        self.on_call = False

    def refresh(self) -> None:
        """Recompute ``on_call``, the one flag that a module call reads."""
        self.on_call = bool(self.forward_pre or self.forward or self.backward_pre or self.backward)


GLOBAL = GlobalHooks()


class _CallHookHandle(RemovableHandle):
    """The handle of a global hook on calls: removal also brings the fast-path flag up to date."""

    def remove(self) -> None:
        super().remove()
        GLOBAL.refresh()


def _register(hooks: Hooks, hook: Callable, extra: dict[Any, bool] | None = None) -> RemovableHandle:
    handle = RemovableHandle(hooks, extra_dict=extra)
    hooks[handle.id] = hook
    return handle


def _register_on_call(hooks: Hooks, hook: Callable, extra: Any = None) -> RemovableHandle:
    handle = _CallHookHandle(hooks, extra_dict=extra)
    hooks[handle.id] = hook
    GLOBAL.refresh()
    return handle


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, param)`` whenever a parameter is registered; its result, if not None,
    is registered instead."""
    return _register(GLOBAL.parameter_registration, hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` whenever a buffer is registered; its result, if not None,
    is registered instead."""
    return _register(GLOBAL.buffer_registration, hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` whenever a submodule is registered; its result, if not None,
    is registered instead."""
    return _register(GLOBAL.module_registration, hook)


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, args)`` before the forward of every module, ahead of the module's own hooks."""
    return _register_on_call(GLOBAL.forward_pre, hook)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the forward of every module, ahead of its own hooks.

    Args:
        hook: its result, if not None, replaces the output.
        with_kwargs: call ``hook(module, args, kwargs, output)`` instead.
        always_call: run the hook even if forward raised.
    """
    handle = _register_on_call(
        GLOBAL.forward, hook, [GLOBAL.forward_with_kwargs, GLOBAL.forward_always_called]
    )
    if with_kwargs:
        GLOBAL.forward_with_kwargs[handle.id] = True
    if always_call:
        GLOBAL.forward_always_called[handle.id] = True
    return handle


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` with the gradients of the node that made the output
    of every module. Deprecated in favour of :func:`register_module_full_backward_hook`."""
    if GLOBAL.is_full_backward is True:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
            "Please use only one of them."
        )
    GLOBAL.is_full_backward = False
    return _register_on_call(GLOBAL.backward, hook)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the backward of every module; its result, if not None,
    replaces ``grad_output``."""
    return _register_on_call(GLOBAL.backward_pre, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` once the gradients with respect to the inputs of a
    module are there, for every module; its result, if not None, replaces ``grad_input``."""
    if GLOBAL.is_full_backward is False:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
            "Please use only one of them."
        )
    GLOBAL.is_full_backward = True
    return _register_on_call(GLOBAL.backward, hook)


class ModuleHooks:
    """Registration of hooks on one module, and the call that runs them."""

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before every ``forward``.

        A result that is not None replaces the positional arguments (a single value is wrapped into a
        tuple). With ``with_kwargs`` the call is ``hook(module, args, kwargs)`` and a result is the pair
        of new arguments. ``prepend`` puts the hook ahead of those already there.
        """
        handle = RemovableHandle(self._forward_pre_hooks, extra_dict=self._forward_pre_hooks_with_kwargs)
        self._forward_pre_hooks[handle.id] = hook
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs[handle.id] = True
        if prepend:
            self._forward_pre_hooks.move_to_end(handle.id, last=False)
        return handle

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after every ``forward``; a result that is not None replaces
        the output.

        With ``with_kwargs`` the call is ``hook(module, args, kwargs, output)``. ``prepend`` puts the hook
        ahead of those already there. ``always_call`` runs it even if forward raised.
        """
        extras = [self._forward_hooks_with_kwargs, self._forward_hooks_always_called]
        handle = RemovableHandle(self._forward_hooks, extra_dict=extras)
        self._forward_hooks[handle.id] = hook
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        if prepend:
            self._forward_hooks.move_to_end(handle.id, last=False)
        return handle

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the module's backward; a result that is not None
        replaces ``grad_output``, a tuple with None where an output is no tensor."""
        handle = RemovableHandle(self._backward_pre_hooks)
        self._backward_pre_hooks[handle.id] = hook
        if prepend:
            self._backward_pre_hooks.move_to_end(handle.id, last=False)
        return handle

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` once the gradients with respect to the positional
        inputs are there; a result that is not None replaces ``grad_input``."""
        if self._is_full_backward_hook is False:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. "
                "Please use only one of them."
            )
        self._is_full_backward_hook = True
        handle = RemovableHandle(self._backward_hooks)
        self._backward_hooks[handle.id] = hook
        if prepend:
            self._backward_hooks.move_to_end(handle.id, last=False)
        return handle

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` with the gradients of the node that made the
        output. Deprecated in favour of :meth:`register_full_backward_hook`."""
        if self._is_full_backward_hook is True:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. "
                "Please use only one of them."
            )
        self._is_full_backward_hook = False
        return _register(self._backward_hooks, hook)

    def _get_backward_hooks(self) -> tuple[list[Callable], list[Callable]]:
        """The backward hooks that apply to this module: the full ones, then the old kind."""
        full: list[Callable] = []
        old: list[Callable] = []
        (full if GLOBAL.is_full_backward is True else old).extend(GLOBAL.backward.values())
        (full if self._is_full_backward_hook is True else old).extend(self._backward_hooks.values())
        return full, old

    def _get_backward_pre_hooks(self) -> list[Callable]:
        return [*GLOBAL.backward_pre.values(), *self._backward_pre_hooks.values()]

    def _call_with_hooks(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        called: set[int] = set()
        try:
            return self._run_hooked(args, kwargs, called)
        except Exception:
            self._run_always_called(args, kwargs, called)
            raise

    def _run_hooked(self, args: tuple, kwargs: dict[str, Any], called: set[int]) -> Any:
        full_hooks, old_hooks = self._get_backward_hooks()
        pre_hooks = self._get_backward_pre_hooks()

        for hook_id, hook in (*GLOBAL.forward_pre.items(), *self._forward_pre_hooks.items()):
            if hook_id in self._forward_pre_hooks_with_kwargs:
                replacement = hook(self, args, kwargs)
                if replacement is None:
                    continue
                if not isinstance(replacement, tuple) or len(replacement) != 2:
                    raise RuntimeError(
                        "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {replacement}."
                    )
                args, kwargs = replacement
            else:
                replacement = hook(self, args)
                if replacement is not None:
                    args = replacement if isinstance(replacement, tuple) else (replacement,)

        backward_hook = None
        if full_hooks or pre_hooks:
            backward_hook = BackwardHook(self, full_hooks, pre_hooks)
            args = backward_hook.setup_input_hook(args)

        result = self.forward(*args, **kwargs)

        for hook_id, hook in (*GLOBAL.forward.items(), *self._forward_hooks.items()):
            if hook_id in self._forward_hooks_always_called or hook_id in GLOBAL.forward_always_called:
                called.add(hook_id)
            replacement = self._call_forward_hook(hook_id, hook, args, kwargs, result)
            if replacement is not None:
                result = replacement

        if backward_hook is not None:
            if isinstance(result, Tensor | tuple):
                result = backward_hook.setup_output_hook(result)
            else:
                warnings.warn(
                    "For backward hooks to be called, module output should be a Tensor or a tuple of "
                    f"Tensors but received {type(result)}",
                    stacklevel=4,
                )
        if old_hooks:
            self._attach_old_backward_hooks(old_hooks, args, result)
        return result

    def _call_forward_hook(self, hook_id: int, hook: Callable, args: tuple, kwargs: dict, result: Any) -> Any:
        if hook_id in self._forward_hooks_with_kwargs or hook_id in GLOBAL.forward_with_kwargs:
            return hook(self, args, kwargs, result)
        return hook(self, args, result)

    def _run_always_called(self, args: tuple, kwargs: dict[str, Any], called: set[int]) -> None:
        """Run the hooks registered with ``always_call`` that the failed call did not reach."""
        for scope, marked, hooks in (
            ("global module", GLOBAL.forward_always_called, GLOBAL.forward),
            ("module", self._forward_hooks_always_called, self._forward_hooks),
        ):
            for hook_id, hook in list(hooks.items()):
                if hook_id not in marked or hook_id in called:
                    continue
                try:
                    self._call_forward_hook(hook_id, hook, args, kwargs, None)
                except Exception as error:
                    warnings.warn(
                        f"{scope} forward hook with ``always_call=True`` raised an exception that was "
                        f"silenced as another error was raised in forward: {error}",
                        stacklevel=4,
                    )

    def _attach_old_backward_hooks(self, hooks: list[Callable], args: tuple, result: Any) -> None:
        value = result
        while not isinstance(value, Tensor):
            if isinstance(value, dict):
                value = next((v for v in value.values() if isinstance(v, Tensor)), None)
            elif isinstance(value, list | tuple) and value:
                value = value[0]
            else:
                value = None
            if value is None:
                return
        node = value.grad_fn
        if node is None:
            return
        for hook in hooks:
            node.register_hook(_bind(hook, self))
        self._warn_if_not_full(args, result, node)

    def _warn_if_not_full(self, args: tuple, result: Any, node: Any) -> None:
        """The old hooks see the last node only; say so where that differs from the whole module."""
        outputs = (result,) if isinstance(result, Tensor) else result
        on_module = "Using non-full backward hooks on a Module that does not"
        on_nodes = "Using a non-full backward hook when"
        if not isinstance(outputs, tuple) or not all(isinstance(r, Tensor) for r in outputs):
            when = f"{on_module} return a single Tensor or a tuple of Tensors"
            missing = "some of the grad_output"
        elif not all(isinstance(a, Tensor) for a in args):
            when = f"{on_module} take as input a single Tensor or a tuple of Tensors"
            missing = "some of the grad_input"
        elif len({id(r.grad_fn) for r in outputs}) > 1:
            when = f"{on_nodes} outputs are generated by different autograd Nodes"
            missing = "some grad_output"
        else:
            parents = {id(parent) for parent, _ in node.next_functions if parent is not None}
            inputs = {id(a.grad_fn) for a in args if a.grad_fn is not None}
            if inputs == parents:
                return
            when = f"{on_nodes} the forward contains multiple autograd Nodes"
            missing = "some grad_input"
        warnings.warn(
            f"{when} is deprecated and will be removed in future versions. This hook will be missing "
            f"{missing}. Please use register_full_backward_hook to get the documented behavior.",
            FutureWarning,
            stacklevel=5,
        )


def _bind(hook: Callable, module: Any) -> Callable:
    def call(grad_input: Any, grad_output: Any) -> Any:
        return hook(module, grad_input, grad_output)

    return call
