"""Sparse tensors on every backend."""

from __future__ import annotations

import copy
import pickle

import pytest

import plugtorch as torch
from plugtorch.autograd.gradcheck import gradcheck, gradgradcheck


def matrix(dtype=torch.float64):
    """A 4 x 5 matrix with seven entries, and the same one dense."""
    places = torch.tensor([[0, 0, 1, 2, 2, 3, 3], [1, 4, 0, 2, 3, 0, 4]])
    values = torch.tensor([1.5, -2.0, 3.0, 0.5, -1.0, 2.0, 4.0], dtype=dtype)
    dense = torch.zeros(4, 5, dtype=dtype)
    dense[places[0], places[1]] = values
    return torch.sparse_coo_tensor(places, values, (4, 5)).coalesce(), dense


def close(a, b):
    a, b = (t.to_dense() if t.layout is not torch.strided else t for t in (a, b))
    return a.shape == b.shape and a.dtype is b.dtype and bool((a - b).abs().max() < 1e-12)


LAYOUTS = {"coo": (), "csr": (), "csc": (), "bsr": ((2, 5),), "bsc": ((2, 1),)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_holds_the_same_matrix(layout):
    s, dense = matrix()
    for source in (s, dense):
        t = getattr(source, f"to_sparse_{layout}")(*LAYOUTS[layout])
        assert t.layout is getattr(torch, f"sparse_{layout}")
        assert close(t, dense)
        assert close(t.to_sparse_coo(), dense)
        assert close(t.to_sparse_csr(), dense)
        assert close(t @ dense.t(), dense @ dense.t())
        assert close(dense.t() @ t, dense.t() @ dense)
        assert close(t * 2, dense * 2)
        assert close(t.sin(), dense.sin())
        assert close(t.t(), dense.t())


def test_entries_at_one_place_add_up():
    t = torch.sparse_coo_tensor([[1, 0, 1], [2, 0, 2]], [1.0, 2.0, 3.0], (2, 3))
    assert not t.is_coalesced()
    assert t.to_dense().tolist() == [[2, 0, 0], [0, 0, 4]]
    total = t.coalesce()
    assert total.indices().tolist() == [[0, 1], [0, 2]] and total.values().tolist() == [2, 4]
    assert (t * t).to_dense().tolist() == [[4, 0, 0], [0, 0, 16]]
    assert t.sqrt().to_dense()[1, 2].item() == 2
    assert (t @ torch.ones(3)).tolist() == [2, 4]


def test_sums_and_products_of_two_patterns():
    s, dense = matrix()
    other = torch.eye(4, 5, dtype=torch.float64)
    o = other.to_sparse()
    assert close(s + o, dense + other) and close(s - o, dense - other) and close(s * o, dense * other)
    assert close(dense + o, dense + other) and close(o * dense, other * dense)
    assert close(s.to_sparse_csr() + o.to_sparse_csr(), dense + other)
    assert close(s @ o.t(), dense @ other.t())
    assert close(torch.cat([s, o], 1), torch.cat([dense, other], 1))
    assert close(torch.stack([s, o]), torch.stack([dense, other]))
    assert close(torch.sparse.sum(s, 0), dense.sum(0)) and close(s.sum(), dense.sum())
    assert close(s.index_select(1, torch.tensor([4, 0, 4])), dense[:, [4, 0, 4]])
    assert close(s[2], dense[2]) and s[2, 3].item() == -1


def test_in_place():
    s, dense = matrix()
    x = dense.clone()
    x.add_(s, alpha=2)
    assert close(x, dense * 3)
    x.sub_(s)
    x += s
    assert close(x, dense * 3)
    s.mul_(2)
    s.add_(s)
    assert close(s, dense * 4)
    before = s.values()
    s.zero_()
    assert s._nnz() == 0 and before.abs().sum().item() == 0 and close(s, dense * 0)


@pytest.mark.parametrize("layout", ["coo", "csr"])
def test_gradients_to_values_and_dense_operands(layout):
    s, dense = matrix()
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    leaf = (s if layout == "coo" else s.to_sparse_csr()).detach().requires_grad_()
    y = torch.sparse.mm(leaf, x)
    (y * y).sum().backward()
    w = dense.clone().requires_grad_()
    z = w @ x.detach()
    (z * z).sum().backward()
    assert leaf.grad.layout is leaf.layout
    assert close(leaf.grad, torch.where(dense != 0, w.grad, 0.0))
    assert close(x.grad, 2 * dense.t() @ (dense @ x.detach()))
    (found,) = torch.autograd.grad((leaf @ x).sum(), leaf)
    assert close(found, (dense != 0) * x.detach().sum(1))


def test_gradients_of_any_order():
    places = torch.tensor([[0, 0, 1, 2, 2], [1, 1, 0, 2, 0]])
    v = torch.randn(5, dtype=torch.float64, requires_grad=True)
    x = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)

    def product(v, x):
        return torch.sparse_coo_tensor(places, v, (3, 3)) @ x

    def mixed(v):
        t = torch.sparse_coo_tensor(places, v, (3, 3))
        return torch.sparse.sum((t * t + t.t().coalesce()).sin(), 0).to_dense()

    def normalised(v):
        return torch.sparse.softmax(torch.sparse_coo_tensor(places, v, (3, 3)), 1).to_dense()

    def squared(v):
        t = torch.sparse_coo_tensor(places, v, (3, 3)).to_sparse_csr()
        return (t @ t).to_dense()

    for function, operands in ((product, (v, x)), (mixed, (v,)), (normalised, (v,)), (squared, (v,))):
        assert gradcheck(function, operands) and gradgradcheck(function, operands)


