"""Public path of nodes."""

from __future__ import annotations

from plugtorch.frontend.fx.node import Node, has_side_effect, map_aggregate, map_arg

__all__ = ["Node", "has_side_effect", "map_aggregate", "map_arg"]
