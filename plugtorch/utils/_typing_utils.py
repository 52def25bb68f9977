"""Helpers for annotations; names of ``torch.utils._typing_utils``. The decorators tell type checkers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

_T, _R, _A = TypeVar("_T"), TypeVar("_R"), TypeVar("_A")
_P = ParamSpec("_P")


def not_none(obj: _T | None) -> _T:
    """What it is given.

    Raises:
        TypeError: it is None.
    """
    if obj is None:
        raise TypeError("Invariant encountered: value was None when it should not be")
    return obj


def copy_func_params(source_func: Callable[_P, Any]) -> Callable[[Callable[..., _R]], Callable[_P, _R]]:
    """A decorator that gives a function the parameters of another."""
    return lambda func: cast(Callable[_P, _R], func)


def copy_method_params(
    source_method: Callable[Concatenate[Any, _P], Any],
) -> Callable[[Callable[..., _R]], Callable[Concatenate[_A, _P], _R]]:
    """A decorator that gives a method the parameters of another after the first."""
    return lambda func: cast(Callable[Concatenate[_A, _P], _R], func)
