"""Notes on nodes of graphs; names of ``torch.fx.traceback``."""

from __future__ import annotations

import contextlib
import copy
from contextvars import ContextVar
from typing import Any

__all__ = ["annotate", "format_stack", "get_current_meta", "has_preserved_node_meta", "preserve_node_meta",
           "set_current_meta", "set_stack_trace"]

_meta: ContextVar[dict[str, Any]] = ContextVar("plugtorch_fx_meta", default={})  # noqa: B039  (never written to)
_preserved: ContextVar[bool] = ContextVar("plugtorch_fx_preserved", default=False)


@contextlib.contextmanager
def preserve_node_meta(enable: bool = True):
    """A block in which new nodes get the notes in force."""
    token, meta = _preserved.set(enable), _meta.set(copy.copy(_meta.get()))
    try:
        yield
    finally:
        _preserved.reset(token)
        _meta.reset(meta)


def has_preserved_node_meta() -> bool:
    """Whether such a block is open."""
    return _preserved.get()


def get_current_meta() -> dict[str, Any]:
    """The notes in force."""
    return _meta.get()


@contextlib.contextmanager
def set_current_meta(node, pass_name: str = ""):
    """A block with the notes of a node in force."""
    token = _meta.set(copy.copy(node.meta)) if _preserved.get() and node.meta else None
    try:
        yield
    finally:
        if token is not None:
            _meta.reset(token)


@contextlib.contextmanager
def annotate(annotation_dict: dict):
    """A block in which a note ``custom`` is in force."""
    token = _meta.set({**_meta.get(), "custom": {**_meta.get().get("custom", {}), **annotation_dict}})
    try:
        yield
    finally:
        _meta.reset(token)


def set_stack_trace(stack: list[str]) -> None:
    """Keeps a stack as the note ``stack_trace``, where a block of :func:`preserve_node_meta` is open."""
    if _preserved.get() and stack:
        _meta.set({**_meta.get(), "stack_trace": "".join(stack)})


def format_stack() -> list[str]:
    """The stack in force: the noted one, or Python's."""
    import traceback

    if _preserved.get():
        return [_meta.get().get("stack_trace", "")]
    return traceback.format_list(traceback.extract_stack()[:-1])
