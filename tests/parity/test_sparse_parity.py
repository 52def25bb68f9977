"""Sparse tensors: what they print, compute, refuse and save, against PyTorch."""

from __future__ import annotations

import io
import warnings

import pytest
import torch as reference
from compare import agree

import plugtorch

pytestmark = pytest.mark.filterwarnings("ignore")

GIVEN = (
    "i = torch.tensor([[0, 1, 1], [2, 0, 2]]); v = torch.tensor([3., 4., 5.]); "
    "s = torch.sparse_coo_tensor(i, v, (2, 3)); u = torch.sparse_coo_tensor([[1, 0, 1], [0, 0, 0]], [1., 2., 3.], (2, 3)); "
    "c = s.to_sparse_csr(); d = torch.arange(6.).reshape(2, 3); h = torch.ones(2, 2, 3).to_sparse(2); "
)
SHOWN = """
torch.sparse_coo_tensor(i, v)
s.coalesce()
u.coalesce()
u.to_dense()
torch.sparse_coo_tensor((2, 3))
torch.sparse_coo_tensor(i, v, (2, 3), dtype=torch.float64)
torch.sparse_coo_tensor(i, v, (2, 3), requires_grad=True)
torch.sparse_coo_tensor(i, torch.ones(3, 2), (2, 3, 2))
torch.sparse_coo_tensor([[1, 0, 1], [0, 0, 0]], [True, False, True], (2, 3)).coalesce()
torch.sparse_csr_tensor([0, 2, 4], [0, 1, 0, 1], [1, 2, 3, 4])
torch.sparse_csc_tensor([0, 2, 4], [0, 1, 0, 1], [1, 2, 3, 4.])
torch.sparse_bsr_tensor([0, 1, 2], [0, 1], torch.ones(2, 1, 2))
torch.sparse_bsc_tensor([0, 1, 2], [0, 1], torch.ones(2, 1, 2))
torch.sparse_csr_tensor([[0, 2, 4], [0, 3, 4]], [[0, 1, 0, 1], [0, 1, 2, 0]], [[1, 2, 3, 4.]] * 2)
torch.sparse_compressed_tensor([0, 2, 4], [0, 1, 0, 1], [1, 2, 3, 4.], (2, 3), layout=torch.sparse_csr)
d.to_sparse(1)
h
torch.ones(2, 2, 3).to_sparse_csr()
torch.ones(2, 2, 3).to_sparse_csr(dense_dim=1)
torch.arange(16.).reshape(4, 4).to_sparse_bsc((2, 1))
torch.eye(4).to_sparse_bsr((2, 2))
c.to_sparse_csc()
c.to_sparse_bsr((1, 3)).to_dense()
c.to_sparse_coo()
s + s
s - s
(u + s).coalesce()
s * 2
s * d
d * s
s * s
s.coalesce() * torch.eye(3)[:2].to_sparse()
s / 2
s // 2
s ** 2
-s
d + s
d - s
d.add(s, alpha=3)
d.add_(s)
d.sub_(s)
d.mul_(s)
s.mul_(2)
s.add_(s)
s.zero_()
c * d
c * c
c + c
c * 2
c + torch.eye(3)[:2].to_sparse_csr()
u.abs()
u.neg()
s.sin()
c.tanh()
s.relu()
s.isnan()
u.sum(1)
s.sum(0, keepdim=True)
c.sum(1, keepdim=True)
torch.sparse.sum(h, (0, 2))
torch.sparse.sum(s.int())
torch.sparse.softmax(s, 1)
torch.sparse.log_softmax(s, 0)
torch.sparse.softmax(torch.arange(12.).reshape(2, 2, 3).to_sparse(2), 2)
s.norm()
s[0]
s[0, 2]
s[:, 1]
c[1]
h[:, :, 0]
s.t()
c.t()
h.transpose(0, 1)
s.unsqueeze(0)
h.unsqueeze(-1)
torch.stack([s, s], 2)
torch.cat([s, s], 1)
torch.cat([h, h], 2)
s.unbind()
s @ d.t()
d.t() @ s
s @ s.t()
c @ d.t()
d.t() @ c
s @ torch.ones(3)
torch.mv(s, torch.ones(3))
torch.bmm(torch.stack([s, s]), torch.ones(2, 3, 1))
torch.addmm(torch.ones(2, 2), s, d.t(), beta=2, alpha=3)
torch.sparse.addmm(torch.ones(2, 2), s, d.t(), beta=0, alpha=2)
torch.sparse.mm(c, d.t(), "mean")
torch.sparse.mm(c, d.t(), "amax")
torch.sparse.mm(c, d.t(), "amin")
torch.sparse.sampled_addmm(c, torch.ones(2, 4), torch.ones(4, 3), beta=.5, alpha=2)
torch.hspmm(s, d.t())
torch.smm(s, d.t())
torch.sspaddmm(torch.ones(2, 2).to_sparse(), s, d.t())
torch.sparse.spdiags(torch.arange(9.).reshape(3, 3), torch.tensor([0, -1, 2]), (3, 3))
torch.sparse.spdiags(torch.arange(9.).reshape(3, 3), torch.tensor([0, 1, 2]), (3, 3), torch.sparse_csr)
torch.nn.functional.linear(d, s)
d.sparse_mask(s)
d.sparse_mask(c)
s.to(torch.float64)
s.int() * 2.5
s.int() / 2
torch.zeros_like(s)
torch.zeros_like(c)
s.sparse_resize_((4, 4), 2, 0)
s.sparse_resize_and_clear_((4, 4), 2, 0)
s.resize_as_sparse_(torch.zeros(4, 4).to_sparse())
torch.sparse_coo_tensor(i, v * 1j, (2, 3)).conj().to_dense()
torch.sparse_coo_tensor(i, v * 1j, (2, 3)) @ torch.ones(3, 2, dtype=torch.complex64)
(s.is_sparse, c.is_sparse, c.is_sparse_csr, s.layout, c.layout, s.sparse_dim(), h.dense_dim(), s._nnz(), d.sparse_dim())
(c.crow_indices(), c.col_indices(), c.values(), c.t().ccol_indices(), c.t().row_indices())
(s.is_coalesced(), s.coalesce().indices(), s.coalesce().values(), s._indices(), s._values(), s.type())
""".strip().split("\n")


