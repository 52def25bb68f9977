"""The writer: nodes, initializers and names of an ONNX graph, and the table of how ops are said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from plugtorch.spec.dtypes import DType, bfloat16, bool_, float16, float32, int64
from plugtorch.spec.program import Instruction, Symbol

# op -> (function of (writer, instruction) that gives the names of its results, whether it applies)
TABLE: dict[str, tuple[Callable, Callable]] = {}
OPSETS = range(18, 24)
# What arithmetic is offered for by ONNX runtimes; other types are computed in a wider one.
WIDE = frozenset({"float32", "float64", "int32", "int64"})


def maps(*names: str, when: Callable[[Instruction, set, int], bool] | None = None):
    """Declares how ops are said. ``when(instruction, used values, opset)`` says whether it can be; if not, a derived op is
    said by what it is made of."""
    def decorate(function):
        for name in names:
            TABLE[name] = function, when or (lambda one, used, opset: True)
        return function

    return decorate


def first_only(one: Instruction, used: set, opset: int) -> bool:
    """Whether nothing but an op's first result is used."""
    return not any(s in used for s in one.outputs[1:])


class Writer:
    """Gathers an ONNX graph.

    Attributes:
        opset: the version of ONNX's ops.
        sharing: whether equal constants are one initializer.
        nodes, initializers: so far; initializers are NumPy arrays by name.
        names: of the program's values.
        known: arrays of the values that are known now.
        where: what the nodes that are added come from, for readers of the model.
    """

    def __init__(self, opset: int, sharing: bool = True):
        from onnx import TensorProto, helper

        self.sharing, self.opset, self._make_node = sharing, opset, helper.make_node
        self._types = {name: getattr(TensorProto, name.upper()) for name in (
            "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "bfloat16",
            "complex64", "complex128")} | {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}
        self.nodes: list = []
        self.initializers: dict[str, np.ndarray] = {}
        self.names: dict[Symbol, str] = {}
        self.known: dict[Symbol, np.ndarray] = {}
        self._taken: set[str] = set()
        self._constants: dict[Any, str] = {}
        self.where = ""

    def type_of(self, dtype: DType) -> int:
        """ONNX's number of a dtype."""
        return self._types[dtype.name]

    def fresh(self, hint: str) -> str:
        """A name that nothing has."""
        name, n = hint, 0
        while name in self._taken:
            n += 1
            name = f"{hint}_{n}"
        self._taken.add(name)
        return name

    def constant(self, array, hint: str = "constant") -> str:
        """The name of an initializer with these values."""
        array = np.asarray(array)
        key = (array.dtype.str, array.shape, array.tobytes()) if self.sharing and array.size <= 256 else None
        if key is not None and key in self._constants:
            return self._constants[key]
        name = self.fresh(hint)
        self.initializers[name] = array
        if key is not None:
            self._constants[key] = name
        return name

    def integers(self, *values) -> str:
        """The name of an int64 vector."""
        return self.constant(np.array(values, np.int64), "sizes")

    def number(self, value, dtype: DType) -> str:
        """The name of a 0-d array of one number."""
        return self.constant(np.asarray(value).astype(dtype.numpy), "number")

    def node(self, kind: str, *inputs: str | None, results: int = 1, outputs: list[str] | None = None, **attributes):
        """Adds a node; returns the names of its results, or the only one. ``outputs`` are their names, else new ones."""
        outputs = outputs or [self.fresh(kind.lower()) for _ in range(results)]
        names = ["" if i is None else i for i in inputs]
        while names and not names[-1]:
            names.pop()
        made = self._make_node(kind, names, outputs, name=self.fresh(f"node_{kind}"), doc_string=self.where,
                                      **{k: v for k, v in attributes.items() if v is not None})
        self.nodes.append(made)
        return outputs[0] if results == 1 else tuple(outputs)

    def name(self, o, dtype: DType | None = None) -> str | None:
        """The name of an operand; a number becomes an initializer of ``dtype``."""
        if o is None:
            return None
        if type(o) is not Symbol:
            return self.number(o, dtype)
        if o not in self.names:
            self.names[o] = self.constant(self.known[o])
        return self.names[o]

    def cast(self, name: str, dtype: DType) -> str:
        """A node that converts."""
        return self.node("Cast", name, to=self.type_of(dtype))

    def reshape(self, name: str, shape) -> str:
        """A node that gives another shape."""
        return self.node("Reshape", name, self.integers(*shape), allowzero=1)

    def transpose(self, name: str, axes) -> str:
        """A node that permutes axes; none where they stay."""
        return name if list(axes) == list(range(len(axes))) else self.node("Transpose", name, perm=list(axes))


def dtype_of(one: Instruction) -> DType:
    """The dtype that an op's operands share."""
    return next(o.dtype for o in one.operands if type(o) is Symbol)


def wide_type(dtype: DType) -> DType:
    """The type in which arithmetic on a dtype is computed."""
    if dtype.name in WIDE:
        return dtype
    return float32 if dtype in (float16, bfloat16) else int64


def computed(g: Writer, one: Instruction, build: Callable, result: DType | None = None) -> str:
    """``build(names)`` on the operands in a type that runtimes compute in; the result in the op's own dtype."""
    dtype = dtype_of(one)
    wide = wide_type(dtype)
    names = [g.name(o, wide) for o in one.operands]
    if wide is not dtype:
        names = [g.cast(n, wide) if type(o) is Symbol else n for n, o in zip(names, one.operands, strict=True)]
    found = build(*names)
    result = result or one.outputs[0].dtype
    return found if wide is dtype or result is bool_ else g.cast(found, result)
