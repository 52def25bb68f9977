"""A narrow residual network for 32 by 32 images: three stages of two basic blocks, with batch normalisation."""

from __future__ import annotations

import numpy as np

from .numpy_layers import Conv, channels_last, column_sums, cross_entropy
from .numpy_optimizers import SGD, Flat
from .workload import Program, Workload, linear, load, trainer

LR, MOMENTUM, BATCH, EPS = 0.05, 0.9, 32, 1e-5
# name, channels in, channels out, stride, image size out
BLOCKS = [("blocks.0", 16, 16, 1, 32), ("blocks.1", 16, 16, 1, 32), ("blocks.2", 16, 32, 2, 16),
          ("blocks.3", 32, 32, 1, 16), ("blocks.4", 32, 64, 2, 8), ("blocks.5", 64, 64, 1, 8)]


def values():
    rng = np.random.default_rng(0)
    p = {}

    def conv(name, o, c, k):
        p[f"{name}.weight"] = rng.standard_normal((o, c, k, k), np.float32) * np.float32((2 / (o * k * k)) ** 0.5)

    def norm(name, c):
        p[f"{name}.weight"], p[f"{name}.bias"] = np.ones(c, np.float32), np.zeros(c, np.float32)

    conv("conv", 16, 3, 3)
    norm("norm", 16)
    for name, c, o, stride, _ in BLOCKS:
        conv(f"{name}.conv1", o, c, 3)
        norm(f"{name}.norm1", o)
        conv(f"{name}.conv2", o, o, 3)
        norm(f"{name}.norm2", o)
        if stride > 1:
            conv(f"{name}.short", o, c, 1)
            norm(f"{name}.norm3", o)
    p |= linear(rng, "head", 10, 64)
    return {"parameters": p, "x": rng.standard_normal((BATCH, 3, 32, 32), np.float32), "y": rng.integers(0, 10, BATCH)}


def program(torch, v, compile_model):
    nn = torch.nn
    f = nn.functional

    class Block(nn.Module):
        def __init__(self, c, o, stride):
            super().__init__()
            self.conv1, self.norm1 = nn.Conv2d(c, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o)
            self.conv2, self.norm2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
            self.down = stride > 1
            if self.down:
                self.short, self.norm3 = nn.Conv2d(c, o, 1, stride, bias=False), nn.BatchNorm2d(o)

        def forward(self, x):
            y = f.relu(self.norm1(self.conv1(x)))
            y = self.norm2(self.conv2(y))
            return f.relu(y + (self.norm3(self.short(x)) if self.down else x))

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
            self.blocks = nn.Sequential(*(Block(c, o, stride) for _, c, o, stride, _ in BLOCKS))
            self.head = nn.Linear(64, 10)

        def forward(self, x):
            x = self.blocks(f.relu(self.norm(self.conv(x))))
            return self.head(x.mean((2, 3)))

    net = load(torch, ResNet(), v["parameters"])
    optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM)
    return trainer(torch, net, compile_model(net), optimizer, lambda model, x, y: f.cross_entropy(model(x), y),
                   (v["x"], v["y"]))


