"""``torch.__config__``: what the library runs on."""

from __future__ import annotations


def show() -> str:
    """The versions of the library and of the installed backends' array libraries, one per line."""
    import numpy

    from . import __version__, available_backends
    from .spec.registry import load_backend

    lines = [f"plugtorch {__version__}, the op spec over array libraries:", f"  - NumPy {numpy.__version__}"]
    for name in available_backends():
        try:
            lines.append(f"  - backend {name}: {load_backend(name).library_version}")
        except RuntimeError as error:
            lines.append(f"  - backend {name}: cannot be loaded ({error})")
    return "\n".join(lines) + "\n"


def parallel_info() -> str:
    """The libraries that run threads in this process, and how many."""
    from .frontend.devices.switches import libraries

    return "\n".join(f"{info['internal_api']} {info.get('version') or ''}: {info['num_threads']} threads"
                     for info in libraries()) + "\n"


__all__ = ["parallel_info", "show"]
