"""The random stream: a seed gives PyTorch's numbers on every backend, and each draw its own share of the stream."""

from __future__ import annotations

import numpy as np

import plugtorch as torch

from ..check import Bench, Check
from ..programs import DRAWS, SEED
from ..recorded import recorded

# exp and log of the host's C library may differ from PyTorch's in the last digit.
TOLERANCE = 1e-6


def check_draw(bench: Bench, name: str):
    """Values as PyTorch draws them."""
    torch.manual_seed(SEED)
    found = DRAWS[name](torch)
    assert found.backend == bench.name and found.device == torch.device(str(bench.device))
    np.testing.assert_allclose(host(found), recorded()["draws"][name], rtol=TOLERANCE, atol=TOLERANCE)


def host(t):
    """Values of a tensor as a flat list of doubles."""
    return np.asarray(t.detach().cpu().tolist(), np.float64).reshape(-1)


def check_state(bench: Bench):
    """The state can be kept and put back."""
    torch.manual_seed(SEED)
    torch.randn(3)
    state = torch.get_rng_state()
    first = torch.rand(5).tolist()
    torch.set_rng_state(state)
    assert torch.rand(5).tolist() == first
    with torch.random.fork_rng():
        torch.rand(9)
    second = torch.rand(2).tolist()
    torch.set_rng_state(state)
    torch.rand(5)
    assert torch.rand(2).tolist() == second


def check_moments(bench: Bench):
    """Mean and variance of many draws."""
    torch.manual_seed(SEED)
    n = 40_000
    for draw, mean, deviation in ((torch.rand(n), 0.5, 12**-0.5), (torch.randn(n), 0, 1),
                                  (torch.empty(n).exponential_(2.0), 0.5, 0.5),
                                  (torch.bernoulli(torch.full((n,), 0.3)), 0.3, 0.21**0.5),
                                  (torch.nn.functional.dropout(torch.ones(n), 0.5), 1, 1)):
        assert abs(draw.mean().item() - mean) < 5 * deviation / n**0.5
        assert abs(draw.std().item() / deviation - 1) < 0.03


def checks():
    """Every recorded draw, and the state of the generator."""
    for name in DRAWS:
        yield Check("random", "draws", name, lambda bench, name=name: check_draw(bench, name))
    yield Check("random", "generator", "state", check_state)
    yield Check("random", "generator", "moments", check_moments)
