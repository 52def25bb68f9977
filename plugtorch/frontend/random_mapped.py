"""Random values inside of mapped functions: refused, the same for all samples, or different for each.

Different values are drawn at once, with the mapped axes first, as if the function had been called with them.
"""

from __future__ import annotations

import functools

from plugtorch.autograd.aliasing import check_inplace, overwrite, rebase
from plugtorch.autograd.base import TensorBase, wrap
from plugtorch.autograd.mode import NO_GRAD, mode
from plugtorch.autograd.record import differentiable
from plugtorch.transforms.levels import LEVELS

_REFUSED = (
    "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
    "randomness flags on vmap or perform the randomness operation out of vmap"
)
_UNBATCHED = (
    "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear like same randomness. If "
    "this is necessary for your usage, please file an issue with functorch."
)


def different_levels() -> tuple:
    """The levels whose samples get different values, the outermost first.

    Raises:
        RuntimeError: the innermost level refuses random functions.
    """
    levels = LEVELS.get()
    if levels and levels[-1].randomness == "error":
        raise RuntimeError(_REFUSED)
    return tuple(k for k in levels if k.randomness == "different")


def drawn(draw, shape):
    """``draw(shape)``, with the mapped axes in front where samples get different values."""
    lead = tuple(k.length for k in different_levels())
    return draw((*lead, *shape))


def drawn_one_by_one(draw):
    """``draw()`` for each sample, for values that are not elementwise."""
    import numpy as np

    lead = tuple(k.length for k in different_levels())
    n = 1
    for size in lead:
        n *= size
    return np.stack([draw() for _ in range(n)]).reshape((*lead, -1)) if lead else draw()


def entered(array, k, device):
    """A host array of :func:`drawn` as a tensor of the innermost level that it differs on, or of backend ``k``."""
    while k.level:
        k = k.base
    t = wrap(k.from_host(array, device=device), k)
    for level in different_levels():
        t = level.enter(t)
    return t


def write(t, array):
    """Writes a host array of :func:`drawn` into a tensor; its history ends there.

    Raises:
        RuntimeError: the values differ between samples, and the tensor does not.
    """
    new = entered(array, t._k, t._k.device_of(t._a))
    if new._k.level > t._k.level:
        raise RuntimeError(_UNBATCHED)
    check_inplace(t)
    if t._k.level > new._k.level:
        new = t._k.lift(new)
    overwrite(t, new._a)
    if t._req and not mode() & NO_GRAD:
        rebase(t, wrap(t._a, t._k))
    return t


def by_values(function):
    """Makes a random function of tensors, elementwise or along their last axis, work on mapped ones."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        levels = LEVELS.get()
        if not levels:
            return function(*args, **kwargs)
        k = levels[-1]
        if k.randomness == "error":
            raise RuntimeError(_REFUSED)
        if k.randomness == "same" and any(isinstance(a, TensorBase) and a._k is k and a._a.batched for a in args):
            raise RuntimeError("Vmap does not currently support same randomness with a batched tensor input. Please file "
                               "an issue with functorch.")
        token = LEVELS.set(levels[:-1])
        try:
            if k.randomness == "same":
                return call(*[a._a.value if isinstance(a, TensorBase) and a._k is k else a for a in args], **kwargs)
            return k.enter(call(*_outside(k, args), **kwargs))
        finally:
            LEVELS.reset(token)

    return call


def _outside(k, args):
    """The arguments with the mapped axis first."""
    tensors = [a for a in args if isinstance(a, TensorBase)]
    rank = max((len(a._a.shape) for a in tensors), default=0)
    result = []
    for a in args:
        if isinstance(a, TensorBase):
            a = k.lift(a)
            value, batched, shape = a._a.value, a._a.batched, a._a.shape
            ops = differentiable(value._k)
            lead = (k.length if batched else 1, *(1,) * (rank - len(shape)))
            value = ops.reshape(value, shape=(*lead, *shape))
            a = ops.broadcast_to(value, shape=(k.length, *lead[1:], *shape))
        result.append(a)
    return result
