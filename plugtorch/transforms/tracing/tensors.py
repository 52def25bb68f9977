"""Tensors while a function is recorded: those of the backend become inputs when they are first touched.

For the time of a recording the slots of the tensor class that lead to data are properties. In the recording context they
answer, for a tensor of the recorded backend, from a :class:`Touched` entry: with a symbol for its array, the tracer for
its backend. Other threads and tensors get the slots themselves. Nothing that a recording writes reaches a tensor before
the recording has succeeded, so that an error leaves all of them as they were.
"""

from __future__ import annotations

import contextlib
import operator
import threading
from typing import NamedTuple
from weakref import ref

from plugtorch.autograd import base
from plugtorch.autograd.aliasing import read_steps
from plugtorch.autograd.base import InferenceCell, TensorBase
from plugtorch.spec.program import Symbol

from .recorder import RECORDER, Recorder

ARRAY, BACKEND, GRAD, ALIAS, CELL, NODE, REQUIRES, HOOKS = (
    TensorBase.__dict__[name] for name in ("_a", "_k", "_grad", "_alias", "_cell", "_node", "_req", "_hooks"))


def settle(t) -> None:
    """Lets a tensor that was told to read its storage again do so, outside of any recording."""
    cls = type(t)
    if cls.__dict__.get("_stale"):
        at = ALIAS.__get__(t)
        ARRAY.__set__(t, read_steps(BACKEND.__get__(t), at.storage.root, at.path))
        t.__class__ = cls.__mro__[1]


def tensor_as_it_is(array, k) -> TensorBase:
    """A tensor outside of any recording, also while one runs: it is found, not made, by what is recorded."""
    t = object.__new__(base.tensor_class)
    for slot, value in ((ARRAY, array), (BACKEND, k), (REQUIRES, False)):
        slot.__set__(t, value)
    for slot in (GRAD, NODE, CELL, ALIAS, HOOKS):
        slot.__set__(t, None)
    return t


def number_in(t) -> float:
    """The only element of a tensor as it is outside of any recording."""
    if type(t) is not base.tensor_class:
        settle(t)
    return BACKEND.__get__(t).to_host(ARRAY.__get__(t)).item()


class Touched:
    """What a recording knows of a tensor that was there before it.

    Attributes:
        tensor: the tensor.
        array: its array when it was first touched.
        symbol: its value now; ``first`` is the one that it began with.
        owner: the entry of the tensor whose gradient it is, or None.
        alias: how views made by the recording share its memory, or None.
        node_now: the node that the recording gave it, or None; while recording, a tensor that was there is a leaf.
        real_node: the node that it has outside.
        grad: its gradient now, where ``grad_written``.
        grad_read: whether its gradient was looked at before it was written.
        cell, version, requires, cls: as they were.
    """

    __slots__ = ("tensor", "array", "symbol", "first", "owner", "alias", "grad", "grad_read", "grad_written", "had_grad",
                 "cell", "version", "node_now", "real_node", "requires", "cls")

    def __init__(self, t, recorder):
        settle(t)
        self.tensor, self.cls = t, type(t)
        self.array = array = ARRAY.__get__(t)
        k = recorder.base
        self.first = self.symbol = recorder.symbol(tuple(array.shape), k.dtype_of(array), self)
        self.owner = recorder.owners.get(id(t))
        self.alias = self.grad = None
        self.grad_read = self.grad_written = False
        self.had_grad = GRAD.__get__(t) is not None
        self.cell, self.real_node, self.requires = CELL.__get__(t), NODE.__get__(t), REQUIRES.__get__(t)
        self.node_now = None
        self.version = self.cell[0] if self.cell and type(self.cell) is not InferenceCell else 0

    @property
    def requires_now(self) -> bool:
        return REQUIRES.__get__(self.tensor)

    @property
    def written(self) -> bool:
        return self.symbol is not self.first

    def put_back(self) -> None:
        """Undoes what a recording changed in the tensor itself."""
        t = self.tensor
        t.__class__ = self.cls
        CELL.__set__(t, self.cell)
        if self.cell and type(self.cell) is not InferenceCell:
            self.cell[0] = self.version
        REQUIRES.__set__(t, self.requires)


class TensorRecorder(Recorder):
    """A recorder that hooks tensors.

    Attributes:
        touched: entries by the tensor's id, in the order in which they were touched.
        owners: id of a gradient tensor -> the entry of its owner.
        made: ``(weak reference, first symbol)`` of the tensors that were made while recording.
        bare: whether hooks of tensors that were there are hidden.
        input_conditions: ``(entry, 0 or 1, condition)``: what the least or greatest value of an input must fulfil.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.touched: dict[int, Touched] = {}
        self.owners: dict[int, Touched] = {}
        self.made: list = []
        self.input_conditions: list = []
        self.bare = False

    def entry(self, t) -> Touched:
        found = self.touched.get(id(t))
        if found is None:
            found = self.touched[id(t)] = Touched(t, self)
        return found

    def bounds(self, x):
        """The least and the greatest value of what is an input of the program, as numbers that become conditions of it;
        None for a value that the program computes."""
        entry = x.note
        if type(entry) is not Touched:
            return None
        low, high = self.base.bounds(entry.array)
        return tuple(BoundOf(value, entry, end, self) for end, value in enumerate((low, high)))


class BoundOf(float):
    """The least or greatest value of an input: a number whose comparisons become conditions of the program, as does its
    value where it is used otherwise."""

    def __new__(cls, value, entry, end, recorder):
        self = float.__new__(cls, value)
        self.value, self.entry, self.end, self.recorder = value, entry, end, recorder
        return self

    def watch(self, condition):
        self.recorder.input_conditions.append((self.entry, self.end, condition))

    def fixed(self):
        """Today's value as a plain number, which it has to keep."""
        value = self.value
        self.watch(BoundCondition("eq", value, True))
        return value

    def __int__(self):
        return int(self.fixed())

    def __float__(self):
        return float(self.fixed())

    __index__ = __trunc__ = __int__

    def __str__(self):
        return str(self.value)

    __repr__ = __str__

    def __format__(self, spec):
        return format(self.value, spec)

    def __add__(self, other):
        return self.fixed() + other

    __radd__ = __add__

    def __sub__(self, other):
        return self.fixed() - other

    def __hash__(self):
        return hash(self.fixed())


