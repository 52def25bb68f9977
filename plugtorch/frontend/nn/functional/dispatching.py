"""What PyTorch's ``nn.functional`` itself is made with: checks, and choices by a boolean argument."""

from __future__ import annotations

from typing import Generic, TypeVar

from plugtorch.frontend.overrides import (
    handle_torch_function,
    has_torch_function,
    has_torch_function_unary,
    has_torch_function_variadic,
)
from plugtorch.frontend.tensor import Tensor

__all__ = ["BroadcastingList1", "BroadcastingList2", "BroadcastingList3", "Tensor", "assert_int_or_pair", "boolean_dispatch",
           "handle_torch_function", "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"]
_T = TypeVar("_T")


class BroadcastingList(Generic[_T]):
    """In annotations, ``BroadcastingList2[int]``: a number, or a list of two."""


BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = BroadcastingList


def assert_int_or_pair(arg, arg_name, message):
    """Checks that ``arg`` is a number or has two elements.

    Raises:
        AssertionError: it does not; the text is ``message.format(arg_name)``.
    """
    if not isinstance(arg, int) and len(arg) != 2:
        raise AssertionError(message.format(arg_name))


def boolean_dispatch(arg_name, arg_index, default, if_true, if_false, module_name, func_name):
    """A function that calls ``if_true`` or ``if_false`` by its boolean argument ``arg_name``, at ``arg_index``."""

    def function(*args, **kwargs):
        flag = kwargs.get(arg_name, args[arg_index] if arg_index < len(args) else default)
        return (if_true if flag else if_false)(*args, **kwargs)

    function.__doc__ = if_true.__doc__ or if_false.__doc__
    if module_name is not None:
        function.__module__ = module_name
    if func_name is not None:
        function.__name__ = func_name
    return function
