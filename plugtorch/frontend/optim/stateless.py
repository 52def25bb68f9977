"""Other parameters and other state for an optimizer, for the length of a block."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from plugtorch.frontend.optim.optimizer import Optimizer
from plugtorch.frontend.tensor import Tensor

__all__ = ["swap_in_optimizer_params_and_state"]

_NAME = "swap_in_optimizer_params_and_state"


def _require(valid: bool, message: str) -> None:
    if not valid:
        raise RuntimeError(message)


def _checked_state(optimizer: Optimizer, swapin: Any) -> tuple[dict, list]:
    """State and groups of what must be the ``state_dict`` of an optimizer."""
    _require(bool(optimizer.state), f"{_NAME} requires initialized optimizer state.")
    _require(isinstance(swapin, dict), f"{_NAME} requires a DCP-style optimizer state_dict.")
    state, groups = swapin.get("state"), swapin.get("param_groups")
    _require(isinstance(state, dict), f"{_NAME} requires swapin_optim_state['state'] to be a dict mapping packed parameter "
                                      f"ids to per-param state dicts, got {type(state).__name__}.")
    _require(not any(isinstance(key, Tensor) for key in state),
             f"{_NAME} requires optimizer.state_dict()-style state keyed by packed parameter ids.")
    _require(all(isinstance(value, dict) for key, value in state.items() if isinstance(key, int)),
             f"{_NAME} requires per-parameter optimizer state entries to be dictionaries.")
    _require(isinstance(groups, list), f"{_NAME} requires swapin_optim_state['param_groups'] to be a list of param-group "
                                       f"dicts, got {type(groups).__name__}.")
    _require(len(groups) == len(optimizer.param_groups),
             "swapin_optim_state has a different number of parameter groups than the live optimizer.")
    return state, groups


def _checked_numbers(i: int, group: dict[str, Any], given: Any) -> list[int]:
    """The numbers of a given group's parameters, where it is like the optimizer's group ``i``."""
    _require(isinstance(given, dict), f"{_NAME} requires each optimizer param group to be a dictionary.")
    numbers = given.get("params")
    _require(isinstance(numbers, list) and all(isinstance(n, int) for n in numbers),
             f"{_NAME} requires optimizer.state_dict()-style param_groups[*]['params'] entries keyed by packed parameter "
             f"ids.")
    _require(len(numbers) == len(group["params"]),
             f"swapin_optim_state param group {i} has a different number of params than the live optimizer param group.")
    only_given, only_own = [k for k in given if k not in group], [k for k in group if k not in given]
    _require(not only_given and not only_own,
             f"{_NAME} requires optimizer.state_dict()-style param group keys to exactly match the live optimizer group "
             f"keys for group {i}. Keys only in swap-in: {only_given}. Keys only in live: {only_own}.")
    return numbers


@contextlib.contextmanager
def swap_in_optimizer_params_and_state(
    optimizer: Optimizer, swapin_parameters: dict[str, Tensor], swapin_optim_state: dict[str, Any]
) -> Iterator[None]:
    """Inside the block the optimizer has other parameters, state and hyper-parameters; then its own again.

    Args:
        optimizer: has taken a step, so that it has state.
        swapin_parameters: the parameters, in the order of the optimizer's own; names do not matter.
        swapin_optim_state: in the form of ``state_dict()``. Tensors in it are changed in place by steps in the block;
            what steps replace is not written back.

    Raises:
        RuntimeError: the optimizer has no state, or what is given is not like it; nothing has changed then.
    """
    state, groups = _checked_state(optimizer, swapin_optim_state)
    left = list(swapin_parameters.values())
    swapped, new_state, known = [], defaultdict(dict), set()
    for i, (group, given) in enumerate(zip(optimizer.param_groups, groups, strict=True)):
        numbers = _checked_numbers(i, group, given)
        _require(len(numbers) <= len(left),
                 f"{_NAME} requires the explicit parameter state to match optimizer.param_groups ordering.")
        params, left = left[:len(numbers)], left[len(numbers):]
        known.update(numbers)
        swapped.append({**given, "params": params})
        for param, number in zip(params, numbers, strict=True):
            new_state[param] = dict(state.get(number, {}))
    extra = [key for key in state if key not in known]
    _require(not extra, f"{_NAME} requires swapin_optim_state['state'] to be keyed only by packed parameter ids from "
                        f"param_groups[*]['params']; got extra keys {extra!r}.")
    own_state, own_groups = optimizer.state, [dict(group) for group in optimizer.param_groups]
    try:
        for group, given in zip(optimizer.param_groups, swapped, strict=True):
            group.update(given)
        optimizer.state = new_state
        yield
    finally:
        for group, kept in zip(optimizer.param_groups, own_groups, strict=True):
            group.clear()
            group.update(kept)
        optimizer.state = own_state