class BatchNorm:
    """Normalisation over all axes but the last, in training; the running figures follow with momentum 0.1."""

    def __init__(self, flat, name):
        self.weight, self.bias = flat.p[f"{name}.weight"], flat.p[f"{name}.bias"]
        self.weight_grad, self.bias_grad = flat.g[f"{name}.weight"], flat.g[f"{name}.bias"]
        self.mean, self.var = np.zeros_like(self.weight), np.ones_like(self.weight)

    def forward(self, x):
        """Overwrites x with its normalised values and returns a new array."""
        count = np.float32(x.size // x.shape[-1])
        mean = column_sums(x) / count
        x -= mean
        rows = x.reshape(-1, x.shape[-1])
        var = np.einsum("nc,nc->c", rows, rows) / count
        self.mean += np.float32(0.1) * (mean - self.mean)
        self.var += np.float32(0.1) * (var * (count / (count - 1)) - self.var)
        self.scale = 1 / np.sqrt(var + np.float32(EPS))
        x *= self.scale
        self.x = x
        y = x * self.weight
        y += self.bias
        return y

    def backward(self, g):
        """The gradient of the input, in the memory of the normalised values."""
        x, rows, grads = self.x, self.x.reshape(-1, g.shape[-1]), g.reshape(-1, g.shape[-1])
        column_sums(g, self.bias_grad)
        np.einsum("nc,nc->c", grads, rows, out=self.weight_grad)
        count = np.float32(len(rows))
        x *= -self.weight_grad / count
        x += g
        x -= self.bias_grad / count
        x *= self.weight * self.scale
        return x


class NumpyConv:
    """A convolution with its parameters and gradients."""

    def __init__(self, flat, name, size, kernel, stride=1):
        self.conv, self.size = Conv(kernel, stride, kernel // 2), size
        self.weight, self.weight_grad = flat.p[f"{name}.weight"], flat.g[f"{name}.weight"]

    def forward(self, x):
        y, self.x = self.conv.forward(x, self.weight)
        return y

    def backward(self, g, inputs=True):
        self.conv.weight_gradient(self.x, g, self.weight_grad)
        return self.conv.input_gradient(g, self.weight, (self.size, self.size)) if inputs else None


class NumpyBlock:
    def __init__(self, flat, name, stride, size):
        self.conv1, self.norm1 = NumpyConv(flat, f"{name}.conv1", size * stride, 3, stride), BatchNorm(flat, f"{name}.norm1")
        self.conv2, self.norm2 = NumpyConv(flat, f"{name}.conv2", size, 3), BatchNorm(flat, f"{name}.norm2")
        self.short = None
        if stride > 1:
            self.short = NumpyConv(flat, f"{name}.short", size * stride, 1, stride)
            self.norm3 = BatchNorm(flat, f"{name}.norm3")

    def forward(self, x):
        y = self.norm1.forward(self.conv1.forward(x))
        self.between = np.maximum(y, 0, out=y)
        y = self.norm2.forward(self.conv2.forward(y))
        y += x if self.short is None else self.norm3.forward(self.short.forward(x))
        self.out = np.maximum(y, 0, out=y)
        return y

    def backward(self, g):
        """The gradient of the input; overwrites g."""
        g *= self.out > 0
        h = self.conv2.backward(self.norm2.backward(g))
        h *= self.between > 0
        x = self.conv1.backward(self.norm1.backward(h))
        x += g if self.short is None else self.short.backward(self.norm3.backward(g))
        return x


def by_numpy(v):
    flat = Flat({name: channels_last(p) if p.ndim == 4 else p for name, p in v["parameters"].items()})
    p, g = flat.p, flat.g
    stem, norm = NumpyConv(flat, "conv", 32, 3), BatchNorm(flat, "norm")
    blocks = [NumpyBlock(flat, name, stride, size) for name, _, _, stride, size in BLOCKS]
    x, y = np.ascontiguousarray(v["x"].transpose(0, 2, 3, 1)), v["y"]
    update = SGD(flat, LR, MOMENTUM)

    def step():
        h = norm.forward(stem.forward(x))
        first = np.maximum(h, 0, out=h)
        for block in blocks:
            h = block.forward(h)
        pixels = np.float32(h.shape[1] * h.shape[2])
        features = h.sum((1, 2)) / pixels
        logits = features @ p["head.weight"].T
        logits += p["head.bias"]
        loss = cross_entropy(logits, y)
        np.matmul(logits.T, features, out=g["head.weight"])
        column_sums(logits, g["head.bias"])
        grad = np.empty_like(h)
        grad[...] = (logits @ p["head.weight"] / pixels)[:, None, None]
        for block in reversed(blocks):
            grad = block.backward(grad)
        grad *= first > 0
        stem.backward(norm.backward(grad), inputs=False)
        update.step()
        return loss

    return Program(step)


def by_jax(v):
    import jax
    import jax.numpy as jnp

    from . import jax_optimizers as jo

    init, update = jo.sgd(LR, MOMENTUM)

    def forward(p, running, x, y):
        followed = {}

        def conv(name, x, stride=1):
            w = p[f"{name}.weight"]
            k = w.shape[-1] // 2
            return jax.lax.conv_general_dilated(x, w, (stride, stride), ((k, k), (k, k)))

        def norm(name, x):
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
            count = x.size // x.shape[1]
            followed[name] = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * jax.lax.stop_gradient(new), running[name],
                                          (mean, var * (count / (count - 1))))
            scale = p[f"{name}.weight"] * jax.lax.rsqrt(var + EPS)
            return x * scale[:, None, None] + (p[f"{name}.bias"] - mean * scale)[:, None, None]

        x = jax.nn.relu(norm("norm", conv("conv", x)))
        for name, _, _, stride, _ in BLOCKS:
            h = jax.nn.relu(norm(f"{name}.norm1", conv(f"{name}.conv1", x, stride)))
            h = norm(f"{name}.norm2", conv(f"{name}.conv2", h))
            x = jax.nn.relu(h + (norm(f"{name}.norm3", conv(f"{name}.short", x, stride)) if stride > 1 else x))
        logits = x.mean((2, 3)) @ p["head.weight"].T + p["head.bias"]
        return jo.cross_entropy(logits, y), followed

    def whole(p, state, running, x, y):
        (loss, running), g = jax.value_and_grad(forward, has_aux=True)(p, running, x, y)
        return loss, *update(p, g, state), running

    jitted = jax.jit(whole, donate_argnums=(0, 1, 2))
    p = jax.tree.map(jnp.array, v["parameters"])
    running = {n[:-5]: (jnp.zeros_like(b), jnp.ones_like(b)) for n, b in p.items() if "norm" in n and n.endswith("bias")}
    held = [p, init(p), running]
    x, y = jnp.asarray(v["x"]), jnp.asarray(v["y"])

    def step():
        loss, *held[:] = jitted(*held, x, y)
        return loss

    return Program(step)


WORKLOADS = [Workload("resnet", f"ResNet of 0.18 million parameters on 32x32 images, batch {BATCH}, SGD with momentum",
                      values, program, by_numpy, by_jax)]
