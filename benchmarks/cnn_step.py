"""Milliseconds of one training step of the classic convolutional network, batch 64, against PyTorch eager.

One thread, interleaved steps in one run, medians.

    python benchmarks/cnn_step.py [--steps 20] [--backends numpy,jax]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class Contestant:
    """The network, its optimizer and a batch in one library."""

    def __init__(self, name, torch, backend=None):
        self.name, self.torch, self.backend = name, torch, backend
        if backend is not None:
            torch.set_backend(backend)
        torch.manual_seed(0)
        nn = torch.nn
        self.net = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.25),
            nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10), nn.LogSoftmax(1))
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.01, momentum=0.9)
        self.images, self.labels = torch.randn(64, 1, 28, 28), torch.randint(10, (64,))

    def step(self):
        """Seconds of one step, and its loss."""
        begin = time.perf_counter()
        self.optimizer.zero_grad()
        loss = self.torch.nn.functional.nll_loss(self.net(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        value = loss.item()
        return time.perf_counter() - begin, value


def contestants(backends):
    import plugtorch
    import plugtorch.nn
    import plugtorch.optim

    found = [Contestant(f"plugtorch-{b}", plugtorch, b) for b in backends]
    try:
        import torch
    except ImportError:
        return found
    torch.set_num_threads(1)
    return [*found, Contestant("PyTorch", torch)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--backends", default="numpy")
    args = parser.parse_args()
    field = contestants(args.backends.split(","))
    times = {c.name: [] for c in field}
    for n in range(args.steps + 3):
        for c in field:
            if c.backend is not None:
                c.torch.set_backend(c.backend)
            seconds, c.loss = c.step()
            if n >= 3:
                times[c.name].append(seconds * 1e3)
    reference = statistics.median(times[field[-1].name])
    for c in field:
        middle = statistics.median(times[c.name])
        print(f"{c.name:20} {middle:8.1f} ms   ratio {middle / reference:5.2f}   "
              f"loss after {args.steps + 3} steps {c.loss:.6f}")


if __name__ == "__main__":
    main()