@pytest.mark.parametrize("source", SHOWN)
def test_shown(source):
    agree(GIVEN + f"str({source})")


REFUSED = {
    "torch.sparse_coo_tensor(i, v, (2, 2), check_invariants=True)": "size is 2 but found index 2",
    "torch.sparse_coo_tensor(-i, v)": "found negative index -1 for dim 0",
    "torch.sparse_coo_tensor(i, v, (2,))": "'len(size) == sparse_dim + dense_dim' is not satisfied",
    "torch.sparse_coo_tensor(i, v[:2], (2, 3))": "indices and values must have same nnz",
    "torch.sparse_coo_tensor([[0, 0], [0, 0]], [1., 2], (2, 2), is_coalesced=True, check_invariants=True)":
        "cannot set is_coalesced to true",
    "torch.sparse_csr_tensor([0, 2, 5], [0, 1, 0, 1], v[:1].expand(4), (2, 3), check_invariants=True)":
        "`crow_indices[..., -1] == nnz` is not satisfied.",
    "torch.sparse_csr_tensor([0, 2, 4], [0, 1, 0, 5], v[:1].expand(4), (2, 3), check_invariants=True)":
        "`0 <= col_indices < ncols` is not satisfied.",
    "torch.sparse_csr_tensor([0, 2, 4], [1, 0, 0, 1], v[:1].expand(4), (2, 3), check_invariants=True)":
        "are sorted and distinct along the last dimension values",
    "torch.sparse_csr_tensor([0, 2, 4, 4], [0, 1, 0, 1], v[:1].expand(4), (2, 3), check_invariants=True)":
        "crow_indices.shape[-1] must be equal to the number of rows + 1 (=3), but got 4",
    "torch.sparse_compressed_tensor([0, 2], [0, 1], [1., 2], (1, 2))":
        "expected sparse compressed tensor layout but got none",
    "s.values()": "Cannot get values on an uncoalesced tensor, please call .coalesce() first",
    "s.crow_indices()": "crow_indices expected sparse row compressed tensor layout but got Sparse",
    "c.indices()": "indices expected sparse coordinate tensor layout but got SparseCsr",
    "d.coalesce()": "coalesce expected sparse coordinate tensor layout but got Strided",
    "d._nnz()": "Could not run 'aten::_nnz' with arguments from the 'CPU' backend.",
    "s.exp()": "Could not run 'aten::exp' with arguments from the 'SparseCPU' backend.",
    "torch.exp(s)": "Could not run 'aten::exp' with arguments from the 'SparseCPU' backend.",
    "s > 0": "Could not run 'aten::gt",
    "s + d": "add(sparse, dense) is not supported. Use add(dense, sparse) instead.",
    "s + 1": "add(sparse, dense) is not supported. Use add(dense, sparse) instead.",
    "s / d": "Sparse division requires a scalar or zero-dim dense tensor divisor",
    "s ** 0": "cannot raise to zeroth power on sparse tensor",
    "s.sin_()": "sin_ requires coalesced input",
    "s.numpy()": "can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.",
    "s.reshape(6)": "reshape is not implemented for sparse tensors",
    "s[0:1]": "Could not run 'aten::as_strided'",
    "s[5]": "index 5 is out of bounds for dimension 0 with size 2",
    "c.sum(0)": "reduction operations on CSR tensors with keepdim=False is unsupported",
    "torch.sparse.mm(s, d.t(), 'mean')": "Could not run 'aten::_sparse_mm_reduce_impl'",
    "torch.sparse.spsolve(c, torch.ones(2))": "Could not run 'aten::_spsolve'",
    "torch.cat([s, d], 1)": "Concatenating sparse tensors, but a dense tensor was found at position 1.",
    "s @ d": "Expected dim 0 size 3, got 2",
    "c @ d": "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)",
    "d.copy_(s)": "copy_() between dense and sparse Tensors is not implemented!",
    "d.to_sparse(3)": "sparse_dim argument must be in [0,2] range, but 3 is given",
    "d.to_sparse_bsr((2, 2))": "must be divisible by given blocksize (2,2)",
    "s.bool() if torch.sparse.softmax(s.int(), 1) is None else 0": '"softmax" not implemented for \'Int\'',
    "torch.sparse.sampled_addmm(c, torch.ones(2, 4), torch.ones(5, 3))": "shapes cannot be multiplied (2x4 and 5x3)",
    "torch.sparse.spdiags(d, torch.tensor([0, 0]), (3, 3))": "Offset tensor contains duplicate values",
    "s.coalesce().detach().requires_grad_().mul_(2)": "a leaf Variable that requires grad",
}


