"""Extrema beside nan, steps, parts of numbers, divisors, degrees, powers: values, dtypes, errors."""

from __future__ import annotations

import pytest
from compare import agree, disagreements

BINARY = [
    "fmax", "fmin", "nextafter", "gcd", "lcm", "heaviside", "ldexp", "logaddexp", "logaddexp2", "float_power", "igamma",
    "igammac", "polar", "hypot", "xlogy",
]
UNARY = ["isposinf", "isneginf", "isreal", "signbit", "deg2rad", "rad2deg", "frexp", "conj_physical", "nan_to_num", "sgn",
         "angle"]
DTYPES = ["bool", "uint8", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64"]
SPECIAL = "s = torch.tensor([0., -0., 1, -1, 0.5, -2.5, math.inf, -math.inf, math.nan], dtype=torch.float64); "


@pytest.mark.parametrize("name", BINARY)
def test_binary_in_every_dtype(name):
    make = "x = torch.tensor([1, 2, 3]).to(torch.{}); y = torch.tensor([2, 1, 3]).to(torch.{}); torch.{}(x, y)"
    cases = [make.format(d, d, name) for d in DTYPES]
    cases += [make.format(a, b, name) for a, b in (("int64", "float32"), ("float16", "float32"), ("complex64", "float32"))]
    cases += [f"x = torch.ones(3); torch.{name}(x, 2)", f"x = torch.ones(3); torch.{name}(2, x)", f"torch.{name}(2, 3)"]
    cases += [f"torch.{name}(torch.ones(2, dtype=torch.float64), torch.tensor(2.))"]
    assert not disagreements(cases)


@pytest.mark.parametrize("name", UNARY)
def test_unary_in_every_dtype(name):
    assert not disagreements([f"torch.{name}(torch.tensor([1, 2, 3]).to(torch.{d}))" for d in DTYPES] + [
        f"torch.{name}(1.0)", f"torch.tensor([[1.5, -2.]]).{name}()"])


@pytest.mark.parametrize("name", ["isposinf", "isneginf", "isreal", "signbit", "frexp", "nan_to_num"])
def test_special_values_of_one(name):
    agree(SPECIAL + f"torch.{name}(s)")


@pytest.mark.parametrize("name", ["fmax", "fmin", "nextafter", "heaviside", "logaddexp", "logaddexp2", "hypot"])
def test_special_values_of_two(name):
    agree(SPECIAL + f"torch.{name}(s[:, None], s)")


def test_logaddexp_of_infinite_complex_numbers():
    agree("i = math.inf; a = torch.tensor([1+2j, complex(-i, 0), complex(-i, 0), complex(i, 1), 3j]); "
          "b = torch.tensor([3-1j, complex(-i, 0), 1+1j, 1+2j, 0.1j]); torch.logaddexp(a, b)")


def test_smallest_integers_and_wrapping_multiples():
    agree("a = torch.tensor([-128, 0, -12, 7, -128], dtype=torch.int8); b = torch.tensor([0, 0, 18, -128, -128], "
          "dtype=torch.int8); (torch.gcd(a, b), torch.lcm(a, b))")
    agree("torch.lcm(torch.tensor([200], dtype=torch.uint8), torch.tensor([150], dtype=torch.uint8))")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_neighbours_and_parts_of_narrow_types(dtype):
    agree(f"x = torch.tensor([1., -1., 0., 6e-8, 300.], dtype=torch.{dtype}); g = torch.tensor([2., 0., -1., 1., -1.], "
          f"dtype=torch.{dtype}); (torch.nextafter(x, g), torch.frexp(x))")


@pytest.mark.parametrize("name", ["fmax", "fmin", "nextafter", "ldexp", "logaddexp", "logaddexp2", "float_power", "hypot",
                                  "lerp"])
def test_gradients_of_two(name):
    weight = ", 0.3" if name == "lerp" else ""
    agree("x = torch.tensor([[1., 2., -3.]], dtype=torch.float64, requires_grad=True); y = torch.tensor([[0.5], [2.]], "
          f"dtype=torch.float64, requires_grad=True); z = torch.{name}(x.abs(), y{weight}); "
          "torch.autograd.grad(z.sin().sum(), (x, y), allow_unused=True)")


def test_gradients_of_polar_frexp_fill_and_degrees():
    start = "x = torch.tensor([1., 2.5], requires_grad=True); y = torch.tensor([0.5, 2.], requires_grad=True); "
    agree(start + "torch.autograd.grad(torch.view_as_real(torch.polar(x, y)).sin().sum(), (x, y))")
    agree(start + "torch.autograd.grad(torch.frexp(x)[0].sin().sum(), x)")
    agree(start + "torch.autograd.grad(torch.fill(x, y[0]).sin().sum(), (x, y), allow_unused=True, materialize_grads=True)")
    agree(start + "torch.autograd.grad((torch.deg2rad(x) + torch.rad2deg(y)).sum(), (x, y))")
    agree(start + "torch.autograd.grad(torch.igamma(x.detach(), y).sum(), y)")
    agree(start + "torch.autograd.grad(torch.igammac(x.detach(), y).sum(), y)")


@pytest.mark.parametrize(("source", "message"), [
    ("torch.autograd.grad(torch.igamma(torch.ones(1, requires_grad=True), torch.ones(1)), [torch.ones(1)])", None),
    ("x = torch.ones(2, requires_grad=True); torch.igamma(x, torch.ones(2)).sum().backward()",
     "the derivative for 'igamma: input' is not implemented."),
    ("x = torch.ones(2, requires_grad=True); torch.heaviside(x, torch.ones(2)).sum().backward()",
     "derivative for aten::heaviside is not implemented"),
    ("torch.heaviside(torch.ones(2), torch.ones(2, dtype=torch.float64))",
     "heaviside is not yet implemented for tensors with different dtypes."),
    ("torch.ones(2).float_power_(2)",
     "the base given to float_power_ has dtype Float but the operation's result requires dtype"),
    ("torch.fill(torch.ones(2), torch.ones(2))",
     "fill_ only supports 0-dimension value tensor but got tensor with 1 dimensions."),
    ("torch.fill(torch.ones(2), 1j)", "value cannot be converted to type float without overflow"),
    ("torch.polar(torch.ones(2), torch.ones(2, dtype=torch.float64))",
     "Expected object of scalar type Float but got scalar type Double for second argument"),
    ("torch.isposinf(torch.ones(1, dtype=torch.complex64))", "isposinf does not support complex inputs."),
    ("torch.frexp(torch.ones(1, dtype=torch.int64))", "torch.frexp() only supports floating-point dtypes"),
    ("torch.gcd(torch.ones(1), torch.ones(1))", "\"gcd_cpu\" not implemented for 'Float'"),
])
def test_what_is_refused(source, message):
    agree(source, message)


@pytest.mark.parametrize("source", [
    "x = torch.tensor([12, 18]); x.gcd_(torch.tensor([8, 27])); x",
    "x = torch.tensor([4, 6]); x.lcm_(torch.tensor([6, 4])); x",
    "x = torch.tensor([1., 180.]); x.deg2rad_(); x",
    "x = torch.tensor([1., 2.]); x.ldexp_(torch.tensor([3, -1])); x",
    "x = torch.tensor([0., 2.]); x.heaviside_(torch.tensor([0.5])); x",
    "x = torch.tensor([1., 2.]); x.nextafter_(torch.tensor([5.])); x",
    "x = torch.tensor([1., 2.], dtype=torch.float64); x.float_power_(3); x",
    "x = torch.tensor([1., 2.]); x.igamma_(torch.tensor([0.5])); x",
    "x = torch.tensor([1+2j]); x.conj_physical_(); x",
    "x = torch.tensor([1., 2.]); x.__rdiv__(3)",
    "x = torch.tensor([6, 4]); x <<= 1; x >>= 2; x",
    "torch.tensor([1., 2.]).__rmatmul__(torch.tensor([3., 4.]))",
    "out = torch.empty(2); torch.fmax(torch.tensor([1., math.nan]), torch.tensor([2., 3.]), out=out); out",
    "m, e = torch.empty(2), torch.empty(2, dtype=torch.int32); torch.frexp(torch.tensor([3., 0.1]), out=(m, e)); (m, e)",
])
def test_in_place_and_out_forms(source):
    agree(source)


def test_names_of_nodes():
    start = "x = torch.ones(2, requires_grad=True); y = torch.ones(2, requires_grad=True); "
    assert not disagreements(start + f"torch.{call}.grad_fn.name()" for call in (
        "fmax(x, y)", "fmin(x, y)", "nextafter(x, y)", "ldexp(x, y)", "logaddexp(x, y)", "logaddexp2(x, y)", "hypot(x, y)",
        "deg2rad(x)", "rad2deg(x)", "polar(x, y)", "fill(x, 1)", "fill(x, y[0])", "frexp(x)[0]",
        "conj_physical(x + 1j)"))
