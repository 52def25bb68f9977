"""The random functions of the ``torch`` namespace, and the state of the default generator."""

from __future__ import annotations

import contextlib
import functools
import operator

import numpy as np

from plugtorch.autograd.base import InferenceCell, wrap
from plugtorch.autograd.mode import INFERENCE, NO_GRAD, mode, no_grad
from plugtorch.spec.abstract import broadcast_shapes
from plugtorch.spec.dtypes import int64
from plugtorch.transforms.levels import LEVELS

from . import random as host
from . import random_mapped, state
from .creation import empty
from .dispatch import is_tensor, require_tensor, store
from .methods import method
from .random import Generator, default_generator
from .random_dropout import (
    alpha_dropout,
    alpha_dropout_,
    dropout,
    dropout_,
    feature_alpha_dropout,
    feature_alpha_dropout_,
    feature_dropout,
    feature_dropout_,
)
from .random_fill import (
    constant_of,
    drawn_array,
    fill,
    fill_normal,
    generator_or_default,
    host_values,
    in_memory_order,
)
from .random_mapped import by_values

__all__ = [
    "Generator", "_sample_dirichlet", "_standard_gamma", "alpha_dropout", "alpha_dropout_", "bernoulli", "binomial",
    "default_generator", "dropout", "dropout_", "feature_alpha_dropout", "feature_alpha_dropout_",
    "feature_dropout", "feature_dropout_", "get_rng_state", "initial_seed", "manual_seed", "multinomial", "normal",
    "poisson", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed",
    "set_rng_state",
]


def _sizes(args, size, function):
    """A shape from ``function(2, 3)``, ``function((2, 3))`` or ``function(size=(2, 3))``."""
    if size is not None:
        args = (size,)
    elif not args:
        raise TypeError(f"{function}() received an invalid combination of arguments - got (), but expected a tuple of "
                        "ints size")
    if len(args) == 1 and not hasattr(args[0], "__index__"):
        args = args[0]
        if not isinstance(args, (tuple, list)):
            raise TypeError(f"{function}(): argument 'size' (position 1) must be tuple of ints, not "
                            f"{type(args).__name__}")
    sizes = []
    for i, n in enumerate(args, 1):
        try:
            sizes.append(operator.index(n))
        except TypeError:
            raise TypeError(f"{function}(): argument 'size' failed to unpack the object at pos {i} with error \"type "
                            f"must be tuple of ints,but got {type(n).__name__}\"") from None
    return tuple(sizes)


def _made(make, k, device, requires_grad=False):
    t = wrap(drawn_array(make, k, device), k)
    if mode() & INFERENCE:
        t._cell = InferenceCell((0,))
    return t.requires_grad_() if requires_grad else t


def _resized(out, shape, dtype, function):
    """An ``out=`` tensor made ready to be filled."""
    if dtype is not None and dtype is not out.dtype:
        raise RuntimeError(f"dtype {dtype.legacy} does not match dtype of out parameter ({out.dtype.legacy})")
    if out._req and not mode() & NO_GRAD:
        raise RuntimeError(f"aten::{function}(): functions with out=... arguments don't support automatic "
                           "differentiation, but one of the arguments requires grad.")
    if tuple(out._a.shape) != shape:
        store(out, empty(shape, dtype=out.dtype, device=out.device))
    return out


def _fresh(shape, draw, function, dtype, device, requires_grad, out, default=None):
    """A new tensor, or ``out``, of what ``draw(shape, dtype_name, contiguous)`` gives."""
    if out is not None:
        return fill(_resized(out, shape, dtype, function), draw)
    k, device = state.resolve_device(device)
    name = (dtype or default or state.get_default_dtype()).name
    if LEVELS.get():
        return random_mapped.entered(random_mapped.drawn(lambda s: draw(s, name, True), shape), k, device)
    return _made(lambda: draw(shape, name, True), k, device, requires_grad)


