"""``vmap`` and its derivatives beside a loop over the samples, and beside PyTorch where it is installed.

Run as a script: ``python benchmarks/vmap.py``. One thread; the best of several runs.
"""

from __future__ import annotations

import importlib
import os
import sys
import time

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


def best(function, runs):
    """Least seconds of one call."""
    function()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def small(t):
    """A layer of 16 features on 64 samples: value, gradient, second derivative."""
    x, w = t.randn(64, 16), t.randn(16, 16)

    def f(a):
        return (a @ w).tanh().sum()

    g, h = t.func.grad(f), t.func.hessian(f)
    return {
        "f": (lambda: t.vmap(f)(x), lambda: [f(row) for row in x]),
        "grad f": (lambda: t.vmap(g)(x), lambda: [g(row) for row in x]),
        "hessian f": (lambda: t.vmap(h)(x), lambda: [h(row) for row in x]),
    }


def network(t):
    """Per-sample gradients of a small convolutional network on 16 images."""
    nn = t.nn
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(),
                        nn.Linear(16 * 11 * 11, 10))
    x, y = t.randn(16, 1, 28, 28), t.randint(0, 10, (16,))
    params = {k: v.detach() for k, v in net.named_parameters()}

    def loss(p, a, b):
        return nn.functional.cross_entropy(t.func.functional_call(net, p, (a[None],)), b[None])

    g = t.func.grad(loss)
    return {"per-sample gradients, CNN": (lambda: t.vmap(g, in_dims=(None, 0, 0))(params, x, y),
                                          lambda: [g(params, x[i], y[i]) for i in range(16)])}


def main():
    libraries = [importlib.import_module("plugtorch")]
    try:
        libraries.append(importlib.import_module("torch"))
        libraries[-1].set_num_threads(1)
    except ImportError:
        print("PyTorch is not installed: plugtorch alone", file=sys.stderr)
    print(f"{'milliseconds':30}" + "".join(f"{t.__name__ + ' vmap':>18}{t.__name__ + ' loop':>18}" for t in libraries))
    tables = [{**small(t), **network(t)} for t in libraries]
    for name in tables[0]:
        cells = [1e3 * best(function, 5) for table in tables for function in table[name]]
        print(f"{name:30}" + "".join(f"{c:18.2f}" for c in cells))


if __name__ == "__main__":
    main()
