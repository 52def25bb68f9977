"""What all distributions have in common: shapes, validation, sampling and the names of their functions."""

from __future__ import annotations

import warnings

from plugtorch.autograd.mode import no_grad
from plugtorch.frontend import functions as fn
from plugtorch.frontend.dispatch import is_tensor
from plugtorch.frontend.tensor import Size, Tensor
from plugtorch.transforms.tracing.recorder import RECORDER

from . import constraints
from .parameters import lazy_property

__all__ = ["Distribution"]


class Distribution:
    """A probability distribution, or a batch of independent ones of one family.

    A sample has the shape ``sample_shape + batch_shape + event_shape``; :meth:`log_prob` drops ``event_shape``.

    Args:
        batch_shape: shape of the batch.
        event_shape: shape of one outcome.
        validate_args: whether parameters and values are checked; by default while Python runs without ``-O``.

    Raises:
        ValueError: a parameter does not satisfy its constraint.
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Turns validation on or off for distributions made from now on.

        Raises:
            ValueError: neither True nor False.
        """
        if value not in (True, False):
            raise ValueError(f"validate_args must be True or False, not {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape=Size(), event_shape=Size(), validate_args=None):  # noqa: B008
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()
        super().__init__()

    def _validate_parameters(self):
        try:
            conditions = self.arg_constraints
        except NotImplementedError:
            conditions = {}
            warnings.warn(f"{self.__class__} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or "
                          "initialize the distribution with `validate_args=False` to turn off validation.", stacklevel=4)
        for name, constraint in conditions.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue  # derived from another parameter
            value = getattr(self, name)
            if RECORDER.get() is None and not constraint.check(value).all():  # while recording values are unknown
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    def expand(self, batch_shape, _instance=None):
        """The distribution with its parameters expanded to another batch shape."""
        raise NotImplementedError

    @property
    def batch_shape(self) -> Size:
        """Shape over which parameters are batched."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """Shape of one outcome."""
        return self._event_shape

    @property
    def arg_constraints(self) -> dict:
        """The constraint of each parameter, by name."""
        raise NotImplementedError

    @property
    def support(self):
        """The constraint of the outcomes."""
        raise NotImplementedError

    @property
    def mean(self):
        """The mean, of the batch's and event's shape."""
        raise NotImplementedError

    @property
    def mode(self):
        """The most probable outcome."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self):
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self):
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape=Size()):  # noqa: B008
        """Independent draws without gradient, of shape ``sample_shape + batch_shape + event_shape``."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=Size()):  # noqa: B008
        """Independent draws that carry gradients of the parameters."""
        raise NotImplementedError

    def sample_n(self, n):
        """``sample((n,))``; deprecated."""
        warnings.warn("sample_n(n) will be deprecated. Use .sample((n,)) instead.", FutureWarning, stacklevel=2)
        return self.sample(Size((n,)))

    def log_prob(self, value):
        """The logarithm of the density or probability of ``value``."""
        raise NotImplementedError

    def cdf(self, value):
        """The probability of outcomes up to ``value``."""
        raise NotImplementedError

    def icdf(self, value):
        """The value below which outcomes fall with probability ``value``."""
        raise NotImplementedError

    def enumerate_support(self, expand=True):
        """All outcomes of a discrete distribution along a new first axis; their batch axes have size 1 unless ``expand``."""
        raise NotImplementedError

    def entropy(self):
        """The entropy in nats, of the batch's shape."""
        raise NotImplementedError

    def perplexity(self):
        """The exponential of the entropy."""
        return fn.exp(self.entropy())

    def _extended_shape(self, sample_shape=Size()):  # noqa: B008
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _validate_sample(self, value):
        if not is_tensor(value):
            raise ValueError("The value argument to log_prob must be a Tensor")
        have, event = tuple(value.shape), tuple(self._event_shape)
        lead = len(have) - len(event)
        if have[lead:] != event:
            raise ValueError(f"The right-most size of value must match event_shape: {value.shape} vs {self._event_shape}.")
        whole = (*self._batch_shape, *event)
        for i, j in zip(reversed(have), reversed(whole), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {Size(whole)}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(f"{self.__class__} does not define `support` to enable sample validation. Please initialize the "
                          "distribution with `validate_args=False` to turn off validation.", stacklevel=3)
            return
        if RECORDER.get() is None and not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the support "
                f"({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _get_checked_instance(self, cls, _instance=None):
        if _instance is None and type(self).__init__ is not cls.__init__:
            raise NotImplementedError(
                f"Subclass {self.__class__.__name__} of {cls.__name__} that defines a custom __init__ method must also "
                "define a custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    def _expanded(self, cls, batch_shape, _instance, **parameters):
        """An instance of ``cls`` with these attributes and this batch shape; for :meth:`expand`."""
        new = self._get_checked_instance(cls, _instance)
        for name, value in parameters.items():
            setattr(new, name, value)
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _expand_parameters(self, cls, batch_shape, _instance, *names, event=()):
        """:meth:`_expanded` for parameters of the batch's shape (and ``event``); those not given are left out."""
        shape = (*batch_shape, *event)
        found = {n: self.__dict__[n].expand(shape) for n in names if n in self.__dict__}
        return self._expanded(cls, batch_shape, _instance, **found)

    def __repr__(self):
        shown = {n: self.__dict__[n] for n in self.arg_constraints if n in self.__dict__}
        return type(self).__name__ + "(" + ", ".join(
            f"{n}: {p if not isinstance(p, Tensor) or p.numel() == 1 else p.size()}" for n, p in shown.items()) + ")"
