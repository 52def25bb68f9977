"""Random numbers on the host: PyTorch's CPU generator and what its samplers make of its words.

The samplers take a :class:`Generator`, a shape (or parameter arrays) and a dtype name, and return NumPy
arrays in the order drawn. They give PyTorch's values bit for bit, so that one seed gives one model on
every backend. The samplers are imported when first used: a program that draws nothing does not pay for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from plugtorch.frontend.random.generator import Draw, Generator, default_generator, sampler

if TYPE_CHECKING:
    from plugtorch.frontend.random.categorical import multinomial
    from plugtorch.frontend.random.continuous import cauchy, exponential
    from plugtorch.frontend.random.counts import binomial, poisson
    from plugtorch.frontend.random.discrete import bernoulli, bernoulli_of, geometric, randint, random_
    from plugtorch.frontend.random.gamma import dirichlet, standard_gamma
    from plugtorch.frontend.random.normals import log_normal, normal
    from plugtorch.frontend.random.permutation import randperm
    from plugtorch.frontend.random.truncated import trunc_normal
    from plugtorch.frontend.random.uniforms import rrelu_noise, uniform

_HOMES = {
    "bernoulli": "discrete", "bernoulli_of": "discrete", "binomial": "counts", "cauchy": "continuous",
    "dirichlet": "gamma", "exponential": "continuous", "geometric": "discrete", "log_normal": "normals",
    "multinomial": "categorical", "normal": "normals", "poisson": "counts", "randint": "discrete", "random_": "discrete",
    "randperm": "permutation", "rrelu_noise": "uniforms", "standard_gamma": "gamma", "trunc_normal": "truncated",
    "uniform": "uniforms",
}


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


__all__ = [
    "Draw",
    "Generator",
    "bernoulli",
    "bernoulli_of",
    "binomial",
    "cauchy",
    "default_generator",
    "dirichlet",
    "exponential",
    "geometric",
    "log_normal",
    "multinomial",
    "normal",
    "poisson",
    "randint",
    "random_",
    "randperm",
    "rrelu_noise",
    "sampler",
    "standard_gamma",
    "trunc_normal",
    "uniform",
]
