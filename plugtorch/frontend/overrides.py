"""``__torch_function__``: classes that answer the library's functions themselves, and modes that see every call.

Plain tensors pay nothing for it. The functions of the public modules are wrapped when the first class or mode that
wants to see calls comes into being: a subclass of Tensor, a TorchFunctionMode, or this protocol's own functions being
asked for. Methods and operators are wrapped on the subclass alone, and on Tensor itself only while a mode is on.
"""

from __future__ import annotations

import functools
import importlib
import sys
import types
from contextvars import ContextVar

from .tensor import Size, Tensor

__all__ = [
    "BaseTorchFunctionMode", "TorchFunctionMode", "get_default_nowrap_functions", "get_ignored_functions",
    "get_overridable_functions", "handle_torch_function", "has_torch_function", "has_torch_function_unary",
    "has_torch_function_variadic", "is_tensor_like", "is_tensor_method_or_property", "resolve_name",
    "wrap_torch_function",
]

# What is off: subclasses' answers, and modes too. A depth each, in this context.
_off: ContextVar[tuple[bool, bool]] = ContextVar("plugtorch_torch_function_off", default=(False, False))
_modes: ContextVar[tuple] = ContextVar("plugtorch_torch_function_modes", default=())


class DisableTorchFunctionSubclass:
    """Context manager: subclasses of Tensor do not answer calls inside; modes still do."""

    _state = (True, False)

    def __enter__(self):
        off, all_off = self._state
        before = _off.get()
        self._token = _off.set((before[0] or off, before[1] or all_off))

    def __exit__(self, *exc):
        _off.reset(self._token)


class DisableTorchFunction(DisableTorchFunctionSubclass):
    """Context manager: neither subclasses nor modes answer calls inside."""

    _state = (True, True)


def _disabled_torch_function_impl(cls, func, types, args=(), kwargs=None):
    """The answer of a class that wants none: the function runs, and its results stay as they are."""
    with DisableTorchFunctionSubclass():
        return func(*args, **(kwargs or {}))


def _is_disabled(implementation) -> bool:
    return getattr(implementation, "__func__", implementation) is _disabled_torch_function_impl


def _overrides(value) -> bool:
    kind = type(value)
    if kind is Tensor or kind in _PLAIN:
        return False
    implementation = getattr(kind, "__torch_function__", None)
    return implementation is not None and not _is_disabled(implementation) and kind is not Tensor


_PLAIN: set = {int, float, bool, complex, str, type(None), Size}


def _gather(values):
    """Arguments that answer for themselves, one of each class, subclasses before their bases."""
    found: list = []
    for value in values:
        if type(value) in (list, tuple):
            candidates = value
        else:
            candidates = (value,)
        for v in candidates:
            if _overrides(v) and all(type(v) is not type(f) for f in found):
                at = next((i for i, f in enumerate(found) if issubclass(type(v), type(f))), len(found))
                found.insert(at, v)
    return found


def has_torch_function(relevant_args) -> bool:
    """Whether an argument answers calls itself, or a mode is on."""
    off, all_off = _off.get()
    if _modes.get() and not all_off:
        return True
    return not off and any(map(_overrides, relevant_args))


def has_torch_function_unary(value) -> bool:
    """:func:`has_torch_function` of one argument."""
    return has_torch_function((value,))


def has_torch_function_variadic(*values) -> bool:
    """:func:`has_torch_function` of several arguments."""
    return has_torch_function(values)


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """The answer of the mode in force, or of the first argument that gives one.

    Raises:
        TypeError: all of them return NotImplemented.
    """
    overloaded = _gather(relevant_args)
    kinds = tuple(map(type, overloaded))
    off, all_off = _off.get()
    stack = _modes.get()
    if stack and not all_off:
        mode = stack[-1]
        token = _modes.set(stack[:-1])
        try:
            result = mode.__torch_function__(public_api, kinds, args, kwargs)
        finally:
            _modes.reset(token)
        if result is not NotImplemented:
            return result
    if not off:
        for value in overloaded:
            result = type(value).__torch_function__(public_api, kinds, args, kwargs)
            if result is not NotImplemented:
                return result
    names = ", ".join(f"{k.__module__}.{k.__qualname__}" for k in kinds)
    raise TypeError(f"Multiple dispatch failed for '{resolve_name(public_api) or public_api}'; all __torch_function__ "
                    f"handlers returned NotImplemented: {names}")