def _like(input, draw, function, dtype, device, requires_grad, memory_format):
    require_tensor(input, function)
    k, place = (input._k, input.device) if device is None else state.resolve_device(device)
    name = (dtype or input.dtype).name
    if LEVELS.get():
        drawn = random_mapped.drawn(lambda s: draw(s, name, True), tuple(input._a.shape))
        return random_mapped.entered(drawn, k, place)
    if memory_format is not None and getattr(memory_format, "name", str(memory_format)).endswith("contiguous_format"):
        shape = tuple(input._a.shape)
        return _made(lambda: draw(shape, name, True), k, place, requires_grad)
    return _made(in_memory_order(input, lambda shape, contiguous: draw(shape, name, contiguous)), k, place, requires_grad)


def _uniform_draw(g):
    return lambda shape, name, contiguous: host.uniform(g, shape, 0.0, 1.0, name)


def _normal_draw(g, mean=0.0, std=1.0):
    return lambda shape, name, contiguous: host.normal(g, shape, mean, std, name, contiguous=contiguous)


def _integer_draw(g, low, high):
    return lambda shape, name, contiguous: host.randint(g, low, high, shape, name)


def rand(*args, size=None, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False,
         pin_memory=False, names=None):
    """Uniform values in [0, 1), of a given shape.

    Raises:
        RuntimeError: a negative size.
        NotImplementedError: an integer dtype.
    """
    g = generator_or_default(generator, "rand")
    return _fresh(_sizes(args, size, "rand"), _uniform_draw(g), "rand", dtype, device, requires_grad, out)


def randn(*args, size=None, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False,
          pin_memory=False, names=None):
    """Standard normal values of a given shape; for complex dtypes each part has variance 1/2.

    Raises:
        RuntimeError: a negative size.
        NotImplementedError: an integer dtype.
    """
    g = generator_or_default(generator, "randn")
    return _fresh(_sizes(args, size, "randn"), _normal_draw(g), "randn", dtype, device, requires_grad, out)


def randint(*args, low=None, high=None, size=None, generator=None, out=None, dtype=None, layout=None, device=None,
            requires_grad=False, pin_memory=False):
    """Integers ``low <= value < high`` of a given shape: ``randint(high, size)`` or ``randint(low, high, size)``.
    int64 unless a dtype is named.

    Raises:
        RuntimeError: ``low >= high``, or bounds that the dtype does not hold.
    """
    args = list(args)
    if size is None and args and isinstance(args[-1], (tuple, list)):
        size = args.pop()
    names = [n for n, v in (("low", low), ("high", high)) if v is None]
    if len(args) == 1 and high is None:
        high = args[0]
    elif len(args) <= len(names):
        low, high = (args.pop(0) if v is None and args else v for v in (low, high))
    if not isinstance(size, (tuple, list)) or high is None or len(args) > 1 or not all(
            hasattr(v, "__index__") for v in (low, high) if v is not None):
        raise TypeError("randint() received an invalid combination of arguments; expected (int high, tuple of ints "
                        "size) or (int low, int high, tuple of ints size)")
    g = generator_or_default(generator, "randint")
    draw = _integer_draw(g, operator.index(low or 0), operator.index(high))
    return _fresh(_sizes((), size, "randint"), draw, "randint", dtype, device, requires_grad, out, int64)


def randperm(n, *, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False,
             pin_memory=False):
    """A random permutation of 0..n-1, int64 unless a dtype is named.

    Raises:
        RuntimeError: ``n`` is negative, or the dtype does not hold n - 1.
    """
    if not hasattr(n, "__index__"):
        raise TypeError(f"randperm(): argument 'n' (position 1) must be int, not {type(n).__name__}")
    n, g = operator.index(n), generator_or_default(generator, "randperm")

    def draw(shape, name, contiguous):
        return random_mapped.drawn_one_by_one(lambda: host.randperm(g, n, name))

    return _fresh((n,), draw, "randperm", dtype, device, requires_grad, out, int64)


def rand_like(input, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False,
              memory_format=None):
    """Uniform values in [0, 1) in another tensor's shape, dtype and device."""
    g = generator_or_default(generator, "rand_like")
    return _like(input, _uniform_draw(g), "rand_like", dtype, device, requires_grad, memory_format)


