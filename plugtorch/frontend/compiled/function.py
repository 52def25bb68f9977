"""Compiled functions: a cache of programs, one per kind of call."""

from __future__ import annotations

import functools
import threading
import warnings
import weakref
from collections import OrderedDict
from contextvars import ContextVar

import numpy as np

from plugtorch.autograd import profiler
from plugtorch.autograd.base import TensorBase
from plugtorch.autograd.layout import layout_of
from plugtorch.autograd.mode import AUTOCAST, DUAL, mode
from plugtorch.transforms.levels import LEVELS
from plugtorch.transforms.tracing.recorder import RECORDER, TraceError

from .. import pytree, state
from ..amp.casting import DTYPES, ENABLED
from ..func.tracking import RUNNING
from .capture import capture
from .program import CompiledCall
from .recorder import RUN
from .surroundings import Surroundings

LIVE: weakref.WeakSet = weakref.WeakSet()
STANCE: ContextVar[str] = ContextVar("plugtorch_compile_stance", default="default")


_VALUES = frozenset({bool, int, str, complex, bytes, type(None)})


def _region(call: CompiledCall) -> str:
    return f"Torch-Compiled Region ({len(call.program.instructions)} ops)"


profiler.TIMED += [(CompiledCall, "first", _region), (CompiledCall, "again", _region)]


class RecompileWarning(UserWarning):
    """A compiled function is recorded again and again; the message says what changes between the calls."""


class Entry:
    """A program with what it was recorded for; ``held`` are arguments that are told apart by their identity."""

    def __init__(self, call, around, held):
        self.call, self.around, self.held, self.once = call, around, held, bool(call.escaped)


def _signature(leaves, structure):
    """What of the arguments decides between programs: hashable, and shown in warnings."""
    kinds, first, storages, shared = [], {}, {}, False
    for i, leaf in enumerate(leaves):
        kind = type(leaf)
        if isinstance(leaf, TensorBase):
            same = first.setdefault(id(leaf), i)
            at = leaf._alias
            if at is not None and storages.setdefault(id(at.storage), same) != same:
                shared = True
            kinds.append((kind, tuple(leaf._a.shape), leaf._k.dtype_of(leaf._a), leaf._req, same))
        elif kind is float:
            kinds.append(kind)
        elif kind in _VALUES or isinstance(leaf, np.generic):
            kinds.append((kind, leaf))
        elif isinstance(leaf, np.ndarray):
            raise TraceError("a compiled function takes a NumPy array as an argument, whose values would be taken for "
                             "constants: give it a tensor (torch.from_numpy)")
        else:
            kinds.append((kind, id(leaf)))
    if shared:  # how the arguments lie to one another
        kinds.append(tuple((storages[id(leaf._alias.storage)], layout_of(leaf)) for leaf in leaves
                           if isinstance(leaf, TensorBase) and leaf._alias is not None))
    return (tuple(kinds), _hashable(structure))


def _hashable(spec):
    if spec.type is None:
        return None
    context = spec.context
    return (spec.type, tuple(context) if isinstance(context, list) else context,
            tuple(_hashable(c) for c in spec.children_specs))


def _difference(new, old) -> str:
    """What differs between two signatures, in words."""
    for (kinds, structure), (before, earlier) in [(new, old)]:
        if structure != earlier:
            return "the structure of the arguments"
        for i, (a, b) in enumerate(zip(kinds, before, strict=False)):
            if a != b:
                return f"argument leaf {i}: {_shown(b)} before, {_shown(a)} now"
    return "the mode (grad, inference, autocast) or the default dtype"


def _shown(kind):
    if isinstance(kind, tuple) and len(kind) == 5:
        return f"{kind[2].name}{list(kind[1])}{' that requires grad' if kind[3] else ''}"
    return repr(kind[1]) if isinstance(kind, tuple) and len(kind) == 2 else repr(kind)


