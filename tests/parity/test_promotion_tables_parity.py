"""The dtype of every function for every pair of dtypes and kind of number, and what is refused."""

from __future__ import annotations

import pytest
from compare import agree

import plugtorch

DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
          "complex128")


def prelude(values="[1, 0, 2]", numbers="[True, 2, 2.5]", without=()):
    """Statements before a table: dtypes D, numbers, a tensor of each dtype, and the dtype or the exception of a call."""
    names = ", ".join(f"torch.{name}" for name in DTYPES if name not in without)
    return (
        f"D = [{names}]; nums = {numbers}; t = torch; mk = lambda d: torch.tensor({values}).to(d); "
        "exec(\"def E(f):\\n  try: r = f()\\n  except Exception as e: return type(e).__name__\\n"
        "  return str(r.dtype) if hasattr(r, 'dtype') else type(r).__name__\"); "
    )


PRE_PAIRS = prelude(without=("float16",))
PAIRS = (
    "[[E(lambda: mk(a) + mk(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) - mk(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) * mk(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) / mk(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) // mk(b).add(1).to(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) % mk(b).add(1).to(b)) for a in D] for b in D]",
    "[[E(lambda: torch.fmod(mk(a), mk(b).add(1).to(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a) ** mk(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) & mk(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) | mk(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) ^ mk(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) << mk(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) >> mk(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) < mk(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) == mk(b)) for a in D] for b in D]",
    "[[E(lambda: torch.atan2(mk(a), mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.hypot(mk(a), mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.maximum(mk(a), mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.logical_and(mk(a), mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.where(torch.tensor([True, False, True]), mk(a), mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.cat([mk(a), mk(b)])) for a in D] for b in D]",
    "[[E(lambda: torch.stack([mk(a), mk(b)])) for a in D] for b in D]",
    "[[E(lambda: torch.addcmul(mk(a), mk(b), mk(a))) for a in D] for b in D]",
    "[[E(lambda: torch.addcdiv(mk(a), mk(b), mk(a).add(1).to(a))) for a in D] for b in D]",
    "[[E(lambda: torch.outer(mk(a), mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.dot(mk(a), mk(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a)[None] @ mk(b)[:, None]) for a in D] for b in D]",
    "[[E(lambda: torch.addmm(mk(a)[:1, None], mk(b)[None], mk(b)[:, None])) for a in D] for b in D]",
    "[[E(lambda: torch.isclose(mk(a), mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.allclose(mk(a), mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.equal(mk(a), mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.clamp(mk(a), mk(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a) + torch.tensor(1).to(b)) for a in D] for b in D]",
    "[[E(lambda: torch.tensor(1).to(a) * torch.tensor(1).to(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) / torch.tensor(1).to(b)) for a in D] for b in D]",
    "[[E(lambda: mk(a) ** torch.tensor(1).to(b)) for a in D] for b in D]",
    "[[str(torch.result_type(mk(a), mk(b))) for a in D] for b in D]",
    "[[str(torch.result_type(mk(a), torch.tensor(1).to(b))) for a in D] for b in D]",
    "[[str(torch.promote_types(a, b)) for a in D] for b in D]",
    "[[torch.can_cast(a, b) for a in D] for b in D]",
    "[[E(lambda: mk(a).add_(mk(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a).sub_(mk(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a).mul_(mk(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a).div_(mk(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a).pow_(mk(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a).remainder_(mk(b).add(1).to(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a).floor_divide_(mk(b).add(1).to(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a).bitwise_and_(mk(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a).eq_(mk(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a).copy_(mk(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a).atan2_(mk(b))) for a in D] for b in D]",
    "[[E(lambda: mk(a).clamp_(mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.add(mk(a), mk(a), out=mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.div(mk(a), mk(a), out=mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.eq(mk(a), mk(a), out=mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.sum(mk(a), 0, out=mk(b)[0])) for a in D] for b in D]",
    "[[E(lambda: torch.sin(mk(a), out=mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.cat([mk(a)], out=mk(b))) for a in D] for b in D]",
    "[[E(lambda: torch.sum(mk(a), 0, dtype=b)) for a in D] for b in D]",
    "[[E(lambda: torch.mean(mk(a), 0, dtype=b)) for a in D] for b in D]",
    "[[E(lambda: torch.cumsum(mk(a), 0, dtype=b)) for a in D] for b in D]",
    "[[E(lambda: torch.prod(mk(a), 0, dtype=b)) for a in D] for b in D]",
)
PRE_NUMBERS = prelude()
NUMBERS = (
    "[[E(lambda: mk(a) + s) for a in D] for s in nums]",
    "[[E(lambda: s + mk(a)) for a in D] for s in nums]",
    "[[E(lambda: mk(a) - s) for a in D] for s in nums]",
    "[[E(lambda: s - mk(a)) for a in D] for s in nums]",
    "[[E(lambda: mk(a) * s) for a in D] for s in nums]",
    "[[E(lambda: mk(a) / s) for a in D] for s in nums]",
    "[[E(lambda: s / mk(a)) for a in D] for s in nums]",
    "[[E(lambda: mk(a) // s) for a in D] for s in nums]",
    "[[E(lambda: s // mk(a).add(1).to(a)) for a in D] for s in nums]",
    "[[E(lambda: mk(a) % s) for a in D] for s in nums]",
    "[[E(lambda: s % mk(a).add(1).to(a)) for a in D] for s in nums]",
    "[[E(lambda: mk(a) ** s) for a in D] for s in nums]",
    "[[E(lambda: mk(a) & s) for a in D] for s in nums]",
    "[[E(lambda: s & mk(a)) for a in D] for s in nums]",
    "[[E(lambda: mk(a) << s) for a in D] for s in nums]",
    "[[E(lambda: s << mk(a)) for a in D] for s in nums]",
    "[[E(lambda: mk(a) < s) for a in D] for s in nums]",
    "[[E(lambda: mk(a) == s) for a in D] for s in nums]",
    "[[E(lambda: torch.atan2(mk(a), s)) for a in D] for s in nums]",
    "[[E(lambda: torch.maximum(mk(a), s)) for a in D] for s in nums]",
    "[[E(lambda: torch.where(torch.tensor([True, False, True]), mk(a), s)) for a in D] for s in nums]",
    "[[E(lambda: torch.clamp(mk(a), s)) for a in D] for s in nums]",
    "[[E(lambda: torch.fmod(mk(a), s)) for a in D] for s in nums]",
    "[[E(lambda: torch.full((2,), s, dtype=a)) for a in D] for s in nums]",
    "[[E(lambda: torch.full_like(mk(a), s)) for a in D] for s in nums]",
    "[[E(lambda: mk(a).fill_(s)) for a in D] for s in nums]",
    "[[E(lambda: mk(a).add(mk(a), alpha=s)) for a in D] for s in nums]",
    "[[E(lambda: mk(a).masked_fill(torch.tensor([True, False, True]), s)) for a in D] for s in nums]",
    "[[E(lambda: mk(a).add_(s)) for a in D] for s in nums]",
    "[[E(lambda: mk(a).mul_(s)) for a in D] for s in nums]",
    "[[E(lambda: mk(a).div_(s)) for a in D] for s in nums]",
    "[[E(lambda: mk(a).pow_(s)) for a in D] for s in nums]",
    "[[E(lambda: mk(a).bitwise_or_(s)) for a in D] for s in nums]",
)
PRE_COMPLEX_NUMBERS = prelude(numbers="[2j]", without=("float16",))
COMPLEX_NUMBERS = tuple(call for call in NUMBERS if "clamp" not in call)  # complex numbers have no order
PRE_SINGLE = prelude("[[1, 0, 2], [3, 1, 1], [1, 2, 5]]")
SINGLE = (
    "[E(lambda: torch.abs(mk(a))) for a in D]",
    "[E(lambda: torch.sign(mk(a))) for a in D]",
    "[E(lambda: torch.sgn(mk(a))) for a in D]",
    "[E(lambda: torch.neg(mk(a))) for a in D]",
    "[E(lambda: torch.floor(mk(a))) for a in D]",
    "[E(lambda: torch.ceil(mk(a))) for a in D]",
    "[E(lambda: torch.trunc(mk(a))) for a in D]",
    "[E(lambda: torch.round(mk(a))) for a in D]",
    "[E(lambda: torch.frac(mk(a))) for a in D]",
    "[E(lambda: torch.sqrt(mk(a))) for a in D]",
    "[E(lambda: torch.rsqrt(mk(a))) for a in D]",
    "[E(lambda: torch.exp(mk(a))) for a in D]",
    "[E(lambda: torch.log(mk(a))) for a in D]",
    "[E(lambda: torch.sin(mk(a))) for a in D]",
    "[E(lambda: torch.tanh(mk(a))) for a in D]",
    "[E(lambda: torch.sigmoid(mk(a))) for a in D]",
    "[E(lambda: torch.erf(mk(a))) for a in D]",
    "[E(lambda: torch.reciprocal(mk(a))) for a in D]",
    "[E(lambda: torch.square(mk(a))) for a in D]",
    "[E(lambda: torch.isnan(mk(a))) for a in D]",
    "[E(lambda: torch.isinf(mk(a))) for a in D]",
    "[E(lambda: torch.isfinite(mk(a))) for a in D]",
    "[E(lambda: torch.bitwise_not(mk(a))) for a in D]",
    "[E(lambda: torch.logical_not(mk(a))) for a in D]",
    "[E(lambda: torch.positive(mk(a))) for a in D]",
    "[E(lambda: torch.angle(mk(a))) for a in D]",
    "[E(lambda: torch.conj(mk(a))) for a in D]",
    "[E(lambda: torch.nan_to_num(mk(a))) for a in D]",
    "[E(lambda: torch.relu(mk(a))) for a in D]",
    "[E(lambda: torch.exp2(mk(a))) for a in D]",
    "[E(lambda: torch.expm1(mk(a))) for a in D]",
    "[E(lambda: torch.log1p(mk(a))) for a in D]",
    "[E(lambda: mk(a).sign_()) for a in D]",
    "[E(lambda: mk(a).sgn_()) for a in D]",
    "[E(lambda: mk(a).neg_()) for a in D]",
    "[E(lambda: mk(a).floor_()) for a in D]",
    "[E(lambda: mk(a).ceil_()) for a in D]",
    "[E(lambda: mk(a).trunc_()) for a in D]",
    "[E(lambda: mk(a).round_()) for a in D]",
    "[E(lambda: mk(a).frac_()) for a in D]",
    "[E(lambda: mk(a).sqrt_()) for a in D]",
    "[E(lambda: mk(a).rsqrt_()) for a in D]",
    "[E(lambda: mk(a).exp_()) for a in D]",
    "[E(lambda: mk(a).log_()) for a in D]",
    "[E(lambda: mk(a).sin_()) for a in D]",
    "[E(lambda: mk(a).tanh_()) for a in D]",
    "[E(lambda: mk(a).sigmoid_()) for a in D]",
    "[E(lambda: mk(a).erf_()) for a in D]",
    "[E(lambda: mk(a).reciprocal_()) for a in D]",
    "[E(lambda: mk(a).square_()) for a in D]",
    "[E(lambda: mk(a).bitwise_not_()) for a in D]",
    "[E(lambda: mk(a).logical_not_()) for a in D]",
    "[E(lambda: mk(a).nan_to_num_()) for a in D]",
    "[E(lambda: mk(a).relu_()) for a in D]",
    "[E(lambda: mk(a).exp2_()) for a in D]",
    "[E(lambda: mk(a).expm1_()) for a in D]",
    "[E(lambda: mk(a).log1p_()) for a in D]",
    "[E(lambda: torch.sum(mk(a))) for a in D]",
    "[E(lambda: torch.prod(mk(a))) for a in D]",
    "[E(lambda: torch.mean(mk(a))) for a in D]",
    "[E(lambda: torch.std(mk(a))) for a in D]",
    "[E(lambda: torch.var(mk(a))) for a in D]",
    "[E(lambda: torch.max(mk(a))) for a in D]",
    "[E(lambda: torch.min(mk(a))) for a in D]",
    "[E(lambda: torch.amax(mk(a))) for a in D]",
    "[E(lambda: torch.amin(mk(a))) for a in D]",
    "[E(lambda: torch.argmax(mk(a))) for a in D]",
    "[E(lambda: torch.argmin(mk(a))) for a in D]",
    "[E(lambda: torch.all(mk(a))) for a in D]",
    "[E(lambda: torch.any(mk(a))) for a in D]",
    "[E(lambda: torch.norm(mk(a))) for a in D]",
    "[E(lambda: torch.count_nonzero(mk(a))) for a in D]",
    "[E(lambda: torch.nansum(mk(a))) for a in D]",
    "[E(lambda: torch.nonzero(mk(a))) for a in D]",
    "[E(lambda: torch.argsort(mk(a))) for a in D]",
    "[E(lambda: torch.trace(mk(a))) for a in D]",
    "[E(lambda: torch.tril(mk(a))) for a in D]",
    "[E(lambda: torch.diag(mk(a))) for a in D]",
    "[E(lambda: torch.sum(mk(a), 0)) for a in D]",
    "[E(lambda: torch.prod(mk(a), 0)) for a in D]",
    "[E(lambda: torch.mean(mk(a), 0)) for a in D]",
    "[E(lambda: torch.std(mk(a), 0)) for a in D]",
    "[E(lambda: torch.var(mk(a), 0)) for a in D]",
    "[E(lambda: torch.amax(mk(a), 0)) for a in D]",
    "[E(lambda: torch.amin(mk(a), 0)) for a in D]",
    "[E(lambda: torch.argmax(mk(a), 0)) for a in D]",
    "[E(lambda: torch.argmin(mk(a), 0)) for a in D]",
    "[E(lambda: torch.all(mk(a), 0)) for a in D]",
    "[E(lambda: torch.any(mk(a), 0)) for a in D]",
    "[E(lambda: torch.cumsum(mk(a), 0)) for a in D]",
    "[E(lambda: torch.cumprod(mk(a), 0)) for a in D]",
    "[E(lambda: torch.logsumexp(mk(a), 0)) for a in D]",
    "[E(lambda: torch.softmax(mk(a), 0)) for a in D]",
    "[E(lambda: torch.log_softmax(mk(a), 0)) for a in D]",
    "[E(lambda: torch.argsort(mk(a), 0)) for a in D]",
    "[E(lambda: torch.nansum(mk(a), 0)) for a in D]",
    "[E(lambda: torch.count_nonzero(mk(a), 0)) for a in D]",
    "[E(lambda: torch.max(mk(a), 0)[0]) for a in D]",
    "[E(lambda: torch.min(mk(a), 0)[0]) for a in D]",
    "[E(lambda: torch.median(mk(a), 0)[0]) for a in D]",
    "[E(lambda: torch.sort(mk(a), 0)[0]) for a in D]",
    "[E(lambda: torch.cummax(mk(a), 0)[0]) for a in D]",
    "[E(lambda: torch.cummin(mk(a), 0)[0]) for a in D]",
    "[E(lambda: torch.unbind(mk(a), 0)[0]) for a in D]",
    "torch.tensor([2]).prod((0,))",
    "torch.tensor([[2]]).prod((0, 1))",
    "torch.tensor([2.]).round(decimals=1), torch.tensor([2.25, -2.35]).round(decimals=1), "
    "torch.tensor([1234]).round(decimals=-2)",
    "-torch.tensor([True])",
    "torch.tensor([True]) - torch.tensor([True])",
    "torch.tensor([True]) - True",
    "torch.tensor([True]) - 1",
    "1 - torch.tensor([True])",
    "True - torch.tensor([1])",
    "torch.tensor([1]) - True",
    "torch.tensor([1, 2]).add_(1.5)",
    "torch.tensor([1, 2]).div_(2)",
    "torch.tensor([True]).add_(1)",
    "torch.tensor([1.]).add_(1j)",
    "torch.tensor([1, 2]) << torch.tensor([True])",
    "torch.tensor([True]) << torch.tensor([True])",
    "torch.tensor([True]) ** torch.tensor([True])",
    "torch.tensor([True]).round()",
    "torch.tensor([1j]).round()",
    "torch.tensor([1j]).sign()",
    "torch.tensor([1]).frac()",
    "torch.tensor([1.]) & torch.tensor([1.])",
    "torch.tensor([1.]).bitwise_and_(1)",
    "~torch.tensor([1.])",
    "torch.atan2(torch.tensor([1.]), 2)",
    "torch.atan2(torch.tensor([1j]), torch.tensor([1j]))",
    "torch.tensor([1, 2]) // 0",
    "torch.tensor([1, 2]) % 0",
    "torch.tensor([1, 2]) ** -1",
    "torch.tensor([1, 2]).pow(torch.tensor(-1))",
    "torch.tensor([0, 2]).reciprocal()",
    "torch.tensor([200], dtype=torch.uint8) + 100",
    "torch.tensor([200], dtype=torch.uint8) + 300",
    "torch.tensor([100], dtype=torch.int8) * 2",
    "torch.tensor([1], dtype=torch.int8) + 1000",
    "torch.tensor([1], dtype=torch.uint8) - 2",
    "torch.tensor([1], dtype=torch.uint8).add_(-3)",
    "torch.tensor([1], dtype=torch.uint8) == -255",
    "torch.tensor([1], dtype=torch.uint8) < 1000",
    "torch.tensor([1], dtype=torch.uint8) > -1",
    "torch.full((2,), 300, dtype=torch.uint8)",
    "torch.tensor([float('nan'), float('inf')]).to(torch.bool), torch.tensor([float('nan')]).long().shape",
    "torch.tensor([1+2j]).to(torch.float32)",
    "torch.tensor([1, 2], dtype=torch.uint16) + torch.tensor([1], dtype=torch.int32)",
    "torch.tensor([1, 2], dtype=torch.uint32) * torch.tensor([1.])",
    "torch.promote_types(torch.uint16, torch.int32)",
    "torch.tensor([0.1], dtype=torch.float16) + 1, torch.tensor([0.1], dtype=torch.float16) + 1.0001, "
    "torch.tensor([3], dtype=torch.float16) / 7",
    "torch.tensor([1e30]).half(), torch.tensor([3.14159]).bfloat16()",
    "torch.ones(2, dtype=torch.int32).mean()",
    "torch.ones(2, dtype=torch.int32).mean(dtype=torch.float32)",
    "torch.tensor([[1, 2], [3, 4]]) @ torch.tensor([[1., 2.], [3., 4.]])",
    "torch.mm(torch.ones(2, 2), torch.ones(2, 2).double())",
    "torch.bmm(torch.ones(1, 2, 2), torch.ones(1, 2, 2).double())",
    "torch.addmm(torch.ones(2, 2).double(), torch.ones(2, 2), torch.ones(2, 2))",
    "torch.nn.functional.linear(torch.ones(2, 2), torch.ones(2, 2).double())",
    "torch.dot(torch.ones(2), torch.ones(2).double())",
    "torch.mv(torch.ones(2, 2), torch.ones(2).double())",
    "torch.outer(torch.ones(2), torch.ones(2).double())",
    "torch.einsum('i,i', torch.ones(2), torch.ones(2).double())",
    "torch.where(torch.tensor([1, 0]), 1, 2)",
    "torch.where(torch.tensor([True, False]), 1, 2.), torch.where(torch.tensor([True]), 1, torch.tensor([2], "
    "dtype=torch.int8)), torch.where(torch.tensor(True), 1, 0)",
    "torch.bool.is_floating_point, torch.float16.is_floating_point, torch.complex64.is_complex, "
    "torch.uint8.is_signed, torch.float32.itemsize",
    "torch.int32.to_real()",
)
# Memory that is shared with another library, or laid out by it, where arrays can be written.
MUTABLE_ARRAYS = (
    (PRE_COMPLEX_NUMBERS, "[[E(lambda: s ** mk(a)) for a in D] for s in nums]"),
)


@pytest.mark.parametrize("case", PAIRS)
def test_pairs(case, backend):
    agree(PRE_PAIRS + case)


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers(case, backend):
    agree(PRE_NUMBERS + case)


@pytest.mark.parametrize("case", COMPLEX_NUMBERS)
def test_complex_numbers(case, backend):
    agree(PRE_COMPLEX_NUMBERS + case)


@pytest.mark.parametrize("case", SINGLE)
def test_single(case, backend):
    agree(PRE_SINGLE + case)


@pytest.mark.one_backend
@pytest.mark.parametrize("before, case", MUTABLE_ARRAYS)
def test_shared_memory(before, case, backend):
    plugtorch.set_backend("numpy")
    agree(before + case)
