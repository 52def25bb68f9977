"""What the tests of compiled functions share: a program is run with its functions as they are and with them compiled."""

from __future__ import annotations

import math
import warnings

import numpy as np

import plugtorch as torch
from plugtorch import nn


def flat(x):
    """What was observed, as a list of arrays and plain values; structure is kept as names."""
    if isinstance(x, torch.Tensor):
        values = x.detach()
        values = values.float() if values.dtype is torch.bfloat16 else values
        return [x.dtype, x.requires_grad, values.numpy().copy()]
    if isinstance(x, dict):
        return ["dict", *x, *(leaf for value in x.values() for leaf in flat(value))]
    if isinstance(x, (list, tuple)):
        return [type(x).__name__, len(x), *(leaf for value in x for leaf in flat(value))]
    return [x]


def assert_alike(found, expected):
    """Equal but for rounding: programs may fuse what eager code computes apart."""
    found, expected = flat(found), flat(expected)
    assert len(found) == len(expected)
    for i, (a, b) in enumerate(zip(found, expected, strict=True)):
        if isinstance(b, np.ndarray):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-6, err_msg=f"leaf {i}")
        elif isinstance(b, float) and isinstance(a, float):
            assert math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6), (i, a, b)
        else:
            assert type(a) is type(b) and a == b, (i, a, b)


def check_alike(program, **options):
    """Runs ``program(compiled)``, which returns what it observed, with its functions as they are and compiled.

    Args:
        options: of ``torch.compile`` besides ``fullgraph=True``.

    Returns:
        How often each compiled function was recorded.
    """
    made = []

    def compiled(function, **more):
        made.append(torch.compile(function, **{"fullgraph": True, **options, **more}))
        return made[-1]

    torch.manual_seed(0)
    expected = program(lambda function, **_: function)
    after = torch.rand(3)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = program(compiled)
    assert_alike(found, expected)
    assert_alike(torch.rand(3), after)  # the stream of random numbers is where it would be
    return [recordings(f) for f in made]


def recordings(function) -> int:
    """How often a compiled function or module was recorded."""
    return (function._compiled if isinstance(function, nn.Module) else function).compiled.recordings


def batches(count=4, shape=(6, 4)):
    """Tensors of random numbers, the same at each call."""
    generator = torch.Generator().manual_seed(7)
    return [torch.randn(*shape, generator=generator) for _ in range(count)]


def network():
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


def state_of(*owners):
    """The parameters with their gradients, the buffers, and the states of optimizers."""
    found = []
    for owner in owners:
        if isinstance(owner, nn.Module):
            found += [*owner.parameters(), *(p.grad for p in owner.parameters()), *owner.buffers()]
        else:
            found += [v for kept in owner.state.values() for v in kept.values()]
    return found
