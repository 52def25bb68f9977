"""Comparing results, and random tensors to test with; names of ``torch.testing``."""

from __future__ import annotations

from plugtorch.frontend.jit.core import FileCheck
from plugtorch.frontend.testing.comparison import assert_allclose, assert_close
from plugtorch.frontend.testing.creation import make_tensor

__all__ = ["FileCheck", "assert_allclose", "assert_close", "make_tensor"]
