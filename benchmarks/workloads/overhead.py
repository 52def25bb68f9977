"""Microseconds per op of the frontend and engine: chains of ops on 4x4 tensors that require grad."""

from __future__ import annotations

from .workload import Program, Workload

CHAIN = 100
# each op with the other operand's value, one that lets the chain's values neither vanish nor grow large
OPS = {"add": (lambda a, b: a + b, 0.25), "mul": (lambda a, b: a * b, 1.0), "matmul": (lambda a, b: a @ b, 0.25)}


def chain(op, start, other, count):
    """``op`` applied ``count`` times, each time to the last result and ``other``."""
    y = start
    for _ in range(count):
        y = op(y, other)
    return y


def parts(torch, op, value, count):
    """Programs of a chain's forward pass, its backward pass, and the release of a graph that was never walked back.

    The passes end by reading a result, since some libraries compute behind their caller.
    """
    start = torch.full((4, 4), 0.5, requires_grad=True)
    other = torch.full((4, 4), value, requires_grad=True)
    ones = torch.ones(4, 4)

    def forward(held):
        held.append(chain(op, start, other, count))  # held, so that the graph is freed after the clock was read
        held[0].detach().numpy()
        return held

    def backward(held):
        held[0].backward(ones)
        start.grad.numpy()

    def recorded():
        start.grad = other.grad = None
        return forward([])

    return {"forward": Program(forward, prepare=list), "backward": Program(backward, prepare=recorded),
            "release": Program(list.clear, prepare=recorded)}


def workload(name, op, part, count):
    """The workload of one part of a chain of ``count`` ops, in microseconds an op."""
    return Workload(name, f"{count} times {op} on 4x4, {part}", dict,
                    lambda torch, v, c: parts(torch, *OPS[op], count)[part], eager=True, scale=1e6 / count, unit="us an op")


WORKLOADS = [workload(f"overhead_{op}_{part}", op, part, CHAIN) for op in OPS for part in ("forward", "backward")]
