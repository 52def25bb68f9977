"""Random numbers on the host: PyTorch's CPU generator and what its samplers make of its words.

The samplers take a :class:`Generator`, a shape (or parameter arrays) and a dtype name, and return NumPy
arrays in the order drawn. They give PyTorch's values bit for bit, so that one seed gives one model on
every backend.
"""

from __future__ import annotations

from plugtorch.frontend.random.categorical import multinomial
from plugtorch.frontend.random.continuous import cauchy, exponential
from plugtorch.frontend.random.counts import binomial, poisson
from plugtorch.frontend.random.discrete import bernoulli, bernoulli_of, geometric, randint, random_
from plugtorch.frontend.random.gamma import dirichlet, standard_gamma
from plugtorch.frontend.random.generator import Draw, Generator, default_generator, sampler
from plugtorch.frontend.random.normal import log_normal, normal
from plugtorch.frontend.random.permutation import randperm
from plugtorch.frontend.random.truncated import trunc_normal
from plugtorch.frontend.random.uniform import rrelu_noise, uniform

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
