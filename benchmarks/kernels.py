"""Times the NumPy backend's neural-network kernels against PyTorch's, on one thread.

    OPENBLAS_NUM_THREADS=1 python benchmarks/kernels.py [name ...]

Each line gives the median milliseconds of both and their ratio (below 1: faster than PyTorch).  The two are
timed in turn, within one run, so that changes in the machine's speed meet both.  Names select the lines that
contain one.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from statistics import median
from time import perf_counter

import numpy as np
import torch
from plugtorch_numpy.nn import attention, conv, embedding, gelu, norm, pool, rnn, softmax

torch.set_num_threads(1)
ROUNDS = 15
rng = np.random.default_rng(0)


def channels_last(*shape):
    """Random float32 array, logically ``(N, C, ...)`` with channels last in memory, as the kernels
    produce."""
    x = rng.standard_normal((shape[0], *shape[2:], shape[1]), dtype="float32")
    return np.moveaxis(x, -1, 1)


def tensor(x):
    return torch.from_numpy(np.ascontiguousarray(x))


def convolutions():
    aten = torch.ops.aten.convolution_backward
    cases = {
        "cnn conv1 1-32": ((64, 1, 28, 28), (32, 1, 3, 3), 1, 0, 1),
        "cnn conv2 32-64": ((64, 32, 26, 26), (64, 32, 3, 3), 1, 0, 1),
        "resnet 16-16": ((32, 16, 32, 32), (16, 16, 3, 3), 1, 1, 1),
        "resnet 16-32 stride 2": ((32, 16, 32, 32), (32, 16, 3, 3), 2, 1, 1),
        "resnet 32-32": ((32, 32, 16, 16), (32, 32, 3, 3), 1, 1, 1),
        "resnet 64-64": ((32, 64, 8, 8), (64, 64, 3, 3), 1, 1, 1),
        "resnet 16-32 1x1 stride 2": ((32, 16, 32, 32), (32, 16, 1, 1), 2, 0, 1),
        "depthwise 64": ((16, 64, 28, 28), (64, 1, 3, 3), 1, 1, 64),
    }
    for name, (xs, ws, s, p, groups) in cases.items():
        x = channels_last(*xs)
        w = rng.standard_normal(ws, dtype="float32")
        kw = {"stride": (s, s), "padding": (p, p), "dilation": (1, 1), "groups": groups}
        g = channels_last(*conv.conv(x, w, **kw).shape)
        tx, tw, tg = tensor(x), tensor(w), tensor(g)
        yield (
            f"{name} forward",
            lambda x=x, w=w, kw=kw: conv.conv(x, w, **kw),
            lambda tx=tx, tw=tw, s=s, p=p, n=groups: torch.nn.functional.conv2d(tx, tw, None, s, p, 1, n),
        )
        for part, mask in (("input", [True, False, False]), ("weight", [False, True, False])):

            def reference(tg=tg, tx=tx, tw=tw, s=s, p=p, n=groups, mask=mask):
                return aten(tg, tx, tw, None, [s, s], [p, p], [1, 1], False, [0, 0], n, mask)

            if part == "input":
                yield (
                    f"{name} input grad",
                    lambda g=g, w=w, kw=kw, z=xs[2:]: conv.conv_input(g, w, input_size=z, **kw),
                    reference,
                )
            else:
                yield (
                    f"{name} weight grad",
                    lambda x=x, g=g, kw=kw, z=ws[2:]: conv.conv_weight(x, g, kernel_size=z, **kw),
                    reference,
                )


def leaf(x):
    return tensor(x).requires_grad_()


def gradient(result, g, *inputs):
    """A run of the backward pass alone."""
    return lambda: torch.autograd.grad(result, inputs, g, retain_graph=True)


def elementwise():
    f = torch.nn.functional
    two = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), "ceil_mode": False}
    x = channels_last(64, 64, 24, 24)
    tx = leaf(x)
    ty = f.max_pool2d(tx, 2)
    g = channels_last(*ty.shape)
    saved = pool.max_pool_fast(x, **two)[1]
    yield (
        "max_pool 2x2 of (64, 64, 24, 24)",
        lambda: pool.max_pool_fast(x, **two),
        lambda: f.max_pool2d(tx, 2),
    )
    yield (
        "max_pool 2x2 backward",
        lambda: pool.max_pool_backward(g, saved, input_size=(24, 24), **two),
        gradient(ty, tensor(g), tx),
    )

    for shape in ((32, 16, 32, 32), (32, 64, 8, 8)):
        xb, gb = channels_last(*shape), channels_last(*shape)
        w, b = (rng.standard_normal(shape[1], dtype="float32") for _ in range(2))
        tb, tw, tbias = leaf(xb), leaf(w), leaf(b)
        result = f.batch_norm(tb, None, None, tw, tbias, True)
        _, mean, _, rstd = norm.batch_norm_train(xb, w, b, eps=1e-5)
        yield (
            f"batch_norm of {shape}",
            lambda xb=xb, w=w, b=b: norm.batch_norm_train(xb, w, b, eps=1e-5),
            lambda tb=tb, tw=tw, tbias=tbias: f.batch_norm(tb, None, None, tw, tbias, True),
        )
        yield (
            f"batch_norm backward of {shape}",
            lambda gb=gb, xb=xb, w=w, m=mean, r=rstd: norm.batch_norm_backward(gb, xb, w, m, r, train=True),
            gradient(result, tensor(gb), tb, tw, tbias),
        )

    rows, grows = (rng.standard_normal((1024, 128), dtype="float32") for _ in range(2))
    w, b = (rng.standard_normal(128, dtype="float32") for _ in range(2))
    trows, tw, tbias = leaf(rows), leaf(w), leaf(b)
    result = f.layer_norm(trows, (128,), tw, tbias)
    _, mean, rstd = norm.layer_norm(rows, w, b, ndim=1, eps=1e-5)
    yield (
        "layer_norm of (1024, 128)",
        lambda: norm.layer_norm(rows, w, b, ndim=1, eps=1e-5),
        lambda: f.layer_norm(trows, (128,), tw, tbias),
    )
    yield (
        "layer_norm backward",
        lambda: norm.layer_norm_backward(grows, rows, w, mean, rstd, ndim=1),
        gradient(result, tensor(grows), trows, tw, tbias),
    )

    for shape in ((64, 10), (32, 128, 128), (1024, 1000)):
        s, gs = (rng.standard_normal(shape, dtype="float32") for _ in range(2))
        for name in ("softmax", "log_softmax"):
            ts = leaf(s)
            result = getattr(torch, name)(ts, -1)
            run, back = getattr(softmax, name), getattr(softmax, f"{name}_backward")
            y = run(s, axis=len(shape) - 1)
            yield (
                f"{name} of {shape}",
                lambda run=run, s=s: run(s, axis=s.ndim - 1),
                lambda name=name, ts=ts: getattr(torch, name)(ts, -1),
            )
            yield (
                f"{name} backward of {shape}",
                lambda back=back, gs=gs, y=y: back(gs, y, axis=y.ndim - 1),
                gradient(result, tensor(gs), ts),
            )

    heads = [np.swapaxes(rng.standard_normal((8, 128, 4, 32), dtype="float32"), 1, 2) for _ in range(4)]
    leaves = [torch.from_numpy(h).requires_grad_() for h in heads[:3]]
    for causal in (False, True):
        options = {"scale": 32**-0.5, "causal": causal}
        y, sums = attention.attention(*heads[:3], **options)
        result = f.scaled_dot_product_attention(*leaves, is_causal=causal)
        yield (
            f"attention (8, 4, 128, 32){' causal' * causal}",
            lambda options=options: attention.attention(*heads[:3], **options),
            lambda causal=causal: f.scaled_dot_product_attention(*leaves, is_causal=causal),
        )
        yield (
            f"attention{' causal' * causal} backward",
            lambda y=y, sums=sums, options=options: attention.attention_backward(
                heads[3], None, *heads[:3], y, sums, **options),
            gradient(result, torch.from_numpy(heads[3]), *leaves),
        )

    wide, gwide = (rng.standard_normal((1024, 512), dtype="float32") for _ in range(2))
    twide = leaf(wide)
    for kind in ("none", "tanh"):
        result = f.gelu(twide, approximate=kind)
        yield (
            f"gelu {kind} of (1024, 512)",
            lambda k=kind: gelu.gelu(wide, approximate=k),
            lambda k=kind: f.gelu(twide, approximate=k),
        )
        yield (
            f"gelu {kind} backward",
            lambda k=kind: gelu.gelu_backward(gwide, wide, approximate=k),
            gradient(result, tensor(gwide), twide),
        )

    for count, width, many in ((10000, 64, 4096), (65, 128, 8192)):
        table = leaf(rng.standard_normal((count, width), dtype="float32"))
        index = rng.integers(0, count, many)
        ge = rng.standard_normal((many, width), dtype="float32")
        result = f.embedding(torch.from_numpy(index), table)
        yield (
            f"embedding backward {many} into {(count, width)}",
            lambda ge=ge, index=index, n=count: embedding.embedding_backward(ge, index, num_rows=n),
            gradient(result, tensor(ge), table),
        )


def recurrent():
    steps, batch, width, size = 64, 32, 128, 256
    x = rng.standard_normal((steps, batch, width), dtype="float32")
    state = np.zeros((batch, size), "float32")
    for name, module in (("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU), ("rnn", torch.nn.RNN)):
        reference = module(width, size)
        weights = [p.detach().numpy() for p in reference.parameters()]
        tx = leaf(x)
        out = reference(tx)[0]
        g = rng.standard_normal(out.shape, dtype="float32")
        run, back = getattr(rnn, name), getattr(rnn, f"{name}_backward")
        states = (state, state) if name == "lstm" else (state,)
        options = {"nonlinearity": "tanh"} if name == "rnn" else {}

        def ours(run=run, states=states, weights=weights, options=options):
            return run(x, *states, *weights, reverse=False, **options)

        saved = ours()[-1]
        nothing = (None,) * len(states)
        yield f"{name} {width}-{size}, {steps} steps", ours, lambda m=reference, tx=tx: m(tx)
        yield (
            f"{name} backward",
            lambda back=back, g=g, nothing=nothing, saved=saved: back(g, *nothing, saved),
            gradient(out, tensor(g), tx, *reference.parameters()),
        )


def milliseconds(run):
    start = perf_counter()
    run()
    return (perf_counter() - start) * 1e3


def main(names):
    print(f"{'kernel':42} {'ours ms':>9} {'torch ms':>9} {'ratio':>6}")
    for group in (convolutions, elementwise, recurrent):
        for name, ours, theirs in group():
            if names and not any(n in name for n in names):
                continue
            ours(), theirs()
            pairs = [(milliseconds(ours), milliseconds(theirs)) for _ in range(ROUNDS)]
            a, b = (median(p[i] for p in pairs) for i in (0, 1))
            print(f"{name:42} {a:9.3f} {b:9.3f} {a / b:6.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
