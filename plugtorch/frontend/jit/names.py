# ruff: noqa: SIM905  (lists of words)
"""The names that :mod:`.types` and :mod:`.core` bring to the ``torch`` namespace, which imports them when they are used."""

from __future__ import annotations

TYPES = (
    "AnyType AwaitType BoolType ClassType ComplexType DeviceObjType DictType EnumType FloatType FutureType "
    "InferredType IntType InterfaceType ListType NoneType NumberType OptionalType PyObjectType RRefType "
    "StreamObjType StringType SymBoolType SymIntType TensorType TupleType Type UnionType unify_type_list "
).split()
CORE = (
    "AVG AggregationType AliasDb Argument ArgumentSpec BenchmarkConfig BenchmarkExecutionStats Block BufferDict "
    "CallStack Capsule Code CompleteArgumentSpec ConcreteModuleType ConcreteModuleTypeBuilder DeepCopyMemoTable "
    "DeserializationStorageContext DispatchKey DispatchKeySet ErrorReport ExcludeDispatchKeyGuard ExecutionPlan "
    "FatalError FileCheck FunctionSchema Gradient Graph GraphExecutorState IODescriptor JITException "
    "LiteScriptModule LockingLogger LoggerBase ModuleDict Node NoopLogger OperatorInfo ParameterDict "
    "PyTorchFileReader PyTorchFileWriter SUM ScriptClass ScriptClassFunction ScriptDict ScriptDictIterator "
    "ScriptDictKeyIterator ScriptFunction ScriptList ScriptListIterator ScriptMethod ScriptModule "
    "ScriptModuleSerializer ScriptObject ScriptObjectProperty SerializationStorageContext StaticModule Tag "
    "ThroughputBenchmark TracingState Use Value import_ir_module import_ir_module_from_buffer "
    "merge_type_from_type_comment parse_ir parse_schema parse_type_comment "
).split()
