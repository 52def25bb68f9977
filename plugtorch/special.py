"""``torch.special``: the special functions that the library has."""

from __future__ import annotations

from plugtorch.frontend.activations import log_softmax, softmax
from plugtorch.frontend.classification import xlogy
from plugtorch.frontend.incomplete_gamma import gammainc, gammaincc
from plugtorch.frontend.pointwise import erf, exp2, expm1, log1p, round, sinc
from plugtorch.frontend.reductions import logsumexp
from plugtorch.frontend.special_functions import (
    digamma,
    entr,
    erfc,
    erfcx,
    erfinv,
    expit,
    gammaln,
    i0,
    i0e,
    i1,
    i1e,
    log_ndtr,
    logit,
    multigammaln,
    ndtr,
    ndtri,
    polygamma,
    psi,
    xlog1py,
    zeta,
)

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc", "gammaincc", "gammaln", "i0",
    "i0e", "i1", "i1e", "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp", "multigammaln", "ndtr", "ndtri",
    "polygamma", "psi", "round", "sinc", "softmax", "xlog1py", "xlogy", "zeta",
]
