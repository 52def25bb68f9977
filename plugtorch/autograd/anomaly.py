"""What anomaly detection keeps of the forward pass, and what it says of a failing backward pass."""

from __future__ import annotations

import traceback
import warnings

PACKAGE = __name__.split(".")[0]


def remember(node) -> None:
    """Keeps the call stack at which a node was recorded."""
    node.forward_stack = traceback.extract_stack()


def warn(node) -> None:
    """Shows the forward call of the node whose gradient failed."""
    stack = getattr(node, "forward_stack", None)
    if stack is None:
        text = "No forward pass information available. Enable detect anomaly during forward pass for more information."
    else:
        text = "Traceback of forward call that caused the error:\n" + "".join(traceback.format_list(
            [f for f in stack if f"/{PACKAGE}/" not in f.filename.replace("\\", "/")] or stack))
    warnings.warn(f"Error detected in {node.name()}. {text}", stacklevel=4)


def check(node, k, gradients, tensors: bool) -> None:
    """Raises if a gradient that a node returned holds nan.

    Raises:
        RuntimeError: naming the node and the position of the gradient.
    """
    for i, g in enumerate(gradients):
        if g is None:
            continue
        array = g._a if tensors else g
        if not k.dtype_of(array).differentiable:
            continue
        bad = k.ne(array, array)
        if bool(k.to_host(k.any(bad, axis=tuple(range(len(bad.shape)))))):
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