def randn_like(input, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False,
               memory_format=None):
    """Standard normal values in another tensor's shape, dtype and device."""
    g = generator_or_default(generator, "randn_like")
    return _like(input, _normal_draw(g), "randn_like", dtype, device, requires_grad, memory_format)


def randint_like(input, *bounds, low=None, high=None, generator=None, dtype=None, layout=None, device=None,
                 requires_grad=False, pin_memory=False, memory_format=None):
    """Integers in another tensor's shape, dtype and device: ``randint_like(x, high)`` or ``(x, low, high)``."""
    if len(bounds) == 1 and high is None:
        high = bounds[0]
    elif len(bounds) == 1 and low is None:
        low = bounds[0]
    elif len(bounds) == 2 and low is None and high is None:
        low, high = bounds
    elif bounds or high is None:
        raise TypeError("randint_like() received an invalid combination of arguments; expected (Tensor input, int "
                        "high) or (Tensor input, int low, int high)")
    g = generator_or_default(generator, "randint_like")
    draw = _integer_draw(g, operator.index(low or 0), operator.index(high))
    return _like(input, draw, "randint_like", dtype, device, requires_grad, memory_format)


def normal(mean, std=None, size=None, *, generator=None, out=None, dtype=None, layout=None, device=None,
           requires_grad=False, pin_memory=False):
    """Normal values: ``normal(mean, std)`` with one or two tensors, which broadcast, or ``normal(0.0, 1.0, size)``.

    The result has the dtype of ``mean`` if that is a tensor, else that of ``std``. Gradients of mean and std are
    zero.

    Raises:
        RuntimeError: a negative ``std``.
    """
    g = generator_or_default(generator, "normal")
    if is_tensor(mean) or is_tensor(std):
        if size is not None:
            raise TypeError("normal() received an invalid combination of arguments: a size goes with two numbers only")
        return _normal_of(mean, 1.0 if std is None else std, g, out)
    if size is None or std is None or not isinstance(size, (tuple, list)):
        raise TypeError("normal() received an invalid combination of arguments; expected (Tensor mean, Tensor std), "
                        "(Tensor mean, float std), (float mean, Tensor std) or (float mean, float std, tuple of ints "
                        "size)")
    return _fresh(_sizes((), size, "normal"), _normal_draw(g, float(mean), float(std)), "normal", dtype, device,
                  requires_grad, out)


@by_values
def _normal_of(mean, std, g, out):
    tensors = [t for t in (mean, std) if is_tensor(t)]
    leader = tensors[0]
    with no_grad():
        if not is_tensor(std):
            result = empty(tuple(mean._a.shape), dtype=mean.dtype, device=mean.device)
            fill_normal(result, 0.0, float(std), g)
            result = result.to(mean) + mean
        else:
            if not bool((std >= 0).all()):
                raise RuntimeError("normal expects all elements of std >= 0.0")
            shape = broadcast_shapes(*(tuple(t._a.shape) for t in tensors))
            name = leader.dtype.name
            noise = _made(lambda: host.normal(g, shape, 0.0, 1.0, name), leader._k, leader.device)
            result = noise * std.to(leader.dtype) + mean
    name = "NormalBackward1" if not is_tensor(std) else "NormalBackward3" if len(tensors) == 2 else "NormalBackward2"
    return constant_of(result, name, *tensors) if out is None else store(out, result)


@method
@by_values
def bernoulli(input, p=None, *, generator=None, out=None):
    """Ones and zeros: ones with the probabilities that ``input`` holds, or with probability ``p`` everywhere.

    Raises:
        RuntimeError: a probability outside [0, 1].
        NotImplementedError: an integer ``input`` without ``p``.
    """
    require_tensor(input, "bernoulli")
    g = generator_or_default(generator, "bernoulli")
    shape, name = tuple(input._a.shape), input.dtype.name
    if p is None:
        make = functools.partial(host.bernoulli_of, g, host_values(input))
    elif is_tensor(p):
        make = functools.partial(host.bernoulli_of, g, np.broadcast_to(host_values(p), shape), name)
    else:
        make = functools.partial(host.bernoulli, g, shape, float(p), name)
    return _derived(make, input, "BernoulliBackward0", out)


