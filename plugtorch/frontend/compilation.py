"""``torch.compile`` and the names of ``torch.compiler`` and ``torch._dynamo``."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

from plugtorch.transforms.tracing.recorder import RECORDER, cannot

from .not_offered import refused_function

_BACKENDS: dict[str, Any] = dict.fromkeys(("cudagraphs", "eager", "inductor", "openxla", "tvm"))
_default_backend: Any = "inductor"
_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs", "lite")


def compile(model=None, *, fullgraph=None, dynamic=None, backend=None, mode=None, options=None, name=None, disable=False,
            recompile_limit=None, isolate_recompiles=False, shapes_spec=None):  # noqa: A001  (PyTorch's name)
    """The function or module, compiled: the first call of a kind is recorded as a program of ops, which is run at the later
    ones; see :class:`~plugtorch.frontend.compiled.function.CompiledFunction`.

    Whatever tensors the function reads and writes (parameters, buffers, gradients, the state of optimizers and generators)
    is found by recording it. Gradients flow through a compiled function from outside; a whole training step may be one.

    Args:
        model: a function or a Module; without it a decorator is returned.
        fullgraph: True raises an error, with file and line, for what cannot be recorded; False runs such a call eagerly.
            The default is True, and False in a program that imports plugtorch as ``torch``, as PyTorch's is.
        backend: "eager" runs the function as it is; other names of :func:`list_backends` and functions are checked, and
            programs are compiled by the backend that holds the tensors.
        recompile_limit: how many programs are kept per function; 8 unless given.
        disable: gives the function back as it is.
        mode, options: not both; checked and not used.
        dynamic, name, isolate_recompiles, shapes_spec: not used; every shape has a program of its own.

    Returns:
        A function with the same attributes; for a Module, an :class:`OptimizedModule` around it.

    Raises:
        RuntimeError: both mode and options, an unknown mode or backend, or nothing that can be called.
    """
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if mode is not None and mode not in _MODES:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(_MODES)}")
    if backend is not None:
        lookup_backend(backend)
    if model is None:
        return lambda function: compile(function, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode,
                                        options=options, disable=disable, recompile_limit=recompile_limit)
    from .compiled.function import compiled
    from .nn.modules.module import Module

    if isinstance(model, type) or not callable(model):
        raise RuntimeError(f"torch.compile takes a function or a module, but got {model!r}")
    if disable:
        return model
    if fullgraph is None:
        fullgraph = getattr(sys.modules.get("torch"), "__name__", "") != "plugtorch"
    limit = recompile_limit or config.recompile_limit
    if isinstance(model, Module):
        from .nn.modules.compiled import OptimizedModule

        return OptimizedModule(model, None if backend == "eager" else compiled(model.__call__, fullgraph, limit))
    if backend == "eager":
        return _eager(model)
    return compiled(model, fullgraph, limit)


def _eager(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    call._torchdynamo_orig_callable = function
    return call


# Backends.

class InvalidBackend(RuntimeError):
    """A backend's name that nobody registered."""


def list_backends(exclude_tags=("debug", "experimental")) -> list[str]:
    """The names that ``backend=`` takes."""
    return sorted(name for name in _BACKENDS if name != "eager" or not exclude_tags)


def lookup_backend(backend):
    """A registered backend by its name; a function is given back.

    Raises:
        InvalidBackend: there is none of that name.
    """
    if not isinstance(backend, str):
        if not callable(backend):
            raise RuntimeError(f"backend should be a name or a function, but got {backend!r}")
        return backend
    if backend not in _BACKENDS and backend not in ("aot_eager", "aot_eager_decomp_partition", "aot_ts", "ts"):
        raise InvalidBackend(f"Invalid backend: {backend!r}, see `torch._dynamo.list_backends()` for available backends.")
    return _BACKENDS.get(backend)


