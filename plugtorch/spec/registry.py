"""Finding and loading backends: lazily, by name, one broken plugin never hurting another."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import inspect
import threading
import warnings
from collections.abc import Callable

from .op import OPS, SPEC_VERSION, Op, add_op


class BackendUnavailable(RuntimeError):
    """A backend was asked for by name and cannot be had; ``__cause__`` holds the reason."""


class PluginWarning(UserWarning):
    """A plugin is ignored, in whole or in part; the message says why and what to do."""


@dataclasses.dataclass
class Offer:
    """A backend as its plugin registered it."""

    name: str
    factory: Callable
    requires: tuple[str, ...]
    extra: str | None
    plugin: str

    def missing(self) -> list[str]:
        """Required modules that are not installed."""
        return [module for module in self.requires if importlib.util.find_spec(module) is None]


@dataclasses.dataclass
class Replacement:
    """A kernel that a plugin put in place of a backend's own.

    Attributes:
        own: the backend's kernel, bound.
        example: gives operands and parameters of a typical call, or None.
    """

    op: str
    plugin: str
    kernel: Callable
    own: Callable
    example: Callable | None


_lock = threading.RLock()
_offers: dict[str, Offer] = {}
_loaded: dict[str, object] = {}
_causes: dict[str, BaseException] = {}
_replaced: dict[str, dict[str, Replacement]] = {}
_op_plugins: set[str] = set()


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
                "uninstall one of them", PluginWarning, stacklevel=2,
            )
            continue
        found[point.name] = point
    return found


def register_plugin(plugin, name: str) -> None:
    """Adds a plugin object by hand, as an entry point called ``name`` would.

    Raises:
        TypeError: a hook of the plugin is misspelt or takes other arguments; the message names the known hooks.
    """
    import pluggy

    manager = _manager()
    if plugin not in manager.get_plugins():  # one module may stand behind several entry points
        manager.register(plugin, name=name)
        try:
            manager.check_pending()
        except pluggy.PluginValidationError as error:
            manager.unregister(plugin)
            known = ", ".join(sorted(n for n in dir(manager.hook) if n.startswith("plugtorch_")))
            raise TypeError(f"plugin {name!r}: {error}. The hooks are {known}") from error
    _hook("plugtorch_register_backends", plugin)(register=functools.partial(_register, plugin=name))


def _hook(name, plugin):
    """The caller of one hook of one plugin."""
    manager = _manager()
    return manager.subset_hook_caller(name, [p for p in manager.get_plugins() if p is not plugin])


def _register(name, factory, requires=(), extra=None, *, plugin):
    if name in _offers and _offers[name].plugin != plugin:
        warnings.warn(f"plugins {_offers[name].plugin!r} and {plugin!r} both offer backend {name!r}; the first is kept: "
                      "uninstall one of them, or rename its backend", PluginWarning, stacklevel=3)
        return
    if name == "ops":
        raise ValueError(f"plugin {plugin!r}: a backend cannot be called 'ops', the prefix of plugins that add ops")
    _offers[name] = Offer(name, factory, tuple(requires), extra, plugin)


def _load_entry_points(prefix):
    """Imports the plugins of one backend, or of ops, and registers them; keeps the causes of failures."""
    for key, point in _entry_points().items():
        if (key == prefix or key.startswith(prefix + "+")) and not _manager().has_plugin(key) and key not in _causes:
            try:
                register_plugin(point.load(), key)
            except Exception as error:
                _causes[key] = error
                if key != prefix:
                    _ignored(key, error)


def _ignored(plugin, error):
    warnings.warn(f"plugin {plugin!r} is ignored: {type(error).__name__}: {error}. Update or uninstall it; "
                  "`plugtorch doctor` tells where it comes from", PluginWarning, stacklevel=4)


def _make_meta():
    from .meta import MetaBackend

    return MetaBackend()


def _find(name):
    """The offer of a backend, after its plugins were imported."""
    if name == "meta":  # no library behind it, so no plugin
        return Offer("meta", _make_meta, (), None, "plugtorch")
    _load_entry_points(name)
    return _offers.get(name)


def backend_names() -> list[str]:
    """Names of all backends that a plugin is installed for."""
    return sorted({*(n for n in _entry_points() if "+" not in n), *_offers})


def plugin_sources() -> dict[str, str]:
    """Entry points of the group and the packages they come from."""
    return {name: f"{point.value} from {point.dist.name} {point.dist.version}" for name, point in _entry_points().items()}


def failed_plugins() -> dict[str, BaseException]:
    """Plugins and backends that could not be loaded so far, and why."""
    return dict(_causes)


def replacements(name: str) -> dict[str, Replacement]:
    """Kernels of a loaded backend that plugins replaced, by op."""
    return dict(_replaced.get(name, {}))


def describe(name: str):
    """The offer, the loaded backend and the kept cause of failure of one name; each may be None."""
    with _lock:
        offer = _find(name)
        return offer, _loaded.get(name), _causes.get(name)


def loaded_backends() -> dict[str, object]:
    """The backends that have been loaded so far, by name."""
    return dict(_loaded)


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
        version = getattr(backend, "spec_version", None)
        if version != SPEC_VERSION:
            raise RuntimeError(f"it was written for version {version} of the op spec; this plugtorch has version "
                               f"{SPEC_VERSION}: update the plugin or plugtorch")
    except Exception as error:
        _causes[offer.name] = error
        raise BackendUnavailable(
            f"backend {offer.name!r} could not be loaded: {type(error).__name__}: {error}"
        ) from error
    _causes.pop(offer.name, None)
    for plugin_name, plugin in _manager().list_name_plugin():
        if plugin is not None and hasattr(plugin, "plugtorch_register_kernels"):
            _register_kernels(backend, plugin, plugin_name)
    return backend


def _register_kernels(backend, plugin, plugin_name):
    """Lets a plugin replace kernels; all of its kernels are left out if one is refused."""
    wanted: dict[str, Replacement] = {}

    def register(name, kernel, example=None):
        if name not in OPS:
            load_op_plugins()
        if name not in OPS:
            raise ValueError(f"there is no op {name!r} to replace; see the op reference of the spec")
        want, have = OPS[name].signature, inspect.signature(kernel)
        if [*want.parameters] != [*have.parameters]:
            raise TypeError(f"the kernel for {name!r} has signature {have}, the spec's is {want}")
        wanted[name] = Replacement(name, plugin_name, kernel, getattr(backend, name), example)

    try:
        _hook("plugtorch_register_kernels", plugin)(backend=backend, register=register)
    except Exception as error:
        _causes[plugin_name] = error
        _ignored(plugin_name, error)
        return
    held = _replaced.setdefault(backend.name, {})
    for name, replacement in wanted.items():
        if name in held:
            warnings.warn(f"plugins {held[name].plugin!r} and {plugin_name!r} both bring a kernel for {name!r} on backend "
                          f"{backend.name!r}; the first is kept", PluginWarning, stacklevel=4)
            continue
        held[name] = replacement
        setattr(backend, name, replacement.kernel)


def load_op_plugins() -> None:
    """Imports the plugins that bring ops of their own, once each."""
    with _lock:
        _load_entry_points("ops")
        for plugin_name, plugin in _manager().list_name_plugin():
            if plugin is None or plugin_name in _op_plugins or not hasattr(plugin, "plugtorch_register_ops"):
                continue
            _op_plugins.add(plugin_name)
            try:
                _hook("plugtorch_register_ops", plugin)(
                    register=functools.partial(_add_op, namespace=plugin_name.partition("+")[2] or plugin_name))
            except Exception as error:
                _causes[plugin_name] = error
                _ignored(plugin_name, error)


def _add_op(body, gradients=None, outputs=("y",), *, namespace) -> Op:
    from .backend import Backend
    from .half import composition

    op = add_op(body, namespace, gradients, outputs)
    setattr(Backend, op.name, composition(op))
    return op
