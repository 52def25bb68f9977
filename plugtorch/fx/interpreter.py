"""Public path of interpreters."""

from __future__ import annotations

from plugtorch.frontend.fx.interpreter import Interpreter, Transformer

__all__ = ["Interpreter", "Transformer"]
