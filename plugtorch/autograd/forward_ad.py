"""Forward-mode differentiation by dual tensors; names of ``torch.autograd.forward_ad``."""

from __future__ import annotations

from typing import NamedTuple

from . import tangents
from .aliasing import view
from .base import TensorBase
from .mode import DUAL, MODE

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]

_current_level = -1


class UnpackedDualTensor(NamedTuple):
    """A tensor and its tangent, which is None where it has none."""

    primal: TensorBase
    tangent: TensorBase | None


def enter_dual_level() -> int:
    """Starts a level, in which tensors may carry tangents; returns its number, 0.

    Raises:
        RuntimeError: a level is entered already.
    """
    global _current_level
    if _current_level >= 0:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _current_level += 1
    tangents.enter(object())
    MODE.set(MODE.get() | DUAL)
    return _current_level


def exit_dual_level(*, level=None) -> None:
    """Ends the level: all tangents are gone.

    Raises:
        RuntimeError: no level, or another one, is entered.
    """
    global _current_level
    if _current_level < 0:
        raise RuntimeError("Dual level must be a positive number.")
    if level is not None and level != _current_level:
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created. This is not "
                           "supported.")
    _current_level -= 1
    tangents.enter(None)
    MODE.set(MODE.get() & ~DUAL)


class dual_level:  # noqa: N801  (PyTorch's name)
    """``with dual_level():`` starts a level, and ends it with the block."""

    def __enter__(self):
        return enter_dual_level()

    def __exit__(self, *exc):
        exit_dual_level()


def _same(t):
    """A view of the whole tensor, without its tangent."""
    twin = view(t, "reshape", {"shape": tuple(t._a.shape)}, node_name="AliasBackward0")
    tangents.attach(twin, None)
    return twin


def make_dual(tensor, tangent, *, level=None):
    """A view of ``tensor`` that carries ``tangent``, of the same shape.

    Raises:
        RuntimeError: no level is entered, the tensor carries a tangent already, or shapes differ.
        ValueError: one of the two is neither floating nor complex.
    """
    if level is None:
        level = _current_level
    if level < 0:
        raise RuntimeError("Trying to create a dual Tensor for forward AD but no level exists, make sure to "
                           "enter_dual_level() first.")
    if level != _current_level:
        raise RuntimeError("Invalid level given to _make_dual")
    for what, t in (("primal", tensor), ("tangent", tangent)):
        if not t.dtype.differentiable:
            raise ValueError(f"Expected {what} to be floating point or complex, but got: {t.dtype!r}")
    if tangents.tangent_of(tensor) is not None:
        raise RuntimeError("Making a dual Tensor based on a Tensor that already has a forward gradient at the same level "
                           f"{level} is not supported.")
    if tuple(tangent._a.shape) != tuple(tensor._a.shape):
        raise RuntimeError("Trying to set a forward gradient that has a different size than that of the original Tensor, "
                           f"this is not supported. Tensor is of size {list(tensor._a.shape)} while the given forward "
                           f"gradient is of size {list(tangent._a.shape)}.")
    dual = _same(tensor)
    tangents.attach(dual, tangent)
    return dual


def unpack_dual(tensor, *, level=None) -> UnpackedDualTensor:
    """The tensor without its tangent, and the tangent or None.

    Raises:
        TypeError: no tensor.
    """
    if not isinstance(tensor, TensorBase):
        raise TypeError(f"_unpack_dual(): argument 'dual' (position 1) must be Tensor, not {type(tensor).__name__}")
    tangent = tangents.tangent_of(tensor)
    if tangent is None:
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(_same(tensor), tangent)
