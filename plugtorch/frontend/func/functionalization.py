"""``functionalize``, and a look at what a transform made of a tensor."""

from __future__ import annotations

import functools

_HELP = """
     remove='mutations': all inplace and out= operators will be removed from the program, and replaced with their out-of-place equivalents.
     remove='mutations_and_views': In addition to the above, all aliasing operators {view} will be replaced with their non-aliasing counterparts, {view}_copy.
"""  # noqa: E501  (PyTorch's wording)


def functionalize(func, *, remove="mutations"):
    """A function that computes what ``func`` does, without in-place ops as far as the outside can tell.

    Backends whose arrays cannot be written need no such step here: every in-place op computes a new array, on all
    levels of ``vmap``. So the function is called as it is.

    Args:
        remove: "mutations" or "mutations_and_views".

    Raises:
        RuntimeError: another value of ``remove``.
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid "
                           f"options are:{_HELP}")

    @functools.wraps(func)
    def wrapped(*args, **kwargs):
        return func(*args, **kwargs)

    return wrapped


def debug_unwrap(tensor, *, recurse=True):
    """The tensor outside of ``vmap`` that a tensor inside stands for, with the mapped axis first; other tensors as they
    are. For debugging alone.

    Args:
        recurse: through all levels, or one.
    """
    while tensor._k.level:
        tensor = tensor._a.value
        if not recurse:
            break
    return tensor
