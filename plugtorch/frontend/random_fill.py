"""Filling tensors with random values drawn on the host, and the in-place random methods of Tensor.

Values are drawn in the order in which the written elements lie in memory: a transposed tensor is filled in
the order of its storage, so that one seed gives the same storage as in PyTorch.
"""

from __future__ import annotations

import numpy as np

from plugtorch.autograd.aliasing import check_inplace, overwrite, rebase
from plugtorch.autograd.base import edge_of, wrap
from plugtorch.autograd.mode import NO_GRAD, mode
from plugtorch.autograd.plans import PlanBase
from plugtorch.autograd.record import make_node
from plugtorch.transforms.levels import LEVELS
from plugtorch.transforms.tracing.recorder import RECORDER

from . import random as host
from . import random_mapped
from .dispatch import as_number, is_tensor
from .methods import method
from .random import Generator, default_generator
from .strides import is_contiguous, stride


def generator_or_default(generator, function: str) -> Generator:
    """The generator to draw from.

    Raises:
        TypeError: something else was given.
    """
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(f"{function}(): argument 'generator' must be torch.Generator, not "
                        f"{type(generator).__name__}")
    return generator


def host_values(t) -> np.ndarray:
    """The values of a tensor as a host array."""
    return np.asarray(t._k.to_host(t._a))


def drawn_array(make, k, device):
    """A host array of random numbers, drawn by ``make()``, as an array of backend ``k``. While a call is recorded, it is
    drawn again at each run of the program."""
    recorder = RECORDER.get()
    if recorder is not None and k is recorder.tracer:
        return recorder.drawn_value(make)
    return k.adopt(make(), device=device)


def memory_axes(t) -> list[int]:
    """The axes of ``t`` from the one with the largest stride to the one with the smallest."""
    strides = stride(t)
    return sorted(range(len(strides)), key=lambda i: -strides[i])


def in_memory_order(t, draw):
    """A function that gives an array of t's shape made by ``draw(shape, contiguous)``, which fills its shape in C order;
    the values lie as those of ``t`` lie in memory."""
    shape, contiguous = tuple(t._a.shape), is_contiguous(t)
    if len(shape) < 2 or contiguous:
        return lambda: draw(shape, contiguous)
    axes = memory_axes(t)
    lying, back = tuple(shape[i] for i in axes), [axes.index(i) for i in range(len(axes))]
    return lambda: draw(lying, False).transpose(back)


class ConstantPlan(PlanBase):
    """Random values do not depend smoothly on anything: the gradient of every operand is zero."""

    def __init__(self, name: str, operands: int):
        self._name, self._operands = name, operands

    def run(self, k, g, saved):
        return (k.zeros_like(g),) * self._operands

    def node_name(self, node):
        return self._name


def constant_of(result, name: str, *operands):
    """``result`` recorded as a function of the tensors ``operands`` whose gradients are zero."""
    if mode() & NO_GRAD or not any(o._req for o in operands):
        return result
    plan = ConstantPlan(name, len(operands))
    result._node = make_node(plan, result._k, tuple(edge_of(o) for o in operands), result._a, (), ())
    result._req = True
    return result


def overwritten(t, make):
    """``t`` with its contents replaced by a host array of its shape and dtype, which ``make()`` draws; its history ends
    there."""
    k = t._k
    overwrite(t, drawn_array(make, k, k.device_of(t._a)))
    if t._req and not mode() & NO_GRAD:
        rebase(t, wrap(t._a, k))
    return t


def fill(t, draw):
    """Writes ``draw(shape, dtype_name, contiguous)`` into ``t``."""
    name = t.dtype.name
    if LEVELS.get():
        return random_mapped.write(t, random_mapped.drawn(lambda shape: draw(shape, name, True), tuple(t._a.shape)))
    check_inplace(t)
    return overwritten(t, in_memory_order(t, lambda shape, contiguous: draw(shape, name, contiguous)))


def fill_normal(t, mean: float, std: float, generator: Generator):
    """Writes normal values into ``t``."""
    return fill(t, lambda shape, name, contiguous: host.normal(generator, shape, mean, std, name,
                                                               contiguous=contiguous))


@method
def uniform_(self, from_=0.0, to=1.0, *, generator=None, **bounds):
    """Fills the tensor with uniform values in [from, to).

    Raises:
        RuntimeError: bounds in the wrong order or out of the dtype's range.
        NotImplementedError: an integer dtype.
    """
    low, high = as_number(bounds.pop("from", from_)), as_number(to)
    _no_more(bounds, "uniform_")
    g = generator_or_default(generator, "uniform_")
    return fill(self, lambda shape, name, _: host.uniform(g, shape, _float(low), _float(high), name))