def _derived(make, input, name, out=None, others=()):
    """What ``make()`` draws as a result of ``input``, on its device."""
    result = _made(make, input._k, input.device)
    return constant_of(result, name, input, *others) if out is None else store(out, result)


@by_values
def poisson(input, generator=None):
    """Poisson values with the rates that ``input`` holds.

    Raises:
        RuntimeError: a negative rate.
    """
    require_tensor(input, "poisson")
    g = generator_or_default(generator, "poisson")
    return _derived(functools.partial(host.poisson, g, host_values(input)), input, "PoissonBackward0")


@by_values
def binomial(count, prob, generator=None):
    """Numbers of successes in ``count`` trials of probability ``prob``; the two broadcast.

    Raises:
        ValueError: dtypes that are not floating.
    """
    require_tensor(count, "binomial", "count")
    require_tensor(prob, "binomial", "prob")
    g = generator_or_default(generator, "binomial")
    return _derived(functools.partial(host.binomial, g, host_values(count), host_values(prob)), count, "BinomialBackward0",
                    others=(prob,))


@by_values
def _standard_gamma(input, generator=None):
    """Gamma values of scale 1 whose shape parameters ``input`` holds.

    Raises:
        RuntimeError: ``input`` requires grad: draw under ``no_grad``, or from ``input.detach()``.
    """
    return _undifferentiable(host.standard_gamma, "_standard_gamma", input, generator)


@by_values
def _sample_dirichlet(input, generator=None):
    """Dirichlet values whose concentrations are the last axis of ``input``.

    Raises:
        RuntimeError: ``input`` requires grad: draw under ``no_grad``, or from ``input.detach()``.
    """
    return _undifferentiable(host.dirichlet, "_sample_dirichlet", input, generator)


def _undifferentiable(draw, name, input, generator):
    require_tensor(input, name)
    if input._req and not mode() & NO_GRAD:
        raise RuntimeError(f"the derivative for '{name}' is not implemented; draw under no_grad()")
    make = functools.partial(draw, generator_or_default(generator, name), host_values(input))
    return _made(make, input._k, input.device)


@method
@by_values
def multinomial(input, num_samples, replacement=False, *, generator=None, out=None):
    """Indices drawn in proportion to the weights ``input``, of shape (K,) or (R, K); int64 of shape (num_samples,) or
    (R, num_samples).

    Raises:
        RuntimeError: weights that are negative, not finite or all zero, or too many samples without replacement.
    """
    if not is_tensor(input):
        raise TypeError(f"multinomial(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if out is not None and out.dtype is not int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype.legacy}")
    g = generator_or_default(generator, "multinomial")
    make = functools.partial(host.multinomial, g, host_values(input), num_samples, replacement)
    result = _made(make, input._k, input.device)
    return result if out is None else store(out, result)


# The default generator.

def manual_seed(seed) -> Generator:
    """Seeds the default generator; returns it.

    Raises:
        ValueError: outside [-2**63, 2**64).
    """
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seeds the default generator from the operating system; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator started from."""
    return default_generator.initial_seed()


def get_rng_state():
    """The state of the default generator, a uint8 tensor of 5056 elements in PyTorch's layout."""
    return default_generator.get_state()


def set_rng_state(new_state) -> None:
    """Puts the default generator into a state of :func:`get_rng_state`.

    Raises:
        TypeError: not a uint8 tensor.
        RuntimeError: not such a state.
    """
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices=None, enabled=True, _caller="fork_rng", _devices_kw="devices", device_type=None):
    """Restores the default generator's state at the end of the block; all backends draw from it."""
    if not enabled:
        yield
        return
    before = default_generator.state_bytes()
    try:
        yield
    finally:
        default_generator.load_state_bytes(before)


def thread_safe_generator():
    """The generator of a data loader's worker thread; None elsewhere, since workers here are processes."""
    return None
