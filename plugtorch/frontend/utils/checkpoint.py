"""Checkpointing: parts of a program whose intermediate values are computed again in the backward pass rather than kept
(Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016).

Without reentrance the part is recorded as usual, but what its nodes save is packed to an empty holder; the first
holder that the backward pass unpacks runs the part again and fills all of them. With reentrance the part is one node,
whose backward runs the part and a backward pass inside the backward pass.
"""

from __future__ import annotations

import contextlib
import traceback
import warnings
import weakref
from contextvars import ContextVar

from plugtorch.autograd import Function, backward, enable_grad
from plugtorch.autograd.engine import CURRENT
from plugtorch.autograd.graph import saved_tensors_hooks
from plugtorch.autograd.mode import is_grad_enabled
from plugtorch.frontend import functions as fn
from plugtorch.frontend import state
from plugtorch.frontend.amp.autocast_mode import autocast, get_autocast_dtype, is_autocast_cache_enabled
from plugtorch.frontend.amp.casting import ENABLED
from plugtorch.frontend.random_functions import fork_rng, get_rng_state, set_rng_state
from plugtorch.frontend.tensor import Tensor
from plugtorch.transforms.tracing.recorder import RECORDER

__all__ = [
    "CheckpointError", "CheckpointFunction", "DefaultDeviceType", "check_backward_validity", "checkpoint",
    "checkpoint_sequential", "detach_variable", "get_device_states", "noop_context_fn", "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop", "set_device_states",
]

_HINT = (
    "\n\nTip: To see a more detailed error message, either pass `debug=True` to\n"
    "`torch.utils.checkpoint.checkpoint(...)` or wrap the code block\n"
    "with `with torch.utils.checkpoint.set_checkpoint_debug_enabled(True):` to\n"
    "enable checkpoint debug mode globally."
)
_EARLY_STOP: ContextVar[bool | None] = ContextVar("plugtorch_checkpoint_early_stop", default=None)
_DEBUG: ContextVar[bool | None] = ContextVar("plugtorch_checkpoint_debug", default=None)


class CheckpointError(RuntimeError):
    """The part did not do the same when it was run again."""


class _StopRecomputation(Exception):
    """All holders are filled."""


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool):
    """Says for the parts checkpointed inside whether running them again stops when everything needed is there. It takes
    precedence over the argument ``early_stop``."""
    token = _EARLY_STOP.set(bool(enable))
    try:
        yield
    finally:
        _EARLY_STOP.reset(token)


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None):
    """Says for the parts checkpointed inside whether errors show what was run; None leaves it to ``debug``."""
    token = _DEBUG.set(enabled)
    try:
        yield
    finally:
        _DEBUG.reset(token)


def noop_context_fn():
    """Two contexts that do nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


class DefaultDeviceType:
    """The kind of device whose generators are kept where the arguments do not tell."""

    _default_device_type = "cuda"

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        """Sets it."""
        DefaultDeviceType._default_device_type = device

    @staticmethod
    def get_device_type() -> str:
        """The kind of device."""
        return DefaultDeviceType._default_device_type


def get_device_states(*args):
    """``(devices, states)`` of the generators of the tensors' devices. All random numbers are drawn on the host, so both
    lists are empty."""
    return [], []


def set_device_states(devices, states, *, device_type=None) -> None:
    """Puts back what :func:`get_device_states` gave."""


def detach_variable(inputs: tuple) -> tuple:
    """The tensors outside any graph, each with its ``requires_grad``; other values as they are.

    Raises:
        RuntimeError: ``inputs`` is no tuple.
    """
    if not isinstance(inputs, tuple):
        raise RuntimeError("Only tuple of tensors is supported. Got Unsupported input type: ", type(inputs).__name__)
    return tuple(v.detach().requires_grad_(v.requires_grad) if isinstance(v, Tensor) else v for v in inputs)


def check_backward_validity(inputs) -> None:
    """Warns if no input requires grad."""
    if not any(v.requires_grad for v in inputs if isinstance(v, Tensor)):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


class _Surroundings:
    """The random stream, the backend and autocast at one moment, to be entered again."""

    def __init__(self, preserve_rng_state: bool):
        self.rng = get_rng_state() if preserve_rng_state else None
        self.backend = state.get_backend()
        self.dtypes = {kind: get_autocast_dtype(kind) for kind in ENABLED.get()}
        self.cache = is_autocast_cache_enabled()

    def _autocasts(self):
        for kind in self.dtypes.keys() | ENABLED.get():
            yield autocast(kind, self.dtypes.get(kind), kind in self.dtypes, self.cache)

    @contextlib.contextmanager
    def again(self):
        """As it was then; afterwards the random stream goes on from where it is now."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(state.backend(self.backend))
            for block in self._autocasts():
                stack.enter_context(block)
            if self.rng is not None:
                stack.enter_context(fork_rng())
                set_rng_state(self.rng)
            yield


