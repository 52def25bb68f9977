"""Hooks that make a parameter before each call of a module, as the older weight_norm and spectral_norm do."""

from __future__ import annotations

from ..modules.module import Module


def hook_of(module: Module, kind: type, name: str):
    """The key of the hook of a class for a parameter, or None."""
    hooks = module._forward_pre_hooks.items()
    return next((key for key, hook in hooks if isinstance(hook, kind) and hook.name == name), None)


def refuse_second(module: Module, kind: type, name: str, what: str) -> None:
    """Raises if a parameter has a hook of this class.

    Raises:
        RuntimeError: it has.
    """
    if hook_of(module, kind, name) is not None:
        raise RuntimeError(f"Cannot register two {what} hooks on the same parameter {name}")


def take_off(module: Module, kind: type, name: str, what: str) -> Module:
    """Removes the hook of this class from a parameter, which becomes an ordinary one; returns the module.

    Raises:
        ValueError: there is none.
    """
    key = hook_of(module, kind, name)
    if key is None:
        raise ValueError(f"{what} of '{name}' not found in {module}")
    module._forward_pre_hooks.pop(key).remove(module)
    return module
