"""A small GPT: pre-norm blocks of causal attention and an MLP with GELU, trained with AdamW, and writing greedily."""

from __future__ import annotations

from functools import partial

import numpy as np

from .numpy_layers import column_sums, cross_entropy
from .numpy_optimizers import Adam, Flat
from .workload import Program, Workload, load, trainer

LAYERS, SIZE, HEADS, STEPS, BATCH, VOCABULARY = 4, 128, 4, 128, 8, 256
HEAD, ROWS = SIZE // HEADS, STEPS * BATCH
LR, DECAY, EPS = 1e-3, 0.01, 1e-5
TOKENS = 4  # written in one step of gpt_generate


def values():
    rng = np.random.default_rng(0)
    p = {}

    def weights(name, *shape):
        p[f"{name}.weight"] = rng.standard_normal(shape, np.float32) * np.float32(0.05)

    def layer(name, outputs, inputs):
        weights(name, outputs, inputs)
        p[f"{name}.bias"] = np.zeros(outputs, np.float32)

    def norm(name):
        p[f"{name}.weight"], p[f"{name}.bias"] = np.ones(SIZE, np.float32), np.zeros(SIZE, np.float32)

    weights("tokens", VOCABULARY, SIZE)
    weights("positions", STEPS, SIZE)
    for i in range(LAYERS):
        norm(f"blocks.{i}.norm1")
        layer(f"blocks.{i}.qkv", 3 * SIZE, SIZE)
        layer(f"blocks.{i}.proj", SIZE, SIZE)
        norm(f"blocks.{i}.norm2")
        layer(f"blocks.{i}.up", 4 * SIZE, SIZE)
        layer(f"blocks.{i}.down", SIZE, 4 * SIZE)
    norm("norm")
    layer("head", VOCABULARY, SIZE)
    text = rng.integers(0, VOCABULARY, (BATCH, STEPS + 1))
    return {"parameters": p, "x": text[:, :-1].copy(), "y": text[:, 1:].reshape(-1)}


def program(torch, v, compile_model, *, train):
    nn = torch.nn
    f = nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(SIZE), nn.LayerNorm(SIZE)
            self.qkv, self.proj = nn.Linear(SIZE, 3 * SIZE), nn.Linear(SIZE, SIZE)
            self.up, self.gelu, self.down = nn.Linear(SIZE, 4 * SIZE), nn.GELU(), nn.Linear(4 * SIZE, SIZE)

        def forward(self, x):
            b, t, _ = x.shape
            q, k, v = (z.view(b, t, HEADS, HEAD).transpose(1, 2) for z in self.qkv(self.norm1(x)).split(SIZE, 2))
            y = f.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.proj(y.transpose(1, 2).reshape(b, t, SIZE))
            return x + self.down(self.gelu(self.up(self.norm2(x))))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = nn.Embedding(VOCABULARY, SIZE), nn.Embedding(STEPS, SIZE)
            self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
            self.norm, self.head = nn.LayerNorm(SIZE), nn.Linear(SIZE, VOCABULARY)

        def forward(self, x, last=False):
            x = self.norm(self.blocks(self.tokens(x) + self.positions(torch.arange(x.shape[1]))))
            return self.head(x[:, -1] if last else x)

    net = load(torch, GPT(), v["parameters"])
    model = compile_model(net)
    if train:
        return trainer(torch, net, model, torch.optim.AdamW(net.parameters(), lr=LR, weight_decay=DECAY),
                       lambda model, x, y: f.cross_entropy(model(x).flatten(0, 1), y), (v["x"], v["y"]))
    net.eval()

    def generate(text):
        with torch.no_grad():
            for _ in range(TOKENS):
                logits = model(text[:, -STEPS:], last=True)
                text = torch.cat([text, logits.argmax(1, keepdim=True)], 1)
        return logits.amax(1).mean()

    return Program(generate, (torch.tensor(v["x"]),))


class Linear:
    def __init__(self, flat, name):
        self.weight, self.bias = flat.p[f"{name}.weight"], flat.p[f"{name}.bias"]
        self.weight_grad, self.bias_grad = flat.g[f"{name}.weight"], flat.g[f"{name}.bias"]

    def forward(self, x):
        self.x = x
        y = x @ self.weight.T
        y += self.bias
        return y

    def backward(self, g):
        np.matmul(g.T, self.x, out=self.weight_grad)
        column_sums(g, self.bias_grad)
        return g @ self.weight


