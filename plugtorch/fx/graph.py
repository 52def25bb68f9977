"""Public path of graphs."""

from __future__ import annotations

from plugtorch.frontend.fx.graph import Graph, PythonCode

__all__ = ["Graph", "PythonCode"]