class CheckpointFunction(Function):
    """The one node of a part that is checkpointed with reentrance."""

    @staticmethod
    def forward(ctx, run_function, preserve_rng_state, *args):
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.surroundings = _Surroundings(preserve_rng_state)
        ctx.inputs = [None if isinstance(a, Tensor) else a for a in args]
        ctx.tensor_indices = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(*(args[i] for i in ctx.tensor_indices))
        return run_function(*args)

    @staticmethod
    def backward(ctx, *args):
        running = CURRENT.get()
        if running is not None and running.captures is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                ".backward() without passing the `inputs` argument."
            )
        inputs = list(ctx.inputs)
        for i, t in zip(ctx.tensor_indices, ctx.saved_tensors, strict=True):
            inputs[i] = t
        detached = detach_variable(tuple(inputs))
        with ctx.surroundings.again(), enable_grad():
            outputs = ctx.run_function(*detached)
        if isinstance(outputs, Tensor):
            outputs = (outputs,)
        wanted = [(o, g) for o, g in zip(outputs, args, strict=True) if isinstance(o, Tensor) and o.requires_grad]
        if not wanted:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([o for o, _ in wanted], [g for _, g in wanted])
        return (None, None, *(i.grad if isinstance(i, Tensor) else None for i in detached))


class _KeepInputs(Function):
    """Saves the arguments of a part as any node saves tensors, so that hooks around it see them too."""

    @staticmethod
    def forward(ctx, anchor, args):
        ctx.indices = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.others = [None if isinstance(a, Tensor) else a for a in args]
        ctx.save_for_backward(*(args[i] for i in ctx.indices))
        return anchor.detach()

    @staticmethod
    def backward(ctx, g):
        raise AssertionError("nothing depends on this node")


def _kept_arguments(node):
    args = list(node.others)
    for i, t in zip(node.indices, node.saved_tensors, strict=True):
        args[i] = t
    return args


class _Holder:
    """In place of one saved tensor: per backward pass, the tensor computed again."""

    def __init__(self):
        self.tensors = weakref.WeakKeyDictionary()


class _OutsidePass:
    """In place of a pass, where a user looks at a saved tensor."""


def _metadata(t):
    return {"shape": t.shape, "dtype": t.dtype, "device": t.device}


class _Part:
    """One call of a checkpointed function without reentrance."""

    def __init__(self, function, args, kwargs, contexts, surroundings, early_stop, check, debug):
        self.function, self.kwargs, self.context = function, kwargs, contexts[1]
        self.surroundings, self.early_stop, self.check = surroundings, early_stop, check
        self.log = [] if debug else None
        self.holders, self.metadata = [], []
        self.arguments = _KeepInputs.apply(fn.zeros(0, requires_grad=True), args).grad_fn

    def hooks(self):
        """The hooks around the original call."""

        def pack(t):
            holder = _Holder()
            self.holders.append(weakref.ref(holder))
            self.metadata.append(_metadata(t))
            if self.log is not None:
                self.log.append("".join(traceback.format_stack()[:-1]))
            return holder

        def unpack(holder):
            key = CURRENT.get() or _OutsidePass()
            if key not in holder.tensors:
                self.recompute(key)
                if key not in holder.tensors:
                    raise self.error("torch.utils.checkpoint: a saved tensor was not computed again by the "
                                     "recomputation.")
            return holder.tensors.pop(key)

        return saved_tensors_hooks(pack, unpack)

    def recompute(self, key):
        """Runs the part again and fills the holders for one pass."""
        count, differing, log = 0, [], []

        def pack(t):
            nonlocal count
            n = count
            count += 1
            if self.log is not None:
                log.append("".join(traceback.format_stack()[:-1]))
            if n >= len(self.holders):
                raise self.error("torch.utils.checkpoint: trying to save more tensors during recomputation than during "
                                 "the original forward pass.", log)
            metadata = _metadata(t)
            if metadata != self.metadata[n]:
                differing.append((n, metadata))
            holder = self.holders[n]()
            if holder is not None:
                holder.tensors[key] = t.detach()
            if self.early_stop and count == len(self.holders):
                raise _StopRecomputation
            return t.detach()

        hooks = saved_tensors_hooks(pack, lambda t: t)
        with self.surroundings.again(), enable_grad(), contextlib.suppress(_StopRecomputation):
            arguments = _kept_arguments(self.arguments)
            with self.context, hooks:
                self.function(*arguments, **self.kwargs)
        if count != len(self.holders):
            raise self.error(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.holders)}\n"
                f"Number of tensors saved during recomputation: {count}.", log)
        if differing and self.check:
            raise self.error(
                "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than "
                "during the forward pass.\n" + "".join(
                    f"tensor at position {n}:\nsaved metadata: {self.metadata[n]}\nrecomputed metadata: {metadata}\n"
                    for n, metadata in differing) + ".", log)

    def error(self, text, log=()):
        """The error to raise; with ``debug`` it shows where tensors were saved."""
        if self.log is None:
            return CheckpointError(text + _HINT)
        parts = ["An error happened while unpacking tensors; dumping logs of latest computation\nbecause you passed "
                 "`debug=True` to `torch.utils.checkpoint.checkpoint()`.\n"]
        for title, stacks in (("the original forward", self.log), ("the recomputation", log)):
            parts.append(f"Stack traces of the tensors saved during {title}:\n")
            parts += [f"({n + 1} of {len(stacks)})\n{stack}" for n, stack in enumerate(stacks)]
        return CheckpointError("\n".join([*parts, text]))


