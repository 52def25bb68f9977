"""Steps of optimizers over many parameters at once.

A step of one parameter is a dozen ufuncs, and on small parameters their calls cost more than their arithmetic. Rows of
small arrays are therefore gathered into flat buffers, updated by one pass of the kernel, and written back. Large arrays
are updated where they lie, in blocks that stay in the cache from the first ufunc of the rule to the last.
"""

from __future__ import annotations

import threading
from math import prod, sqrt

import numpy as np

from .blas import axpby, blocks, flat
from .quiet import QUIET

add, multiply, divide = np.add, np.multiply, np.divide

BLOCK = 131072  # elements of a large array that are updated at a time: few calls, and intermediates that stay in cache
GATHERED = 32768  # elements that are gathered at most
COLUMNS = 6  # that a rule may have
LAYOUTS = 64  # gathered layouts that are remembered
DTYPES = (np.dtype("float32"), np.dtype("float64"))


class _Buffers(threading.local):
    """Flat memory of a thread, by dtype: columns to gather into and two intermediates; and the layouts met last."""

    def __init__(self):
        self.flat, self.layouts = {}, {}

    def of(self, dtype):
        found = self.flat.get(dtype)
        if found is None:
            found = self.flat[dtype] = [flat(np.empty(BLOCK, dtype)) for _ in range(COLUMNS + 2)]
        return found

    def layout(self, dtype, shapes, columns, limit):
        key = (dtype, columns, limit, shapes)
        found = self.layouts.get(key)
        if found is None:
            if len(self.layouts) >= LAYOUTS:
                self.layouts.clear()
            found = self.layouts[key] = _Layout(self.of(dtype)[:columns], shapes, limit)
        return found


class _Layout:
    """Which arrays of a column are updated where they lie, and which are gathered with which.

    Attributes:
        large: positions of the former.
        gathered: per group of the latter their positions, their size in all, and the parts of each buffer that belong to
            them, in their shapes.
    """

    def __init__(self, buffers, shapes, limit):
        self.large, self.gathered = [], []
        members, end = [], 0
        for i, shape in enumerate(shapes):
            size = prod(shape)
            if size >= limit:
                self.large.append(i)
                continue
            if end + size > GATHERED:
                self._close(buffers, members, end)
                members, end = [], 0
            members.append((i, shape, end, end + size))
            end += size
        if members:
            self._close(buffers, members, end)

    def _close(self, buffers, members, size):
        views = [[buffer[0][start:stop].reshape(shape) for _, shape, start, stop in members] for buffer in buffers]
        self.gathered.append(([i for i, *_ in members], size, views))


BUFFERS = _Buffers()


class NumpyOptimizers:
    """``update_columns`` for the rules of this module."""

    @property
    def update_rules(self):
        return RULES.keys()

    def update_columns(self, rule, columns, counts, numbers):
        kernel, constants, limit = RULES[rule]
        left, groups = [], _groups(columns, counts)
        for (dtype, count), members in groups.items():
            if dtype is None:
                left += members
                continue
            some = columns if len(members) == len(columns[0]) else [[column[i] for i in members] for column in columns]
            layout = BUFFERS.layout(dtype, tuple([a.shape for a in some[0]]), len(columns), limit)
            if not all([a.flags.c_contiguous for column in (some[0], *some[2:]) for a in map(column.__getitem__,
                                                                                             layout.large)]):
                left += members
                continue
            if counts:
                count += 1
                for i in members:
                    counts[i].fill(count)
            values = constants(count, dtype, **numbers)
            QUIET.run(_update, kernel, axpby(dtype), some, layout, BUFFERS.of(dtype), values)
        return left


def _groups(columns, counts):
    """Positions by dtype and by the number of steps taken; those whose arrays are not alike are under ``(None, 0)``."""
    first = columns[0]
    steps = [count.item() for count in counts] or [0] * len(first)
    if _alike(columns) and steps.count(steps[0]) == len(steps):
        return {(first[0].dtype, steps[0]): range(len(first))}
    groups = {}
    for i, row in enumerate(zip(*columns, strict=True)):
        key = (row[0].dtype, steps[i]) if _alike([[a] for a in row]) else (None, 0)
        groups.setdefault(key, []).append(i)
    return groups


def _alike(columns):
    """Whether the arrays are of one floating dtype, and those of each position of one shape."""
    first = columns[0]
    dtype, shapes = first[0].dtype, [a.shape for a in first]
    return dtype in DTYPES and all([[a.dtype for a in column].count(dtype) == len(first) for column in columns]) and all(
        [[a.shape for a in column] == shapes for column in columns[1:]])


def _update(kernel, mix, columns, layout, buffers, values):
    *buffers, t, u = buffers
    for i in layout.large:
        for row in zip(*[blocks(flat(column[i]), BLOCK) for column in columns], strict=True):
            n = row[0][0].size
            kernel(n, mix, *row, t=(t[0][:n], t[1]), u=(u[0][:n], u[1]), **values)
    for members, n, views in layout.gathered:
        some = [[column[i] for i in members] for column in columns]
        gathered = [(array[:n], address) for array, address in buffers[:len(columns)]]
        for arrays, (block, _) in zip(some, gathered, strict=True):
            np.concatenate(arrays, axis=None, out=block)
        kernel(n, mix, *gathered, t=(t[0][:n], t[1]), u=(u[0][:n], u[1]), **values)
        for j, arrays in enumerate(some):
            if j != 1:
                for a, updated in zip(arrays, views[j], strict=True):
                    a[...] = updated


