"""Optimizer, the base class: parameter groups, state, hooks and saving."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.dispatch import as_number
from plugtorch.frontend.optim.together import update_together
from plugtorch.frontend.tensor import Tensor
from plugtorch.frontend.utils.hooks import RemovableHandle
from plugtorch.spec.dtypes import float32, float64
from plugtorch.spec.registry import load_backend
from plugtorch.transforms.tracing.recorder import RECORDER
from plugtorch.transforms.tracing.tensors import tensor_as_it_is

__all__ = [
    "Optimizer",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
]

_global_pre_hooks: dict[int, Callable] = OrderedDict()
_global_post_hooks: dict[int, Callable] = OrderedDict()


class _RequiredParameter:
    """Stands as the default of a hyper-parameter that every group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _RequiredParameter()


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before every step of every optimizer."""
    return _add_hook(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after every step of every optimizer."""
    return _add_hook(_global_post_hooks, hook)


def _add_hook(hooks: dict[int, Callable], hook: Callable, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def _with_hooks(step: Callable) -> Callable:
    """``step`` with the hooks around it, and a note for schedulers that it ran."""

    @functools.wraps(step)
    def hooked_step(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        own = self.__dict__
        own["_opt_called"] = True
        before = (*_global_pre_hooks.values(), *own["_optimizer_step_pre_hooks"].values())
        # Hooks get the optimizer among the positional arguments too, as the step itself does.
        given = (self, *args)
        for hook in before:
            replacement = hook(self, given, kwargs)
            if replacement is None:
                continue
            if not isinstance(replacement, tuple) or len(replacement) != 2:
                raise RuntimeError(
                    f"{step} must return None or a tuple of (new_args, new_kwargs), but got {replacement}."
                )
            given, kwargs = replacement
        result = step(*given, **kwargs)
        for k in {param._k for group in self.param_groups for param in group["params"][:1]}:
            if k.lazy:
                k.flush()
        for hook in (*own["_optimizer_step_post_hooks"].values(), *_global_post_hooks.values()):
            hook(self, given, kwargs)
        return result

    hooked_step.hooked = True
    return hooked_step


class Optimizer:
    """Base class of all optimizers.

    Args:
        params: tensors, or pairs of name and tensor, or dictionaries with ``"params"`` and the
            hyper-parameters of that group.
        defaults: hyper-parameters of the groups that do not give their own.

    Attributes:
        param_groups: a list of dictionaries; hyper-parameters are read from them at every step.
        state: a dictionary from parameter to the state of its updates.

    Raises:
        TypeError: if ``params`` is a tensor, a set, or contains something other than tensors.
        ValueError: if there are no parameters, one that is no leaf, or one in two groups.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__ and not getattr(cls.step, "hooked", False):
            cls.step = _with_hooks(cls.step)

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._make_hook_tables()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + fn.typename(params)
            )
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _make_hook_tables(self) -> None:
        for table in (
            "_optimizer_step_pre_hooks",
            "_optimizer_step_post_hooks",
            "_optimizer_state_dict_pre_hooks",
            "_optimizer_state_dict_post_hooks",
            "_optimizer_load_state_dict_pre_hooks",
            "_optimizer_load_state_dict_post_hooks",
        ):
            self.__dict__.setdefault(table, OrderedDict())

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_hook_tables()

    def __repr__(self) -> str:
        lines = [type(self).__name__ + " ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
            if i + 1 < len(self.param_groups):
                lines.append("")
        return "\n".join(lines) + "\n)"

    # --- hooks

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before every step; a pair it returns replaces them."""
        return _add_hook(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after every step."""
        return _add_hook(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before :meth:`state_dict`."""
        return _add_hook(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after :meth:`state_dict`; a result replaces it."""
        return _add_hook(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before loading; a result is loaded instead."""
        return _add_hook(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after loading."""
        return _add_hook(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    # --- saving

    def state_dict(self) -> dict[str, Any]:
        """The state as a dictionary.

        Returns:
            ``"state"``, from the number of a parameter, counted over all groups, to its state, and
            ``"param_groups"``, the groups with those numbers in place of the parameters.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            packed = {key: value for key, value in group.items() if key != "params"}
            for param in group["params"]:
                numbers.setdefault(id(param), len(numbers))
            packed["params"] = [numbers[id(param)] for param in group["params"]]
            groups.append(packed)
        state = {
            (numbers[id(key)] if isinstance(key, Tensor) else key): value for key, value in self.state.items()
        }
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            replacement = hook(self, result)
            result = result if replacement is None else replacement
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state and the hyper-parameters from what :meth:`state_dict` gave.

        State tensors are cast to the dtype and moved to the device of their parameter, except step counts.

        Raises:
            ValueError: if the groups or their sizes differ from this optimizer's.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            replacement = hook(self, state_dict)
            state_dict = state_dict if replacement is None else replacement

        groups = self.param_groups
        saved_groups = deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(g["params"]) != len(s["params"]) for g, s in zip(groups, saved_groups, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        owners = {}
        for group, saved in zip(groups, saved_groups, strict=True):
            for param, number in zip(group["params"], saved["params"], strict=True):
                owners[number] = (param, saved)
            saved["params"] = group["params"]
            if "param_names" in group:
                saved.setdefault("param_names", group["param_names"])
        state: defaultdict[Any, Any] = defaultdict(dict)
        for number, value in state_dict["state"].items():
            if number in owners:
                param, group = owners[number]
                state[param] = _cast_state(value, param, group)
            else:
                state[number] = value
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    # --- use

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or fill them with zeros if not ``set_to_none``."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                    continue
                grad = param.grad
                if grad is None:
                    continue
                if grad.grad_fn is not None:
                    grad.detach_()
                else:
                    grad.requires_grad_(False)
                grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; ``closure`` computes the loss again and returns it."""
        raise NotImplementedError(f"{type(self).__name__} does not define step")

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, with hyper-parameters of their own, to those that are optimised."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of "
                "tensors in sets will change between runs. Please use a list instead."
            )
        else:
            params = list(params)
        param_group["params"] = self._split_names(param_group, params)
        self._check_group(param_group)
        self.param_groups.append(param_group)

    def _split_names(self, group: dict[str, Any], params: list[Any]) -> list[Tensor]:
        """Put the names of (name, tensor) pairs into the group; return the tensors."""
        named = [isinstance(item, tuple) for item in params]
        if any(named):
            if not all(named):
                raise ValueError(
                    "all optimizer params should be with/without names. Some param names are missing"
                )
            group["param_names"] = [name for name, _ in params]
            params = [param for _, param in params]
        return params

    def _check_group(self, group: dict[str, Any]) -> None:
        for param in group["params"]:
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is " + fn.typename(param)
                )
            if not self.defaults.get("differentiable") and not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            group.setdefault(name, default)
        ids = [id(param) for param in group["params"]]
        if len(ids) != len(set(ids)):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will "
                "cause an error; list each parameter once",
                stacklevel=4,
            )
        taken = {id(param) for param in chain.from_iterable(g["params"] for g in self.param_groups)}
        if not taken.isdisjoint(ids):
            raise ValueError("some parameters appear in more than one parameter group")
        if self.param_groups and ("param_names" in group) != ("param_names" in self.param_groups[0]):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group with "
                "names to the optimizer without names, or the other way round"
            )


def _cast_state(value: Any, param: Tensor, group: dict[str, Any], key: Any = None) -> Any:
    """``value`` with its tensors in the dtype and on the device of ``param``, containers included."""
    if isinstance(value, Tensor):
        if key == "step":
            # Counts keep their precision; they live beside the parameter only where a kernel reads them.
            if group.get("capturable") or group.get("fused"):
                return value.to(dtype=float32, device=param.device)
            return value
        if param.is_floating_point():
            return value.to(dtype=param.dtype, device=param.device)
        return value.to(device=param.device)
    if isinstance(value, dict):
        return {k: _cast_state(v, param, group, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_cast_state(v, param, group) for v in value)
    return value


class ElementwiseOptimizer(Optimizer):
    """An optimizer that updates each parameter from its own gradient and state alone.

    A subclass defines ``_new_state(group, param)``, the state of a parameter at its first gradient, and
    ``_update(group, param, grad, state, step)``, the update, with ``step`` counted from 1. Complex
    parameters are handed to it as pairs of real numbers.

    Where the class names a ``_rule``, with the hyper-parameters (``_rule_numbers``) and the state (``_columns``) that it
    reads, and the backend has a kernel for it, parameters are updated together, unless ``foreach`` is False or the step
    is differentiated; what the kernel does not take is updated one by one. ``fused`` and ``capturable`` are accepted
    and kept in the groups.
    """

    _rule = ""
    _rule_numbers: tuple[str, ...] = ()

    _counts_steps = True
    _complex_as_real = True
    _takes_sparse = False
    _sparse_advice = ""

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters that have a gradient.

        Args:
            closure: computes the loss again, with gradients, and returns it.

        Returns:
            What ``closure`` returned, or None.
        """
        with fn.set_grad_enabled(bool(self.defaults.get("differentiable"))):
            loss = None
            if closure is not None:
                with fn.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                self._update_group(group)
        return loss

    def _update_group(self, group: dict[str, Any]) -> None:
        params = [param for param in group["params"] if param._grad is not None]
        if params and self._rule and group.get("foreach") is not False and not group.get("differentiable"):
            params = update_together(self, group, params)
        for param in params:
            grad = param.grad
            self._check_grad(grad)
            state = self._state_of(group, param)
            self._update_one(group, param, -grad if group.get("maximize") else grad, state)

    def _state_of(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        """The state of a parameter, made at its first gradient."""
        state = self.state.get(param)
        if not state:
            state = self._new_state(group, param)
            if state:
                self.state[param] = state
        return state

    def _numbers(self, group: dict[str, Any]) -> dict[str, Any]:
        """The hyper-parameters that the rule for many parameters reads."""
        numbers = {}
        for name in self._rule_numbers:
            value = group[name]
            values = [as_number(number(v)) for v in (value if type(value) in (tuple, list) else (value,))]
            numbers[name] = tuple(values) if type(value) in (tuple, list) else values[0]
        return numbers

    def _columns(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The tensors of the state that the rule for many parameters updates, in its order."""
        raise NotImplementedError(f"{type(self).__name__} does not say which state its rule updates")

    def _update_one(self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any]) -> None:
        """Count the step in ``state`` and update ``param``."""
        step = self._advance(state)
        if self._complex_as_real and param.is_complex():
            state = {
                key: fn.view_as_real(value) if isinstance(value, Tensor) and value.is_complex() else value
                for key, value in state.items()
            }
            # Outside the graph the pairs are a view of the parameter's memory.
            target = param if group["differentiable"] else param.detach()
            param, grad = fn.view_as_real(target), fn.view_as_real(grad)
        self._update(group, param, grad, state, step)

    def _advance(self, state: dict[str, Any]) -> float:
        """The number of this step, counted in ``state``; 0 where steps are not counted."""
        if not self._counts_steps:
            return 0
        number = read_scalar(state["step"]) + 1
        write_scalar(state["step"], number)
        return number

    def _check_grad(self, grad: Tensor) -> None:
        """Raise RuntimeError for a gradient of a layout that the update cannot take."""
        if grad.is_sparse and not self._takes_sparse:
            raise RuntimeError(f"{type(self).__name__} does not support sparse gradients{self._sparse_advice}")

    def _new_state(self, group: dict[str, Any], param: Tensor) -> dict[str, Any]:
        raise NotImplementedError(f"{type(self).__name__} does not say which state it keeps")

    def _update(
        self, group: dict[str, Any], param: Tensor, grad: Tensor, state: dict[str, Any], step: float
    ) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not define its update")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)
        if not self._counts_steps:
            return
        # Step counts were Python numbers in checkpoints of long ago.
        for kept in self.state.values():
            if isinstance(kept, dict) and "step" in kept and not isinstance(kept["step"], Tensor):
                kept["step"] = new_scalar(float(kept["step"]))


def new_scalar(value: float) -> Tensor:
    """A scalar of the state: float64 if that is the default dtype, float32 otherwise. It is read at each step, so it lives
    on the host whatever the backend."""
    dtype = float64 if fn.get_default_dtype() == float64 else float32
    host = load_backend("numpy")
    return tensor_as_it_is(host.full(shape=(), value=value, dtype=dtype, device=None), host)


def read_scalar(t: Tensor) -> float:
    """The number that a scalar of the state holds; in a step that is recorded, one that is read at each run."""
    recorder = RECORDER.get()
    return t.item() if recorder is None else recorder.host_scalar(t)


def write_scalar(t: Tensor, value: float) -> None:
    """Gives a scalar of the state another number."""
    recorder = RECORDER.get()
    if recorder is None:
        t.fill_(value)
    else:
        recorder.set_host_scalar(t, value)


def number(value: Any) -> Any:
    """A hyper-parameter as a Python number, where it may be a tensor of one element; one that requires grad stays a tensor,
    as a step that is differentiated has to see it. In a step that is recorded it is read at each run."""
    recorder = RECORDER.get()
    if recorder is not None and isinstance(value, Tensor) and not value.requires_grad:
        return recorder.number_of(value)
    return value.item() if isinstance(value, Tensor) and not value.requires_grad else value


def add_scaled(x: Tensor, direction: Tensor, scale: Any) -> Tensor:
    """``x + scale direction``; ``scale`` may be a tensor that requires grad."""
    # A clone, as the direction may be a parameter or a state that is changed in place before the backward pass.
    return x + direction.clone() * scale if isinstance(scale, Tensor) else x.add(direction, alpha=scale)


def add_scaled_quotient_(param: Tensor, a: Tensor, b: Tensor, scale: Any) -> None:
    """``param + scale a / b`` in place; ``scale`` may be a tensor that requires grad."""
    if a.requires_grad:
        a = a.clone()  # a state, which the next step changes in place
    if isinstance(scale, Tensor):
        param.add_(a / b * scale)
    else:
        param.addcdiv_(a, b, value=scale)


def add_scaled_(param: Tensor, direction: Tensor, scale: Any) -> None:
    """:func:`add_scaled` in place."""
    if isinstance(scale, Tensor):
        param.add_(direction.clone() * scale)
    else:
        param.add_(direction, alpha=scale)


def check(valid: bool, message: str) -> None:
    """Raise ValueError unless ``valid``."""
    if not valid:
        raise ValueError(message)


def check_lr(lr: Any) -> None:
    """Raise ValueError unless ``lr`` is a number from 0 on, or a tensor of one such element."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check(bool(lr >= 0.0), f"Invalid learning rate: {lr}")


def check_fused(fused: bool | None, foreach: bool | None, differentiable: bool) -> None:
    """Raise RuntimeError for implementation choices that exclude one another."""
    if fused:
        if differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
