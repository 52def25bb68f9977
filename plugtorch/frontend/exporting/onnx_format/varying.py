"""ONNX models with a size that varies: two models for two sizes, in which what differs is computed from the size of an
input."""

from __future__ import annotations

import numpy as np

from ..family import SIZES


def merged(first, second, name: str):
    """The model for all sizes of two models for the sizes of :data:`~..family.SIZES`.

    Args:
        name: of the size, in the shapes of inputs and outputs.

    Raises:
        NotImplementedError: they differ in more than integers that are linear in the size.
    """
    from onnx import helper, numpy_helper

    graph, other = first.graph, second.graph
    known = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    twins = {i.name: numpy_helper.to_array(i) for i in other.initializer}
    if known.keys() != twins.keys() or [_without_place(n) for n in graph.node] != [_without_place(n) for n in other.node]:
        raise NotImplementedError(f"the size {name} cannot vary in ONNX: the model is another one for other sizes")
    size = _size_nodes(graph, other, name)
    made, computed, shared = list(size), {}, {}
    for key, a in known.items():
        b = twins[key]
        if a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            continue
        if a.shape != b.shape or a.dtype != np.int64 or ((b - a) % (SIZES[1] - SIZES[0])).any():
            raise NotImplementedError(f"the size {name} cannot vary in ONNX: a constant of the model depends on it")
        step = (b - a) // (SIZES[1] - SIZES[0])
        start = a - step * SIZES[0]
        before = shared.setdefault((a.shape, step.tobytes(), start.tobytes()), key)
        computed[key] = (step, start) if before == key else None
        if before != key:
            _rename(graph, key, before)
            continue
        made += [helper.make_node("Mul", [f"{name}_size", f"{key}_step"], [f"{key}_part"]),
                 helper.make_node("Add", [f"{key}_part", f"{key}_start"], [key])]
    kept = [i for i in graph.initializer if i.name not in computed]
    kept += [numpy_helper.from_array(value, f"{key}_{part}") for key, values in computed.items() if values
             for part, value in zip(("step", "start"), values, strict=True)]
    kept.append(numpy_helper.from_array(np.array(0, np.int64), f"{name}_zero"))
    nodes = [*made, *graph.node]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    for mine, theirs in zip((*graph.input, *graph.output), (*other.input, *other.output), strict=True):
        for i, (d, e) in enumerate(zip(mine.type.tensor_type.shape.dim, theirs.type.tensor_type.shape.dim, strict=True)):
            if d.dim_value != e.dim_value:
                d.dim_param = name if (d.dim_value, e.dim_value) == SIZES[:2] else f"{mine.name}_{i}"
    return first


def _without_place(node):
    return node.op_type, list(node.input), list(node.output), [a.SerializeToString(deterministic=True)
                                                               for a in node.attribute]


def _rename(graph, old, new):
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name == old:
                node.input[i] = new


def _size_nodes(graph, other, name):
    """Nodes that read the size off an input."""
    from onnx import helper

    for mine, theirs in zip(graph.input, other.input, strict=True):
        dims = zip(mine.type.tensor_type.shape.dim, theirs.type.tensor_type.shape.dim, strict=True)
        for axis, (a, b) in enumerate(dims):
            if (a.dim_value, b.dim_value) == SIZES[:2]:
                return [helper.make_node("Shape", [mine.name], [f"{name}_shape"], start=axis, end=axis + 1),
                        helper.make_node("Gather", [f"{name}_shape", f"{name}_zero"], [f"{name}_size"], axis=0)]
    raise NotImplementedError(f"no input of the model has the size {name}")