# The rules. A kernel gets n elements of the parameter, the gradient, which it does not modify, and the state; t and u are
# its own; ``mix(n, a, x, b, y)`` writes a x + b y into y. Constants for ufuncs are 0-d arrays of the same dtype, which they
# take faster than numbers; ``sign`` is -1 where the gradient is followed upwards. None is an option that is off. The
# formulas are in the docstrings of plugtorch.optim.

def _decayed(n, mix, p, g, sign, weight_decay, u):
    """``sign g + weight_decay p`` and the sign that is left to apply."""
    if weight_decay is None:
        return g, sign
    multiply(p[0], weight_decay, u[0])
    mix(n, sign, g, 1, u)
    return u, 1


def _sgd_constants(step, dtype, *, lr, momentum, dampening, weight_decay, nesterov, maximize):
    return {"lr": lr, "momentum": momentum, "added": 1 - dampening, "nesterov": nesterov, "sign": -1 if maximize else 1,
            "weight_decay": np.array(weight_decay, dtype) if weight_decay else None}


def _sgd(n, mix, p, g, buffer=None, *, t, u, lr, momentum, added, weight_decay, nesterov, sign):
    g, sign = _decayed(n, mix, p, g, sign, weight_decay, u)
    if buffer is None:
        mix(n, -lr * sign, g, 1, p)
        return
    mix(n, added * sign, g, momentum, buffer)
    if nesterov:
        mix(n, -lr * sign, g, 1, p)
        lr *= momentum
    mix(n, -lr, buffer, 1, p)


def _adam_constants(step, dtype, *, lr, betas, eps, weight_decay, decoupled_weight_decay, maximize):
    beta1, beta2 = betas
    root = sqrt(1 - beta2**step)
    apart = decoupled_weight_decay and weight_decay
    # m / (sqrt(v) / root + eps), as one quotient without the inner one.
    return {"beta1": beta1, "beta2": beta2, "eps": np.array(eps * root, dtype), "rate": -lr * root / (1 - beta1**step),
            "kept": 1 - lr * weight_decay if apart else 1, "sign": -1 if maximize else 1,
            "weight_decay": np.array(weight_decay, dtype) if weight_decay and not apart else None}


def _adam(n, mix, p, g, mean, square, largest=None, *, t, u, beta1, beta2, eps, rate, kept, sign, weight_decay):
    g, sign = _decayed(n, mix, p, g, sign, weight_decay, u)
    mix(n, (1 - beta1) * sign, g, beta1, mean)
    multiply(g[0], g[0], t[0])
    mix(n, 1 - beta2, t, beta2, square)
    square = square[0] if largest is None else np.maximum(largest[0], square[0], out=largest[0])
    np.sqrt(square, t[0])
    add(t[0], eps, t[0])
    divide(mean[0], t[0], t[0])
    mix(n, rate, t, kept, p)


def _common(dtype, lr, weight_decay, maximize):
    return {"lr": lr, "sign": -1 if maximize else 1, "weight_decay": np.array(weight_decay, dtype) if weight_decay else None}


def _rmsprop_constants(step, dtype, *, alpha, eps, momentum, centered, **common):
    return {"alpha": alpha, "eps": np.array(eps, dtype), "momentum": momentum, "centered": centered,
            **_common(dtype, **common)}


def _rmsprop(n, mix, p, g, square, *more, t, u, lr, alpha, eps, momentum, centered, sign, weight_decay):
    g, sign = _decayed(n, mix, p, g, sign, weight_decay, u)
    more = list(more)
    multiply(g[0], g[0], t[0])
    mix(n, 1 - alpha, t, alpha, square)
    if centered:
        mean = more.pop()
        mix(n, (1 - alpha) * sign, g, alpha, mean)
        multiply(mean[0], mean[0], t[0])
        np.subtract(square[0], t[0], t[0])
        np.sqrt(t[0], t[0])
    else:
        np.sqrt(square[0], t[0])
    add(t[0], eps, t[0])
    divide(g[0], t[0], t[0])
    if more:
        mix(n, sign, t, momentum, more[0])
        mix(n, -lr, more[0], 1, p)
    else:
        mix(n, -lr * sign, t, 1, p)


def _adagrad_constants(step, dtype, *, lr, lr_decay, eps, **common):
    return {"eps": np.array(eps, dtype), **_common(dtype, lr / (1 + (step - 1) * lr_decay), **common)}


def _adagrad(n, mix, p, g, total, *, t, u, lr, eps, sign, weight_decay):
    g, sign = _decayed(n, mix, p, g, sign, weight_decay, u)
    multiply(g[0], g[0], t[0])
    add(total[0], t[0], total[0])
    np.sqrt(total[0], t[0])
    add(t[0], eps, t[0])
    divide(g[0], t[0], t[0])
    mix(n, -lr * sign, t, 1, p)


# rule -> kernel, constants, and the size in elements from which an array is updated where it lies: where gathering and
# writing back cost what the calls of the kernel do.
RULES = {
    "SGD": (_sgd, _sgd_constants, 2048),
    "Adam": (_adam, _adam_constants, 4096),
    "RMSprop": (_rmsprop, _rmsprop_constants, 4096),
    "Adagrad": (_adagrad, _adagrad_constants, 4096),
}
