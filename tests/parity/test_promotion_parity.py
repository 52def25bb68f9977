"""dtype promotion: every pair of dtypes as tensors, 0-d tensors and numbers, in and out of place."""

from __future__ import annotations

import pytest
from compare import agree, disagreements

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64",
          "complex64", "complex128")
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "==", "<", "&", "|", "<<")
FUNCTIONS = ("torch.maximum(a, b)", "torch.where(torch.tensor([True, False]), a, b)", "torch.result_type(a, b)",
             "torch.logical_and(a, b)", "torch.cat([a.reshape(-1), b.reshape(-1)])")
NUMBERS = {"True": "bool", "2": "int64", "1.5": "float64", "1 + 2j": "complex128"}


def tensor(name, values="[1, 3]"):
    return f"torch.tensor({values}).to(torch.{name})"


def covered(left, right, form):
    """There is no complex32, and shifts and powers of two bools are computed where PyTorch refuses them."""
    pair = {left, right}
    if pair & {"float16", "bfloat16"} and pair & {"complex64", "complex128"}:
        return False
    return pair != {"bool"} or not ("<<" in form or "**" in form)


@pytest.mark.parametrize("left", DTYPES)
@pytest.mark.parametrize("ranks", ["1-d 1-d", "1-d 0-d", "0-d 1-d"])
def test_pairs_of_dtypes(left, ranks):
    a, b = ("2" if r == "0-d" else v for r, v in zip(ranks.split(), ("[1, 3]", "[2, 1]")))
    forms = [*(f"a {o} b" for o in OPERATORS), *FUNCTIONS]
    assert not disagreements(f"a = {tensor(left, a)}; b = {tensor(right, b)}; {form}"
                             for right in DTYPES for form in forms if covered(left, right, form))


@pytest.mark.parametrize("name", DTYPES)
def test_numbers(name):
    assert not disagreements(
        f"a = {tensor(name, values)}; {form}"
        for values in ("[1, 3]", "3") for number in NUMBERS for o in OPERATORS
        for form in (f"a {o} {number}", f"({number}) {o} a") if covered(name, NUMBERS[number], form))


@pytest.mark.parametrize("name", DTYPES)
def test_in_place(name):
    pairs = [f"a = {tensor(name)}; b = {tensor(right, '[2, 1]')}; a.{f}_(b)"
             for right in DTYPES for f in ("add", "mul", "div", "copy", "pow", "eq")
             if f != "pow" or covered(name, right, "**")]
    numbers = [f"a = {tensor(name)}; a.{f}_({n})" for n in NUMBERS for f in ("add", "mul", "div", "sub", "fill")]
    assert not disagreements(pairs + numbers)


@pytest.mark.parametrize("name", DTYPES)
def test_conversions_and_reductions(name):
    forms = ("a.sum()", "a.prod()", "a.mean()", "a.sqrt()", "a.exp()", "a.abs()", "-a", "~a", "a.floor()",
             "a.cumsum(0)", "a.max()", "a.var()", "a.sum(dtype=torch.float64)", "a.to(torch.int32)", "a.float()",
             "a.bool()", "a.item() if a.numel() == 1 else a.tolist()", "a.dtype.is_floating_point", "a.dtype.itemsize",
             "torch.zeros_like(a)", "torch.full_like(a, 1)", "a.any()", "a.argmax()")
    assert not disagreements(f"a = {tensor(name)}; {form}" for form in forms)


CASES = (
    "torch.tensor([250], dtype=torch.uint8) + 10",
    "torch.tensor([100], dtype=torch.int8) * 2",
    "torch.tensor([2 ** 31 - 1], dtype=torch.int32) + 1",
    "torch.tensor([True]) + torch.tensor([True])",
    "torch.tensor([True]) * 3",
    "torch.tensor([True, False]) ^ torch.tensor([True, True])",
    "torch.tensor([7, -7]) // 2",
    "torch.tensor([7, -7]) % 3",
    "torch.tensor([7, -7]) % -3",
    "torch.fmod(torch.tensor([7, -7]), 3)",
    "torch.div(torch.tensor([7, -7]), 2, rounding_mode='trunc')",
    "torch.div(torch.tensor([7., -7.]), 2, rounding_mode='floor')",
    "torch.tensor([1., -1., 0.]) // 0",
    "torch.tensor([1., -1., 0.]) % 0",
    "torch.tensor([5.5, -5.5]) % 2",
    "2 ** torch.tensor([1, 2, 3])",
    "2.0 ** torch.tensor([1, 2, 3])",
    "torch.tensor([2, 3]) ** 0",
    "1 - torch.tensor([1, 2])",
    "torch.set_default_dtype(torch.float64); torch.tensor([1.0]) + torch.tensor(1)",
    "torch.set_default_dtype(torch.float64); torch.tensor([1]) / 2",
    "torch.set_default_dtype(torch.float64); torch.tensor([1]) * 1.5",
    "torch.set_default_dtype(torch.float64); torch.tensor([1j])",
    "torch.set_default_dtype(torch.float64); torch.ones(2, dtype=torch.float32) * 1.5",
    "torch.promote_types(torch.int32, torch.float16)",
    "torch.can_cast(torch.float32, torch.int32)",
    "torch.can_cast(torch.int64, torch.float16)",
    "torch.result_type(torch.tensor([1, 2], dtype=torch.int32), 1.0)",
    "torch.result_type(torch.tensor(1.0, dtype=torch.float64), torch.tensor([1.0]))",
    "torch.tensor([1, 2]).add(torch.tensor([1, 2]), alpha=2)",
    "torch.tensor([1.0]).add(1, alpha=0.5)",
    "torch.tensor([1, 2]).pow(0.5)",
    "torch.tensor([1, 2], dtype=torch.int8).pow(torch.tensor([3, 7], dtype=torch.int8))",
)
MESSAGES = (
    ("torch.ones(2).long().add_(1.5)", "result type Float can't be cast to the desired output type Long"),
    ("torch.ones(2).long().div_(2)", "result type Float can't be cast to the desired output type Long"),
    ("torch.ones(2).bool().add_(1)", "result type Long can't be cast to the desired output type Bool"),
    ("torch.ones(2).bool() - torch.ones(2).bool()", "Subtraction, the `-` operator, with two bool tensors"),
    ("-torch.ones(2).bool()", "Negation, the `-` operator, on a bool tensor is not supported"),
    ("torch.tensor([2]) ** -1", "Integers to negative integer powers are not allowed."),
    ("torch.tensor([1]) // 0", "ZeroDivisionError"),
    ("torch.tensor([1]) % 0", "ZeroDivisionError"),
    ("torch.tensor([1]).mean()", "mean(): could not infer output dtype. Input dtype must be either"),
    ("torch.ones(2) + torch.ones(3)", "The size of tensor a (2) must match the size of tensor b (3) at non-singleton "
                                      "dimension 0"),
    ("torch.ones(2, 3).add_(torch.ones(2, 2, 3))", "doesn't match the broadcast shape"),
)


@pytest.mark.parametrize("source", CASES)
def test_case(source):
    agree(source)


@pytest.mark.parametrize(("source", "message"), MESSAGES)
def test_message(source, message):
    agree(source, message)
