"""``torch.backends.cpu``: the processor."""

from __future__ import annotations

import platform


def get_cpu_capability() -> str:
    """The processor's architecture; which instructions are used is the array library's choice."""
    return {"x86_64": "DEFAULT", "AMD64": "DEFAULT"}.get(platform.machine(), platform.machine() or "DEFAULT")
