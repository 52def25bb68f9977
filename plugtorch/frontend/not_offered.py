"""Names of PyTorch whose work is not offered here: each says so, and what to use, when it is called.

``REFUSED`` is the table of them all, filled as the modules that declare them are imported.
"""

from __future__ import annotations

# name below ``torch.`` -> why, and what to use instead
REFUSED: dict[str, str] = {}


def message(name: str, why: str) -> str:
    """What the error says."""
    return f"not offered: torch.{name}: {why}"


def refused_function(name: str, why: str, error: type[Exception] = NotImplementedError):
    """A function ``torch.NAME`` that raises ``error`` when it is called."""
    REFUSED[name] = why

    def function(*args, **kwargs):
        raise error(message(name, why))

    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    function.__doc__ = f"Not offered: {why}. Raises {error.__name__}."
    return function


def refused_class(name: str, why: str, error: type[Exception] = NotImplementedError, base: type = object):
    """A class ``torch.NAME`` for ``isinstance`` and annotations, which raises ``error`` when an object of it is made."""
    REFUSED[name] = why

    def new(cls, *args, **kwargs):
        raise error(message(name, why))

    plain = name.rpartition(".")[2]
    return type(plain, (base,), {"__new__": new, "__module__": "plugtorch", "__qualname__": plain,
                                 "__doc__": f"Not offered: {why}. Raises {error.__name__}."})
