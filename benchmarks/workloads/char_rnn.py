"""A recurrent model of characters: embedding, tanh recurrence, and cross entropy of the next character at every step."""

from __future__ import annotations

import numpy as np

from .numpy_layers import column_sums, cross_entropy
from .numpy_optimizers import Adam, Flat
from .workload import Program, Workload, linear, load, trainer, uniform

SIZE, STEPS, BATCH, VOCABULARY = 128, 64, 32, 65


def values():
    rng = np.random.default_rng(0)
    bound = SIZE ** -0.5
    p = {"embedding.weight": rng.standard_normal((VOCABULARY, SIZE), np.float32),
         "rnn.weight_ih_l0": uniform(rng, bound, SIZE, SIZE), "rnn.weight_hh_l0": uniform(rng, bound, SIZE, SIZE),
         "rnn.bias_ih_l0": uniform(rng, bound, SIZE), "rnn.bias_hh_l0": uniform(rng, bound, SIZE)}
    p |= linear(rng, "head", VOCABULARY, SIZE)
    text = rng.integers(0, VOCABULARY, (STEPS + 1, BATCH))
    return {"parameters": p, "x": text[:-1].copy(), "y": text[1:].reshape(-1)}


def program(torch, v, compile_model):
    nn = torch.nn

    class Writer(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.rnn = nn.Embedding(VOCABULARY, SIZE), nn.RNN(SIZE, SIZE)
            self.head = nn.Linear(SIZE, VOCABULARY)

        def forward(self, x):
            return self.head(self.rnn(self.embedding(x))[0]).flatten(0, 1)

    net = load(torch, Writer(), v["parameters"])
    return trainer(torch, net, compile_model(net), torch.optim.Adam(net.parameters()),
                   lambda model, x, y: nn.functional.cross_entropy(model(x), y), (v["x"], v["y"]))


def by_numpy(v):
    flat = Flat(v["parameters"])
    table, head, bias = flat.p["embedding.weight"], flat.p["head.weight"], flat.p["head.bias"]
    wx, wh, bx, bh = (flat.p[f"rnn.{n}_l0"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    gwx, gwh, gbx, gbh = (flat.g[f"rnn.{n}_l0"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    x, y, update = v["x"].reshape(-1), v["y"], Adam(flat)
    chosen = np.zeros((VOCABULARY, STEPS * BATCH), np.float32)  # picks rows as a product, and its transpose adds them up
    chosen[x, np.arange(x.size)] = 1
    h = np.zeros((STEPS + 1, BATCH, SIZE), np.float32)
    scratch = np.empty((BATCH, SIZE), np.float32)

    def step():
        words = table[x]
        # the product with the small table is shorter than the one with all words
        h[1:] = (table @ wx.T + (bx + bh))[x].reshape(STEPS, BATCH, SIZE)
        recur = np.ascontiguousarray(wh.T)
        for t in range(STEPS):
            h[t + 1] += np.matmul(h[t], recur, out=scratch)
            np.tanh(h[t + 1], out=h[t + 1])
        states = h[1:].reshape(-1, SIZE)
        logits = states @ head.T
        logits += bias
        loss = cross_entropy(logits, y)

        np.matmul(logits.T, states, out=flat.g["head.weight"])
        column_sums(logits, flat.g["head.bias"])
        grads = (logits @ head).reshape(STEPS, BATCH, SIZE)
        slopes = 1 - h[1:] * h[1:]
        for t in range(STEPS - 1, -1, -1):
            grads[t] *= slopes[t]
            if t:
                grads[t - 1] += np.matmul(grads[t], wh, out=scratch)
        rows = grads.reshape(-1, SIZE)
        np.matmul(rows.T, words, out=gwx)
        np.matmul(rows.T, h[:-1].reshape(-1, SIZE), out=gwh)
        column_sums(rows, gbx)
        gbh[...] = gbx
        np.matmul(chosen @ rows, wx, out=flat.g["embedding.weight"])
        update.step()
        return loss

    return Program(step)


def by_jax(v):
    import jax
    import jax.numpy as jnp

    from . import jax_optimizers as jo

    def loss_of(p, x, y):
        before = p["embedding.weight"][x] @ p["rnn.weight_ih_l0"].T + (p["rnn.bias_ih_l0"] + p["rnn.bias_hh_l0"])
        recur = p["rnn.weight_hh_l0"].T

        def cell(h, a):
            h = jnp.tanh(a + h @ recur)
            return h, h

        _, states = jax.lax.scan(cell, jnp.zeros((x.shape[1], SIZE), before.dtype), before)
        return jo.cross_entropy(states.reshape(-1, SIZE) @ p["head.weight"].T + p["head.bias"], y)

    return Program(jo.trainer(v["parameters"], loss_of, jo.adam(), (v["x"], v["y"])))


WORKLOADS = [Workload("char_rnn", f"embedding and RNN {SIZE} over {STEPS} characters, batch {BATCH}, Adam", values, program,
                      by_numpy, by_jax)]
