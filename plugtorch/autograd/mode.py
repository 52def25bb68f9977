"""What ops do besides computing: record gradients or not, and the other modes of a context.

All modes are bits of one context variable, so that an op reads one value; it is 0
in the ordinary case. Threads start with 0, and a generator or task keeps its own.
"""

from __future__ import annotations

import functools
import warnings
from contextvars import ContextVar

NO_GRAD = 1
INFERENCE = 2
ANOMALY = 4  # nodes remember where they were recorded
ANOMALY_NAN = 8  # and a backward pass looks for nan
SAVED_HOOKS = 64  # hooks pack what nodes save
IN_PASS = 256  # a backward pass on arrays is running
DUAL = 512  # tensors may carry tangents (forward-mode differentiation)
AUTOCAST = 1024  # listed functions cast their operands first (mixed precision)
WATCHED = ANOMALY | SAVED_HOOKS  # a new node is looked at

MODE: ContextVar[int] = ContextVar("plugtorch_mode", default=0)
mode = MODE.get


def is_grad_enabled() -> bool:
    """Whether ops record what gradients need, in this thread and context."""
    return not MODE.get() & NO_GRAD


def is_inference_mode_enabled() -> bool:
    """Whether tensors made now are inference tensors."""
    return bool(MODE.get() & INFERENCE)


class _ModeContext:
    """A context manager that is also a decorator for functions and generator functions."""

    _own = 0  # the bits that the end of the context puts back

    def _bits(self, now: int) -> int:
        return now

    def _again(self):
        return self

    def __enter__(self):
        self._before = MODE.get()
        MODE.set(self._bits(self._before))

    def __exit__(self, *exc):
        MODE.set(MODE.get() & ~self._own | self._before & self._own)

    def __call__(self, function):
        if isinstance(function, type):
            raise TypeError(f"{type(self).__name__} decorates functions; decorate the methods of {function.__name__}")
        if getattr(getattr(function, "__code__", None), "co_flags", 0) & 0x20:  # CO_GENERATOR
            return self._decorate_generator(function)

        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            with self._again():
                return function(*args, **kwargs)

        return wrapped

    def _decorate_generator(self, function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            # The mode holds while the generator runs, and not in its caller between two values.
            generator = function(*args, **kwargs)
            send, value = generator.send, None
            while True:
                try:
                    with self._again():
                        got = send(value)
                except StopIteration as stop:
                    return stop.value
                try:
                    send, value = generator.send, (yield got)
                except GeneratorExit:
                    with self._again():
                        generator.close()
                    raise
                except BaseException as error:
                    send, value = generator.throw, error

        return wrapped


class no_grad(_ModeContext):  # noqa: N801  (PyTorch's name)
    """Ops inside record nothing; results have ``requires_grad=False``. Context manager and decorator."""

    _own = NO_GRAD

    def __new__(cls, function=None):
        self = object.__new__(cls)
        return self if function is None else self(function)

    def __init__(self, function=None):
        pass

    def _again(self):
        return type(self)()

    def _bits(self, now):
        return now | NO_GRAD


class enable_grad(no_grad):  # noqa: N801
    """Ops inside record again, within ``no_grad``. Inside ``inference_mode`` it has no effect on new tensors."""

    def _bits(self, now):
        return now & ~NO_GRAD


class set_grad_enabled(_ModeContext):  # noqa: N801
    """Switches recording on or off at once; as a context manager it switches back at the end."""

    _own = NO_GRAD

    def __init__(self, mode: bool):
        self.mode = bool(mode)
        self._before = MODE.get()
        MODE.set(self._bits(self._before))

    def _bits(self, now):
        return now & ~NO_GRAD if self.mode else now | NO_GRAD

    def __enter__(self):
        MODE.set(self._bits(MODE.get()))

    def _again(self):
        return no_grad() if not self.mode else enable_grad()

    def __call__(self, function):
        MODE.set(self._before)
        return super().__call__(function)

    def __str__(self):
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"

    __repr__ = __str__


class detect_anomaly(_ModeContext):  # noqa: N801
    """Debugging aid: an error in a backward pass shows the forward call that recorded the failing node, and a gradient
    that turns into nan is an error. Slow: every recorded op keeps its call stack."""

    _own = ANOMALY | ANOMALY_NAN

    def __init__(self, check_nan: bool = True):
        self.check_nan = check_nan
        warnings.warn("Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
                      "enabled for debugging.", stacklevel=2)

    def _again(self):
        return set_detect_anomaly(True, self.check_nan, _at_once=False)

    def _bits(self, now):
        return now & ~self._own | _anomaly_bits(True, self.check_nan)


def _anomaly_bits(on, check_nan):
    return (ANOMALY | (ANOMALY_NAN if check_nan else 0)) if on else 0


class set_detect_anomaly(_ModeContext):  # noqa: N801
    """Switches anomaly detection on or off at once; as a context manager it switches back at the end."""

    _own = ANOMALY | ANOMALY_NAN

    def __init__(self, mode: bool, check_nan: bool = True, *, _at_once=True):
        self._on = _anomaly_bits(mode, check_nan)
        self._before = MODE.get()
        if _at_once:
            MODE.set(self._bits(self._before))

    def _bits(self, now):
        return now & ~self._own | self._on

    def __enter__(self):
        MODE.set(self._bits(MODE.get()))


def is_anomaly_enabled() -> bool:
    """Whether nodes remember where they were recorded."""
    return bool(MODE.get() & ANOMALY)


def is_anomaly_check_nan_enabled() -> bool:
    """Whether a backward pass under anomaly detection looks for nan."""
    return bool(MODE.get() & ANOMALY_NAN)


def is_multithreading_enabled() -> bool:
    """False: a backward pass runs in the thread that started it."""
    return False


def is_view_replay_enabled() -> bool:
    """True: the history of a view is made of the views' own ops, and not of strides."""
    return True


class set_multithreading_enabled(_ModeContext):  # noqa: N801
    """Accepted for PyTorch's sake: a backward pass always runs in the thread that started it."""

    def __init__(self, mode: bool):
        self.mode = bool(mode)

    def __call__(self, function):
        return function


class enforce_grad_layout_policy(set_multithreading_enabled):  # noqa: N801
    """Accepted for PyTorch's sake: gradients have the layout in which they were computed."""


class inference_mode(_ModeContext):  # noqa: N801
    """Like ``no_grad``; tensors made inside carry no version counter and can never be saved for backward."""

    _own = NO_GRAD | INFERENCE

    def __new__(cls, mode=True):
        self = object.__new__(cls)
        if callable(mode):
            self.mode = True
            return self(mode)
        return self

    def __init__(self, mode=True):
        self.mode = bool(mode)

    def _again(self):
        return type(self)(self.mode)

    def _bits(self, now):
        return now | NO_GRAD | INFERENCE if self.mode else now & ~(NO_GRAD | INFERENCE)