class BoundCondition(NamedTuple):
    """What a bound of an input must fulfil: ``comparison`` (a name of :mod:`operator`) with ``other`` gives ``answer``."""

    comparison: str
    other: float
    answer: bool

    def __call__(self, bound) -> bool:
        return getattr(operator, self.comparison)(bound, self.other) is self.answer


def _bound_comparison(name):
    compare = getattr(operator, name)

    def method(self, other):
        if not isinstance(other, (int, float)):
            return NotImplemented
        answer = compare(self.value, other)
        self.watch(BoundCondition(name, other, answer))
        return answer

    return method


for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(BoundOf, f"__{_name}__", _bound_comparison(_name))


# The properties.

def _current(t):
    """The recorder of this context if ``t`` is a tensor of its backend that was there before; AttributeError if it is
    being made and has no backend yet."""
    recorder = RECORDER.get()
    if recorder is None or BACKEND.__get__(t) is not recorder.base:
        return None
    return recorder


def _get_array(t):
    recorder = _current(t)
    return ARRAY.__get__(t) if recorder is None else recorder.entry(t).symbol


def _set_array(t, array):
    recorder = RECORDER.get()
    if recorder is not None:
        try:
            k = BACKEND.__get__(t)
        except AttributeError:  # it is being made
            if type(array) is Symbol:
                recorder.made.append((ref(t), array))
            ARRAY.__set__(t, array)
            return
        if k is recorder.base:
            if type(array) is not Symbol:
                array = recorder.constant(array)
            recorder.entry(t).symbol = array
            return
    ARRAY.__set__(t, array)


def _get_backend(t):
    recorder = RECORDER.get()
    k = BACKEND.__get__(t)
    if recorder is not None and k is recorder.base:
        recorder.entry(t)
        return recorder.tracer
    return k


def _set_backend(t, k):
    recorder = RECORDER.get()
    if recorder is not None and k is recorder.tracer:
        try:
            if BACKEND.__get__(t) is recorder.base:  # memory made by the call is put under a tensor that was there
                return
        except AttributeError:
            pass
    if recorder is not None and k is recorder.base:
        try:
            BACKEND.__get__(t)
        except AttributeError:  # made while recording, around an array that is there: a constant
            constant = recorder.constant(ARRAY.__get__(t))
            ARRAY.__set__(t, constant)
            recorder.made.append((ref(t), constant))
            k = recorder.tracer
    BACKEND.__set__(t, k)


def _get_grad(t):
    recorder = _current(t)
    if recorder is None:
        return GRAD.__get__(t)
    entry = recorder.entry(t)
    if entry.grad_written:
        return entry.grad
    entry.grad_read = True
    grad = GRAD.__get__(t)
    if grad is not None:
        recorder.owners.setdefault(id(grad), entry)
    return grad


def _set_grad(t, grad):
    recorder = None
    with contextlib.suppress(AttributeError):  # it is being made
        recorder = _current(t)
    if recorder is None:
        GRAD.__set__(t, grad)
        return
    entry = recorder.entry(t)
    entry.grad, entry.grad_written = grad, True


def _get_alias(t):
    recorder = _current(t)
    return ALIAS.__get__(t) if recorder is None else recorder.entry(t).alias


def _set_alias(t, alias):
    recorder = None
    with contextlib.suppress(AttributeError):
        recorder = _current(t)
    if recorder is None:
        ALIAS.__set__(t, alias)
        return
    recorder.entry(t).alias = alias


def _get_node(t):
    recorder = _current(t)
    return NODE.__get__(t) if recorder is None else recorder.entry(t).node_now


def _set_node(t, node):
    recorder = None
    with contextlib.suppress(AttributeError):
        recorder = _current(t)
    if recorder is None:
        NODE.__set__(t, node)
        return
    recorder.entry(t).node_now = node


def _get_hooks(t):
    recorder = _current(t)
    return None if recorder is not None and recorder.bare else HOOKS.__get__(t)


_PROPERTIES = {
    "_a": property(_get_array, _set_array), "_k": property(_get_backend, _set_backend),
    "_grad": property(_get_grad, _set_grad), "_alias": property(_get_alias, _set_alias),
    "_node": property(_get_node, _set_node), "_hooks": property(_get_hooks, HOOKS.__set__),
}
_lock = threading.Lock()
_recordings = 0


@contextlib.contextmanager
def hooked(recorder):
    """The block whose tensor accesses go through a recorder."""
    global _recordings
    cls = base.tensor_class
    with _lock:
        _recordings += 1
        if _recordings == 1:
            for name, hook in _PROPERTIES.items():
                setattr(cls, name, hook)
    token = RECORDER.set(recorder)
    try:
        yield recorder
    finally:
        RECORDER.reset(token)
        with _lock:
            _recordings -= 1
            if _recordings == 0:
                for name in _PROPERTIES:
                    delattr(cls, name)
