"""Classes and functions of the user's that restricted loading may use."""

from __future__ import annotations

from .names import place_in_file

_allowed: dict[str, object] = {}
_listed: list = []


def _key(item) -> tuple[str, object]:
    if isinstance(item, tuple):
        if len(item) != 2 or not isinstance(item[1], str):
            raise ValueError(f"a pair of safe globals must be (object, 'its.full.name'), got {item!r}")
        return item[1], item[0]
    if not callable(item):
        raise ValueError(f"safe globals must be classes or functions, got {item!r}")
    return ".".join(place_in_file(item)), item


def add_safe_globals(safe_globals: list) -> None:
    """Lets ``load(weights_only=True)`` use classes and functions; ``(object, "module.name")`` names one differently."""
    for item in safe_globals:
        key, target = _key(item)
        _allowed[key] = target
        _listed.append(item)


def get_safe_globals() -> list:
    """What was added."""
    return list(_listed)


def clear_safe_globals() -> None:
    """Takes back all that was added."""
    _allowed.clear()
    _listed.clear()


class safe_globals:  # noqa: N801  (PyTorch's name)
    """``with safe_globals([...]):`` adds safe globals inside the block."""

    def __init__(self, safe_globals: list) -> None:
        self._items = safe_globals

    def __enter__(self):
        self._before = dict(_allowed), list(_listed)
        add_safe_globals(self._items)

    def __exit__(self, *exc):
        clear_safe_globals()
        _allowed.update(self._before[0])
        _listed.extend(self._before[1])


def allowed_types() -> tuple[type, ...]:
    """The added classes."""
    return tuple(item for item in _allowed.values() if isinstance(item, type))


def allowed(name: str):
    """The added object of that full name, or None."""
    return _allowed.get(name)
