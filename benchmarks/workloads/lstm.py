"""An LSTM that reads sequences of vectors, with a linear head on its last state, trained with Adam."""

from __future__ import annotations

import numpy as np

from .numpy_layers import column_sums, cross_entropy
from .numpy_optimizers import Adam, Flat
from .workload import Program, Workload, linear, load, trainer, uniform

WIDTH, SIZE, STEPS, BATCH, CLASSES = 128, 256, 64, 32, 10


def values():
    rng = np.random.default_rng(0)
    bound = SIZE ** -0.5
    p = {"lstm.weight_ih_l0": uniform(rng, bound, 4 * SIZE, WIDTH), "lstm.weight_hh_l0": uniform(rng, bound, 4 * SIZE, SIZE),
         "lstm.bias_ih_l0": uniform(rng, bound, 4 * SIZE), "lstm.bias_hh_l0": uniform(rng, bound, 4 * SIZE)}
    p |= linear(rng, "head", CLASSES, SIZE)
    return {"parameters": p, "x": rng.standard_normal((STEPS, BATCH, WIDTH), np.float32),
            "y": rng.integers(0, CLASSES, BATCH)}


def program(torch, v, compile_model):
    nn = torch.nn

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.head = nn.LSTM(WIDTH, SIZE), nn.Linear(SIZE, CLASSES)

        def forward(self, x):
            return self.head(self.lstm(x)[0][-1])

    net = load(torch, Reader(), v["parameters"])
    return trainer(torch, net, compile_model(net), torch.optim.Adam(net.parameters()),
                   lambda model, x, y: nn.functional.cross_entropy(model(x), y), (v["x"], v["y"]))


def by_numpy(v):
    flat = Flat(v["parameters"])
    wx, wh, bx, bh = (flat.p[f"lstm.{n}_l0"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    gwx, gwh, gbx, gbh = (flat.g[f"lstm.{n}_l0"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    head, bias = flat.p["head.weight"], flat.p["head.bias"]
    x, y, update = v["x"].reshape(STEPS * BATCH, WIDTH), v["y"], Adam(flat)
    # gates i, f, g, o of all steps, side by side; states before the first step stand in row 0
    gates = np.empty((STEPS, BATCH, 4 * SIZE), np.float32)
    h, c = (np.zeros((STEPS + 1, BATCH, SIZE), np.float32) for _ in range(2))
    tanhs = np.empty((STEPS, BATCH, SIZE), np.float32)
    scratch = np.empty((BATCH, 4 * SIZE), np.float32)
    i, f, g, o = (slice(k * SIZE, (k + 1) * SIZE) for k in range(4))

    def sigmoid(z):
        # through tanh, which has no overflow to look after
        z *= np.float32(0.5)
        np.tanh(z, out=z)
        z += 1
        z *= np.float32(0.5)

    def step():
        np.matmul(x, wx.T, out=gates.reshape(STEPS * BATCH, -1))
        gates[...] += bx + bh
        recur = np.ascontiguousarray(wh.T)
        for t in range(STEPS):
            a = gates[t]
            a += np.matmul(h[t], recur, out=scratch)
            sigmoid(a[:, :2 * SIZE])
            np.tanh(a[:, g], out=a[:, g])
            sigmoid(a[:, o])
            np.multiply(a[:, f], c[t], out=c[t + 1])
            c[t + 1] += a[:, i] * a[:, g]
            np.tanh(c[t + 1], out=tanhs[t])
            np.multiply(a[:, o], tanhs[t], out=h[t + 1])
        logits = h[STEPS] @ head.T
        logits += bias
        loss = cross_entropy(logits, y)

        np.matmul(logits.T, h[STEPS], out=flat.g["head.weight"])
        column_sums(logits, flat.g["head.bias"])
        gh, gc = logits @ head, np.zeros((BATCH, SIZE), np.float32)
        for t in range(STEPS - 1, -1, -1):
            a, u = gates[t], tanhs[t]
            # each gate's value gives way to the gradient of what goes into it
            go = gh * u
            gh *= a[:, o]
            gc += gh * (1 - u * u)
            go *= a[:, o] * (1 - a[:, o])
            a[:, o] = go
            gi = gc * a[:, g]
            gi *= a[:, i] * (1 - a[:, i])
            gf = gc * c[t]
            gf *= a[:, f] * (1 - a[:, f])
            gg = gc * a[:, i]
            gg *= 1 - a[:, g] * a[:, g]
            gc *= a[:, f]
            a[:, i], a[:, f], a[:, g] = gi, gf, gg
            np.matmul(a, wh, out=gh)
        rows = gates.reshape(STEPS * BATCH, -1)
        np.matmul(rows.T, x, out=gwx)
        np.matmul(rows.T, h[:STEPS].reshape(STEPS * BATCH, SIZE), out=gwh)
        column_sums(rows, gbx)
        gbh[...] = gbx
        update.step()
        return loss

    return Program(step)


def by_jax(v):
    import jax
    import jax.numpy as jnp

    from . import jax_optimizers as jo

    def loss_of(p, x, y):
        before = x @ p["lstm.weight_ih_l0"].T + (p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"])
        recur = p["lstm.weight_hh_l0"].T

        def cell(state, a):
            h, c = state
            i, f, g, o = jnp.split(a + h @ recur, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zero = jnp.zeros((x.shape[1], SIZE), x.dtype)
        (h, _), _ = jax.lax.scan(cell, (zero, zero), before)
        return jo.cross_entropy(h @ p["head.weight"].T + p["head.bias"], y)

    return Program(jo.trainer(v["parameters"], loss_of, jo.adam(), (v["x"], v["y"])))


WORKLOADS = [Workload("lstm", f"LSTM {WIDTH}-{SIZE}, {STEPS} steps, batch {BATCH}, Adam", values, program, by_numpy, by_jax)]
