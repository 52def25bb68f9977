"""Optimizers by hand in NumPy: all parameters in one flat array, updated in place by a handful of ufunc calls."""

from __future__ import annotations

import numpy as np


class Flat:
    """Parameters as views of one flat float32 array, and buffers for their gradients as views of another.

    Attributes:
        data, grad: the flat arrays.
        p, g: the parameters and the gradients, by name.
    """

    def __init__(self, values):
        self.data = np.concatenate([v.ravel() for v in values.values()])
        self.grad = np.zeros_like(self.data)
        self.p, self.g, begin = {}, {}, 0
        for name, v in values.items():
            self.p[name] = self.data[begin:begin + v.size].reshape(v.shape)
            self.g[name] = self.grad[begin:begin + v.size].reshape(v.shape)
            begin += v.size


class SGD:
    """Stochastic gradient descent, with PyTorch's form of momentum. A step overwrites the gradients."""

    def __init__(self, flat, lr, momentum=0.0):
        self.flat, self.lr, self.momentum = flat, np.float32(lr), np.float32(momentum)
        self.buffer = np.zeros_like(flat.data) if momentum else None

    def step(self):
        step = self.flat.grad
        if self.buffer is not None:
            self.buffer *= self.momentum
            self.buffer += step
            np.multiply(self.buffer, self.lr, out=step)
        else:
            step *= self.lr
        self.flat.data -= step


class Adam:
    """Adam (Kingma and Ba, 2015); with ``decay``, AdamW (Loshchilov and Hutter, 2019). Blocks stay in the cache."""

    BLOCK = 16384

    def __init__(self, flat, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, decay=0.0):
        self.flat, self.lr, self.betas, self.eps, self.decay, self.count = flat, lr, betas, np.float32(eps), decay, 0
        size = flat.data.size
        self.first, self.second = np.zeros(size, np.float32), np.zeros(size, np.float32)
        self.scratch = np.empty(min(size, self.BLOCK), np.float32)

    def step(self):
        self.count += 1
        b1, b2 = self.betas
        rate = np.float32(self.lr / (1 - b1 ** self.count))
        root = np.float32((1 - b2 ** self.count) ** -0.5)
        shrink = np.float32(1 - self.lr * self.decay)
        new1, new2, b2 = np.float32(1 - b1), np.float32(1 - b2), np.float32(b2)
        for begin in range(0, self.flat.data.size, self.BLOCK):
            part = slice(begin, begin + self.BLOCK)
            p, g, m, v = self.flat.data[part], self.flat.grad[part], self.first[part], self.second[part]
            t = self.scratch[:p.size]
            np.subtract(g, m, out=t)
            t *= new1
            m += t
            np.multiply(g, g, out=t)
            t *= new2
            v *= b2
            v += t
            np.sqrt(v, out=t)
            t *= root
            t += self.eps
            np.divide(m, t, out=t)
            t *= rate
            if self.decay:
                p *= shrink
            p -= t
