"""Scaling of losses, so that gradients in float16 do not vanish."""

from __future__ import annotations

import inspect
import warnings
from collections import defaultdict
from collections.abc import Iterable
from enum import Enum

from plugtorch.autograd.mode import no_grad
from plugtorch.spec import dtypes

from .. import state
from ..creation import full
from ..dispatch import is_tensor

__all__ = ["GradScaler", "OptState"]


class OptState(Enum):
    """How far an optimizer has got in this iteration."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


def _fresh_state():
    return {"stage": OptState.READY, "found_inf": None}


class GradScaler:
    """Multiplies losses by a scale, divides gradients by it before a step, skips steps with infinite gradients, and fits the
    scale: P. Micikevicius et al., "Mixed Precision Training" (2018).

    Args:
        device: the kind of device of the model; where the active backend has none of it, the scaler is disabled with a
        warning. init_scale: the first scale.
        growth_factor: by which the scale grows after ``growth_interval`` steps without infinite gradients; more than 1.
        backoff_factor: by which it shrinks after one with them; less than 1.
        enabled: False makes ``scale`` the identity and ``step`` a plain step.
    """

    def __init__(self, device: str = "cuda", init_scale: float = 2.0 ** 16, growth_factor: float = 2.0,
                 backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True) -> None:
        self._device = device
        self._enabled = enabled
        if enabled and device != "cpu" and not any(d.type == device for d in state.current_backend().devices()):
            name = "CUDA" if device == "cuda" else f"device {device!r}"
            prefix = "torch.cuda.amp.GradScaler" if device == "cuda" else "torch.amp.GradScaler"
            warnings.warn(f"{prefix} is enabled, but {name} is not available.  Disabling.", stacklevel=2)
            self._enabled = False
        if self._enabled:
            if growth_factor <= 1.0:
                raise AssertionError("The growth factor must be > 1.0.")
            if backoff_factor >= 1.0:
                raise AssertionError("The backoff factor must be < 1.0.")
            self._init_scale, self._scale = init_scale, None
            self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
            self._growth_interval, self._init_growth_tracker, self._growth_tracker = growth_interval, 0, None
            self._per_optimizer_states = defaultdict(_fresh_state)

    def _check_scale_growth_tracker(self, name):
        fix = "This may indicate your script did not use scaler.scale(loss or outputs) earlier in the iteration."
        if self._scale is None:
            raise AssertionError(f"Attempted {name} but _scale is None.  {fix}")
        if self._growth_tracker is None:
            raise AssertionError(f"Attempted {name} but _growth_tracker is None.  {fix}")

    def scale(self, outputs):
        """A tensor, or an iterable of tensors, times the scale."""
        if not self._enabled:
            return outputs
        if is_tensor(outputs):
            if self._scale is None:
                self._scale = full((), self._init_scale, dtype=dtypes.float32, device=outputs.device)
                self._growth_tracker = full((), self._init_growth_tracker, dtype=dtypes.int32, device=outputs.device)
            return outputs * self._scale.to(outputs.device)
        if isinstance(outputs, Iterable):
            scaled = (self.scale(value) for value in outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    @no_grad()
    def _unscale_grads(self, optimizer, allow_fp16):
        """Divides the gradients by the scale where they are; returns whether any was not finite."""
        inverse, found = self._scale.double().reciprocal().float(), False
        for group in optimizer.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if not allow_fp16 and p.grad.dtype is dtypes.float16:
                    raise ValueError("Attempting to unscale FP16 gradients.")
                grad = p.grad._values() if getattr(p.grad, "is_sparse", False) else p.grad
                found = found or not bool(grad.isfinite().all())
                grad.mul_(inverse.to(grad.device))
        return found

    def unscale_(self, optimizer) -> None:
        """Divides the optimizer's gradients by the scale, for clipping before ``step``.

        Raises:
            RuntimeError: it was done already in this iteration, or comes after the step.
            ValueError: gradients are float16.
        """
        if not self._enabled:
            return
        self._check_scale_growth_tracker("unscale_")
        of_optimizer = self._per_optimizer_states[id(optimizer)]
        if of_optimizer["stage"] is OptState.UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if of_optimizer["stage"] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        of_optimizer["found_inf"] = self._unscale_grads(optimizer, False) if self._has_grads(optimizer) else None
        of_optimizer["stage"] = OptState.UNSCALED

    @staticmethod
    def _has_grads(optimizer):
        return any(p.grad is not None for group in optimizer.param_groups for p in group["params"])

    def step(self, optimizer, *args, **kwargs):
        """The optimizer's step, after dividing the gradients by the scale; left out where one is not finite.

        Returns:
            What the optimizer's step returns, None where it was left out.

        Raises:
            RuntimeError: a closure is given, or this is the second step since ``update``.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._check_scale_growth_tracker("step")
        of_optimizer = self._per_optimizer_states[id(optimizer)]
        if of_optimizer["stage"] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if getattr(optimizer, "_step_supports_amp_scaling", False):
            return self._scaling_step(optimizer, of_optimizer, args, kwargs)
        if of_optimizer["stage"] is OptState.READY:
            self.unscale_(optimizer)
        if of_optimizer["found_inf"] is None:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = None if of_optimizer["found_inf"] else optimizer.step(*args, **kwargs)
        of_optimizer["stage"] = OptState.STEPPED
        return result

    def _scaling_step(self, optimizer, of_optimizer, args, kwargs):
        """For optimizers that divide the gradients themselves: they are told the scale and whether to step."""
        if of_optimizer["stage"] is OptState.READY:
            grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
            of_optimizer["found_inf"] = not all(bool(g.isfinite().all()) for g in grads)
        if "grad_scaler" in inspect.signature(optimizer.step).parameters:
            result = optimizer.step(*args, **kwargs, grad_scaler=self)
        else:
            device = self._scale.device
            optimizer.grad_scale = None if of_optimizer["stage"] is OptState.UNSCALED else self._scale
            optimizer.found_inf = full((), float(of_optimizer["found_inf"]), dtype=dtypes.float32, device=device)
            result = optimizer.step(*args, **kwargs)
            del optimizer.grad_scale, optimizer.found_inf
        of_optimizer["stage"] = OptState.STEPPED
        return result

    @no_grad()
    def update(self, new_scale=None) -> None:
        """Fits the scale after the steps of an iteration; or sets it to a number or a float32 tensor of one element.

        Raises:
            AssertionError: no step was tried since the last update.
        """
        if not self._enabled:
            return
        self._check_scale_growth_tracker("update")
        if new_scale is not None:
            if is_tensor(new_scale):
                if new_scale.numel() != 1 or new_scale.requires_grad or new_scale.dtype is not dtypes.float32:
                    raise AssertionError("new_scale should be a float or a 1-element torch.FloatTensor with "
                                         "requires_grad=False.")
                self._scale.copy_(new_scale.reshape(()))
            else:
                self._scale.fill_(new_scale)
        else:
            found = [s["found_inf"] for s in self._per_optimizer_states.values() if s["found_inf"] is not None]
            if not found:
                raise AssertionError("No inf checks were recorded prior to update.")
            self._fit(any(found))
        self._per_optimizer_states = defaultdict(_fresh_state)

    def _fit(self, found_inf):
        if found_inf:
            self._scale.mul_(self._backoff_factor)
            self._growth_tracker.fill_(0)
            return
        successes = int(self._growth_tracker.item()) + 1
        if successes == self._growth_interval:
            grown = self._scale * self._growth_factor
            if bool(grown.isfinite()):
                self._scale.copy_(grown)
            successes = 0
        self._growth_tracker.fill_(successes)

    def get_scale(self) -> float:
        """The scale, 1.0 when disabled."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else self._scale.item()

    def get_growth_factor(self) -> float:
        """By which the scale grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Sets by which the scale grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """By which the scale shrinks."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Sets by which the scale shrinks."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many steps without infinite gradients the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Sets after how many steps the scale grows."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        return self._init_growth_tracker if self._growth_tracker is None else int(self._growth_tracker.item())

    def is_enabled(self) -> bool:
        """Whether the scaler does anything."""
        return self._enabled

    def state_dict(self) -> dict:
        """The scale, its factors and its count; empty when disabled."""
        if not self._enabled:
            return {}
        return {"scale": self.get_scale(), "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
                "growth_interval": self._growth_interval, "_growth_tracker": self._get_growth_tracker()}

    def load_state_dict(self, state_dict: dict) -> None:
        """Takes up a state.

        Raises:
            RuntimeError: the state is a disabled scaler's.
        """
        if not self._enabled:
            return
        if len(state_dict) == 0:
            raise RuntimeError("The source state dict is empty, possibly because it was saved from a disabled instance of "
                               "GradScaler.")
        self._init_scale = state_dict["scale"]
        if self._scale is not None:
            self._scale.fill_(state_dict["scale"])
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._init_growth_tracker = state_dict["_growth_tracker"]
        if self._growth_tracker is not None:
            self._growth_tracker.fill_(state_dict["_growth_tracker"])

    def __getstate__(self):
        kept = self.__dict__.copy()
        if self._enabled:
            if self._per_optimizer_states:
                raise AssertionError("A GradScaler instance may only be pickled at the beginning of an iteration, or at the "
                                     "end after scaler.update().")
            kept["_init_scale"], kept["_init_growth_tracker"] = self.get_scale(), self._get_growth_tracker()
            kept["_scale"] = kept["_growth_tracker"] = None
            kept["_per_optimizer_states"] = None
        return kept

    def __setstate__(self, kept):
        self.__dict__.update(kept)
        if self._enabled:
            self._per_optimizer_states = defaultdict(_fresh_state)
