"""Public path of proxies."""

from __future__ import annotations

from plugtorch.frontend.fx.proxy import Attribute, Proxy, TraceError, TracerBase

__all__ = ["Attribute", "Proxy", "TraceError", "TracerBase"]