def _answering(public, name=None):
    """``public`` with a look at its arguments before it runs; ``name`` is what answers get as the function."""

    @functools.wraps(public)
    def function(*args, **kwargs):
        off, all_off = _off.get()
        stack = _modes.get() if not all_off else ()
        if stack or not off:
            relevant = _gather((*args, *kwargs.values())) if not off else []
            if stack or relevant:
                shown = name if name is not None else function
                return handle_torch_function(shown, relevant, *args, **kwargs)
        return public(*args, **kwargs)

    function._answers = True
    return function


def wrap_torch_function(dispatcher):
    """A decorator for functions of users' own: ``dispatcher`` gives the arguments that may answer the call."""

    def decorate(public):
        @functools.wraps(public)
        def function(*args, **kwargs):
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(function, relevant, *args, **kwargs)
            return public(*args, **kwargs)

        return function

    return decorate


# Wrapping on demand.

_MODULES = ("plugtorch", "plugtorch.nn.functional", "plugtorch.linalg", "plugtorch.special", "plugtorch.fft")
_NEVER = frozenset({
    "is_tensor", "is_storage", "typename", "set_default_dtype", "get_default_dtype", "set_printoptions", "manual_seed",
    "seed", "initial_seed", "get_rng_state", "set_rng_state", "is_grad_enabled", "is_inference_mode_enabled",
    "set_backend", "get_backend", "available_backends", "promote_types", "can_cast", "finfo", "iinfo", "compile",
    "save", "load", "from_numpy", "frombuffer", "from_dlpack", "asarray", "set_default_device", "get_default_device",
    "use_deterministic_algorithms", "set_num_threads", "get_num_threads", "broadcast_shapes", "vmap",
})
_wrapped_modules: set = set()


def install() -> None:
    """Wraps the public functions of the modules that are loaded."""
    for module_name in _MODULES:
        module = sys.modules.get(module_name)
        if module is None or module_name in _wrapped_modules or not hasattr(module, "__all__"):
            continue
        _wrapped_modules.add(module_name)
        for name in module.__all__:
            value = module.__dict__.get(name)
            if isinstance(value, types.FunctionType) and name not in _NEVER and not hasattr(value, "_answers"):
                module.__dict__[name] = _answering(value)


def install_in_layers() -> None:
    """Wraps the functional forms of the layers as well, and lets the layers themselves call what is wrapped."""
    public = importlib.import_module("plugtorch.nn.functional")
    install()
    inner = importlib.import_module("plugtorch.frontend.nn.functional")
    for name in public.__all__:
        setattr(inner, name, getattr(public, name))


_OWN_METHODS = frozenset({
    "__init_subclass__", "__new__", "__torch_function__", "__hash__", "__repr__", "__reduce_ex__", "__deepcopy__",
    "__copy__", "_make_subclass", "as_subclass", "__class__", "__dir__", "_is_view", "has_names", "__setstate__",
})


def _methods():
    """Tensor's methods by name, those of the library's own workings left out."""
    return {name: value for name, value in vars(Tensor).items()
            if isinstance(value, types.FunctionType) and name not in _OWN_METHODS}


def answer_by_table(cls, table: dict, refuse) -> frozenset:
    """Gives a subclass of Tensor whose elements are not one array its methods: its own stay, the others come from ``table``.

    Args:
        cls: the subclass.
        table: from names to functions.
        refuse: ``refuse(name, self, args, kwargs)`` is what a method does that is in neither; it raises, as a rule.

    Returns:
        The names of its own methods.
    """
    def refusing(name):
        def method(self, *args, **kwargs):
            return refuse(name, self, args, kwargs)

        method.__name__ = method.__qualname__ = name
        return method

    own = frozenset(name for name, value in vars(cls).items() if not hasattr(value, "_answers"))
    for name in _methods():
        if name not in own:
            setattr(cls, name, table.get(name) or refusing(name))
    return own


def adopt(cls) -> None:
    """Gives a new subclass of Tensor methods that ask ``__torch_function__``; a class that disabled it gets none."""
    if cls.__module__.startswith("plugtorch."):  # Parameter and its kin are plain tensors with a mark
        cls.__torch_function__ = classmethod(_disabled_torch_function_impl)
    if _is_disabled(getattr(cls, "__torch_function__", None)):
        _PLAIN.add(cls)
        return
    install()
    if any(c is not Tensor and c in _adopted for c in cls.__mro__):
        _adopted.add(cls)
        return
    _adopted.add(cls)
    for name, value in _methods().items():
        if not any(name in vars(c) for c in cls.__mro__[:cls.__mro__.index(Tensor)]):
            type.__setattr__(cls, name, _answering(value, getattr(value, "__wrapped_plain__", value)))
    for name in _VIEW_PROPERTIES:
        if not any(name in vars(c) for c in cls.__mro__[:cls.__mro__.index(Tensor)]):
            own = vars(Tensor)[name]
            getter = _answering(own.fget, own.__get__)
            type.__setattr__(cls, name, property(getter, own.fset, own.fdel, own.__doc__))


