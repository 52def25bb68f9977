"""The classic convolutional network for handwritten digits: a training step with its dropouts, and inference."""

from __future__ import annotations

from functools import partial

import numpy as np

from .numpy_layers import Conv, channels_last, column_sums, cross_entropy, max_pool2, max_pool2_backward
from .numpy_optimizers import SGD, Flat
from .workload import Program, Workload, linear, load, trainer, uniform

LR, MOMENTUM, BATCH = 0.01, 0.9, 64
DROP = 0.25, 0.5


def values():
    rng = np.random.default_rng(0)
    p = {}
    for name, o, c in (("0", 32, 1), ("2", 64, 32)):
        bound = (9 * c) ** -0.5
        p |= {f"{name}.weight": uniform(rng, bound, o, c, 3, 3), f"{name}.bias": uniform(rng, bound, o)}
    p |= linear(rng, "7", 128, 9216) | linear(rng, "10", 10, 128)
    return {"parameters": p, "x": rng.standard_normal((BATCH, 1, 28, 28), np.float32), "y": rng.integers(0, 10, BATCH)}


def program(torch, v, compile_model, *, train, drop=DROP):
    nn = torch.nn
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(drop[0]),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(drop[1]), nn.Linear(128, 10), nn.LogSoftmax(1))
    model = compile_model(load(torch, net, v["parameters"]))

    def loss_of(model, x, y):
        return nn.functional.nll_loss(model(x), y)

    if train:
        optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM)
        return trainer(torch, net, model, optimizer, loss_of, (v["x"], v["y"]))
    net.eval()

    def infer(x, y):
        with torch.no_grad():
            return loss_of(model, x, y)

    return Program(infer, (torch.tensor(v["x"]), torch.tensor(v["y"])))


def by_numpy(v, *, train, drop=DROP):
    rng = np.random.default_rng(0)
    p = dict(v["parameters"])
    p |= {name: channels_last(p[name]) for name in ("0.weight", "2.weight")}
    # the first linear layer reads its features in the order of channels-last memory
    p["7.weight"] = p["7.weight"].reshape(128, 64, 12, 12).transpose(0, 2, 3, 1)
    flat = Flat(p)
    p, g = flat.p, flat.g
    fc, fc_grad = p["7.weight"].reshape(128, 9216), g["7.weight"].reshape(128, 9216)
    x, y = v["x"].transpose(0, 2, 3, 1), v["y"]
    update, conv = SGD(flat, LR, MOMENTUM), Conv(3)

    def features():
        a, x1 = conv.forward(x, p["0.weight"])
        a += p["0.bias"]
        np.maximum(a, 0, out=a)
        b, x2 = conv.forward(a, p["2.weight"])
        b += p["2.bias"]
        np.maximum(b, 0, out=b)
        return a, b, max_pool2(b), x1, x2

    def infer():
        h = features()[2].reshape(BATCH, 9216) @ fc.T
        h += p["7.bias"]
        np.maximum(h, 0, out=h)
        return cross_entropy(h @ p["10.weight"].T + p["10.bias"], y)

    def step():
        a, b, pooled, x1, x2 = features()
        # the factors of the dropped values are 0, of the kept ones 1 / (1 - p)
        drop1 = (rng.random((BATCH, 1, 1, 64), np.float32) >= drop[0]) * np.float32(1 / (1 - drop[0]))
        d1 = (pooled * drop1).reshape(BATCH, 9216)
        h = d1 @ fc.T
        h += p["7.bias"]
        np.maximum(h, 0, out=h)
        drop2 = (rng.random(h.shape, np.float32) >= drop[1]) * np.float32(1 / (1 - drop[1]))
        d2 = h * drop2
        logits = d2 @ p["10.weight"].T
        logits += p["10.bias"]
        loss = cross_entropy(logits, y)

        np.matmul(logits.T, d2, out=g["10.weight"])
        column_sums(logits, g["10.bias"])
        gh = logits @ p["10.weight"]
        gh *= drop2
        gh *= h > 0
        np.matmul(gh.T, d1, out=fc_grad)
        column_sums(gh, g["7.bias"])
        gp = (gh @ fc).reshape(pooled.shape)
        gp *= drop1
        gp *= pooled > 0  # the ReLU in front of the pooling
        gb = max_pool2_backward(gp, b, pooled)
        column_sums(gb, g["2.bias"])
        conv.weight_gradient(x2, gb, g["2.weight"])
        ga = conv.input_gradient(gb, p["2.weight"], (26, 26))
        ga *= a > 0
        column_sums(ga, g["0.bias"])
        conv.weight_gradient(x1, ga, g["0.weight"])
        update.step()
        return loss

    return Program(step if train else infer)


def by_jax(v, *, train, drop=DROP):
    import jax
    from jax import lax
    from jax import numpy as jnp

    from . import jax_optimizers as jo

    def logits_of(p, x, key=None):
        for name in ("0", "2"):
            x = lax.conv_general_dilated(x, p[f"{name}.weight"], (1, 1), "VALID")
            x = jax.nn.relu(x + p[f"{name}.bias"][:, None, None])
        x = x.reshape(BATCH, 64, 12, 2, 12, 2).max((3, 5))
        if key is not None:
            first, second = jax.random.split(key)
            x = jnp.where(jax.random.bernoulli(first, 1 - drop[0], (BATCH, 64, 1, 1)), x / (1 - drop[0]), 0)
        x = jax.nn.relu(x.reshape(BATCH, 9216) @ p["7.weight"].T + p["7.bias"])
        if key is not None:
            x = jnp.where(jax.random.bernoulli(second, 1 - drop[1], x.shape), x / (1 - drop[1]), 0)
        return x @ p["10.weight"].T + p["10.bias"]

    if not train:
        infer = jax.jit(lambda p, x, y: jo.cross_entropy(logits_of(p, x), y))
        return Program(partial(infer, *jax.tree.map(jnp.asarray, (v["parameters"], v["x"], v["y"]))))

    init, update = jo.sgd(LR, MOMENTUM)
    p = jax.tree.map(jnp.array, v["parameters"])
    held = [p, init(p), jax.random.key(0)]
    x, y = jnp.asarray(v["x"]), jnp.asarray(v["y"])

    def whole(p, state, key, x, y):
        key, now = jax.random.split(key)
        loss, g = jax.value_and_grad(lambda p: jo.cross_entropy(logits_of(p, x, now), y))(p)
        return loss, *update(p, g, state), key

    jitted = jax.jit(whole, donate_argnums=(0, 1, 2))

    def step():
        loss, *held[:] = jitted(*held, x, y)
        return loss

    return Program(step)


WORKLOADS = [
    Workload(name, f"CNN of 1.2 million parameters, batch {BATCH}, {title}", values, partial(program, train=train),
             partial(by_numpy, train=train), partial(by_jax, train=train), random=train)
    for name, title, train in (("cnn_train", "SGD with momentum", True), ("cnn_inference", "inference", False))]
