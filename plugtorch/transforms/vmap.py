"""The backend of a mapped function: arrays with one more axis than the function sees.

An array of :class:`VmapBackend` is a :class:`Batched`: a tensor of the level outside, whose first axis is the mapped
one, and which shows the shape without it. Every op has a batching rule (``batching/``) that answers a call on such
arrays with calls of ordinary ops on the tensors outside. So gradients with respect to values outside are recorded as
ever, gradients inside the function are recorded by the tensors inside, and levels nest.
"""

from __future__ import annotations

import contextlib
import sys

from plugtorch.autograd.base import TensorBase, wrap
from plugtorch.autograd.mode import IN_PASS, MODE, NO_GRAD, mode
from plugtorch.autograd.record import apply, cast_node, differentiable
from plugtorch.spec.backend import Backend
from plugtorch.spec.op import OPS

from .batching import RULES, sample_by_sample
from .levels import LEVELS

_idle: dict[int, list[VmapBackend]] = {}  # backends of finished calls, by level

_ITEM = (
    "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a Tensor, "
    "please try to rewrite what you're doing with other operations. If error is occurring somewhere inside PyTorch "
    "internals, please file a bug report."
)
_CONTROL_FLOW = (
    "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support that "
    "yet, please file an issue at https://github.com/pytorch/pytorch/issues ."
)
_LEFT = (
    "a tensor that was made inside of a vmap is used after that vmap, or in another one; return it from the mapped "
    "function instead"
)
IN_PLACE = (
    "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args "
    "that has more elements than `self`. This happened due to `other` being vmapped over but `self` not being vmapped "
    "over in a vmap. Please try to use out-of-place operators instead of inplace arithmetic. If said operator is being "
    "called inside the PyTorch framework, please file a bug report instead."
)


class Batched:
    """An array as a mapped function sees it.

    Slots:
        value: a tensor of the level outside.
        batched: whether its first axis is the mapped one; otherwise it is the same for all samples.
        shape: the shape without the mapped axis.
    """

    __slots__ = ("value", "batched", "shape", "__weakref__")

    def __init__(self, value, batched):
        self.value, self.batched = value, batched
        shape = value._a.shape
        self.shape = tuple(shape[1:]) if batched else tuple(shape)

    @property
    def dtype(self):
        """The library's own dtype object."""
        return self.value._a.dtype

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        n = 1
        for size in self.shape:
            n *= size
        return n

    def __repr__(self):
        return f"Batched({self.value!r})" if self.batched else repr(self.value)


class VmapBackend(Backend):
    """The ops on :class:`Batched` arrays of one level.

    Attributes:
        level: 1 for the outermost mapped function, one more for each inside it.
        active: whether the mapped function runs.
        length: the size of the mapped axis.
        base: the backend of the tensors outside, on which new arrays are made.
        flags: the mode outside.
        randomness: "error", "same" or "different".
    """

    def __init__(self, level: int):
        self.level, self.active = level, False

    # What is asked of every backend.

    def spec_dtype(self, native):
        return self.base.spec_dtype(native)

    def dtype_of(self, x):
        return x.value._k.dtype_of(x.value._a)

    def device_of(self, x):
        return x.value._k.device_of(x.value._a)

    def default_device(self):
        return self.base.default_device()

    def devices(self):
        return self.base.devices()

    def to_device(self, x, device):
        value = x.value
        if value._k.device_of(value._a) == device:
            return x
        return Batched(value.to(device), x.batched)

    def synchronize(self):
        self.base.synchronize()

    def bounds(self, x):
        if x.batched and not self.length:
            return 0, 0
        return x.value._k.bounds(x.value._a)

    def __reduce__(self):
        raise RuntimeError("a tensor inside of vmap cannot be pickled")

    # Levels.

    def lift(self, t):
        """A tensor of a level outside as one of this level; anything else as it is."""
        if not isinstance(t, TensorBase) or t._k is self:
            return t
        if t._k.level >= self.level or not self.active:
            raise RuntimeError(_LEFT)
        if t._req and self.flags & NO_GRAD:
            t = wrap(t._a, t._k)
        return wrap(Batched(t, False), self)

    def lower(self, t):
        """A tensor of this level that is the same for all samples, as a tensor of the level outside.

        Raises:
            RuntimeError: it is not; only that is asked where something outside is to be written over.
        """
        if t._a.batched:
            raise RuntimeError(IN_PLACE)
        return t._a.value

    def enter(self, t):
        """A tensor outside, whose first axis is the mapped one, as one of this level."""
        if t._req and self.flags & NO_GRAD:
            t = wrap(t._a, t._k)
        return wrap(Batched(t, True), self)

    def moved(self, t, move):
        """A tensor of this level with its value moved by ``move``, recorded."""
        value = move(t._a.value)
        if value is t._a.value:
            return t
        new = wrap(Batched(value, t._a.batched), self)
        if t._req and not mode() & NO_GRAD:
            new._req, new._node = True, cast_node(t, new)
        return new

    def text(self, t) -> str:
        """A tensor of this level in print."""
        inner = "\n".join("    " + line for line in repr(t._a.value).split("\n"))
        bdim = "bdim=0, " if t._a.batched else ""
        return f"BatchedTensor(lvl={self.level}, {bdim}value=\n{inner}\n)"

    def refuse_mask(self, mask) -> None:
        """Raises PyTorch's error if the size of what a boolean index selects differs between samples."""
        if mask._a.batched:
            raise RuntimeError("vmap: We do not support batching operators that can support dynamic shape. Attempting to "
                               "batch over indexing with a boolean mask.")

    def call_function(self, cls, args, separate, flags):
        """What ``forward`` of a user's Function gives for tensors of this level among others."""
        from .function import forward

        return forward(self, cls, args, separate, flags)

    # Ops without a batching rule of the ordinary kind.

    def full(self, **params):
        return Batched(wrap(self.base.full(**params), self.base), False)

    def arange(self, **params):
        return Batched(wrap(self.base.arange(**params), self.base), False)

    def from_host(self, array, *, device):
        return Batched(wrap(self.base.from_host(array, device=device), self.base), False)

    def to_host(self, x):
        if x.batched:
            raise RuntimeError(_CONTROL_FLOW if _asked_for_truth() else _ITEM)
        return x.value._k.to_host(x.value._a)

    def nonzero(self, x, *, size=None):
        if x.batched:
            raise RuntimeError(
                "vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over "
                "aten::nonzero. Please file an issue at https://github.com/pytorch/pytorch/issues if you need this "
                "feature."
            )
        return Batched(apply("nonzero", (x.value,), {"size": size}), False)

    def conj(self, x):
        return x if not self.dtype_of(x).is_complex else _conj(self, x)

    def cast(self, x, *, dtype):
        return x if self.dtype_of(x) is dtype else _cast(self, x, dtype=dtype)