# Properties that give tensors.
_VIEW_PROPERTIES = ("T", "mT", "H", "mH", "data", "real", "imag")


_adopted: set = set()


# Tensor's own answer.

def _converted(result, cls):
    if cls is Tensor:
        return result
    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, (tuple, list)) and type(result) is not Size:
        parts = [_converted(r, cls) for r in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result


def _torch_function(cls, func, types, args=(), kwargs=None):
    """Runs the function and gives its results the class; NotImplemented where an argument is of a strange class."""
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
    return result if func in get_default_nowrap_functions() else _converted(result, cls)


Tensor.__torch_function__ = classmethod(_torch_function)


def _make_subclass(cls, data, require_grad=False):
    """A leaf of class ``cls`` on the memory of a tensor."""
    t = data.detach()
    t.__class__ = cls
    t._req = bool(require_grad)
    return t


Tensor._make_subclass = staticmethod(_make_subclass)


# Modes.

class TorchFunctionMode:
    """A context manager whose ``__torch_function__(func, types, args, kwargs)`` answers every call of a public function
    or of a method of Tensor inside; the innermost mode answers first, and its own calls go to the next."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError

    def __enter__(self):
        install()
        stack = _modes.get()
        _modes.set((*stack, self))
        _watch_methods()
        return self

    def __exit__(self, *exc):
        _modes.set(_modes.get()[:-1])
        _unwatch_methods()

    @classmethod
    def push(cls, *args, **kwargs):
        """A mode of this class."""
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """The mode that only runs the function."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


_plain_methods: dict = {}
_watchers = 0


def _watch_methods():
    global _watchers
    _watchers += 1
    if _watchers == 1:
        _plain_methods.update(_methods())
        for name, value in _plain_methods.items():
            wrapped = _answering(value)
            wrapped.__wrapped_plain__ = value
            setattr(Tensor, name, wrapped)


def _unwatch_methods():
    global _watchers
    _watchers -= 1
    if not _watchers:
        for name, value in _plain_methods.items():
            setattr(Tensor, name, value)
        _plain_methods.clear()


# Asking about functions.

def is_tensor_like(inp) -> bool:
    """Whether the functions take it for a tensor: a Tensor, or of a class with ``__torch_function__``."""
    return type(inp) is Tensor or hasattr(inp, "__torch_function__")


def is_tensor_method_or_property(func) -> bool:
    """Whether func is a method of Tensor, or the getter of one of its properties."""
    name = getattr(func, "__name__", None)
    return name == "__get__" or vars(Tensor).get(name) is func


@functools.cache
def get_default_nowrap_functions() -> set:
    """Functions whose results are handed on in the class they have."""
    found = {Tensor.requires_grad_, Tensor.register_hook, Tensor.backward}
    return {f for f in found if callable(f)}


def get_ignored_functions() -> set:
    """Public functions that nobody is asked about."""
    module = sys.modules["plugtorch"]
    return {getattr(module, name) for name in _NEVER if name in module.__dict__}


def get_overridable_functions() -> dict:
    """Per public module, and for Tensor, the functions whose calls classes and modes may answer."""
    install()
    found: dict = {}
    for module_name in _MODULES:
        module = sys.modules.get(module_name)
        if module is not None:
            found[module] = [v for n in getattr(module, "__all__", ()) if hasattr(v := module.__dict__.get(n), "_answers")]
    found[Tensor] = list(_methods().values())
    return found


def resolve_name(func):
    """A readable name such as ``torch.add`` or ``torch.Tensor.add``, or None."""
    name = getattr(func, "__name__", None)
    if name is None:
        return None
    if vars(Tensor).get(name) in (func, getattr(func, "__wrapped__", None)):
        return f"torch.Tensor.{name}"
    for module_name in _MODULES:
        module = sys.modules.get(module_name)
        if module is not None and module.__dict__.get(name) is func:
            return f"{module_name.replace('plugtorch', 'torch', 1)}.{name}"
    return None