class LayerNorm:
    MEAN = np.full(SIZE, 1 / SIZE, np.float32)

    def __init__(self, flat, name):
        self.weight, self.bias = flat.p[f"{name}.weight"], flat.p[f"{name}.bias"]
        self.weight_grad, self.bias_grad = flat.g[f"{name}.weight"], flat.g[f"{name}.bias"]

    def forward(self, x):
        self.x = x - (x @ self.MEAN)[:, None]
        var = np.einsum("nd,nd->n", self.x, self.x) / np.float32(SIZE)
        self.scale = (1 / np.sqrt(var + np.float32(EPS)))[:, None]
        self.x *= self.scale
        y = self.x * self.weight
        y += self.bias
        return y

    def backward(self, g):
        np.einsum("nd,nd->d", g, self.x, out=self.weight_grad)
        column_sums(g, self.bias_grad)
        g = g * self.weight
        g -= (g @ self.MEAN)[:, None]
        g -= self.x * (np.einsum("nd,nd->n", g, self.x) / np.float32(SIZE))[:, None]
        g *= self.scale
        return g


class GELU:
    """x times the normal distribution's cdf, from formula 7.1.26 of Abramowitz and Stegun (1964), whose error is below
    1.5e-7 and whose exponential is the density that the derivative needs. Blocks stay in the cache."""

    BLOCK = 64  # rows
    STEEP = np.float32(0.3275911 / 2 ** 0.5)
    TERMS = tuple(map(np.float32, (-1.453152027, 1.421413741, -0.284496736, 0.254829592)))

    def __init__(self, train):
        self.train = train

    def forward(self, x):
        y, self.slope = np.empty_like(x), np.empty_like(x) if self.train else None
        for begin in range(0, len(x), self.BLOCK):
            part = slice(begin, begin + self.BLOCK)
            z = x[part]
            t = np.abs(z)
            t *= self.STEEP
            t += 1
            np.reciprocal(t, out=t)
            tail = t * np.float32(1.061405429)
            for term in self.TERMS:
                tail += term
                tail *= t
            density = z * z
            density *= np.float32(-0.5)
            np.exp(density, out=density)
            tail *= density
            tail -= 1
            tail *= np.float32(-0.5)  # the cdf at |x|, less a half
            cdf = np.copysign(tail, z, out=tail)  # a choice by np.where takes longer than all the rest
            cdf += np.float32(0.5)
            np.multiply(z, cdf, out=y[part])
            if not self.train:
                continue
            density *= np.float32((2 * np.pi) ** -0.5)
            density *= z
            np.add(cdf, density, out=self.slope[part])
        return y

    def backward(self, g):
        g *= self.slope
        return g


class Attention:
    MASK = np.triu(np.full((STEPS, STEPS), -np.inf, np.float32), 1)
    SCALE = np.float32(HEAD ** -0.5)

    def forward(self, qkv):
        self.q, self.k, self.v = qkv.reshape(BATCH, STEPS, 3, HEADS, HEAD).transpose(2, 0, 3, 1, 4)
        self.q *= self.SCALE
        a = self.a = self.q @ self.k.swapaxes(2, 3)
        a += self.MASK
        a -= a.max(-1, keepdims=True)
        np.exp(a, out=a)
        a /= a.sum(-1, keepdims=True)
        y = np.empty((BATCH, STEPS, HEADS, HEAD), np.float32)
        np.matmul(a, self.v, out=y.swapaxes(1, 2))
        return y.reshape(ROWS, SIZE)

    def backward(self, g):
        g = g.reshape(BATCH, STEPS, HEADS, HEAD).swapaxes(1, 2)
        out = np.empty((BATCH, STEPS, 3, HEADS, HEAD), np.float32)
        gq, gk, gv = out.transpose(2, 0, 3, 1, 4)
        np.matmul(self.a.swapaxes(2, 3), g, out=gv)
        s = g @ self.v.swapaxes(2, 3)
        s -= np.einsum("bhij,bhij->bhi", s, self.a)[..., None]
        s *= self.a
        np.matmul(s, self.k, out=gq)
        gq *= self.SCALE
        np.matmul(s.swapaxes(2, 3), self.q, out=gk)
        return out.reshape(ROWS, 3 * SIZE)


class NumpyBlock:
    def __init__(self, flat, name, train):
        self.norm1, self.norm2 = LayerNorm(flat, f"{name}.norm1"), LayerNorm(flat, f"{name}.norm2")
        self.attend = [Linear(flat, f"{name}.qkv"), Attention(), Linear(flat, f"{name}.proj")]
        self.think = [Linear(flat, f"{name}.up"), GELU(train), Linear(flat, f"{name}.down")]

    def forward(self, x):
        for norm, layers in ((self.norm1, self.attend), (self.norm2, self.think)):
            y = norm.forward(x)
            for layer in layers:
                y = layer.forward(y)
            y += x
            x = y
        return x

    def backward(self, g):
        for norm, layers in ((self.norm2, self.think), (self.norm1, self.attend)):
            h = g
            for layer in reversed(layers):
                h = layer.backward(h)
            h = norm.backward(h)
            h += g
            g = h
        return g