@pytest.mark.parametrize("source", REFUSED)
def test_refused(source):
    agree(GIVEN + source, REFUSED[source])


GRADED = {
    "torch.sparse.mm": "torch.sparse.mm(x, w)",
    "addmm": "torch.sparse.addmm(torch.ones(2, 2), x, w)",
    "to_dense": "x.to_dense()",
    "times a number": "x * 3",
    "sum": "torch.sparse.sum(x, 0)",
    "softmax": "torch.sparse.softmax(x, 1)",
    "log_softmax": "torch.sparse.log_softmax(x, 0)",
    "squares": "x * x",
    "transposed": "x.t()",
    "values": "x.values()",
}


@pytest.mark.parametrize("name", GRADED)
@pytest.mark.parametrize("layout", ["coo", "csr"])
def test_gradients_have_the_pattern_of_the_operand(name, layout):
    if layout == "csr" and name in ("sum", "softmax", "log_softmax"):
        name = "to_dense"
    source = GIVEN + (
        f"x = s.coalesce().to_sparse_{layout}().detach().requires_grad_(); w = d.t().clone().requires_grad_(); "
        f"y = {GRADED[name]}; y = y if y.layout is torch.strided else y.to_dense(); (y * y).sum().backward(); "
        "(str(x.grad.layout), x.grad.to_dense(), w.grad)"
    )
    agree(source)