def _asked_for_truth():
    """Whether the values are wanted by ``bool(tensor)``."""
    frame = sys._getframe(2)
    for _ in range(4):
        if frame is None:
            return False
        if frame.f_code.co_name == "__bool__":
            return True
        frame = frame.f_back
    return False


def _wrapped(out, batched):
    if type(out) is tuple:
        return tuple(Batched(o, batched) for o in out)
    return Batched(out, batched)


def _kernel(op):
    """The method of one op."""
    name, body = op.name, op.body
    rule = RULES.get(name)
    if rule is None and op.primitive:
        rule = sample_by_sample

    def run(self, operands, params):
        for o in operands:
            if type(o) is Batched and o.batched:
                break
        else:
            return _wrapped(apply(name, tuple(o.value if type(o) is Batched else o for o in operands), params), False)
        if rule is None:
            return body(self, *operands, **params)
        out = rule(self, name, operands, params)
        kind = type(out)
        return out if kind is Batched or kind is tuple and type(out[0]) is Batched else _wrapped(out, True)

    def kernel(self, *operands, **params):
        flags = mode()
        if not flags & IN_PASS:
            return run(self, operands, params)
        # A backward pass of this level records nothing of its own, but what is outside goes on as it was.
        MODE.set(self.flags)
        try:
            return run(self, operands, params)
        finally:
            MODE.set(flags)

    kernel.__name__ = name
    kernel.__qualname__ = f"VmapBackend.{name}"
    kernel.__doc__ = body.__doc__
    return kernel


for _op in OPS.values():
    if _op.name not in vars(VmapBackend):
        setattr(VmapBackend, _op.name, _kernel(_op))
_conj, _cast = _kernel(OPS["conj"]), _kernel(OPS["cast"])


@contextlib.contextmanager
def mapping(length: int, base, randomness: str):
    """A new innermost level, as long as the context lasts.

    Args:
        length: the size of the mapped axis.
        base: the backend on which new arrays are made.
        randomness: what random functions do inside.
    """
    levels = LEVELS.get()
    level = max((k.level for k in levels), default=0) + 1
    idle = _idle.setdefault(level, [])
    k = idle.pop() if idle else VmapBackend(level)
    k.length, k.base, k.flags, k.randomness = length, base, mode(), randomness
    k.name, k.library_version = base.name, base.library_version
    token, k.active = LEVELS.set((*levels, k)), True
    try:
        yield k
    finally:
        LEVELS.reset(token)
        k.active = False
        idle.append(k)


def leave(k, t):
    """``(tensor outside, whether its first axis is the mapped one)`` for a tensor that a mapped function returned."""
    if t._k is not k:
        if t._k.level >= k.level:
            raise RuntimeError(_LEFT)
        return t, False
    return t._a.value, t._a.batched


def repeated(t, length: int):
    """A tensor with a new first axis of that length, along which it is the same."""
    return differentiable(t._k).broadcast_to(t, shape=(length, *t._a.shape))
