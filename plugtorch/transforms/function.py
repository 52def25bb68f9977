"""A user's ``Function`` inside of a mapped function.

Its own ``vmap`` is called with the tensors outside. Where it asks for a generated rule, ``forward`` and ``backward`` are
mapped themselves, as the two halves of a Function of the tensors outside.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from plugtorch.autograd.base import TensorBase
from plugtorch.autograd.function import Function, FunctionCtx
from plugtorch.autograd.mode import MODE, NO_GRAD
from plugtorch.autograd.record import differentiable

from .levels import LEVELS
from .vmap import leave, mapping, repeated

_MORE = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"


class VmapInfo(NamedTuple):
    """What a Function's ``vmap`` is told: the size of the mapped axis, and what random functions do."""

    batch_size: int
    randomness: str


def check_rule(cls, separate: bool) -> None:
    """Raises PyTorch's errors for a Function that cannot be mapped."""
    if not separate:
        raise RuntimeError("In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, "
                           f"...), it must override the setup_context staticmethod. {_MORE}")
    own = cls.vmap is not Function.vmap
    if own and cls.generate_vmap_rule:
        raise RuntimeError(f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an "
                           "overridden vmap staticmethod. Please set generate_vmap_rule=False or delete the overridden "
                           f"vmap staticmethod to avoid ambiguity. {_MORE}")
    if not own and not cls.generate_vmap_rule:
        raise RuntimeError(f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override "
                           f"and implement the vmap staticmethod or set generate_vmap_rule=True. {_MORE}")


def forward(k, cls, args, separate, flags):
    """What ``cls.forward`` gives for arguments of which some are tensors of level ``k``.

    Args:
        separate: whether the Function has a ``setup_context``.
        flags: the mode outside of ``forward``.
    """
    if not separate:
        check_rule(cls, separate)
    args = tuple(k.lift(a) for a in args)
    tensors = [a for a in args if isinstance(a, TensorBase)]
    if not any(a._a.batched for a in tensors):
        return cls.forward(*args)
    check_rule(cls, separate)
    outside = tuple(a._a.value if isinstance(a, TensorBase) else a for a in args)
    in_dims = tuple(0 if isinstance(a, TensorBase) and a._a.batched else None for a in args)
    own = cls.vmap is not Function.vmap
    if not own and (flags & NO_GRAD or not any(a._a.value._req for a in tensors)):
        return cls.forward(*args)
    before, token = MODE.get(), LEVELS.set(tuple(level for level in LEVELS.get() if level is not k))
    MODE.set(flags)
    try:
        if own:
            return _entered(k, cls, cls.vmap(VmapInfo(k.length, k.randomness), in_dims, *outside))
        outputs = _mapped_function(cls).apply(k, in_dims, *outside)
    finally:
        LEVELS.reset(token)
        MODE.set(before)
    return tuple(map(k.enter, outputs)) if isinstance(outputs, tuple) else k.enter(outputs)


def _entered(k, cls, result):
    """The results of a user's ``vmap``, ``(outputs, out_dims)``, as tensors of the level."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(f"Expected the vmap staticmethod of {cls.__name__} to have two returns, got "
                           f"{len(result) if isinstance(result, tuple) else 1}.")
    outputs, dims = result
    single = not isinstance(outputs, tuple)
    outputs = (outputs,) if single else outputs
    dims = dims if isinstance(dims, tuple) else (dims,) * len(outputs)
    entered = []
    for t, dim in zip(outputs, dims, strict=True):
        if not isinstance(t, TensorBase):
            entered.append(t)
        elif dim is None:
            entered.append(k.lift(t))
        else:
            n = len(t._a.shape)
            axes = (dim % n, *(i for i in range(n) if i != dim % n))
            entered.append(k.enter(t if dim % n == 0 else differentiable(t._k).permute(t, axes=axes)))
    return entered[0] if single else tuple(entered)


class _Context(FunctionCtx):
    """The ``ctx`` of the mapped methods; the tensors it saves are kept outside by the Function that is recorded."""

    saved_tensors: tuple = ()


def _outside(k, t):
    value, batched = leave(k, t)
    return value if batched else repeated(value, k.length)


@functools.lru_cache(maxsize=256)
def _mapped_function(cls):
    """The Function of tensors outside whose halves are those of ``cls``, mapped."""

    class Mapped(Function):
        @staticmethod
        def forward(ctx, k, in_dims, *args):
            with mapping(k.length, k.base, k.randomness) as inner:
                entered = tuple(_inside(inner, a, d) for a, d in zip(args, in_dims, strict=True))
                output = cls.forward(*entered)
                context = _Context()
                context.needs_input_grad = ctx.needs_input_grad[2:]
                cls.setup_context(context, entered, output)
                saved = [None if t is None else leave(inner, t) for t in context.to_save or ()]
                given = dict(zip(map(id, entered), args, strict=True))
                # An argument that is saved is the one outside, so that it can be differentiated again.
                ctx.save_for_backward(*(None if s is None else given.get(id(t), s[0])
                                        for s, t in zip(saved, context.to_save or (), strict=True)))
                ctx.saved_dims = [None if s is None or not s[1] else 0 for s in saved]
                single = not isinstance(output, tuple)
                results = tuple(_outside(inner, o) for o in ((output,) if single else output))
                skipped = {id(o) for o in context.non_differentiable or ()}
                ctx.mark_non_differentiable(*(r for r, o in zip(results, (output,) if single else output, strict=True)
                                              if id(o) in skipped))
            context.to_save = context.non_differentiable = None
            ctx.context, ctx.level, ctx.in_dims = context, (k.length, k.base, k.randomness), in_dims
            return results[0] if single else results

        @staticmethod
        def backward(ctx, *grads):
            length, base, randomness = ctx.level
            with mapping(length, base, randomness) as inner:
                ctx.context.saved_tensors = tuple(_inside(inner, t, d)
                                                  for t, d in zip(ctx.saved_tensors, ctx.saved_dims, strict=True))
                found = cls.backward(ctx.context, *(None if g is None else inner.enter(g) for g in grads))
                found = found if isinstance(found, tuple) else (found,)
                results = []
                for g, dim in zip(found, ctx.in_dims, strict=True):
                    if g is not None:
                        g = _outside(inner, g)
                        if dim is None:
                            g = differentiable(g._k).sum(g, axis=(0,))
                    results.append(g)
            ctx.context.saved_tensors = ()
            return (None, None, *results)

    Mapped.__name__ = Mapped.__qualname__ = cls.__name__
    return Mapped


def _inside(k, a, dim):
    if not isinstance(a, TensorBase):
        return a
    return k.lift(a) if dim is None else k.enter(a)