@method
def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Fills the tensor with normal values.

    Raises:
        RuntimeError: ``std`` is negative.
        NotImplementedError: an integer dtype.
    """
    return fill_normal(self, _float(mean), _float(std), generator_or_default(generator, "normal_"))


@method
def random_(self, from_=None, to=None, *, generator=None, **bounds):
    """Fills the tensor with integers: ``random_()`` from 0 to the largest that the dtype holds exactly,
    ``random_(to)`` below ``to``, ``random_(from, to)`` from ``from`` up to and without ``to``.

    Raises:
        RuntimeError: bounds in the wrong order or out of the dtype's range.
    """
    two = to is not None or "from" in bounds
    low = bounds.pop("from", from_)
    _no_more(bounds, "random_")
    g = generator_or_default(generator, "random_")
    if not two and low is not None:
        low, to = 0, low
    low, to = (None if v is None else int(v) for v in (low, to))
    return fill(self, lambda shape, name, _: host.random_(g, shape, low, to, name))


@method
def bernoulli_(self, p=0.5, *, generator=None):
    """Fills the tensor with ones of probability ``p``, a number or a tensor that broadcasts to its shape, and zeros.

    Raises:
        RuntimeError: a probability outside [0, 1].
    """
    g = generator_or_default(generator, "bernoulli_")
    if not is_tensor(p):
        return fill(self, lambda shape, name, _: host.bernoulli(g, shape, _float(p), name))
    check_inplace(self)
    shape = tuple(self._a.shape)
    _check_expandable(tuple(p._a.shape), shape)
    values = np.broadcast_to(host_values(p), shape)
    axes = memory_axes(self)
    back = [axes.index(i) for i in range(len(axes))]
    lying = np.ascontiguousarray(values.transpose(axes)).reshape([shape[i] for i in axes])
    name = self.dtype.name
    return overwritten(self, lambda: host.bernoulli_of(g, lying, name).transpose(back))


@method
def exponential_(self, lambd=1.0, *, generator=None):
    """Fills the tensor with exponential values of rate ``lambd``.

    Raises:
        RuntimeError: the rate is not positive, or the dtype not floating.
    """
    g = generator_or_default(generator, "exponential_")
    return fill(self, lambda shape, name, _: host.exponential(g, shape, _float(lambd), name))


@method
def geometric_(self, p, *, generator=None):
    """Fills the tensor with numbers of trials up to the first success of probability ``p``.

    Raises:
        RuntimeError: ``p`` outside (0, 1).
    """
    g = generator_or_default(generator, "geometric_")
    return fill(self, lambda shape, name, _: host.geometric(g, shape, _float(p), name))


@method
def cauchy_(self, median=0.0, sigma=1.0, *, generator=None):
    """Fills the tensor with Cauchy values.

    Raises:
        RuntimeError: ``sigma`` is not positive, or the dtype not floating.
    """
    g = generator_or_default(generator, "cauchy_")
    return fill(self, lambda shape, name, _: host.cauchy(g, shape, _float(median), _float(sigma), name))


@method
def log_normal_(self, mean=1.0, std=2.0, *, generator=None):
    """Fills the tensor with exponentials of normal values of ``mean`` and ``std``.

    Raises:
        RuntimeError: ``std`` is not positive.
    """
    g = generator_or_default(generator, "log_normal_")
    return fill(self, lambda shape, name, _: host.log_normal(g, shape, _float(mean), _float(std), name))


def _float(value) -> float:
    return float(value.item() if is_tensor(value) else value)


def _no_more(bounds, function):
    if bounds:
        raise TypeError(f"{function}() got an unexpected keyword argument '{next(iter(bounds))}'")


def _check_expandable(shape, target):
    lead = len(target) - len(shape)
    for i, n in enumerate(shape):
        if lead < 0 or n != target[lead + i] and n != 1:
            if lead < 0:
                raise RuntimeError(f"The number of sizes provided ({len(target)}) must be greater or equal to the "
                                   f"number of dimensions in the tensor ({len(shape)})")
            raise RuntimeError(
                f"The expanded size of the tensor ({target[lead + i]}) must match the existing size ({n}) at "
                f"non-singleton dimension {lead + i}.  Target sizes: {list(target)}.  Tensor sizes: {list(shape)}"
            )
