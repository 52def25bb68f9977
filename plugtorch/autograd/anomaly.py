"""What anomaly detection keeps of the forward pass, and what it says of a failing backward pass."""

from __future__ import annotations

import traceback
import warnings
from contextvars import ContextVar

PACKAGE = __name__.split(".")[0]
RUNNING: ContextVar = ContextVar("plugtorch_running_node", default=None)  # the node whose gradient is being computed


def remember(node) -> None:
    """Keeps in a node's metadata the call stack at which it was recorded, and the node whose gradient recorded it."""
    stack = traceback.extract_stack()
    shown = [f for f in stack if f"/{PACKAGE}/" not in f.filename.replace("\\", "/")] or stack
    node.metadata["traceback_"] = traceback.format_list(shown)
    parent = RUNNING.get()
    if parent is not None:
        node.metadata["parent_"] = parent


def warn(node) -> None:
    """Shows the forward call of the node whose gradient failed, and those of the nodes that recorded it."""
    lines = node.metadata.get("traceback_")
    if lines is None:
        text = "No forward pass information available. Enable detect anomaly during forward pass for more information."
    else:
        text = "Traceback of forward call that caused the error:\n" + "".join(lines)
    warnings.warn(f"Error detected in {node.name()}. {text}", stacklevel=5)
    parent = node.metadata.get("parent_")
    while parent is not None:
        lines = parent.metadata.get("traceback_")
        text = "No forward pass information available." if lines is None else (
            "Traceback of forward call that induced the previous calculation:\n" + "".join(lines))
        warnings.warn(f"\n\nPrevious calculation was induced by {parent.name()}. {text}", stacklevel=5)
        parent = parent.metadata.get("parent_")


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
