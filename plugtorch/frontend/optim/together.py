"""A step of many parameters at once, by a kernel of the backend for the whole rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugtorch.autograd.aliasing import overwrite
from plugtorch.autograd.base import InferenceCell
from plugtorch.autograd.mode import DUAL, mode
from plugtorch.autograd.record import count_version
from plugtorch.frontend.nn.parameter import Parameter
from plugtorch.frontend.overrides import has_torch_function
from plugtorch.frontend.tensor import Tensor
from plugtorch.spec.dtypes import float32, float64
from plugtorch.transforms.tracing.recorder import RECORDER

if TYPE_CHECKING:
    from plugtorch.frontend.optim.optimizer import ElementwiseOptimizer

_PLAIN = {Tensor, Parameter}


def update_together(optimizer: ElementwiseOptimizer, group: dict[str, Any], params: list[Tensor]) -> list[Tensor]:
    """Update those of a group's parameters that the backend's kernel takes: plain tensors, with plain gradients and
    states, on memory of their own. All have a gradient.

    Returns:
        The parameters that are left to be updated one by one.
    """
    k = params[0]._k
    if optimizer._rule not in k.update_rules or mode() & DUAL or has_torch_function(()):
        return params
    numbers = optimizer._numbers(group)
    if any(isinstance(value, Tensor) for value in (*numbers.values(), *numbers.get("betas", ()))):
        return params
    columns: list[list[Any]] = [params]
    names = optimizer._columns(group)
    if names or optimizer._counts_steps:
        states = [optimizer._state_of(group, param) for param in params]
        columns += [[state.get(name) for state in states] for name in names]
        if optimizer._counts_steps:
            columns.append([state.get("step") for state in states])
    grads = [param._grad for param in params]
    left = []
    if not _regular(k, columns, grads):
        kept = []
        for i, row in enumerate(zip(*columns, strict=True)):
            if _regular(k, [row], [grads[i]]):
                kept.append(i)
            else:
                left.append(params[i])
        grads, columns = [grads[i] for i in kept], [[column[i] for i in kept] for column in columns]
        if not kept or not _regular(k, columns, grads):
            return params
    arrays = [[t._a for t in column] for column in columns]
    counts = arrays.pop() if optimizer._counts_steps else []
    recorder = RECORDER.get()
    if recorder is not None and k is recorder.tracer:
        if {a.dtype for column in (*arrays, [g._a for g in grads]) for a in column} not in ({float32}, {float64}):
            return params  # which the kernel would refuse at each run
        updated = k.updated_columns(optimizer._rule, [arrays[0], [g._a for g in grads], *arrays[1:]], counts, numbers)
        for t, array in zip((t for column in columns for t in column), updated, strict=True):
            overwrite(t, array)
        return left
    refused = k.update_columns(optimizer._rule, [arrays[0], [g._a for g in grads], *arrays[1:]], counts, numbers)
    if refused:
        left += [columns[0][i] for i in refused]
        columns = [[t for i, t in enumerate(column) if i not in refused] for column in columns]
    for column in columns:
        for t in column:
            count_version(t)
    return left


def _regular(k: Any, columns: list[Any], grads: list[Tensor]) -> bool:
    """Whether all are plain tensors of one backend, and those of the columns may be written and share no memory with one
    another or with a gradient."""
    written = [t for column in columns for t in column]
    if not _PLAIN.issuperset(map(type, written)) or {Tensor}.symmetric_difference(map(type, grads)):
        return False
    if [t._k for t in written].count(k) < len(written) or [g._k for g in grads].count(k) < len(grads):
        return False
    if InferenceCell in {type(t._cell) for t in written}:
        return False
    memory = {id(t._a) if (at := t._alias) is None else 0 if at.spread else id(at.storage) for t in written}
    borrowed = {id(g._a) if (at := g._alias) is None else id(at.storage) for g in grads}
    return len(memory) == len(written) and 0 not in memory and memory.isdisjoint(borrowed)