def register_backend(compiler_fn=None, name=None, tags=()):
    """Registers a backend's name, so that :func:`compile` takes it. It is not called."""
    if compiler_fn is None:
        return functools.partial(register_backend, name=name, tags=tags)
    _BACKENDS[name or compiler_fn.__name__] = compiler_fn
    return compiler_fn


def set_default_backend(backend) -> None:
    """Keeps the name or function of the backend to use where none is named; none is used."""
    global _default_backend
    if backend is not None:
        lookup_backend(backend)
    _default_backend = "inductor" if backend is None else backend


def get_default_backend():
    """What :func:`set_default_backend` was told, "inductor" at first."""
    return _default_backend


# Questions.

EXPORTING: ContextVar[bool] = ContextVar("plugtorch_exporting", default=False)


def is_compiling() -> bool:
    """Whether the code runs in order to be recorded."""
    return RECORDER.get() is not None


is_dynamo_compiling = is_compiling


def is_exporting() -> bool:
    """Whether the code runs in order to be exported."""
    return EXPORTING.get()


def reset() -> None:
    """Forgets all programs of all compiled functions."""
    from .compiled.function import LIVE

    for function in list(LIVE):
        function.reset()


def cudagraph_mark_step_begin() -> None:
    """Nothing: no CUDA graphs are recorded."""


# Decorators that mark functions for the compiler.

def _identity(name, doc):
    def decorator(fn=None, *args, **kwargs):
        return fn if fn is not None else lambda function: function

    decorator.__name__ = decorator.__qualname__ = name
    decorator.__doc__ = doc
    return decorator


_MARK = "Marks a function for a compiler; it is run as any."
allow_in_graph, assume_constant_result, disallow_in_graph, forbid_in_graph, nonstrict_trace, run, dont_skip_tracing, \
    disable_nested_graph_breaks, nested_compile_region, wrap_numpy = (
        _identity(name, _MARK) for name in (
            "allow_in_graph", "assume_constant_result", "disallow_in_graph", "forbid_in_graph", "nonstrict_trace", "run",
            "dont_skip_tracing", "disable_nested_graph_breaks", "nested_compile_region", "wrap_numpy"))


class _Disabled(contextlib.ContextDecorator):
    """A block that is not recorded."""

    def __enter__(self):
        if RECORDER.get() is not None:
            raise cannot("a part of a compiled function is marked as not to be compiled (torch.compiler.disable)")
        return self

    def __exit__(self, *exc):
        return None


def disable(fn=None, recursive=True, *, reason=None, wrapping=True):
    """The function, which a compiled function cannot call (it is then run eagerly, or refused with ``fullgraph``);
    without one, a decorator that is a context too."""
    if fn is None:
        return _Disabled()

    @functools.wraps(fn)
    def call(*args, **kwargs):
        with _Disabled():
            return fn(*args, **kwargs)

    return call


def substitute_in_graph(original_fn, *, can_constant_fold_through=False, skip_signature_check=False,
                        is_embedded_type=False):
    """A decorator for a function that a compiler would use in the place of another; nothing is replaced."""
    return lambda traceable: traceable


def graph_break(msg: str = "") -> None:
    """Says that a compiled function cannot be recorded from here on; nothing outside of one."""
    if RECORDER.get() is not None:
        raise cannot(f"a compiled function calls graph_break({msg!r})")


def skip_frame(msg: str = "") -> None:
    """Nothing: there is no graph."""


def mark_dynamic(t, index, *, hint_override=None, min=None, max=None, specialize_on=None) -> None:
    """Nothing: all sizes are free."""


def maybe_mark_dynamic(t, index) -> None:
    """Nothing: all sizes are free."""


def mark_static(t, index=None) -> None:
    """Nothing: all sizes are free."""


def mark_static_address(t, guard=False) -> None:
    """Nothing: no addresses are kept."""


_STANCES = ("default", "eager_then_compile", "aot_eager_then_compile", "fail_on_recompile", "eager_on_recompile",
            "force_eager")


