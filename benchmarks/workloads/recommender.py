"""Matrix factorisation: ratings as products of users' and items' vectors, with biases, by mean squared error."""

from __future__ import annotations

import numpy as np

from .numpy_optimizers import SGD, Flat
from .workload import Program, Workload, load, trainer

USERS = ITEMS = 10_000
SIZE, BATCH, LR = 64, 1024, 0.5


def values():
    rng = np.random.default_rng(0)
    p = {name: rng.standard_normal((many, size), np.float32) * np.float32(0.1)
         for name, many, size in (("users.weight", USERS, SIZE), ("items.weight", ITEMS, SIZE),
                                  ("user_bias.weight", USERS, 1), ("item_bias.weight", ITEMS, 1))}
    return {"parameters": p, "users": rng.integers(0, USERS, BATCH), "items": rng.integers(0, ITEMS, BATCH),
            "ratings": rng.uniform(1, 5, BATCH).astype(np.float32)}


def program(torch, v, compile_model):
    nn = torch.nn

    class Factors(nn.Module):
        def __init__(self):
            super().__init__()
            self.users, self.items = nn.Embedding(USERS, SIZE), nn.Embedding(ITEMS, SIZE)
            self.user_bias, self.item_bias = nn.Embedding(USERS, 1), nn.Embedding(ITEMS, 1)

        def forward(self, users, items):
            product = (self.users(users) * self.items(items)).sum(1)
            return product + self.user_bias(users).squeeze(1) + self.item_bias(items).squeeze(1)

    net = load(torch, Factors(), v["parameters"])
    return trainer(torch, net, compile_model(net), torch.optim.SGD(net.parameters(), lr=LR),
                   lambda model, users, items, ratings: nn.functional.mse_loss(model(users, items), ratings),
                   (v["users"], v["items"], v["ratings"]))


def by_numpy(v):
    """The gradients are dense, as in the program: whole tables, zero but for the rows of the batch."""
    flat = Flat(v["parameters"])
    tables = [flat.p[f"{n}.weight"] for n in ("users", "items", "user_bias", "item_bias")]
    grads = [flat.g[f"{n}.weight"] for n in ("users", "items", "user_bias", "item_bias")]
    users, items, ratings, update = v["users"], v["items"], v["ratings"], SGD(flat, LR)

    def gather(index):
        """How the rows of a batch add up by their target: the order, the first of each run, the targets."""
        order = np.argsort(index, kind="stable")
        ordered = index[order]
        firsts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        return order, firsts, ordered[firsts]

    def step():
        by_user, by_item = tables[0][users], tables[1][items]
        g = np.einsum("nd,nd->n", by_user, by_item)
        g += tables[2][users, 0]
        g += tables[3][items, 0]
        g -= ratings
        loss = float(np.dot(g, g)) / BATCH
        g *= np.float32(2 / BATCH)
        g = g[:, None]
        by_user *= g
        by_item *= g
        flat.grad[...] = 0
        for index, table, rows, bias in ((users, grads[0], by_item, grads[2]), (items, grads[1], by_user, grads[3])):
            order, firsts, targets = gather(index)
            table[targets] = np.add.reduceat(rows[order], firsts, 0)
            bias[targets] = np.add.reduceat(g[order], firsts, 0)
        update.step()
        return loss

    return Program(step)


def by_jax(v):
    from . import jax_optimizers as jo

    def loss_of(p, users, items, ratings):
        product = (p["users.weight"][users] * p["items.weight"][items]).sum(1)
        return ((product + p["user_bias.weight"][users, 0] + p["item_bias.weight"][items, 0] - ratings) ** 2).mean()

    return Program(jo.trainer(v["parameters"], loss_of, jo.sgd(LR), (v["users"], v["items"], v["ratings"])))


WORKLOADS = [Workload("recommender", f"factorisation of {USERS} users by {ITEMS} items, {SIZE} factors, batch {BATCH}, SGD",
                      values, program, by_numpy, by_jax)]
