"""Type annotations, overloads, switches and asynchronous calls of ``torch.jit``."""

from __future__ import annotations

import contextlib
import types
import typing
from typing import Final

from plugtorch.frontend.futures import Future

__all__ = [
    "Final", "annotate", "enable_onednn_fusion", "fork", "fuser", "isinstance", "onednn_fusion_enabled",
    "optimized_execution", "set_fusion_strategy", "strict_fusion", "wait",
]


def annotate(the_type, the_value):
    """The value; the type is for compilers."""
    return the_value


def _is(obj, target) -> bool:
    origin, args = typing.get_origin(target), typing.get_args(target)
    if target is typing.Any:
        return True
    if target is None:
        return obj is None
    if origin is None:
        return _plain_isinstance(obj, target)
    if origin in (typing.Union, types.UnionType):
        return any(_is(obj, t) for t in args)
    if not _plain_isinstance(obj, origin):
        return False
    if origin is dict:
        return all(_is(k, args[0]) and _is(v, args[1]) for k, v in obj.items())
    if origin is tuple and not (len(args) == 2 and args[1] is Ellipsis):
        return len(obj) == len(args) and all(map(_is, obj, args))
    return all(_is(element, args[0]) for element in obj)


_plain_isinstance = isinstance


def isinstance(obj, target_type) -> bool:  # noqa: A001  (PyTorch's name)
    """Whether an object is of a type such as ``List[int]``, its elements included.

    Args:
        target_type: a type, a generic type, or a tuple of types, one of which it may be.
    """
    if _plain_isinstance(target_type, tuple):
        return any(_is(obj, t) for t in target_type)
    return _is(obj, target_type)


def overload(func):
    """Marks one of several signatures; the function that is defined last under the name is the one that runs."""
    return func


overload_method = overload


def fork(func, *args, **kwargs) -> Future:
    """Calls the function, now and on this thread, and gives a future of its result."""
    future: Future = Future()
    future.set_result(func(*args, **kwargs))
    return future


def wait(future):
    """The value of a future of :func:`fork`."""
    return future.wait()


_onednn = False


def enable_onednn_fusion(enabled: bool) -> None:
    """Sets what :func:`onednn_fusion_enabled` answers; nothing is fused."""
    global _onednn
    _onednn = bool(enabled)


def onednn_fusion_enabled() -> bool:
    """What :func:`enable_onednn_fusion` was told."""
    return _onednn


_strategy = [("STATIC", 2), ("DYNAMIC", 10)]


def set_fusion_strategy(strategy: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Keeps a strategy of fusing ops, which has no effect, and returns the one before."""
    global _strategy
    before, _strategy = _strategy, list(strategy)
    return before


@contextlib.contextmanager
def optimized_execution(should_optimize: bool):
    """A block, run as any: there is nothing to optimise."""
    yield


@contextlib.contextmanager
def fuser(name: str):
    """A block, run as any: nothing is fused.

    Raises:
        Exception: a name of no fuser.
    """
    if name not in ("fuser0", "fuser1", "fuser2", "fuser3", "none"):
        raise Exception(f"unrecognized fuser option (name: {name})")
    yield


class strict_fusion:  # noqa: N801
    """A block in which compiled code would have to be fused; nothing is compiled, so it is run as any."""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None
