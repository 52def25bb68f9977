"""Saving a module's state to a dictionary and loading it back."""

from __future__ import annotations

import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.parameter import Parameter, is_lazy
from plugtorch.frontend.tensor import Tensor
from plugtorch.frontend.utils.hooks import RemovableHandle

EXTRA_STATE_KEY_SUFFIX = "_extra_state"


class _IncompatibleKeys(namedtuple("_IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What :meth:`Module.load_state_dict` returns: the keys that had no partner, on either side."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


def _warn_if_no_op(key: str, target: Tensor, source: Tensor) -> None:
    """Say that values were copied to a tensor that has none."""
    if target.device.type == "meta" and source.device.type != "meta":
        warnings.warn(
            f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter in the "
            "current model, which is a no-op. (Did you mean to pass `assign=True` to assign items in the "
            "state dictionary to their corresponding key in the module instead of copying them in place?)",
            stacklevel=7,
        )


class ModuleState:
    """``state_dict`` and ``load_state_dict`` with their hooks."""

    def get_extra_state(self) -> Any:
        """Anything picklable to store beside the tensors; define it together with set_extra_state."""
        raise RuntimeError(
            "Reached a code path in Module.get_extra_state() that should never be called. "
            "A subclass that stores extra state defines both get_extra_state and set_extra_state."
        )

    def set_extra_state(self, state: Any) -> None:
        """Take back what :meth:`get_extra_state` gave, at the end of loading this module."""
        raise RuntimeError(
            "Reached a code path in Module.set_extra_state() that should never be called. "
            "A subclass that stores extra state defines both get_extra_state and set_extra_state."
        )

    def _has_own(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(ModuleState, method)

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after state_dict; a result that is
        not None becomes the state dict."""
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was previously "
                "registered via register_state_dict_post_hook"
            )
        handle = RemovableHandle(self._state_dict_hooks)
        self._state_dict_hooks[handle.id] = hook
        return handle

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after state_dict; it changes the
        dictionary in place and returns None."""
        hook._from_public_api = True
        handle = RemovableHandle(self._state_dict_hooks)
        self._state_dict_hooks[handle.id] = hook
        return handle

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before state_dict collects anything."""
        handle = RemovableHandle(self._state_dict_pre_hooks)
        self._state_dict_pre_hooks[handle.id] = hook
        return handle

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Put this module's own parameters, persistent buffers and extra state into ``destination``."""
        for name, param in self._parameters.items():
            if param is not None:
                destination[prefix + name] = param if keep_vars else param.detach()
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = buffer if keep_vars else buffer.detach()
        if self._has_own("get_extra_state"):
            destination[prefix + EXTRA_STATE_KEY_SUFFIX] = self.get_extra_state()

    def state_dict(
        self, *args: Any, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """The parameters, persistent buffers and extra state of this module and all below it.

        Args:
            destination: an ordered dictionary to fill; a new one if left out.
            prefix: what every key starts with.
            keep_vars: give the parameters themselves, not detached tensors that share their storage.

        Returns:
            An OrderedDict from dotted names to tensors, with the version of each module in its
            ``_metadata`` attribute.
        """
        # The three are also taken by position, in this order, as older code passes them.
        if args:
            destination = args[0] if destination is None else destination
            prefix = args[1] if len(args) > 1 and prefix == "" else prefix
            keep_vars = args[2] if len(args) > 2 and keep_vars is False else keep_vars
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()

        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata

        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=prefix + name + ".", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            result = hook(self, destination, prefix, local_metadata)
            if not getattr(hook, "_from_public_api", False):
                if result is not None:
                    destination = result
            elif result is not None:
                raise RuntimeError("state_dict post-hook must return None")
        return destination

    def _register_load_state_dict_pre_hook(
        self, hook: Callable, with_module: bool = False
    ) -> RemovableHandle:
        """Call ``hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs)`` before this module loads; with the module in front if ``with_module``."""
        handle = RemovableHandle(
            self._load_state_dict_pre_hooks, extra_dict=self._load_state_dict_pre_hooks_with_module
        )
        self._load_state_dict_pre_hooks[handle.id] = hook
        if with_module:
            self._load_state_dict_pre_hooks_with_module[handle.id] = True
        return handle

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs)`` before this module loads."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after this module loaded; it may change the two lists
        in place and returns None."""
        handle = RemovableHandle(self._load_state_dict_post_hooks)
        self._load_state_dict_post_hooks[handle.id] = hook
        return handle

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, Any],
        prefix: str,
        local_metadata: Mapping[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Copy this module's own entries of ``state_dict``, without those below it.

        Keys are collected in ``missing_keys`` and ``unexpected_keys`` and problems in ``error_msgs``;
        :meth:`load_state_dict` reports them all at once.
        """
        for hook_id, hook in list(self._load_state_dict_pre_hooks.items()):
            owner = (self,) if hook_id in self._load_state_dict_pre_hooks_with_module else ()
            hook(
                *owner, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
            )

        assign = local_metadata.get("assign_to_params_buffers", False)
        own = dict(self._parameters)
        own.update((k, v) for k, v in self._buffers.items() if k not in self._non_persistent_buffers_set)
        for name, target in own.items():
            if target is None:
                continue
            key = prefix + name
            if key in state_dict:
                self._load_tensor(name, target, key, state_dict[key], assign, error_msgs)
            elif strict:
                missing_keys.append(key)

        extra_key = prefix + EXTRA_STATE_KEY_SUFFIX
        if self._has_own("set_extra_state"):
            if extra_key in state_dict:
                self.set_extra_state(state_dict[extra_key])
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)

        if strict:
            for key in state_dict:
                if not key.startswith(prefix) or key == extra_key:
                    continue
                head, dot, _ = key[len(prefix) :].partition(".")
                # A dotted key may belong to a child, which reports its own; a plain one belongs here.
                known = head in self._modules if dot else head in own
                if not known:
                    unexpected_keys.append(key)

    def _load_tensor(
        self, name: str, target: Tensor, key: str, source: Any, assign: bool, error_msgs: list[str]
    ) -> None:
        """Copy ``source`` into ``target``, or put it in its place if ``assign``."""
        if not isinstance(source, Tensor):
            error_msgs.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                f"from checkpoint but received {type(source)}"
            )
            return
        lazy = is_lazy(target)
        if not lazy:
            if target.dim() == 0 and source.dim() == 1:
                source = source[0]  # checkpoints of long ago kept scalars as one-element vectors
            if source.shape != target.shape:
                error_msgs.append(
                    f"size mismatch for {key}: copying a param with shape {source.shape} from checkpoint, "
                    f"the shape in current model is {target.shape}."
                )
                return
        try:
            with fn.no_grad():
                if not assign:
                    _warn_if_no_op(key, target, source)
                    target.copy_(source)
                    return
                if isinstance(target, Parameter):
                    if not isinstance(source, Parameter):
                        source = Parameter(source, requires_grad=target.requires_grad)
                    else:
                        source.requires_grad_(target.requires_grad)
                setattr(self, name, source)
        except Exception as error:
            error_msgs.append(
                f'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{'unknown' if lazy else target.size()} and whose dimensions in the checkpoint are "
                f"{source.size()}, an exception occurred : {error.args}."
            )

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy parameters and buffers from ``state_dict`` into this module and all below it.

        Args:
            state_dict: as :meth:`state_dict` returns it.
            strict: raise if the keys do not match exactly.
            assign: put the given tensors in place of the module's own instead of copying their values;
                their dtype and device then count, ``requires_grad`` stays as it was.

        Returns:
            The missing and the unexpected keys.

        Raises:
            RuntimeError: on a shape that does not fit, and on key mismatches if ``strict``.
            TypeError: if ``state_dict`` is no mapping.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing_keys: list[str] = []
        unexpected_keys: list[str] = []
        error_msgs: list[str] = []
        metadata = getattr(state_dict, "_metadata", None)
        entries = OrderedDict(state_dict)
        if metadata is not None:
            entries._metadata = metadata

        def load(module: Any, local: Mapping[str, Any], prefix: str) -> None:
            local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
            if assign:
                local_metadata["assign_to_params_buffers"] = assign
            module._load_from_state_dict(
                local, prefix, local_metadata, True, missing_keys, unexpected_keys, error_msgs
            )
            for name, child in module._modules.items():
                if child is not None:
                    start = prefix + name + "."
                    load(child, OrderedDict((k, v) for k, v in local.items() if k.startswith(start)), start)
            incompatible = _IncompatibleKeys(missing_keys, unexpected_keys)
            for hook in module._load_state_dict_post_hooks.values():
                if hook(module, incompatible) is not None:
                    raise AssertionError(
                        "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to "
                        "return new values, if incompatible_keys need to be modified, it should be done "
                        "inplace."
                    )

        load(self, entries, "")

        if strict:
            for what, keys in (("Unexpected", unexpected_keys), ("Missing", missing_keys)):
                if keys:
                    listed = ", ".join(f'"{key}"' for key in keys)
                    error_msgs.insert(0, f"{what} key(s) in state_dict: {listed}. ")
        if error_msgs:
            raise RuntimeError(
                "Error(s) in loading state_dict for {}:\n\t{}".format(
                    type(self).__name__, "\n\t".join(error_msgs)
                )
            )
        return _IncompatibleKeys(missing_keys, unexpected_keys)
