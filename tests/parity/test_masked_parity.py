"""Reductions with a mask and masked tensors against PyTorch."""

from __future__ import annotations

import pytest
from compare import agree

pytestmark = pytest.mark.filterwarnings("ignore")

GIVEN = (
    "x = torch.tensor([[1., -2., 3.], [4., 0., 6.]], dtype={dtype}); n = torch.tensor([[1, -2, 3], [4, 0, 6]]); "
    "m = torch.tensor([[True, False, True], [True, True, False]]); o = torch.tensor([[False] * 3, [True] * 3]); "
    "M = torch.masked; "
)
WITH_TENSOR = GIVEN.format(dtype="torch.float32") + "t = M.masked_tensor(x.clone(), m); "
FUNCTIONS = """
M.sum(x, mask=m)
M.sum(x, 1, mask=m)
M.sum(n, 1, mask=m, dtype=torch.int32)
M.sum(x, (0, 1), keepdim=True, mask=m)
M.sum(x > 0, 1, mask=m)
M.sum(x, 1, mask=m[0])
M.sum(x, 1, mask=m[:, :1])
M.sum(x, 1, mask=o)
M.prod(x, mask=m)
M.prod(x, (0, 1), mask=m)
M.prod(n, 1, mask=o)
M.amax(x, 1, mask=o)
M.amin(n, mask=m)
M.argmax(x, 1, mask=m)
M.argmin(n, 0, mask=m, keepdim=True)
M.mean(x, 1, mask=o)
M.mean(n, 1, mask=m, dtype=torch.float64)
M.median(x, 1, mask=o)
M.median(n, 1, mask=m)
M.logsumexp(x, 1, mask=m)
M.logaddexp(x, x, input_mask=m, other_mask=o)
M.norm(x, 2, 1, mask=m)
M.norm(x, float("-inf"), 1, mask=m)
M.var(x, 1, False, mask=m)
M.var(x, 1, correction=1, mask=m)
M.var(n, 1, unbiased=True, mask=m)
M.std(x, None, False, mask=m)
M.softmax(x, 1, mask=m)
M.log_softmax(x, 0, mask=m)
M.softmin(x, 0, mask=m)
M.normalize(x, 2., 1, mask=m)
M.normalize(x, 2., 0)
M.cumsum(x, 1, mask=m)
M.cumprod(n, 1, mask=m)
""".strip().split("\n")


@pytest.mark.parametrize("dtype", ["torch.float32", "torch.float64", "torch.bfloat16"])
@pytest.mark.parametrize("source", FUNCTIONS)
def test_functions(source, dtype):
    agree(GIVEN.format(dtype=dtype) + source)


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "prod", "std", "logsumexp", "norm"])
def test_gradients(name):
    call = "M.norm(w, 2., 1, mask=m)" if name == "norm" else f"M.{name}(w, 1, mask=m)"
    agree(GIVEN.format(dtype="torch.float64") + f"w = (x + 5).requires_grad_(); ({call} ** 2).sum().backward(); w.grad")


@pytest.mark.parametrize(("source", "message"), [
    ("M.mean(n, 1, mask=m)", "Could not infer output dtype"),
    ("M.var(x, 1, True, correction=1, mask=m)", "Only one of unbiased and correction may be given"),
    ("M.amax(x > 0, 1, mask=m)", "identity of amax on torch.bool input"),
    ("M.sum(x, 5, mask=m)", "Dimension out of range"),
    ("M.sum(x, (0, 0), mask=m)", "dim=0 appears multiple times in the list of dims"),
    ("M.sum(x, 1, mask=torch.ones(2, 2, 3) > 0)", "got mask dimensionality higher than of the input"),
    ("M.argmax(x, (0, 1), mask=m)", "argument 'dim' (position 2) must be int, not tuple"),
    ("M.masked_tensor(x.bfloat16(), m)", "torch.bfloat16 is not supported in MaskedTensor."),
    ("M.masked_tensor(x, n)", "mask must have dtype bool."),
    ("M.masked_tensor(x, m[0])", "data.dim() must equal mask.dim()"),
    ("t - M.masked_tensor(x, o)", "Input masks must match."),
    ("t.tolist()", ".tolist() is not supported for tensor subclasses, got MaskedTensor"),
])
def test_refused(source, message):
    agree(WITH_TENSOR + source, message)


@pytest.mark.parametrize("source", """
t
M.masked_tensor(n, m)
M.masked_tensor(n > 0, m)
M.masked_tensor(torch.tensor(1.), torch.tensor(False))
t + t
2 * t
t + x
t.sin()
torch.floor(t)
-t
t ** 2
t / t
t == t
t > 1
t.sum()
t.sum(1)
t.sum(0, keepdim=True)
t.mean(1)
t.amax(1)
t.prod()
t.argmax(1)
t.all(1)
t.std()
t[0]
t.t()
t.reshape(3, 2)
t.unsqueeze(0)
torch.cat([t, t])
torch.stack([t, t])
torch.where(m, t, t)
torch.softmax(t, 1)
torch.ones_like(t)
t.add_(1)
t.to(torch.float64)
(t.get_data(), t.get_mask(), t.to_tensor(9.))
(M.is_masked_tensor(t), M.is_masked_tensor(x), isinstance(t, torch.Tensor), t.shape)
""".strip().split("\n"))
def test_masked_tensors(source):
    agree(WITH_TENSOR + f"str({source})")


@pytest.mark.parametrize("source", ["y.sum()", "(y * y).sum(1).sum()", "y.mean()", "y.amax()"])
def test_gradients_of_masked_tensors(source):
    agree(GIVEN.format(dtype="torch.float32") + f"y = M.masked_tensor(x, m, requires_grad=True); {source}.backward(); "
          "str(y.grad)")