class CompiledFunction:
    """A function that is recorded at the first call of a kind, and whose program is run at the later ones.

    Args:
        function: what is compiled.
        fullgraph: raise :class:`~plugtorch.transforms.tracing.recorder.TraceError` for what cannot be recorded; False
            runs such a call eagerly, with a warning at the first.
        limit: how many programs are kept; the least recently used is dropped.

    Attributes:
        recordings: how often the function was recorded.
    """

    def __init__(self, function, *, fullgraph: bool = True, limit: int = 8):
        self.function, self.fullgraph, self.limit = function, fullgraph, limit
        self.recordings = 0
        self._entries: OrderedDict = OrderedDict()
        self._eager: set = set()
        self._lock = threading.RLock()
        self._warned = self._told = False
        self._last = None
        LIVE.add(self)

    def __call__(self, *args, **kwargs):
        if RECORDER.get() is not None or LEVELS.get() or RUNNING.get() or mode() & DUAL:  # in a recording or transform
            return self.function(*args, **kwargs)
        if STANCE.get() == "force_eager":
            return self.function(*args, **kwargs)
        leaves, structure = pytree.tree_flatten((args, kwargs))
        base = self._backend(leaves)
        if base is None or base.level or base.lazy:
            return self.function(*args, **kwargs)
        try:
            signature = _signature(leaves, structure)
        except TraceError as error:
            return self._eagerly(error, args, kwargs)
        flags = mode()
        key = (signature, base, flags, state.get_default_dtype(),
               (ENABLED.get(), *sorted(DTYPES.get().items())) if flags & AUTOCAST else None)
        entries = self._entries.get(key)
        why = None
        if entries is not None:
            for entry in entries:
                if entry.once:
                    why = entry.call.why_once()
                    continue
                why = entry.around.changed()
                if why is None:
                    arrays = entry.call.arrays_for(leaves)
                    if arrays is not None:
                        result = entry.call.again(leaves, arrays)
                        entry.around.repeat()
                        RUN.leaves = ()
                        return result
                    why = "a tensor that the function finds by itself, or a value that it looks at"
        if key in self._eager or (self._entries and STANCE.get() == "eager_on_recompile"):
            return self.function(*args, **kwargs)
        if self._entries and STANCE.get() == "fail_on_recompile":
            raise RuntimeError("Detected recompile when torch.compile stance is 'fail_on_recompile'")
        with self._lock:
            return self._record(key, why, base, args, kwargs, leaves)

    def _backend(self, leaves):
        """The backend of the tensors among the arguments, or the one that makes new tensors; None for several."""
        found = {leaf._k for leaf in leaves if isinstance(leaf, TensorBase)}
        if not found:
            return state.current_backend()
        if len(found) > 1:
            return None
        k = found.pop()
        return k if k.name != "meta" else None

    def _record(self, key, why, base, args, kwargs, leaves):
        self._warn(key, why)
        around = Surroundings(self.function, leaves)
        try:
            found = capture(self.function, args, kwargs, base, around=around)
        except TraceError as error:
            return self._eagerly(error, args, kwargs, key)
        self.recordings += 1
        held = [leaf for leaf, kind in zip(leaves, key[0][0], strict=False) if kind == (type(leaf), id(leaf))]
        try:
            call = CompiledCall(found)
            result = call.first(leaves)
        except BaseException:
            found.recorder.put_back()
            around.put_back()
            raise
        RUN.leaves = ()
        found.recorder.release()
        around.release()
        entries = self._entries.setdefault(key, [])
        entries[:] = [e for e in entries if not e.once]
        entries.insert(0, Entry(call, around, held))
        del entries[self.limit:]
        self._entries.move_to_end(key)
        while len(self._entries) > self.limit:
            self._entries.popitem(last=False)
        self._last = key
        return result

    def _eagerly(self, error, args, kwargs, key=None):
        """Runs what cannot be recorded, or raises the error with ``fullgraph``."""
        if self.fullgraph:
            raise error
        if key is not None:
            self._eager.add(key)
        if not self._told:
            self._told = True
            warnings.warn(f"{self.name} is run eagerly: {error}", UserWarning, stacklevel=5)
        return self.function(*args, **kwargs)

    @property
    def name(self) -> str:
        """The function's name, for messages."""
        return getattr(self.function, "__qualname__", None) or type(self.function).__name__

    def _warn(self, key, why):
        if self.recordings < self.limit or self._warned:
            return
        self._warned = True
        if why is None and self._last is not None:
            why = _difference(key[0], self._last[0])
        warnings.warn(f"{self.name} was recorded {self.recordings} times, and only {self.limit} programs are kept. What "
                      f"changed at this call: {why}. Give it arguments of few shapes, or numbers as tensors",
                      RecompileWarning, stacklevel=5)

    def reset(self) -> None:
        """Forgets all programs."""
        self._entries.clear()
        self._eager.clear()


def compiled(function, fullgraph: bool, limit: int = 8):
    """A function that runs compiled; for a :class:`CompiledFunction` under it see its attribute ``compiled``."""
    inner = CompiledFunction(function, fullgraph=fullgraph, limit=limit)

    @functools.wraps(function)
    def call(*args, **kwargs):
        return inner(*args, **kwargs)

    call.compiled = inner
    call._torchdynamo_orig_callable = function
    return call