def by_numpy(v, *, train):
    flat = Flat(v["parameters"])
    tokens, positions = flat.p["tokens.weight"], flat.p["positions.weight"]
    blocks = [NumpyBlock(flat, f"blocks.{i}", train) for i in range(LAYERS)]
    norm, head = LayerNorm(flat, "norm"), Linear(flat, "head")
    update = Adam(flat, LR, decay=DECAY)

    def body(text):
        x = (tokens[text] + positions).reshape(ROWS, SIZE)
        for block in blocks:
            x = block.forward(x)
        return x

    def step():
        x, y = v["x"], v["y"]
        logits = head.forward(norm.forward(body(x)))
        loss = cross_entropy(logits, y)
        g = norm.backward(head.backward(logits))
        for block in reversed(blocks):
            g = block.backward(g)
        flat.g["positions.weight"][...] = g.reshape(BATCH, STEPS, SIZE).sum(0)
        chosen = np.zeros((VOCABULARY, ROWS), np.float32)  # adds the gradients of each token up, as a product
        chosen[x.reshape(-1), np.arange(ROWS)] = 1
        np.matmul(chosen, g, out=flat.g["tokens.weight"])
        update.step()
        return loss

    def generate():
        text = v["x"]
        for _ in range(TOKENS):
            last = body(text[:, -STEPS:]).reshape(BATCH, STEPS, SIZE)[:, -1]
            logits = head.forward(norm.forward(last))
            text = np.concatenate([text, logits.argmax(1)[:, None]], 1)
        return float(logits.max(1).mean())

    return Program(step if train else generate)


def by_jax(v, *, train):
    import jax
    import jax.numpy as jnp

    from . import jax_optimizers as jo

    def body(p, text):
        def linear(name, x):
            return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]

        def norm(name, x):
            x = x - x.mean(-1, keepdims=True)
            return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPS) * p[f"{name}.weight"] + p[f"{name}.bias"]

        mask = jnp.tril(jnp.ones((STEPS, STEPS), bool))
        x = p["tokens.weight"][text] + p["positions.weight"]
        for i in range(LAYERS):
            name = f"blocks.{i}"
            qkv = linear(f"{name}.qkv", norm(f"{name}.norm1", x)).reshape(BATCH, STEPS, 3, HEADS, HEAD)
            q, k, v = qkv.transpose(2, 0, 3, 1, 4)
            a = jax.nn.softmax(jnp.where(mask, q @ k.swapaxes(2, 3) * HEAD ** -0.5, -jnp.inf))
            x = x + linear(f"{name}.proj", (a @ v).swapaxes(1, 2).reshape(BATCH, STEPS, SIZE))
            h = jax.nn.gelu(linear(f"{name}.up", norm(f"{name}.norm2", x)), approximate=False)
            x = x + linear(f"{name}.down", h)
        return lambda x: linear("head", norm("norm", x)), x

    def loss_of(p, x, y):
        head, h = body(p, x)
        return jo.cross_entropy(head(h).reshape(ROWS, VOCABULARY), y)

    if train:
        return Program(jo.trainer(v["parameters"], loss_of, jo.adam(LR, decay=DECAY), (v["x"], v["y"])))

    @jax.jit
    def generate(p, text):
        def token(_, carried):
            text, _ = carried
            head, h = body(p, text)
            logits = head(h[:, -1])
            return jnp.concatenate([text[:, 1:], logits.argmax(1)[:, None].astype(text.dtype)], 1), logits

        return jax.lax.fori_loop(0, TOKENS, token, (text, jnp.zeros((BATCH, VOCABULARY), jnp.float32)))[1].max(1).mean()

    return Program(partial(generate, *jax.tree.map(jnp.asarray, (v["parameters"], v["x"]))))


_NET = f"{LAYERS} layers of {SIZE}, {HEADS} heads, {STEPS} tokens, batch {BATCH}"
WORKLOADS = [
    Workload(name, f"{title}, {_NET}", values, partial(program, train=train), partial(by_numpy, train=train),
             partial(by_jax, train=train))
    for name, title, train in (("gpt_train", "GPT trained with AdamW", True),
                               ("gpt_generate", f"GPT that writes {TOKENS} tokens without a cache", False))]
