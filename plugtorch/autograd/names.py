"""PyTorch's names of the nodes of a graph.

A node is named after its op when somebody asks. Where one op of the spec serves several functions of PyTorch, the name
depends on what the node saved, or the function says it (:func:`named`, :func:`rename`).
"""

from __future__ import annotations

import functools

from .base import next_seq

# Names that are not simply the op's in capitals.
_NAMES = {
    "matmul": "Mm", "linear": "Addmm", "conv": "Convolution", "conv_input": "Convolution", "bias_add": "Convolution",
    "broadcast_to": "Expand", "concat": "Cat", "take": "IndexSelect", "cast": "ToCopy", "copy": "Clone",
    "max_pool": "MaxPool2DWithIndices", "batch_norm_train": "NativeBatchNorm", "batch_norm_eval": "NativeBatchNorm",
    "layer_norm": "NativeLayerNorm", "group_norm": "NativeGroupNorm", "reshape": "View", "pad": "ConstantPadNd",
    "max_index": "Max", "min_index": "Min", "lstm_layer": "Lstm", "max": "Amax", "min": "Amin",
    "norm": "LinalgVectorNorm", "cholesky": "LinalgCholeskyEx", "eigh": "LinalgEigh", "svd": "LinalgSvd",
    "qr": "LinalgQr", "solve": "LinalgSolveEx", "solve_triangular": "LinalgSolveTriangular", "log1p": "Log1P",
    "det": "LinalgDet", "slogdet": "LinalgSlogdet", "pinv": "LinalgPinv", "matrix_exp": "LinalgMatrixExp",
    "attention": "ScaledDotProductFlashAttentionForCpu",
    "lu": "LinalgLuFactorEx", "square": "Pow", "unfold_dim": "Unfold",
}


@functools.cache
def _camel(name):
    return _NAMES.get(name) or "".join(part.capitalize() for part in name.split("_"))


def _is_array(value):
    return hasattr(value, "shape")


def _by_exponent(values):
    base, exponent = values.get(0), values.get(1)
    return "PowBackward2" if base is not None and not _is_array(base) else f"PowBackward{int(_is_array(exponent))}"


# op -> its name, from the operands that the node saved, by position
_BY_OPERANDS = {
    "pow": _by_exponent,
    "fmod": lambda values: f"FmodBackward{int(_is_array(values.get(1)))}",
    "remainder": lambda values: f"RemainderBackward{int(_is_array(values.get(1)))}",
    "lerp": lambda values: f"LerpBackward{int(_is_array(values.get(2)))}",
    "clamp": lambda values: f"ClampBackward{int(not (_is_array(values.get(1)) or _is_array(values.get(2))))}",
}


def _pool(prefix, suffix=""):
    def name(node):
        n = len(node._shape) - 2
        return "SqueezeBackward1" if n == 1 else f"{prefix}{n}D{suffix}Backward0"

    return name


# op -> its name, from the node
_BY_NODE = {
    "matmul": lambda node: "UnsafeViewBackward0" if len(node._shape) > 2 else "MmBackward0",
    "linear": lambda node: "ViewBackward0" if len(node._shape) > 2 else "AddmmBackward0",
    "max_pool": _pool("MaxPool", "WithIndices"),
    "max_pool_window": _pool("MaxPool", "WithIndices"),
    "avg_pool": _pool("AvgPool"),
}


def node_name(op_name: str, node) -> str:
    """PyTorch's name for a node of this op; ``node.extra`` may hold a name that is more exact."""
    extra = node.extra
    if isinstance(extra, str):
        return extra
    by_operands = _BY_OPERANDS.get(op_name)
    if by_operands is not None and node._kept is not None:
        values = {i: value for (kind, i), value in zip(node._plan.sources, node._kept, strict=True)
                  if kind == "operand"}
        node.extra = by_operands(values)  # kept, since the saved values will be freed
        return node.extra
    by_node = _BY_NODE.get(op_name)
    return by_node(node) if by_node is not None else _camel(op_name) + "Backward0"


def rename(t, name: str):
    """Gives the node that made ``t`` a name; returns ``t``."""
    node = t._node
    if node is not None:
        (node._edges[0] if node._plan.is_slot else node).extra = name
    return t


def named(name):
    """For functions composed of several ops: their last node gets the name (or what ``name(*args, **kwargs)`` gives),
    as if the function were one op."""

    def decorate(function):
        @functools.wraps(function)
        def run(*args, **kwargs):
            since = next_seq()
            result = function(*args, **kwargs)
            for t in result if isinstance(result, tuple) else (result,):
                node = t._node
                if node is not None and node._seq > since:
                    rename(t, name if type(name) is str else name(*args, **kwargs))
            return result

        return run

    return decorate
