"""Microseconds per op of the frontend and engine: chains of 4x4 float32 adds, products and matrix products.

Forward and backward passes over chains of 100 ops on tensors that require grad, plugtorch on NumPy against
PyTorch where it is installed, interleaved in one run on one thread; medians.

    python benchmarks/overhead.py [--rounds 200]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
CHAIN = 100
OPS = {"add": lambda a, b: a + b, "mul": lambda a, b: a * b, "matmul": lambda a, b: a @ b}


class Contestant:
    """One library with its operands."""

    def __init__(self, name, lib):
        self.name = name
        self.start = lib.full((4, 4), 0.5, requires_grad=True)
        self.other = lib.full((4, 4), 0.25, requires_grad=True)
        self.ones = lib.ones(4, 4)

    def measure(self, op):
        """Seconds of one forward and one backward pass."""
        begin = time.perf_counter()
        y = self.start
        for _ in range(CHAIN):
            y = op(y, self.other)
        middle = time.perf_counter()
        y.backward(self.ones)
        end = time.perf_counter()
        self.start.grad = self.other.grad = None
        return middle - begin, end - middle


def contestants():
    import plugtorch

    found = [Contestant("plugtorch-numpy", plugtorch)]
    try:
        import torch
    except ImportError:
        return found
    torch.set_num_threads(1)
    return [*found, Contestant("PyTorch", torch)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    args = parser.parse_args()
    field = contestants()
    print(f"{'op':8}" + "".join(f"{c.name + ' f':>20}{c.name + ' b':>20}" for c in field)
          + ("   ratio f   ratio b" if len(field) > 1 else ""))
    for name, op in OPS.items():
        times = {c.name: ([], []) for c in field}
        for _ in range(args.rounds):
            for c in field:
                for held, seconds in zip(times[c.name], c.measure(op), strict=True):
                    held.append(seconds * 1e6 / CHAIN)
        rows = [statistics.median(held) for c in field for held in times[c.name]]
        line = f"{name:8}" + "".join(f"{v:20.2f}" for v in rows)
        if len(field) > 1:
            line += f"{rows[0] / rows[2]:10.2f}{rows[1] / rows[3]:10.2f}"
        print(line)
    print("microseconds per op, medians; f forward, b backward")


if __name__ == "__main__":
    main()
