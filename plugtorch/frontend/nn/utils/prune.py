"""Pruning: parameters multiplied by masks of zeros and ones before each call."""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from plugtorch.frontend import functions as fn
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.tensor import Tensor

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
    "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
    "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove",
]


class BasePruningMethod(ABC):
    """The hook ``NAME = NAME_orig * NAME_mask``; a subclass says in :meth:`compute_mask` what goes.

    Attributes:
        PRUNING_TYPE: "unstructured", "structured" or "global".
    """

    _tensor_name: str
    PRUNING_TYPE: str

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask for importances ``t``: ``default_mask`` with more zeros."""

    def apply_mask(self, module: Module) -> Tensor:
        """The masked parameter."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        mask, original = (getattr(module, self._tensor_name + end) for end in ("_mask", "_orig"))
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None,
              **kwargs: Any) -> BasePruningMethod:
        """Puts the method on a parameter, after those that are on it.

        Raises:
            AssertionError: importances of another shape.
        """
        before = [(key, hook) for key, hook in module._forward_pre_hooks.items()
                  if isinstance(hook, BasePruningMethod) and hook._tensor_name == name]
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        fresh = method
        if before:
            key, old = before[0]
            del module._forward_pre_hooks[key]
            container = old if isinstance(old, PruningContainer) else PruningContainer(old)
            container.add_pruning_method(fresh)
            method = container
        original = getattr(module, name + "_orig") if before else getattr(module, name)
        scores = original if importance_scores is None else importance_scores
        if scores.shape != original.shape:
            raise AssertionError("importance_scores should have the same shape as parameter "
                                 f"{name} of {module}")
        kept = getattr(module, name + "_mask") if before else fn.ones_like(original.detach())
        # The mask is made before the module changes, so that a method that fails leaves it as it is.
        try:
            mask = method.compute_mask(scores.detach(), default_mask=kept)
        except Exception:
            if before:
                module._forward_pre_hooks[before[0][0]] = before[0][1]
            raise
        if not before:
            module.register_parameter(name + "_orig", original)
            del module._parameters[name]
            module.register_buffer(name + "_mask", mask)
        else:
            setattr(module, name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """A tensor masked by this method, once."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError("importance_scores should have the same shape as tensor t")
        return t * self.compute_mask(scores, default_mask=fn.ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        """Makes the masked value the parameter, and takes mask and original away."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned before pruning can be removed")
        weight = self.apply_mask(module)
        original = module._parameters[self._tensor_name + "_orig"]
        if hasattr(module, self._tensor_name):
            delattr(module, self._tensor_name)
        original.data = weight.data
        del module._parameters[self._tensor_name + "_orig"]
        del module._buffers[self._tensor_name + "_mask"]
        setattr(module, self._tensor_name, original)


class PruningContainer(BasePruningMethod):
    """Methods on one parameter, each of which prunes what the ones before it have left."""

    def __init__(self, *args: Any) -> None:
        self._pruning_methods: tuple = ()
        methods = args[0] if len(args) == 1 and isinstance(args[0], Iterable) and not isinstance(
            args[0], BasePruningMethod) else args
        methods = tuple(methods)
        if methods:
            self._tensor_name = methods[0]._tensor_name
        for method in methods:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Adds a method for the same parameter.

        Raises:
            TypeError: it is no method.
            ValueError: it is for another parameter.
        """
        if not isinstance(method, BasePruningMethod) and method is not None:
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is not None and self._tensor_name != method._tensor_name:
            raise ValueError("Can only add pruning methods acting on the parameter named "
                             f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'")
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Any:
        return iter(self._pruning_methods)

    def __getitem__(self, index: Any) -> Any:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        if method.PRUNING_TYPE == "structured":
            dim = method.dim % t.dim()
            rest = tuple(d for d in range(t.dim()) if d != dim)
            alive = mask.sum(rest).ne(0).nonzero().flatten()
            part = method.compute_mask(t.index_select(dim, alive), mask.index_select(dim, alive))
            return mask.index_copy(dim, alive, part.to(mask.dtype))
        if method.PRUNING_TYPE not in ("unstructured", "global"):
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        alive = mask.flatten().eq(1).nonzero().flatten()
        part = method.compute_mask(t.flatten()[alive], mask.flatten()[alive])
        return mask.flatten().index_copy(0, alive, part.to(mask.dtype)).reshape(mask.shape)


def _check_amount(amount):
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if isinstance(amount, numbers.Integral) and amount < 0 or not isinstance(amount, numbers.Integral) and not (
            0.0 <= float(amount) <= 1.0):
        raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")


def _count(amount, size):
    """How many of ``size`` to prune: a number, or a share."""
    if isinstance(amount, numbers.Integral):
        if amount > size:
            raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={size}")
        return int(amount)
    return round(amount * size)


def _check_structured(t, dim):
    if t.dim() <= 1:
        raise ValueError("Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                         f"{t.shape} with {t.dim()} dims")
    if dim >= t.dim():
        raise IndexError(f"Invalid index {dim} for tensor of size {t.shape}")


class Identity(BasePruningMethod):
    """Prunes nothing, but brings mask and hook."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


