"""Public path of tracing."""

from __future__ import annotations

from plugtorch.frontend.fx.tracer import Tracer, is_fx_tracing, symbolic_trace, wrap

__all__ = ["Tracer", "is_fx_tracing", "symbolic_trace", "wrap"]
