"""Public path of the replacement of patterns."""

from __future__ import annotations

from plugtorch.frontend.fx.interpreter import replace_pattern

__all__ = ["replace_pattern"]