class _ByAmount(BasePruningMethod):
    def __init__(self, amount: Any) -> None:
        _check_amount(amount)
        self.amount = amount


class RandomUnstructured(_ByAmount):
    """Prunes elements at random: ``amount`` of them, or that share."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _count(self.amount, t.nelement())
        return _without(default_mask, fn.rand_like(t).flatten().topk(count).indices if count else None)


def _without(mask, places):
    if places is None:
        return mask.clone()
    return mask.flatten().index_fill(0, places, 0).reshape(mask.shape)


class L1Unstructured(_ByAmount):
    """Prunes the elements nearest to zero: ``amount`` of them, or that share."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        count = _count(self.amount, t.nelement())
        return _without(default_mask, t.abs().flatten().topk(count, largest=False).indices if count else None)


class _Structured(_ByAmount):
    PRUNING_TYPE = "structured"

    def _kept(self, t, default_mask, keep):
        """The mask with the slices along ``dim`` off where ``keep`` (size of ``dim``) is false."""
        shape = [1] * t.dim()
        shape[self.dim] = -1
        return default_mask * keep.reshape(shape).to(default_mask.dtype)


class RandomStructured(_Structured):
    """Prunes whole slices along ``dim`` at random."""

    def __init__(self, amount: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        _check_structured(t, self.dim)
        count = _count(self.amount, t.shape[self.dim])
        if not count:
            return default_mask
        chances = fn.rand(t.shape[self.dim])
        return self._kept(t, default_mask, (chances > chances.kthvalue(count).values).to(default_mask.device))


class LnStructured(_Structured):
    """Prunes the slices along ``dim`` with the least norm of order ``n``."""

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.n = n
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        _check_structured(t, self.dim)
        size = t.shape[self.dim]
        count = _count(self.amount, size)
        if not count:
            return default_mask
        axes = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        left = t.norm(self.n, axes).topk(size - count).indices
        keep = fn.zeros(size, dtype=default_mask.dtype, device=default_mask.device).index_fill(0, left, 1)
        return self._kept(t, default_mask, keep)


class CustomFromMask(BasePruningMethod):
    """Prunes where a given mask is zero."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if default_mask.shape != self.mask.shape:
            raise AssertionError("mask and parameter should have the same shape")
        return default_mask * self.mask.to(dtype=default_mask.dtype)


def identity(module: Module, name: str) -> Module:
    """Puts mask and hook on a parameter without pruning it; returns the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: Any) -> Module:
    """Prunes elements of a parameter at random: a number of them, or a share."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Module, name: str, amount: Any, importance_scores: Tensor | None = None) -> Module:
    """Prunes the elements of a parameter, or of ``importance_scores``, that are nearest to zero."""
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: Any, dim: int) -> Module:
    """Prunes slices of a parameter along ``dim`` at random."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module: Module, name: str, amount: Any, n: Any, dim: int,
                  importance_scores: Tensor | None = None) -> Module:
    """Prunes the slices of a parameter along ``dim`` with the least norm of order ``n``."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prunes a parameter where a mask is zero."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(parameters: Any, pruning_method: type, importance_scores: dict | None = None, **kwargs: Any) -> None:
    """Prunes several parameters, (module, name) each, as if they were one.

    Raises:
        TypeError: ``parameters`` is no list of pairs, or the method is structured.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    parameters = list(parameters)
    scores = importance_scores or {}
    values = [scores.get((m, name), getattr(m, name)).detach().flatten() for m, name in parameters]
    masks = [getattr(m, name + "_mask", fn.ones_like(getattr(m, name).detach())).flatten() for m, name in parameters]
    if not values:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError('Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
                        f"{pruning_method} of type {method.PRUNING_TYPE}")
    container.add_pruning_method(method)
    final = container.compute_mask(fn.cat(values), fn.cat(masks))
    at = 0
    for module, name in parameters:
        shape = getattr(module, name).shape
        count = getattr(module, name).numel()
        custom_from_mask(module, name, final.narrow(0, at, count).reshape(shape))
        at += count


def remove(module: Module, name: str) -> Module:
    """Makes the pruned value of a parameter permanent; returns the module.

    Raises:
        ValueError: it is not pruned.
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module: Module) -> bool:
    """Whether a module, or one inside it, is pruned."""
    return any(isinstance(hook, BasePruningMethod) for m in module.modules() for hook in m._forward_pre_hooks.values())
