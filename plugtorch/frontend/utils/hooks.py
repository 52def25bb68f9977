"""The hooks a module runs during backward, and the handle that takes any hook away again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from plugtorch.autograd import Function
from plugtorch.autograd.hooks import RemovableHandle
from plugtorch.frontend import functions as fn
from plugtorch.frontend.copying import lost_hooks
from plugtorch.frontend.tensor import Tensor

__all__ = ["BackwardHook", "RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]


def unserializable_hook(f: Callable) -> Callable:
    """Marks a hook that is known to be lost when its tensor is pickled, so that no warning says so; returns it."""
    f.__torch_unserializable__ = True
    return f


def warn_if_has_hooks(tensor: Tensor) -> None:
    """Warns of hooks of a leaf that pickling it would lose, except those marked by :func:`unserializable_hook`."""
    for hook in lost_hooks(tensor):
        warnings.warn(f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, you can decorate the "
                      "function with @torch.utils.hooks.unserializable_hook to suppress this warning", stacklevel=2)


class BackwardHookFunction(Function):
    """The identity on all its tensors at once; its backward shows the gradients to ``on_grads``.

    ``missing_as_none`` says what ``on_grads`` gets where no gradient arrived, None or zeros. What it gives
    back goes on, with zeros in place of None.
    """

    @staticmethod
    def forward(ctx: Any, on_grads: Callable, missing_as_none: bool, *tensors: Tensor) -> Any:
        ctx.set_materialize_grads(not missing_as_none)
        ctx.mark_non_differentiable(*[t for t in tensors if not t.requires_grad])
        ctx.on_grads = on_grads
        ctx.likes = [(tuple(t.shape), t.dtype, t.device) for t in tensors]
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        passed_on = [
            fn.zeros(shape, dtype=dtype, device=device) if grad is None else grad
            for grad, (shape, dtype, device) in zip(ctx.on_grads(grads), ctx.likes, strict=True)
        ]
        return (None, None, *passed_on)


class BackwardHook:
    """Runs a module's full backward hooks and full backward pre-hooks for one forward call.

    An identity node around the inputs and another around the outputs see the gradients pass: the output
    node calls the pre-hooks, the input node calls the hooks. Positions that hold no tensor get None.
    """

    def __init__(self, module: Any, user_hooks: Sequence[Any], user_pre_hooks: Sequence[Any]) -> None:
        self.module = module
        self.user_hooks = user_hooks
        self.user_pre_hooks = user_pre_hooks
        self.grad_outputs: tuple | None = None
        self.n_inputs = -1
        self.input_positions: list[int] | None = None
        self.n_outputs = -1
        self.output_positions: list[int] = []

    def setup_input_hook(self, args: tuple) -> tuple:
        """Wrap the tensors among the positional arguments; return the arguments to call forward with."""
        self.n_inputs = len(args)
        args, self.input_positions = _through_identity(args, self._on_input_grads, False)
        return args

    def setup_output_hook(self, result: Any) -> Any:
        """Wrap the tensors of the module's result, a tensor or a tuple of them."""
        single = not isinstance(result, tuple)
        outputs = (result,) if single else result
        self.n_outputs = len(outputs)
        outputs, positions = _through_identity(outputs, self._on_output_grads, True)
        self.output_positions = positions or []
        return outputs[0] if single else outputs

    def _on_output_grads(self, grads: Sequence[Any]) -> Sequence[Any]:
        grad_outputs = _spread(self.output_positions, grads, self.n_outputs)
        for hook in self.user_pre_hooks:
            replacement = hook(self.module, grad_outputs)
            if replacement is None:
                continue
            grad_outputs = _as_grads(replacement, self.n_outputs, "Backward pre hook", "grad_output")
        self.grad_outputs = grad_outputs
        if self.input_positions is None:
            # No input needs a gradient, so no input node will run: the hooks are called here.
            for hook in self.user_hooks:
                replacement = hook(self.module, (None,) * self.n_inputs, grad_outputs)
                if replacement is not None and any(g is not None for g in replacement):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return "
                        "None or None for all gradients."
                    )
            self.grad_outputs = None
        return tuple(grad_outputs[i] for i in self.output_positions)

    def _on_input_grads(self, grads: Sequence[Any]) -> Sequence[Any]:
        if self.grad_outputs is None:
            # The gradient reached the inputs without passing the outputs (through an intermediate value).
            return grads
        grad_inputs = _spread(self.input_positions, grads, self.n_inputs)
        for hook in self.user_hooks:
            replacement = hook(self.module, grad_inputs, self.grad_outputs)
            if replacement is None:
                continue
            grad_inputs = _as_grads(replacement, self.n_inputs, "Backward hook", "grad_input")
        self.grad_outputs = None
        return tuple(grad_inputs[i] for i in self.input_positions)


def _through_identity(
    values: tuple, on_grads: Callable, missing_as_none: bool
) -> tuple[tuple, list[int] | None]:
    """Send the tensors of ``values`` through one identity node; positions None means none was made."""
    positions = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    if not fn.is_grad_enabled() or not any(values[i].requires_grad for i in positions):
        return values, None
    wrapped = BackwardHookFunction.apply(on_grads, missing_as_none, *[values[i] for i in positions])
    changed = list(values)
    for position, tensor in zip(positions, wrapped, strict=True):
        changed[position] = tensor
    # A namedtuple takes its fields one by one.
    return (tuple(changed) if type(values) is tuple else type(values)(*changed)), positions


def _spread(positions: Sequence[int] | None, grads: Sequence[Any], size: int) -> tuple:
    out: list[Any] = [None] * size
    for position, grad in zip(positions or (), grads, strict=True):
        out[position] = grad
    return tuple(out)


def _as_grads(replacement: Any, expected: int, who: str, what: str) -> tuple:
    grads = replacement if isinstance(replacement, tuple) else (replacement,)
    if len(grads) != expected:
        raise RuntimeError(
            f"{who} returned an invalid number of {what}, got {len(grads)}, but expected {expected}"
        )
    return grads
