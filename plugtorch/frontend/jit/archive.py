"""Saving and loading scripted functions and modules: the Python object, not code, so its class must be importable where it
is loaded. TorchScript's own archives hold compiled code and are refused."""

from __future__ import annotations

import io
import os
import zipfile

from plugtorch.frontend.nn import modules as layers
from plugtorch.frontend.nn.modules.module import Module
from plugtorch.frontend.serialization import load as load_object
from plugtorch.frontend.serialization import save as save_object
from plugtorch.frontend.serialization.safe_globals import safe_globals

from .script import ScriptFunction, ScriptModule, _rebuild

__all__ = ["jit_module_from_flatbuffer", "load", "save", "save_jit_module_to_flatbuffer"]

_FORMAT = "plugtorch.jit"


def _content(m, extra_files):
    if isinstance(m, ScriptFunction):
        kept: object = m._function
    elif isinstance(m, ScriptModule):
        kept = m
    else:
        raise ValueError(f"torch.jit.save writes a ScriptModule or a ScriptFunction, but got {type(m).__name__}; use "
                         "torch.jit.script first" if isinstance(m, Module) or callable(m) else
                         f"torch.jit.save writes a ScriptModule or a ScriptFunction, but got {type(m).__name__}")
    extra = {name: data.encode() if isinstance(data, str) else bytes(data) for name, data in (extra_files or {}).items()}
    return {"format": _FORMAT, "extra_files": extra, "object": kept}


def to_bytes(m, extra_files=None) -> bytes:
    """What :func:`save` writes."""
    stream = io.BytesIO()
    save_object(_content(m, extra_files), stream)
    return stream.getvalue()


def save(m, f, _extra_files=None) -> None:
    """Writes a scripted function or module: its state, and the names of its classes.

    Args:
        m: of :func:`script` or :func:`trace`.
        f: a path, or a file open for writing bytes.
        _extra_files: names and texts or bytes to keep beside it.

    Raises:
        ValueError: ``m`` is not scripted.
        pickle.PicklingError: its class or function cannot be imported by name.
    """
    save_object(_content(m, _extra_files), f)


def _layers():
    """Every class of layers."""
    import importlib
    import pkgutil

    for info in pkgutil.iter_modules(layers.__path__):
        module = importlib.import_module(f"{layers.__name__}.{info.name}")
        yield from (v for v in vars(module).values() if isinstance(v, type) and issubclass(v, Module))


def _is_torchscript(file) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return False
    finally:
        if hasattr(file, "seek"):
            file.seek(0)
    return any(name.endswith("/constants.pkl") or "/code/" in name for name in names)


def load(f, map_location=None, _extra_files=None, _restore_shapes=False):
    """Reads what :func:`save` wrote, by the restricted unpickler: layers of ``torch.nn``, and classes and functions that
    were named to ``torch.serialization.add_safe_globals``.

    Args:
        f: a path, or a file open for reading bytes.
        map_location: where its tensors are to be; see :func:`plugtorch.load`.
        _extra_files: a dict whose values are filled in by the names it has.

    Raises:
        RuntimeError: a TorchScript archive of PyTorch, which holds compiled code, or another file.
        pickle.UnpicklingError: a class or function that was not allowed; the message names it.
        ValueError: no such file.
    """
    if isinstance(f, (str, os.PathLike)):
        if not os.path.exists(f):
            raise ValueError(f"The provided filename {os.fspath(f)} does not exist")
        if os.path.isdir(f):
            raise ValueError(f"The provided filename {os.fspath(f)} is a directory")
    if _is_torchscript(f):
        raise RuntimeError("not offered: torch.jit.load of a TorchScript archive: it holds compiled code, for which there "
                           "is no interpreter here. Save the state_dict() of the model with torch.save in PyTorch, and "
                           "load it into the model's Python class")
    with safe_globals([_rebuild, *_layers()]):
        found = load_object(f, map_location, weights_only=True)
    if not isinstance(found, dict) or found.get("format") != _FORMAT:
        raise RuntimeError("torch.jit.load reads files of torch.jit.save; this is another one, torch.load may read it")
    for name in _extra_files or ():
        if name in found["extra_files"]:
            _extra_files[name] = found["extra_files"][name]
    kept = found["object"]
    return kept if isinstance(kept, ScriptModule) else ScriptFunction(kept)


def save_jit_module_to_flatbuffer(m, f, _extra_files=None) -> None:
    """:func:`save`: there is one format."""
    save(m, f, _extra_files)


def jit_module_from_flatbuffer(f):
    """:func:`load`: there is one format."""
    return load(f)
