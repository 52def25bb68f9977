"""Thousands of training steps with the garbage collector off, and several threads training at once.

    python scripts/soak.py [--backends numpy,jax] [--steps 10000] [--threads 8] [--thread-steps 300]

Prints the resident size during the run, and whether models that were trained side by side equal those trained alone. Exits
with 1 where memory grew by more than ``--allow`` MiB after the first tenth, or a model differs.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
import time


def resident() -> float:
    """Resident size of this process in MiB."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:  # where there is no /proc: the peak, which also shows growth
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


class Trainer:
    """A small network of many kinds of layers, trained on data of its own from a seed of its own."""

    def __init__(self, torch, seed: int):
        self.torch, nn = torch, torch.nn
        g = torch.Generator().manual_seed(seed)
        self.model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                                   nn.Linear(36, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 5))
        with torch.no_grad():
            for p in self.model.parameters():
                p.normal_(0, 0.1, generator=g)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        self.x, self.y = torch.randn(8, 1, 8, 8, generator=g), torch.randint(5, (8,), generator=g)
        self.losses = []

    def step(self):
        """One step, with a view that is written to and a hook, which must leave nothing behind."""
        self.optimizer.zero_grad()
        x = self.x * 1
        x[0].mul_(1.01)
        out = self.model(x)
        handle = out.register_hook(lambda g: g * 1)
        loss = self.torch.nn.functional.cross_entropy(out, self.y)
        loss.backward()
        handle.remove()
        self.optimizer.step()
        return loss

    def run(self, steps: int):
        """Losses of a number of steps."""
        for _ in range(steps):
            self.losses.append(self.step().item())
        return self.losses


def soak(torch, steps: int) -> tuple[list[float], float]:
    """Resident sizes at every tenth of the run, and steps per second."""
    trainer, sizes = Trainer(torch, 0), []
    trainer.run(20)
    gc.collect()
    gc.disable()
    begin = time.perf_counter()
    try:
        for _ in range(10):
            for _ in range(steps // 10):
                trainer.step()
            sizes.append(resident())
    finally:
        gc.enable()
    return sizes, steps / (time.perf_counter() - begin)


def side_by_side(torch, backend: str, threads: int, steps: int) -> int:
    """How many models that were trained at once differ from the same ones trained alone."""
    alone = [Trainer(torch, seed).run(steps) for seed in range(threads)]
    found = [None] * threads
    ready = threading.Barrier(threads)

    def work(seed):
        with torch.backend(backend):
            trainer = Trainer(torch, seed)
            ready.wait()
            found[seed] = trainer.run(steps)

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(threads)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return sum(a != b for a, b in zip(alone, found, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", default="numpy")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--thread-steps", type=int, default=300)
    parser.add_argument("--allow", type=float, default=8.0, help="MiB that may be gained after the first tenth")
    args = parser.parse_args()
    import plugtorch as torch
    import plugtorch.nn
    import plugtorch.optim  # noqa: F401

    wrong = False
    for backend in args.backends.split(","):
        torch.set_backend(backend)
        sizes, rate = soak(torch, args.steps)
        grown = sizes[-1] - sizes[0]
        wrong |= grown > args.allow
        print(f"{backend}: {args.steps} steps at {rate:.0f} a second, garbage collector off; resident MiB at every tenth: "
              f"{', '.join(f'{s:.0f}' for s in sizes)} (grown by {grown:.1f})", flush=True)
        differ = side_by_side(torch, backend, args.threads, args.thread_steps)
        wrong |= differ > 0
        print(f"{backend}: {args.threads} threads, {args.thread_steps} steps each: {args.threads - differ} of them "
              "models equal to the ones trained alone, bit for bit", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
