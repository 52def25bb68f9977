"""``cond`` and ``while_loop``: branches and loops whose condition is a tensor; run by Python."""

from __future__ import annotations

from . import pytree
from .dispatch import is_tensor
from .methods import exporter

__all__: list[str] = []
_export = exporter(__all__)


def _truth(pred, name):
    if is_tensor(pred):
        if pred.numel() != 1:
            raise RuntimeError(f"Expected {name} to be bool or single-element tensor, but got {pred}.")
        return bool(pred.item())
    if not isinstance(pred, (bool, int, float)):
        raise RuntimeError(f"Expected {name} to be bool or tensor, but got {pred}.")
    return bool(pred)


@_export
def cond(pred, true_fn, false_fn, operands=()):
    """``true_fn(*operands)`` if pred is true, else ``false_fn(*operands)``: one of them runs, eagerly, and is
    differentiated.

    Args:
        pred: a bool, a number, or a tensor of one element.
        true_fn, false_fn: functions of the operands.
        operands: a tuple or list of (nested containers of) tensors.

    Raises:
        RuntimeError: arguments of other kinds.
    """
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("Expect both branches to be callable.")
    if not isinstance(operands, (tuple, list)) or any(not is_tensor(t) and not isinstance(t, (int, float, bool))
                                                      for t in pytree.tree_leaves(operands)):
        raise RuntimeError(f"Expect operands to be a tuple of possibly nested dict/list/tuple that only consists of tensor "
                           f"leaves, but got {operands}.")
    return (true_fn if _truth(pred, "pred") else false_fn)(*operands)


@_export
def while_loop(cond_fn, body_fn, carried_inputs):
    """Carries values through ``body_fn`` while ``cond_fn`` of them is true; run eagerly.

    Args:
        cond_fn: from the carried values to a bool or a tensor of one bool.
        body_fn: from the carried values to a tuple of new ones.
        carried_inputs: a tuple or list of values.

    Returns:
        The last values, a tuple.

    Raises:
        RuntimeError: functions that cannot be called, inputs that are no tuple, another number of values.
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    if not isinstance(carried_inputs, (tuple, list)):
        raise RuntimeError(f"Expect carried_inputs to be a tuple or list, but got {type(carried_inputs)}")
    values = tuple(carried_inputs)
    while _truth(cond_fn(*values), "cond_fn to return"):
        found = body_fn(*values)
        if not isinstance(found, (tuple, list)) or len(found) != len(values):
            raise RuntimeError(f"body_fn should return the same number of elements as carried_inputs, {len(values)}, in a "
                               f"tuple; it returned {found}")
        values = tuple(found)
    return values