def test_gradients_between_layouts():
    agree(GIVEN + "x = (d + 1).requires_grad_(); (x.to_sparse().to_dense() ** 2).sum().backward(); x.grad")
    agree(GIVEN + "x = (d + 1).requires_grad_(); (x.to_sparse_csr() @ torch.ones(3, 2)).sum().backward(); x.grad")
    agree(GIVEN + "x = v.clone().requires_grad_(); y = torch.sparse_coo_tensor(i, x, (2, 3)).to_dense(); "
          "(y ** 2).sum().backward(); x.grad")


TABLE = (
    "w = torch.nn.Parameter(torch.arange(8.).reshape(4, 2)); "
    "look = lambda ix: torch.nn.functional.embedding(torch.tensor(ix), w, sparse=True); "
)


@pytest.mark.parametrize("source", [
    "(look([1, 1, 3]) * 2).sum().backward(); str(w.grad)",
    "look([1, 1]).sum().backward(); look([1, 0]).sum().backward(); w.grad.to_dense()",
    "look([1, 1]).sum().backward(); (w * w).sum().backward(); w.grad",
    "(look([0]).sum() + (w * w).sum() + look([2]).sum()).backward(); w.grad",
    "(w * w).sum().backward(); look([2]).sum().backward(); w.grad",
    "str(torch.autograd.grad(look([2, 2]).sum(), w))",
    "w.register_hook(lambda g: g * 10); look([2, 2]).sum().backward(); str(w.grad)",
    "m = torch.nn.Embedding(5, 2, padding_idx=1, sparse=True); m(torch.tensor([[1, 2], [2, 4]])).sum().backward(); "
    "str(m.weight.grad)",
    "m = torch.nn.EmbeddingBag(5, 2, mode='mean', sparse=True); m(torch.tensor([[1, 2], [2, 4]])).sum().backward(); "
    "m.weight.grad.to_dense()",
])
def test_embedding(source):
    agree(TABLE + source)


@pytest.mark.parametrize("optimizer", ["SGD([w], lr=.1)", "SGD([w], lr=.1, momentum=.9)", "SGD([w], lr=.1, maximize=True)",
                                       "Adagrad([w], lr=.1)", "Adagrad([w], lr=.1, weight_decay=.1)", "Adam([w])",
                                       "RMSprop([w])", "AdamW([w])", "SGD([w], lr=.1, weight_decay=.1)"])
def test_optimizers(optimizer):
    step = "o.zero_grad(); (look([1, 1, 3]) ** 2).sum().backward(); o.step(); "
    agree(TABLE + f"o = torch.optim.{optimizer}; " + step + step.replace("1, 1, 3", "0, 1") + "w.detach()")


@pytest.mark.parametrize("make", [
    "torch.sparse_coo_tensor([[0, 1], [1, 0]], [1., 2.], (2, 3))",
    "torch.sparse_coo_tensor([[0, 1], [1, 0]], [1., 2.], (2, 3)).coalesce()",
    "torch.eye(3).double().to_sparse_csr()",
    "torch.eye(4).to_sparse_bsr((2, 2))",
    "{'t': torch.eye(2).to_sparse_csc(), 'layout': torch.sparse_csc}",
])
def test_files(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source, target in ((reference, plugtorch), (plugtorch, reference), (plugtorch, plugtorch)):
            saved = eval(make, {"torch": source})
            for weights_only in (True, False):
                file = io.BytesIO()
                source.save(saved, file)
                file.seek(0)
                assert str(target.load(file, weights_only=weights_only)) == str(saved)