_CHECKS = {"default": True, "none": False}


def checkpoint(function, *args, use_reentrant: bool | None = None, context_fn=noop_context_fn,
               determinism_check: str = "default", debug: bool = False, early_stop: bool = True, **kwargs):
    """``function(*args, **kwargs)``, whose intermediate values are computed again in the backward pass, not kept.

    Args:
        use_reentrant: run a backward pass inside the backward pass (True, the default for old programs, warned about),
            or record the function as usual and run it again when a saved value is needed (False, better: works with
            ``autograd.grad``, keyword arguments, and arguments without gradients).
        preserve_rng_state: draw the same random numbers again; True unless given.
        context_fn: gives two contexts, for the first and for the second run; not with reentrance.
        determinism_check: "default" compares shapes, dtypes and devices of the saved tensors of both runs, "none" does
            not.
        debug: errors show where tensors were saved.
        early_stop: stop the second run when everything needed is there.

    Raises:
        ValueError: arguments that do not go together.
        CheckpointError: in the backward pass, when the second run saves other tensors than the first.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. Starting in PyTorch 2.9, "
            "calling checkpoint without use_reentrant will raise an exception. use_reentrant=False is recommended, but "
            "if you need to preserve the current default behavior, you can pass use_reentrant=True. Refer to docs for "
            "more details on the differences between the two variants.", stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve, *args)
    if determinism_check not in _CHECKS:
        raise ValueError(f"determinism_check should be one of {list(_CHECKS)}, but got {determinism_check}")
    if not is_grad_enabled() or RECORDER.get() is not None:  # a program keeps what its backward pass needs
        return function(*args, **kwargs)
    contexts = context_fn()
    chosen = _EARLY_STOP.get()
    shown = _DEBUG.get()
    part = _Part(function, args, kwargs, contexts, _Surroundings(preserve), early_stop if chosen is None else chosen,
                 _CHECKS[determinism_check], debug if shown is None else shown)
    with contexts[0], part.hooks():
        return function(*args, **kwargs)


def checkpoint_sequential(functions, segments: int, input, use_reentrant: bool | None = None, **kwargs):
    """A sequence of functions or modules, run in ``segments`` checkpointed parts, the last of them as usual.

    Args:
        functions: an ``nn.Sequential`` or a list of callables of one argument.
        segments: how many parts.
        input: the argument of the first.

    Raises:
        ValueError: more segments than functions, or an unknown keyword.
    """
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be passed explicitly. In "
            "version 2.9 we will raise an exception if use_reentrant is not passed. use_reentrant=False is recommended, "
            "but if you need to preserve the current default behavior, you can pass use_reentrant=True. Refer to docs "
            "for more details on the differences between the two variants.", stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(steps) // segments
    if not size:
        raise ValueError(f"checkpoint_sequential: {segments} segments of {len(steps)} functions would be empty")

    def run(start, stop):
        def forward(x):
            for step in steps[start:stop]:
                x = step(x)
            return x

        return forward

    last = size * (segments - 1)
    for start in range(0, last, size):
        input = checkpoint(run(start, start + size), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return run(last, len(steps))(input)
