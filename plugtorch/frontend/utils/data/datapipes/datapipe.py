"""The base classes of data pipes, and the decorators around them."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from plugtorch.frontend.utils.data.dataset import Dataset, IterableDataset

__all__ = ["DFIterDataPipe", "DataChunk", "IterDataPipe", "MapDataPipe", "argument_validation", "functional_datapipe",
           "guaranteed_datapipes_determinism", "non_deterministic", "runtime_validation", "runtime_validation_disabled"]

T_co = TypeVar("T_co", covariant=True)


class _Pipe:
    """What both kinds of pipes share: their steps as methods."""

    functions: dict[str, Callable] = {}

    def __getattr__(self, name):
        make = type(self).functions.get(name)
        if make is None:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return functools.partial(make, self)

    @classmethod
    def register_function(cls, function_name: str, function: Callable) -> None:
        """Makes a function of a pipe a method of all pipes of this kind."""
        cls.functions[function_name] = function

    @classmethod
    def register_datapipe_as_function(cls, function_name: str, cls_to_register, enable_df_api_tracing: bool = False) -> None:
        """Makes a class of pipes, the first argument of which is a pipe, a method of all pipes of this kind.

        Raises:
            Exception: the name is taken.
        """
        if function_name in cls.functions:
            raise Exception(f"Unable to add DataPipe function name {function_name} as it is already taken")

        def make(source, *args, **kwargs):
            return cls_to_register(source, *args, **kwargs)

        cls.functions[function_name] = functools.wraps(cls_to_register, updated=())(make)

    def __getstate__(self):
        return self.__dict__

    def __setstate__(self, state):
        self.__dict__.update(state)

    def __str__(self):
        return type(self).__qualname__

    def __repr__(self):
        return type(self).__qualname__

    def __dir__(self):
        return [*super().__dir__(), *type(self).functions]


class IterDataPipe(_Pipe, IterableDataset[T_co]):
    """A stream made of other streams: subclasses define ``__iter__``. Its steps are methods: ``pipe.map(f).batch(2)``.

    A new iterator of a pipe ends the one before: an older iterator that is asked again raises RuntimeError.
    """

    functions: dict[str, Callable] = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        plain = cls.__dict__.get("__iter__")
        if plain is not None:
            cls.__iter__ = _single(plain)

    def __iter__(self) -> Iterator[T_co]:
        return self

    def reset(self) -> None:
        """What a subclass does before it is iterated again."""


def _single(plain):
    """``__iter__`` of which only the newest iterator may be used."""

    @functools.wraps(plain)
    def iterate(self):
        number = self.__dict__["_iterators"] = self.__dict__.get("_iterators", 0) + 1
        self.reset()
        iterator = iter(plain(self))

        def guarded():
            while True:
                if self.__dict__["_iterators"] != number:
                    raise RuntimeError(
                        "This iterator has been invalidated because another iterator has been created from the same "
                        f"IterDataPipe: {self!r}\nThis may be caused multiple references to the same IterDataPipe. We "
                        "recommend using `.fork()` if that is necessary.")
                try:
                    item = next(iterator)
                except StopIteration:
                    return
                yield item

        return guarded()

    return iterate


class DFIterDataPipe(IterDataPipe):
    """A stream of data frames."""


class MapDataPipe(_Pipe, Dataset[T_co]):
    """A map from keys to samples made of other maps: subclasses define ``__getitem__`` and ``__len__``."""

    functions: dict[str, Callable] = {}


class DataChunk(list):
    """A batch: a list that remembers it is one."""

    def __init__(self, items):
        items = list(items)
        super().__init__(items)
        self.items = items

    def as_str(self, indent: str = "") -> str:
        """The items as text."""
        return indent + "[" + ", ".join(str(i) for i in iter(self)) + "]"

    def raw_iterator(self):
        """The items."""
        yield from self.items


class functional_datapipe:  # noqa: N801
    """A decorator that makes a class of pipes a method, by a name, of all pipes of its kind."""

    def __init__(self, name: str, enable_df_api_tracing: bool = False):
        self.name = name

    def __call__(self, cls):
        if isinstance(cls, type) and issubclass(cls, IterDataPipe):
            IterDataPipe.register_datapipe_as_function(self.name, cls)
        elif isinstance(cls, type) and issubclass(cls, MapDataPipe):
            MapDataPipe.register_datapipe_as_function(self.name, cls)
        else:
            raise TypeError("`functional_datapipe` can only decorate IterDataPipe or MapDataPipe")
        return cls


_deterministic = False


class guaranteed_datapipes_determinism:  # noqa: N801
    """A block in which pipes marked :class:`non_deterministic` cannot be made."""

    def __init__(self):
        global _deterministic
        self._before, _deterministic = _deterministic, True

    def __enter__(self):
        return None

    def __exit__(self, *exc):
        global _deterministic
        _deterministic = self._before


class non_deterministic:  # noqa: N801
    """A decorator for classes of pipes whose order differs from run to run.

    Args:
        arg: the class, or a function of its arguments that says whether it is so.
    """

    def __init__(self, arg):
        self._class = arg if isinstance(arg, type) else None
        self._decide = None if isinstance(arg, type) else arg
        if not callable(arg):
            raise TypeError(f"non_deterministic takes a class of pipes or a function, but got {arg!r}")

    def __call__(self, *args, **kwargs):
        if self._class is None:
            (cls,) = args
            decorated = non_deterministic(cls)
            decorated._decide = self._decide
            return decorated
        if _deterministic and (self._decide is None or self._decide(*args, **kwargs)):
            raise TypeError(f"{self._class.__name__} is non-deterministic, but you set 'guaranteed_datapipes_determinism'. "
                            "You can turn off determinism for this DataPipe if that is acceptable for your application")
        return self._class(*args, **kwargs)


def argument_validation(f):
    """The function; types of arguments are not checked when it runs."""
    return f


_validate = True


class runtime_validation_disabled:  # noqa: N801
    """A block in which :func:`runtime_validation` checks nothing."""

    def __init__(self):
        global _validate
        self._before, _validate = _validate, False

    def __enter__(self):
        return None

    def __exit__(self, *exc):
        global _validate
        _validate = self._before


def runtime_validation(f):
    """A decorator for ``__iter__`` of a pipe annotated ``IterDataPipe[TYPE]``: items of another plain type raise.

    Raises:
        RuntimeError: at an item that is not of the type.
    """

    @functools.wraps(f)
    def wrapper(self):
        expected = next((getattr(base, "__args__", (Any,))[0] for base in getattr(type(self), "__orig_bases__", ())), Any)
        for item in f(self):
            if _validate and isinstance(expected, type) and not isinstance(item, expected):
                raise RuntimeError(f"Expected an instance as subtype of {expected}, but found {item}({type(item)})")
            yield item

    return wrapper


def deep_copied(items):
    """A copy of what is iterated, or the thing itself where it cannot be copied."""
    try:
        return copy.deepcopy(items)
    except TypeError:
        return items
