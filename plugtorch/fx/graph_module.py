"""Public path of graph modules."""

from __future__ import annotations

from plugtorch.frontend.fx.graph_module import GraphModule

__all__ = ["GraphModule"]
