"""Modules whose parameter shapes come from the first input."""

from __future__ import annotations

import warnings
from typing import Any

from plugtorch.frontend.nn.parameter import is_lazy

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin:
    """Put ahead of a module class to make a lazy version of it.

    The lazy class starts with uninitialised parameters and defines ``initialize_parameters``, which is
    called with the inputs of the first forward. The module then becomes an instance of
    ``cls_to_become``.
    """

    cls_to_become: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(_prepare_load, with_module=True)
        self._initialize_hook = self.register_forward_pre_hook(_infer_parameters, with_kwargs=True)
        warnings.warn(
            "Lazy modules are a new feature under heavy development so changes to the API or "
            "functionality can happen at any moment.",
            stacklevel=2,
        )

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        # An uninitialised parameter has no values to detach: it is stored itself.
        for name, tensor in (*self._parameters.items(), *self._buffers.items()):
            if tensor is None or name in self._non_persistent_buffers_set:
                continue
            destination[prefix + name] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes, from the inputs of forward."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}: a lazy module defines it"
        )

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer of this module has no shape yet."""
        return any(is_lazy(t) for t in self._own_tensors())


def _prepare_load(module: Any, state_dict: Any, prefix: str, *_: Any) -> None:
    """Give uninitialised tensors the shapes that ``state_dict`` has for them."""
    for name, tensor in (*module._parameters.items(), *module._buffers.items()):
        stored = state_dict.get(prefix + name)
        if is_lazy(tensor) and stored is not None and not is_lazy(stored):
            tensor.materialize(stored.shape)


def _infer_parameters(module: Any, args: tuple, kwargs: dict[str, Any] | None = None) -> None:
    module.initialize_parameters(*args, **(kwargs or {}))
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
    module._initialize_hook.remove()
    module._load_hook.remove()
    del module._initialize_hook
    del module._load_hook
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become
