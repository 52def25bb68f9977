"""A multilayer perceptron with ReLU, trained with cross entropy."""

from __future__ import annotations

import numpy as np

from .numpy_layers import cross_entropy
from .numpy_optimizers import SGD, Adam, Flat
from .workload import Program, Workload, linear, load, trainer

LR = {"sgd": 0.01, "adam": 1e-3}


def values(sizes, batch):
    rng = np.random.default_rng(0)
    layers = {}
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        layers |= linear(rng, str(2 * i), b, a)
    return {"parameters": layers, "x": rng.standard_normal((batch, sizes[0]), np.float32),
            "y": rng.integers(0, sizes[-1], batch)}


def program(torch, v, compile_model, *, sizes, optimizer):
    nn = torch.nn
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), nn.ReLU())][:-1]
    net = load(torch, nn.Sequential(*layers), v["parameters"])
    kind = torch.optim.SGD if optimizer == "sgd" else torch.optim.Adam

    def loss_of(model, x, y):
        return nn.functional.cross_entropy(model(x), y)

    return trainer(torch, net, compile_model(net), kind(net.parameters(), lr=LR[optimizer]), loss_of, (v["x"], v["y"]))


def by_numpy(v, *, sizes, optimizer):
    x, y, flat = v["x"], v["y"], Flat(v["parameters"])
    update = SGD(flat, LR["sgd"]) if optimizer == "sgd" else Adam(flat, LR["adam"])
    names = [str(2 * i) for i in range(len(sizes) - 1)]
    weights, biases = ([flat.p[f"{n}.{kind}"] for n in names] for kind in ("weight", "bias"))
    weight_grads, bias_grads = ([flat.g[f"{n}.{kind}"] for n in names] for kind in ("weight", "bias"))
    states = [x, *(np.empty((len(x), s), np.float32) for s in sizes[1:])]
    grads = [None, *(np.empty_like(h) for h in states[1:])]
    last = len(names)

    def step():
        for i, (w, b) in enumerate(zip(weights, biases)):
            h = np.matmul(states[i], w.T, out=states[i + 1])
            h += b
            if i < last - 1:
                np.maximum(h, 0, out=h)
        loss = cross_entropy(states[-1], y)
        g = states[-1]
        for i in range(last - 1, -1, -1):
            np.matmul(g.T, states[i], out=weight_grads[i])
            np.sum(g, 0, out=bias_grads[i])
            if i:
                g = np.matmul(g, weights[i], out=grads[i])
                g *= states[i] > 0
        update.step()
        return loss

    return Program(step)


def by_jax(v, *, sizes, optimizer):
    import jax

    from . import jax_optimizers as jo

    def loss_of(p, x, y):
        for i in range(len(sizes) - 1):
            x = x @ p[f"{2 * i}.weight"].T + p[f"{2 * i}.bias"]
            if i < len(sizes) - 2:
                x = jax.nn.relu(x)
        return jo.cross_entropy(x, y)

    update = jo.sgd(LR["sgd"]) if optimizer == "sgd" else jo.adam(LR["adam"])
    return Program(jo.trainer(v["parameters"], loss_of, update, (v["x"], v["y"])))


def perceptron(name, sizes, batch, optimizer):
    """The workload of a perceptron with these sizes of layers."""
    how = {"sizes": sizes, "optimizer": optimizer}
    return Workload(
        name, f"MLP {'-'.join(map(str, sizes)) if len(sizes) < 6 else f'of {len(sizes) - 1} layers of {sizes[1]}'}, "
        f"batch {batch}, {'SGD' if optimizer == 'sgd' else 'Adam'}",
        lambda: values(sizes, batch), lambda torch, v, c: program(torch, v, c, **how),
        lambda v: by_numpy(v, **how), lambda v: by_jax(v, **how))


WORKLOADS = [perceptron(f"mlp_{kind}", (784, 256, 128, 10), 64, kind) for kind in ("sgd", "adam")]
