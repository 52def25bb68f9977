"""Names of PyTorch's compiled core that ``torch`` shows: enumerations, containers, and the compiler's insides, which are
refused."""

from __future__ import annotations

import enum
from collections import UserDict, UserList

from plugtorch.frontend.not_offered import refused_class, refused_function

from .script import Error as JITException
from .script import ScriptFunction, ScriptModule

__all__ = ["JITException", "ScriptFunction", "ScriptModule"]


class FatalError(Exception):
    """An error that a program cannot go on after."""


class ScriptDict(UserDict):
    """A dict that scripted code would share with Python; a dict."""

    def __repr__(self):
        return "{" + ", ".join(f"{k}: {v}" for k, v in self.data.items()) + "}"


class ScriptList(UserList):
    """A list that scripted code would share with Python; a list."""


class AggregationType(enum.Enum):
    """How values of a monitor are put together."""

    SUM = 0
    AVG = 1


SUM, AVG = AggregationType.SUM, AggregationType.AVG

_TAGS = ("core", "cudagraph_unsafe", "data_dependent_output", "dynamic_output_shape", "flexible_layout", "generated",
         "inplace", "inplace_view", "maybe_aliasing_or_mutating", "needs_contiguous_strides", "needs_exact_strides",
         "needs_fixed_stride_order", "nondeterministic_bitwise", "nondeterministic_seeded", "out", "out_variant",
         "pointwise", "pt2_compliant_tag", "reduction", "view_copy")
Tag = enum.IntEnum("Tag", _TAGS, start=0)
Tag.__doc__ = "Properties of ops that PyTorch's declarations name."

# PyTorch's dispatch keys of the kinds of devices and of the layers above them. Nothing is dispatched by them.
DispatchKey = enum.Enum("DispatchKey", (
    "Undefined", "Dense", "CPU", "CUDA", "HIP", "XLA", "MPS", "IPU", "XPU", "HPU", "VE", "Lazy", "MTIA", "MAIA",
    "PrivateUse1", "Meta", "Quantized", "Sparse", "SparseCPU", "SparseCUDA", "SparseCsrCPU", "NestedTensor",
    "BackendSelect", "Python", "Conjugate", "Negative", "ZeroTensor", "ADInplaceOrView", "AutogradOther",
    "AutogradFunctionality", "AutogradCPU", "AutogradCUDA", "AutogradMeta", "Autograd", "AutocastCPU", "AutocastCUDA",
    "CompositeImplicitAutograd",
    "CompositeExplicitAutograd", "CompositeExplicitAutogradNonFunctional", "Functionalize", "FuncTorchBatched"), start=0)
DispatchKey.__doc__ = "Names of PyTorch's dispatch keys; ops here are methods of a backend and are not dispatched by keys."

__all__ += ["AVG", "AggregationType", "DispatchKey", "FatalError", "SUM", "ScriptDict", "ScriptList", "Tag"]

_GRAPH = "it belongs to TorchScript's compiler, which is not here; Python runs scripted functions and modules"
_DISPATCH = "it belongs to PyTorch's dispatcher, which is not here; ops are methods of a backend"
_FILES = "it belongs to PyTorch's C++ reader and writer of files; use torch.save and torch.load"
_BENCH = "it belongs to PyTorch's C++ benchmarks; use torch.utils.benchmark.Timer"
_CLASSES = {
    _GRAPH: ("AliasDb", "Argument", "ArgumentSpec", "Block", "CallStack", "Capsule", "Code", "CompleteArgumentSpec",
             "ConcreteModuleType", "ConcreteModuleTypeBuilder", "DeepCopyMemoTable", "ErrorReport",
             "ExecutionPlan", "FileCheck", "FunctionSchema", "Gradient", "Graph", "GraphExecutorState", "IODescriptor",
             "LiteScriptModule", "Node", "ScriptClass", "ScriptClassFunction", "ScriptDictIterator", "ScriptDictKeyIterator",
             "ScriptListIterator", "ScriptMethod", "ScriptModuleSerializer", "ScriptObject", "ScriptObjectProperty",
             "StaticModule", "TracingState", "Use", "Value", "BufferDict", "ModuleDict", "ParameterDict"),
    _DISPATCH: ("DispatchKeySet", "ExcludeDispatchKeyGuard", "OperatorInfo"),
    _FILES: ("DeserializationStorageContext", "PyTorchFileReader", "PyTorchFileWriter", "SerializationStorageContext"),
    _BENCH: ("BenchmarkConfig", "BenchmarkExecutionStats", "LockingLogger", "LoggerBase", "NoopLogger",
             "ThroughputBenchmark"),
}
_FUNCTIONS = {_GRAPH: ("import_ir_module", "import_ir_module_from_buffer", "merge_type_from_type_comment", "parse_ir",
                       "parse_schema", "parse_type_comment")}
for _why, _names in _CLASSES.items():
    for _name in _names:
        globals()[_name] = refused_class(_name, _why, RuntimeError)
        __all__.append(_name)
for _why, _names in _FUNCTIONS.items():
    for _name in _names:
        globals()[_name] = refused_function(_name, _why, RuntimeError)
        __all__.append(_name)
