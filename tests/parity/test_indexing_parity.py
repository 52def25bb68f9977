"""Indexing, gather and scatter, masks, sorting and searching."""

from __future__ import annotations

import pytest
from compare import agree, disagreements

INDICES = (
    "slice(None)", "...", "()", "0", "-1", "1, 2", "1, -1, 0", "slice(1, None)", "slice(None, None, 2)", "slice(5, 9)",
    "slice(-2, None)", "slice(None, -1)", "..., 0", "0, ...", "..., slice(1, 3)", "None", "None, 0", "0, None",
    "..., None", "slice(None), None, 1", "[0, 2]", "[0, 2], [1, 1]", "slice(None), [0, 2]",
    "[0, 1], slice(None), [0, 3]", "slice(None), [0, 1], [0, 3]", "0, [0, 2]", "0, slice(None), [0, 2]", "..., [0, 2]",
    "[[0, 1], [2, 0]]", "torch.tensor([0, 2])", "torch.tensor(1)", "torch.tensor([[0, 1], [2, 2]])",
    "torch.tensor([0, -1]), torch.tensor([-1, 0])", "torch.tensor([0, 1])[:, None], torch.tensor([0, 2])",
    "None, torch.tensor([0, 2])", "torch.tensor([0, 2]), None, torch.tensor([0, 2])",
    "torch.tensor([True, False, True])", "torch.tensor([True, False, True]), 0",
    "x > 5", "(x > 5)[:, :, 0]", "slice(None), torch.tensor([True, False, True, False])",
    "torch.tensor([True, False, True]), torch.tensor([0, 3])", "torch.tensor(True)", "torch.tensor(False)", "True",
    "x > 99", "[]", "torch.zeros(0, dtype=torch.long)", "np.array([0, 2])", "np.array([True, False, True])",
    "np.int64(1)", "[True, False, True]", "torch.tensor([0, 2], dtype=torch.int32)",
    "slice(0, 0)", "..., slice(None, None, 3)",
    "slice(torch.tensor(0), torch.tensor(2))", "range(2)", "(0, 1), (1, 2)",
    # errors
    "3", "-4", "0, 0, 0, 0", "[5]", "torch.tensor([-9])", "slice(None, None, -1)", "1.5",
    "torch.tensor([1.5])", "torch.tensor([True, False])", "[0, 1], [0, 1, 2]", "slice(None, None, 0)",
)
GRID = "x = torch.arange(24.).reshape(3, 4, 2)[:, :, [0, 1, 1, 0]].contiguous()"
SET_VALUES = ("7.", "torch.tensor(7.)", "torch.arange(4.)", "torch.ones(1, 1, 4)")


@pytest.mark.parametrize("index", INDICES)
def test_getitem(index, backend):
    agree(f"{GRID}; x[{index}]")


@pytest.mark.parametrize("index", INDICES)
def test_setitem(index):
    assert not disagreements(f"{GRID}; x.__setitem__(({index}), {value}); x" for value in SET_VALUES)


@pytest.mark.parametrize("index", INDICES)
def test_gradients(index):
    agree(f"{GRID}.requires_grad_(); (x[{index}] ** 2).sum().backward(); x.grad")
    agree(f"{GRID}.requires_grad_(); v = torch.ones((), requires_grad=True); y = x * 2; y.__setitem__(({index}), v); "
          "(y ** 2).sum().backward(); (x.grad, v.grad)")


