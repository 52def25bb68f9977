"""Special and elementwise functions on every backend: known values, identities, transforms."""

from __future__ import annotations

import math

import pytest

import plugtorch as torch
from plugtorch.func import grad, vmap

# Abramowitz and Stegun: tables 9.1, 9.8, 9.9, 10.11.
KNOWN = {
    "bessel_j0": [(1.0, 0.7651976865579666), (5.5, -0.006843869417819196), (40.0, 0.0073668905842372895)],
    "bessel_j1": [(1.0, 0.44005058574493355), (-6.0, 0.27668385812756563)],
    "bessel_y0": [(1.0, 0.08825696421567698), (8.0, 0.22352148938756622)],
    "bessel_y1": [(1.0, -0.7812128213002887), (7.5, -0.25912851048611625)],
    "modified_bessel_i0": [(1.0, 1.2660658777520084)],
    "modified_bessel_i1": [(-1.0, -0.5651591039924851)],
    "modified_bessel_k0": [(1.0, 0.42102443824070834), (3.0, 0.03473950438627925)],
    "modified_bessel_k1": [(1.0, 0.6019072301972346), (3.0, 0.040156431128194184)],
    "scaled_modified_bessel_k0": [(1.0, 1.1444630798068947)],
    "scaled_modified_bessel_k1": [(1.0, 1.636153486263258)],
    "spherical_bessel_j0": [(0.25, 0.989615837018091), (2.0, 0.45464871341284085)],
    "airy_ai": [(0.0, 0.3550280538878172), (-3.0, -0.37881429367765645), (4.0, 0.0009515638512048025)],
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_values(name):
    places, values = zip(*KNOWN[name], strict=True)
    got = getattr(torch.special, name)(torch.tensor(places, dtype=torch.float64))
    assert torch.allclose(got, torch.tensor(values, dtype=torch.float64), rtol=2e-13, atol=1e-14)
    assert not getattr(torch.special, name)(torch.ones(1, requires_grad=True)).requires_grad


def test_wronskian_of_bessel_functions():
    x = torch.linspace(0.3, 30, 200, dtype=torch.float64)
    s = torch.special
    difference = s.bessel_j1(x) * s.bessel_y0(x) - s.bessel_j0(x) * s.bessel_y1(x)
    assert torch.allclose(difference, 2 / (math.pi * x), rtol=1e-12)
    total = s.modified_bessel_i0(x) * s.modified_bessel_k1(x) + s.modified_bessel_i1(x) * s.modified_bessel_k0(x)
    assert torch.allclose(total, 1 / x, rtol=1e-12)


@pytest.mark.parametrize("degree", [0, 1, 5, 9, 24])
def test_trigonometric_form_of_chebyshev_polynomials(degree):
    t = torch.linspace(0.2, 2.9, 23, dtype=torch.float64)
    x, s = torch.cos(t), torch.special
    assert torch.allclose(s.chebyshev_polynomial_t(x, degree), torch.cos(degree * t), atol=1e-12)
    assert torch.allclose(s.chebyshev_polynomial_u(x, degree), torch.sin((degree + 1) * t) / torch.sin(t), atol=1e-11)
    assert torch.allclose(s.chebyshev_polynomial_v(x, degree), torch.cos((degree + 0.5) * t) / torch.cos(t / 2), atol=1e-11)
    assert torch.allclose(s.chebyshev_polynomial_w(x, degree), torch.sin((degree + 0.5) * t) / torch.sin(t / 2), atol=1e-11)
    assert torch.allclose(s.shifted_chebyshev_polynomial_t((x + 1) / 2, degree), torch.cos(degree * t), atol=1e-11)


def test_degrees_from_a_tensor_and_below_zero():
    x, n = torch.tensor(0.5), torch.tensor([-1, 0, 1, 2, 3])
    assert torch.special.legendre_polynomial_p(x, n).tolist() == [0, 1, 0.5, -0.125, -0.4375]
    assert torch.special.hermite_polynomial_h(x, n).tolist() == [0, 1, 1, -1, -5]
    assert torch.special.laguerre_polynomial_l(x, n)[:4].tolist() == [0, 1, 0.5, 0.125]
    mapped = vmap(torch.special.hermite_polynomial_he, in_dims=(None, 0))(x, n)
    assert mapped.tolist() == [0, 1, 0.5, -0.75, -1.375]


def test_neighbours_and_parts_of_numbers():
    one = torch.ones(1)
    assert torch.nextafter(one, 2 * one).item() == 1 + 2.0**-23
    assert torch.nextafter(one.bfloat16(), 0 * one.bfloat16()).item() == 1 - 2.0**-8
    mantissa, exponent = torch.frexp(torch.tensor([0.0, -12.0, 0.1875]))
    assert mantissa.tolist() == [0.0, -0.75, 0.75] and exponent.tolist() == [0, 4, -2]
    assert torch.signbit(torch.tensor([0.0, -0.0, -math.inf])).tolist() == [False, True, True]
    x = torch.tensor([3.0, -0.2], requires_grad=True)
    torch.frexp(x)[0].sum().backward()
    assert x.grad.tolist() == [0.25, 4.0]


def test_divisors():
    a, b = torch.tensor([12, -18, 0, 7540113804746346429]), torch.tensor([18, 12, 5, 4660046610375530309])
    assert torch.gcd(a, b).tolist() == [6, 6, 5, 1]
    assert torch.lcm(a, b)[:3].tolist() == [36, 36, 0]


def test_nan_counts_as_missing():
    a, b = torch.tensor([math.nan, 1.0, 2.0], requires_grad=True), torch.tensor([3.0, math.nan, 2.0])
    assert torch.fmax(a, b).tolist() == [3, 1, 2] and torch.fmin(a, b).tolist() == [3, 1, 2]
    torch.fmax(a, b).sum().backward()
    assert a.grad.tolist() == [0, 1, 1]


@pytest.mark.parametrize("name", ["lgamma", "digamma", "erfc", "erfinv", "i0", "special.i1e", "special.ndtri",
                                  "special.erfcx"])
def test_special_functions_are_mapped_with_their_gradients(name):
    function = torch
    for part in name.split("."):
        function = getattr(function, part)
    x = torch.linspace(0.1, 0.9, 6, dtype=torch.float64).reshape(2, 3)
    slope = grad(lambda t: function(t).sum())
    for f in (function, slope, grad(lambda t: slope(t).sum())):
        assert torch.allclose(vmap(f)(x), torch.stack([f(x[0]), f(x[1])]), rtol=1e-12)


def test_a_refused_dtype_leaves_the_tensor_as_it_was():
    x = torch.tensor([1.5, 2.0])
    for call in (lambda: x.gcd_(x), lambda: x.float_power_(2), lambda: x.heaviside_(torch.ones(2, dtype=torch.float64))):
        with pytest.raises((NotImplementedError, RuntimeError)):
            call()
    assert x.tolist() == [1.5, 2.0]
