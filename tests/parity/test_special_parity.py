"""``torch.special``: Bessel and Airy functions, orthogonal polynomials, and what the others do in every dtype."""

from __future__ import annotations

import pytest
from compare import agree, disagreements

BESSEL = [
    "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_i0", "modified_bessel_i1", "modified_bessel_k0",
    "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1", "spherical_bessel_j0", "airy_ai",
]
POLYNOMIALS = [
    *(f"{shifted}chebyshev_polynomial_{kind}" for shifted in ("", "shifted_") for kind in "tuvw"), "hermite_polynomial_h",
    "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
]
DTYPES = ["bool", "int64", "float16", "bfloat16", "float32", "float64", "complex64"]


@pytest.mark.parametrize("name", BESSEL)
def test_bessel_and_airy_functions(name):
    # PyTorch's own values of J, Y and Ai are right to 1e-5 only, in double precision too.
    agree(f"torch.special.{name}(torch.linspace(-12, 12, 200, dtype=torch.float64))", tolerance=3e-5)
    agree(f"torch.special.{name}(torch.tensor([0., -0., 1., -1., math.inf, -math.inf, math.nan, 40., -40.]))",
          tolerance=3e-5)
    assert not disagreements(f"torch.special.{name}(torch.ones(2).to(torch.{d}))" for d in DTYPES)
    assert not disagreements([f"torch.special.{name}(1.)", f"torch.special.{name}(torch.ones(2, requires_grad=True))",
                              f"torch.special.{name}(torch.ones(2), out=torch.empty(2))"])


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name):
    call = "x = torch.tensor([0.5, 1., -1., 0., 2., -2., 0.9, -0.9, 0.3, -0.1], dtype=torch.float64); torch.special." + name
    assert not disagreements(call + f"(x, {n})" for n in (-1, 0, 1, 2, 3, 6, 7, 8, 9, 12, 20, 60, 2.7))
    assert not disagreements(call + end for end in (
        "(x, torch.arange(10))", "(x[:, None], torch.tensor([0, 5, 13]))", "(0.3, torch.arange(12))", "(0.3, 2)",
        "(x, torch.tensor(3.))", "(x.requires_grad_(), 2)"))
    assert not disagreements(f"torch.special.{name}(torch.ones(2).to(torch.{d}), 3)" for d in DTYPES)


@pytest.mark.parametrize("name", [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0", "i0e", "i1", "i1e",
    "log1p", "log_ndtr", "logit", "ndtr", "ndtri", "psi", "sinc",
])
def test_functions_in_every_dtype(name):
    assert not disagreements(f"torch.special.{name}(torch.tensor([0.25, 0.5, 0.75]).to(torch.{d}))" for d in DTYPES[:-1])


@pytest.mark.parametrize("name", ["xlogy", "xlog1py", "zeta", "gammainc", "gammaincc"])
def test_functions_of_two_in_every_dtype(name):
    assert not disagreements(f"x = torch.tensor([2, 3]).to(torch.{d}); torch.special.{name}(x, x)" for d in DTYPES)


def test_limits_of_incomplete_gamma_functions():
    call = ("i = math.inf; a = torch.tensor([0., 0., -1., 1., 1., i, 2., 3., i]); "
            "x = torch.tensor([0., 1., 1., -1., 0., 2., i, math.nan, i]); torch.special.{}(a, x)")
    agree(call.format("gammainc"))
    agree(call.format("gammaincc"))