def test_products_under_vmap():
    s, dense = matrix()
    batch = torch.randn(3, 5, 2, dtype=torch.float64)
    mapped = torch.func.vmap(lambda x: torch.sparse.mm(s, x))(batch)
    assert close(mapped, torch.stack([dense @ x for x in batch]))


def test_a_table_gets_sparse_gradients_that_add_up():
    table = torch.nn.Embedding(6, 2, sparse=True, dtype=torch.float64)
    table(torch.tensor([4, 1, 4])).sum().backward()
    g = table.weight.grad
    assert g.layout is torch.sparse_coo and g.coalesce().indices().tolist() == [[1, 4]]
    table(torch.tensor([1])).sum().backward()
    assert table.weight.grad.to_dense()[:, 0].tolist() == [0, 2, 0, 0, 2, 0]
    before = table.weight.detach().clone()
    torch.optim.SGD(table.parameters(), lr=0.5).step()
    assert close(table.weight.detach(), before - 0.5 * table.weight.grad.to_dense())
    (table.weight * 3).sum().backward()
    assert table.weight.grad.layout is torch.strided and table.weight.grad[0].tolist() == [3, 3]


def test_what_a_layout_lacks_is_said():
    s, dense = matrix()
    with pytest.raises(NotImplementedError, match=r"aten::exp' with arguments from the 'SparseC"):
        s.exp()
    with pytest.raises(NotImplementedError, match="aten::cos"):
        torch.cos(s)
    with pytest.raises(RuntimeError, match=r"add\(sparse, dense\) is not supported"):
        s + dense
    with torch.sparse.check_sparse_tensor_invariants(), pytest.raises(RuntimeError, match="but found index 7"):
        torch.sparse_coo_tensor([[0], [7]], [1.0], (2, 3))
    assert not torch.sparse.check_sparse_tensor_invariants.is_enabled()


def test_a_failed_change_leaves_the_tensor_as_it_was():
    s, dense = matrix()
    for change in (lambda: s.add_(dense), lambda: s.sparse_resize_((1, 1), 2, 0), lambda: s.copy_(dense),
                   lambda: s.int().mul_(0.5)):
        with pytest.raises(RuntimeError):
            change()
        assert close(s, dense)


def test_copies_and_pickles():
    s, dense = matrix()
    for t in (s, s.to_sparse_csr()):
        for twin in (copy.deepcopy(t), pickle.loads(pickle.dumps(t)), t.clone()):
            assert twin.layout is t.layout and close(twin, dense)
            twin.values().zero_()
            assert close(t, dense)
