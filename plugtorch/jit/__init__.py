# ruff: noqa: F401  (the imports are the module)
"""Scripting and tracing; names of ``torch.jit``. Nothing is compiled: Python runs the functions and modules."""

from __future__ import annotations

from plugtorch.frontend.futures import Future
from plugtorch.frontend.jit.annotations import (
    Final,
    annotate,
    enable_onednn_fusion,
    fork,
    fuser,
    isinstance,
    onednn_fusion_enabled,
    optimized_execution,
    set_fusion_strategy,
    strict_fusion,
    wait,
)
from plugtorch.frontend.jit.annotations import overload as _overload
from plugtorch.frontend.jit.annotations import overload_method as _overload_method
from plugtorch.frontend.jit.archive import jit_module_from_flatbuffer, load, save, save_jit_module_to_flatbuffer
from plugtorch.frontend.jit.script import (
    Attribute,
    CompilationUnit,
    Error,
    RecursiveScriptModule,
    ScriptFunction,
    ScriptModule,
    ScriptWarning,
    export,
    export_opnames,
    freeze,
    ignore,
    interface,
    is_scripting,
    optimize_for_inference,
    run_frozen_optimizations,
    script,
    script_if_tracing,
    script_method,
    unused,
)
from plugtorch.frontend.jit.trace import (
    ONNXTracedModule,
    TopLevelTracedModule,
    TracedModule,
    TracerWarning,
    TracingCheckError,
    is_tracing,
    trace,
    trace_module,
)

_fork, _wait = fork, wait

__all__ = [
    "Attribute", "CompilationUnit", "Error", "Final", "Future", "RecursiveScriptModule", "ScriptFunction", "ScriptModule",
    "ScriptWarning", "TracedModule", "TracerWarning", "annotate", "enable_onednn_fusion", "export", "export_opnames", "fork",
    "freeze", "fuser", "ignore", "interface", "is_scripting", "is_tracing", "isinstance", "load", "onednn_fusion_enabled",
    "optimize_for_inference", "optimized_execution", "save", "script", "script_if_tracing", "script_method",
    "set_fusion_strategy", "strict_fusion", "trace", "trace_module", "unused", "wait",
]
