# ruff: noqa: F401  (the imports are the module)
"""Names of ``torch._dynamo`` that programs use. See ``torch.compile``."""

from __future__ import annotations

from plugtorch.frontend.compilation import (
    InvalidBackend,
    allow_in_graph,
    assume_constant_result,
    config,
    disable,
    disable_nested_graph_breaks,
    disallow_in_graph,
    dont_skip_tracing,
    explain,
    export,
    forbid_in_graph,
    graph_break,
    is_compiling,
    list_backends,
    lookup_backend,
    mark_dynamic,
    mark_static,
    mark_static_address,
    maybe_mark_dynamic,
    nonstrict_trace,
    optimize,
    optimize_assert,
    register_backend,
    reset,
    run,
    set_recursion_limit,
    set_stance,
    skip_frame,
    substitute_in_graph,
)
from plugtorch.frontend.nn.modules.compiled import OptimizedModule

__all__ = [name for name in globals() if not name.startswith("_") and name != "annotations"]
