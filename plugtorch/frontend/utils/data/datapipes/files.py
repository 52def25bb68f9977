"""What the steps that read files share; names of ``torch.utils.data.datapipes.utils.common``."""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import inspect
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from io import IOBase
from typing import Any

__all__ = ["StreamWrapper", "get_file_binaries_from_pathnames", "get_file_pathnames_from_root", "match_masks",
           "validate_input_col", "validate_pathname_binary_tuple"]


def validate_input_col(fn: Callable, input_col: Any) -> None:
    """Checks that a function can be called with the values of a column, or of as many columns as a list or tuple has.

    Raises:
        ValueError: it takes another number of positional arguments, or needs one by keyword.
    """
    try:
        params = inspect.signature(fn).parameters.values()
    except ValueError:  # functions in C that do not tell
        return
    name = getattr(fn.func if isinstance(fn, functools.partial) else fn, "__name__", repr(fn))
    wanted = len(input_col) if isinstance(input_col, (list, tuple)) else 1
    by_place = [p for p in params if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = [p for p in params if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if by_name:
        raise ValueError(f"The function {name} takes {len(by_name)} non-default keyword-only parameters, which is not "
                         "allowed.")
    any_number = any(p.kind is p.VAR_POSITIONAL for p in params)
    if len(params) < wanted:
        if not any_number:
            raise ValueError(f"The function {name} takes {len(params)} parameters, but {wanted} are required.")
    elif any(p.default is p.empty for p in by_place[wanted:]) or len(by_place) < wanted and not any_number:
        raise ValueError(f"The function {name} takes {len(by_place)} positional parameters, but {wanted} are required.")


def match_masks(name: str, masks: str | list[str]) -> bool:
    """Whether a name fits one of some patterns; every name fits none."""
    return not masks or any(fnmatch.fnmatch(name, mask) for mask in ([masks] if isinstance(masks, str) else masks))


def _refused(error: OSError) -> None:
    warnings.warn(f"{error.filename} : {error.strerror}", stacklevel=2)
    raise error


def get_file_pathnames_from_root(root: str, masks: str | list[str], recursive: bool = False, abspath: bool = False,
                                 non_deterministic: bool = False) -> Iterator[str]:
    """The paths of the files in a folder that fit one of some patterns, or the path of one file.

    Args:
        recursive: in folders inside as well.
        abspath: absolute paths.
        non_deterministic: in the order of the file system, not sorted.

    Raises:
        OSError: the folder cannot be read.
    """
    if os.path.isfile(root):
        if match_masks(os.path.basename(root), masks):
            yield os.path.abspath(root) if abspath else root
        return
    for folder, folders, files in os.walk(root, onerror=_refused):
        if not recursive:
            folders.clear()
        if not non_deterministic:
            folders.sort()
            files.sort()
        for name in files:
            if match_masks(name, masks):
                yield os.path.join(os.path.abspath(folder) if abspath else folder, name)


def get_file_binaries_from_pathnames(pathnames: Iterable, mode: str,
                                     encoding: str | None = None) -> Iterator[tuple[str, StreamWrapper]]:
    """``(path, open file)`` of paths.

    Raises:
        TypeError: a path is no string.
    """
    for path in pathnames if isinstance(pathnames, Iterable) else [pathnames]:
        if not isinstance(path, str):
            raise TypeError(f"Expected string type for pathname, but got {type(path)}")
        mode = "r" + mode if mode in ("b", "t") else mode
        yield path, StreamWrapper(open(path, mode, encoding=encoding))  # noqa: SIM115  (closed by its wrapper)


def validate_pathname_binary_tuple(data: Any) -> None:
    """Checks that something is ``(path, open file)``.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(data, tuple):
        raise TypeError(f"pathname binary data should be tuple type, but it is type {type(data)}")
    if len(data) != 2:
        raise TypeError(f"pathname binary stream tuple length should be 2, but got {len(data)}")
    if not isinstance(data[0], str):
        raise TypeError("pathname within the tuple should have string type pathname, but it is type "
                        f"{type(data[0])}")
    if not isinstance(data[1], (IOBase, StreamWrapper)):
        raise TypeError("binary stream within the tuple should have IOBase orits subclasses as type, but it is type "
                        f"{type(data[1])}")


class StreamWrapper:
    """An open file that is closed when nothing refers to it any more; it has the methods of the file.

    Args:
        parent_stream: a wrapper that the file is read through; see :meth:`autoclose`.
        name: shown in its text.
    """

    session_streams: dict[Any, int] = {}
    debug_unclosed_streams = False

    def __init__(self, file_obj: Any, parent_stream: StreamWrapper | None = None, name: str | None = None) -> None:
        self.file_obj, self.parent_stream, self.name = file_obj, parent_stream, name
        self.child_counter, self.close_on_last_child, self.closed = 0, False, False
        if parent_stream is not None:
            if not isinstance(parent_stream, StreamWrapper):
                raise RuntimeError(f"Parent stream should be StreamWrapper, {type(parent_stream)} was given")
            parent_stream.child_counter += 1
        if StreamWrapper.debug_unclosed_streams:
            StreamWrapper.session_streams[self] = 1

    @classmethod
    def close_streams(cls, v: Any, depth: int = 0) -> None:
        """Closes the wrappers in nested lists, tuples and dictionaries, down to ten levels."""
        if isinstance(v, StreamWrapper):
            v.close()
        elif isinstance(v, (dict, list, tuple)) and depth <= 10:
            for item in v.values() if isinstance(v, dict) else v:
                cls.close_streams(item, depth + 1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["file_obj"], name)

    def close(self, *args: Any, **kwargs: Any) -> None:
        """Closes the file, and its parent if that waits for its last child."""
        if self.closed:
            return
        StreamWrapper.session_streams.pop(self, None)
        parent = self.__dict__.get("parent_stream")
        if parent is not None:
            parent.child_counter -= 1
            if not parent.child_counter and parent.close_on_last_child:
                parent.close()
        with contextlib.suppress(AttributeError):
            self.file_obj.close(*args, **kwargs)
        self.closed = True

    def autoclose(self) -> None:
        """Closes the file when all that are read through it are closed."""
        self.close_on_last_child = True
        if self.child_counter == 0:
            self.close()

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *StreamWrapper.__dict__, *dir(self.file_obj)})

    def __del__(self) -> None:
        if not self.__dict__.get("closed", True):
            self.close()

    def __iter__(self) -> Iterator:
        yield from self.file_obj

    def __next__(self) -> Any:
        return next(self.file_obj)

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name},"
        return f"StreamWrapper<{name}{self.file_obj!r}>"