class set_stance(contextlib.ContextDecorator):  # noqa: N801
    """What compiled functions do, as a statement or a block: "force_eager" runs them as they are, "fail_on_recompile"
    refuses to record a second kind of call, "eager_on_recompile" runs it eagerly; the others are the default.

    Raises:
        RuntimeError: no such stance.
    """

    def __init__(self, stance: str = "default", *, skip_guard_eval_unsafe: bool = False, force_backend=None):
        if stance not in _STANCES:
            raise RuntimeError(f"invalid torch.compile stance '{stance}'")
        from .compiled import function

        self.stance, self._before = stance, function.STANCE.get()
        function.STANCE.set(stance)

    def __enter__(self):
        from .compiled import function

        function.STANCE.set(self.stance)
        return self

    def __exit__(self, *exc):
        from .compiled import function

        function.STANCE.set(self._before)


def set_enable_guard_collectives(enabled: bool) -> bool:
    """Nothing: there are no guards. Returns False."""
    return False


def set_recursion_limit(limit: int) -> None:
    """Nothing: there is no interpreter of its own.

    Raises:
        ValueError: the limit is not positive.
    """
    if limit < 1:
        raise ValueError(f"recursion limit must be greater or equal to 1, got {limit}")


def optimize(*args: Any, **kwargs: Any) -> Callable:
    """A decorator, :func:`compile` in an older form."""
    backend = args[0] if args else kwargs.get("backend")
    return compile(backend=backend if isinstance(backend, str) else None)


optimize_assert = optimize


def save_cache_artifacts():
    """None: programs are not kept beyond the process."""
    return None


def load_cache_artifacts(serialized_artifacts: bytes):
    """None: programs are not kept beyond the process."""
    return None


def _keep_all(name):
    def function(guard_entries, *args, **kwargs):
        return [True for _ in guard_entries]

    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Keeps all guards; there are none."
    return function


keep_portable_guards_unsafe, skip_guard_on_inbuilt_nn_modules_unsafe, skip_guard_on_all_nn_modules_unsafe, \
    keep_tensor_guards_unsafe, skip_guard_on_globals_unsafe, skip_all_guards_unsafe = map(_keep_all, (
        "keep_portable_guards_unsafe", "skip_guard_on_inbuilt_nn_modules_unsafe", "skip_guard_on_all_nn_modules_unsafe",
        "keep_tensor_guards_unsafe", "skip_guard_on_globals_unsafe", "skip_all_guards_unsafe"))


def explain(f, *extra_args: Any, **extra_kwargs: Any):
    """What is recorded of a call ``explain(f)(*args)``; see :func:`plugtorch.frontend.exporting.explaining.explain`."""
    from .exporting.explaining import explain

    return explain(f, *extra_args, **extra_kwargs)


def draw(function, path, group_by=None) -> None:
    """Writes a picture of an exported program, or of the programs of a compiled function, as .svg or .dot; see
    :func:`plugtorch.frontend.exporting.drawing.draw`."""
    from .exporting.drawing import draw

    draw(function, path, group_by)


def export(f, *extra_args: Any, **options: Any):
    """A call ``export(f)(*args)`` as a module; see :func:`plugtorch.frontend.exporting.explaining.export`."""
    from .exporting.explaining import export

    return export(f, *extra_args, **options)


load_compiled_function = refused_function(
    "compiler.load_compiled_function", "compiled functions are not kept in files; torch.export.save keeps a program")

# Settings of the compiler that programs set; ``recompile_limit`` is read by :func:`compile`, the others have no effect.
config = SimpleNamespace(
    suppress_errors=False, verbose=False, cache_size_limit=8, recompile_limit=8, accumulated_cache_size_limit=256,
    dynamic_shapes=True, assume_static_by_default=True, automatic_dynamic_shapes=True, optimize_ddp=True,
    capture_scalar_outputs=False, capture_dynamic_output_shape_ops=False, inline_inbuilt_nn_modules=True, disable=False,
    job_id=None, force_disable_caches=False)
