"""Finding and loading backends: lazily, by name, one broken plugin never hurting another."""

from __future__ import annotations

import functools
import importlib.util
import threading
import warnings
from collections.abc import Callable

from .op import OPS, SPEC_VERSION


class BackendUnavailable(RuntimeError):
    """A backend was asked for by name and cannot be had; ``__cause__`` holds the reason."""


class Offer:
    """A backend as its plugin registered it."""

    def __init__(self, name: str, factory: Callable, requires: tuple[str, ...], extra: str | None, plugin: str):
        self.name, self.factory, self.requires = name, factory, requires
        self.extra, self.plugin = extra, plugin

    def missing(self) -> list[str]:
        """Required modules that are not installed."""
        return [module for module in self.requires if importlib.util.find_spec(module) is None]


_lock = threading.RLock()
_offers: dict[str, Offer] = {}
_loaded: dict[str, object] = {}
_causes: dict[str, BaseException] = {}


@functools.cache
def _manager():
    import pluggy

    from . import hooks

    manager = pluggy.PluginManager(hooks.GROUP)
    manager.add_hookspecs(hooks.Hooks)
    return manager


@functools.cache
def _entry_points():
    import importlib.metadata

    found = {}
    for point in importlib.metadata.entry_points(group="plugtorch"):
        if point.name in found and found[point.name].value != point.value:
            warnings.warn(
                f"two installed plugins offer the plugtorch entry point {point.name!r}: {found[point.name].value} "
                f"({found[point.name].dist.name}) is used, {point.value} ({point.dist.name}) is ignored; "
                "uninstall one of them",
                stacklevel=2,
            )
            continue
        found[point.name] = point
    return found


def register_plugin(plugin, name: str) -> None:
    """Adds a plugin object by hand, as an entry point called ``name`` would."""
    manager = _manager()
    manager.register(plugin, name=name)
    manager.check_pending()
    caller = manager.subset_hook_caller(
        "plugtorch_register_backends", [p for p in manager.get_plugins() if p is not plugin]
    )
    caller(register=functools.partial(_register, plugin=name))


def _register(name, factory, requires=(), extra=None, *, plugin):
    if name in _offers and _offers[name].plugin != plugin:
        warnings.warn(f"plugins {_offers[name].plugin!r} and {plugin!r} both offer backend {name!r}; "
                      "the first is kept", stacklevel=3)
        return
    _offers[name] = Offer(name, factory, tuple(requires), extra, plugin)


def _find(name):
    """Loads the entry points that belong to one backend."""
    for key, point in _entry_points().items():
        if (key == name or key.startswith(name + "+")) and not _manager().has_plugin(key):
            try:
                register_plugin(point.load(), key)
            except Exception as error:
                _causes[key] = error
    return _offers.get(name)


def backend_names() -> list[str]:
    """Names of all backends that a plugin is installed for."""
    return sorted({*(n for n in _entry_points() if "+" not in n), *_offers})


def describe(name: str):
    """The offer, the loaded backend and the kept cause of failure of one name; each may be None."""
    with _lock:
        offer = _find(name)
        return offer, _loaded.get(name), _causes.get(name)


def load_backend(name: str):
    """The backend object of that name, made on first use.

    Raises:
        BackendUnavailable: no plugin offers it, or it cannot be loaded; the message says what to install.
    """
    backend = _loaded.get(name)
    if backend is not None:
        return backend
    with _lock:
        if name in _loaded:
            return _loaded[name]
        offer = _find(name)
        if offer is None:
            cause = _causes.get(name)
            if cause is not None:
                raise BackendUnavailable(
                    f"the plugin of backend {name!r} could not be imported: {type(cause).__name__}: {cause}"
                ) from cause
            raise BackendUnavailable(
                f"there is no backend {name!r}; installed ones: {', '.join(backend_names()) or 'none'}. "
                "A backend is a pip package with an entry point in the group 'plugtorch'"
            )
        _loaded[name] = backend = _make(offer)
        return backend


def _make(offer):
    missing = offer.missing()
    if missing:
        advice = f"; install it with: pip install {offer.extra}" if offer.extra else ""
        cause = ModuleNotFoundError(f"No module named {missing[0]!r}")
        _causes[offer.name] = cause
        raise BackendUnavailable(
            f"backend {offer.name!r} needs {', '.join(missing)}, not installed here{advice}"
        ) from cause
    try:
        backend = offer.factory()
        if backend.spec_version != SPEC_VERSION:
            raise RuntimeError(f"it was written for version {backend.spec_version} of the op spec; this plugtorch "
                               f"has version {SPEC_VERSION}: update the plugin or plugtorch")
        _manager().hook.plugtorch_register_kernels(backend=backend, register=functools.partial(_replace, backend))
    except Exception as error:
        _causes[offer.name] = error
        raise BackendUnavailable(
            f"backend {offer.name!r} could not be loaded: {type(error).__name__}: {error}"
        ) from error
    _causes.pop(offer.name, None)
    return backend


def _replace(backend, name, kernel):
    import inspect

    if name not in OPS:
        raise ValueError(f"there is no op {name!r} to replace; see the op reference of the spec")
    want, have = OPS[name].signature, inspect.signature(kernel)
    if [*want.parameters] != [*have.parameters]:
        raise TypeError(f"the kernel for {name!r} has signature {have}, the spec's is {want}")
    setattr(backend, name, kernel)
