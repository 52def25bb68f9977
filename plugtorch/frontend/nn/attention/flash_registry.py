"""Flash attention kernels of other libraries: who brings one registers it, who wants it activates it.

Attention here does not call them: an activated implementation has to put itself in place, and to give a handle that takes it
away again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

__all__ = ["activate_flash_attention_impl", "current_flash_attention_impl", "list_flash_attention_impls",
           "register_flash_attention_impl", "restore_flash_attention_impl"]

_known: dict[str, Callable[[], Any]] = {}
_active: list[tuple[str, Any]] = []


def register_flash_attention_impl(impl: str, *, register_fn: Callable[[], Any]) -> None:
    """Makes an implementation known: ``register_fn()`` puts it in place, and returns a handle with ``remove()`` or None."""
    _known[impl] = register_fn


def activate_flash_attention_impl(impl: str) -> None:
    """Puts a registered implementation in place of the one before.

    Raises:
        ValueError: nobody registered it.
    """
    restore_flash_attention_impl(False)
    if impl not in _known:
        raise ValueError(f"Unknown flash attention impl '{impl}'. Available implementations: {list_flash_attention_impls()}")
    handle = _known[impl]()
    if handle is not None:
        _active.append((impl, handle))


def list_flash_attention_impls() -> list[str]:
    """Names of the registered implementations; none comes with this package."""
    return sorted(_known)


def current_flash_attention_impl() -> str | None:
    """The name of the active one."""
    return _active[0][0] if _active else None


def restore_flash_attention_impl(_raise_warn: bool = True) -> None:
    """Takes the active implementation away; logs a warning if there is none."""
    if _active:
        _active.pop()[1].remove()
    elif _raise_warn:
        logging.getLogger(__name__).warning("Trying to restore default FA2 impl when no custom impl was activated")