X = "x = torch.tensor([[3., 1., 2.], [0., 5., 4.]]); i = torch.tensor([[0, 2, 1], [1, 1, 0]]); r = torch.tensor([1, 0, 1])"
FUNCTIONS = (
    "x.gather(1, i)", "x.gather(0, torch.zeros_like(i))", "torch.gather(x, -1, i[:, :2])", "x.gather(1, i[0])",
    "x.gather(0, i)", "x.gather(2, i)", "x.gather(1, i.float())",
    "torch.zeros(2, 3).scatter_(1, i, x)", "torch.zeros(2, 3).scatter(1, i, 1.5)", "x.scatter_add(1, i, x)",
    "x.scatter_reduce(1, i, x, 'amax')", "x.scatter_reduce(1, i, x, 'mean', include_self=False)",
    "x.scatter_reduce(1, i, x, 'prod')", "x.scatter(1, i, x, reduce='multiply')", "x.scatter(1, i + 5, x)",
    "x.scatter(1, i, x.double())", "x.index_select(1, r)", "x.index_select(0, torch.tensor(1))",
    "x.index_add(0, r, torch.ones(3, 3))",
    "x.index_add_(0, r, torch.ones(3, 3), alpha=2)", "x.index_copy(0, torch.tensor([1]), torch.ones(1, 3))",
    "x.index_fill(1, r, -1)", "x.index_fill_(0, torch.tensor([0]), 9)", "x.index_put((r, r), torch.ones(3))",
    "x.index_put_((r, r), torch.ones(3), accumulate=True)", "x.masked_select(x > 2)", "x.masked_fill(x > 2, -1)",
    "x.masked_fill_(x > 2, torch.tensor(9.))", "x.masked_fill(x, 1)", "x.masked_scatter(x > 2, torch.arange(9.))",
    "x.take(torch.tensor([0, 5, -1]))", "x.take(torch.tensor([9]))", "torch.take_along_dim(x, i, 1)",
    "x.nonzero()", "x.nonzero(as_tuple=True)", "torch.tensor(5).nonzero()", "torch.argwhere(x > 2)",
    "torch.where(x > 2)", "torch.where(x > 2, x, 0.)", "torch.where(x > 2, 1, 0)", "x.where(x > 2, torch.tensor(-1.))",
    "x.topk(2)", "x.topk(1, 0, largest=False)", "x.topk(4)", "x.sort()", "x.sort(0, descending=True)", "x.argsort()",
    "torch.sort(torch.tensor([1, 0, 1, 0]), stable=True)", "x.kthvalue(2)", "x.kthvalue(9)", "x.median()",
    "x.median(1)",
    "x.median(0, keepdim=True)", "torch.tensor([1., math.nan]).median()",
    "torch.tensor([3, 1, 3, 2]).unique()", "torch.tensor([3, 1, 3]).unique(return_inverse=True, return_counts=True)",
    "torch.unique(i, dim=0)",
    "torch.tensor([0, 1, 1, 3]).bincount()", "torch.bincount(torch.tensor([0, 1]), minlength=4)",
    "torch.searchsorted(torch.tensor([1., 3., 5.]), torch.tensor([0., 3., 9.]))",
    "torch.searchsorted(torch.tensor([1., 3., 5.]), torch.tensor([3.]), right=True)",
    "torch.bucketize(torch.tensor([1, 4]), torch.tensor([1, 3, 5]))", "x.max(1)", "x.min(0, keepdim=True)",
    "x.argmax()",
    "x.argmin(1, keepdim=True)", "x.flip(0)", "x.flip((0, 1))", "x.roll(1, 1)",
    "x.roll((1, 2), (0, 1))", "torch.tril(x)", "torch.triu(x, 1)", "x.diagonal()", "x.diag()", "torch.diag(x[0], 1)",
    "torch.repeat_interleave(x, 2)", "x.repeat_interleave(torch.tensor([1, 2]), 0)",
    "x.isin(torch.tensor([1., 5.]))",
    "x.select(1, 5)", "x.narrow(1, 1, 5)", "x.select_scatter(torch.ones(3), 0, 1)",
    "x.slice_scatter(torch.ones(1, 3), 0, 1, 2)", "x.unfold(1, 2, 1)", "torch.meshgrid(r, r, indexing='ij')",
    "torch.cartesian_prod(r, r)", "torch.rot90(x)",
)
DIFFERENTIABLE = (
    "x.gather(1, i)", "x.scatter(1, i, x * 2)", "x.scatter_add(1, i, x * 3)", "x.index_select(1, r)",
    "x.index_add(0, r, x[[0, 0, 1]])", "x.index_copy(0, torch.tensor([1]), x[:1] * 2)", "x.index_fill(1, r, 0)",
    "x.masked_select(x > 2)", "x.masked_fill(x > 2, 0)", "x.take(torch.tensor([0, 0, 5]))",
    "torch.where(x > 2, x, x ** 2)",
    "x.topk(2)[0]", "x.sort(0)[0]", "x.kthvalue(2)[0]", "x.median()", "x.max(1)[0]", "x.amax(1)", "x.max()",
    "x.flip(0)", "x.roll(1, 1)", "torch.tril(x)", "x.diagonal()", "x.repeat_interleave(2, 1)", "x.unfold(1, 2, 1)",
    "x.masked_scatter(x > 2, x * 2)", "x.index_put((r, r), x[0])", "x.prod(1)", "x.cumprod(1)",
)


@pytest.mark.parametrize("form", FUNCTIONS)
def test_function(form, backend):
    agree(f"{X}; {form}")


@pytest.mark.parametrize("form", DIFFERENTIABLE)
def test_function_gradient(form):
    agree(f"{X}; x.requires_grad_(); y = {form}; (y * torch.arange(1., y.numel() + 1).reshape(y.shape)).sum().backward(); "
          "x.grad")


MESSAGES = (
    ("torch.ones(3)[3]", "index 3 is out of bounds for dimension 0 with size 3"),
    ("torch.ones(3)[torch.tensor([5])]", "index 5 is out of bounds for dimension 0 with size 3"),
    ("torch.ones(3)[0, 0]", "too many indices for tensor of dimension 1"),
    ("torch.ones(())[0]", "invalid index of a 0-dim tensor. Use `tensor.item()`"),
    ("torch.ones(3)[::-1]", "step must be greater than zero"),
    ("torch.ones(3)[torch.tensor([True, False])]", "The shape of the mask [2] at index 0 does not match the shape of the "
                                                   "indexed tensor [3] at index 0"),
    ("torch.ones(3)[torch.tensor([1.])]", "tensors used as indices must be long, int, byte or bool tensors"),
    ("torch.ones(4, 4)[[0, 1], [0, 1, 2]]", "shape mismatch: indexing tensors could not be broadcast together with shapes "
                                            "[2], [3]"),
    ("torch.ones(3).topk(5)", "selected index k out of range"),
)


@pytest.mark.parametrize(("source", "message"), MESSAGES)
def test_message(source, message):
    agree(source, message)
