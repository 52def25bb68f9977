"""Views and in-place changes beyond what the conformance suite asks of every backend (its chapter on aliasing)."""

from __future__ import annotations

import pytest

import plugtorch as torch


def grid():
    return torch.arange(12.0).reshape(3, 4)


def test_gradients_through_an_in_place_change_of_a_view():
    w = torch.ones(3, requires_grad=True)
    x = w * 2
    x[1].mul_(5)
    x.sum().backward()
    assert w.grad.tolist() == [2.0, 10.0, 2.0]


def test_a_view_taken_before_the_base_changed_has_the_new_history():
    w = torch.ones(4, requires_grad=True)
    x = w * 1
    v = x[:2]
    x.mul_(3)
    v.sum().backward()
    assert w.grad.tolist() == [3.0, 3.0, 0.0, 0.0]


def test_a_base_without_gradients_gets_them_from_a_view():
    x, w = torch.zeros(3), torch.tensor(2.0, requires_grad=True)
    x[0].add_(w)
    assert x.requires_grad
    (x * 5).sum().backward()
    assert w.grad.item() == 5.0


def test_view_needs_compatible_strides():
    x = grid()
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.t().view(-1)
    assert x.t().reshape(-1).tolist()[:3] == [0, 4, 8]
    y = x.t().reshape(-1)
    y.zero_()
    assert x.sum().item() == 66
    with pytest.raises(RuntimeError, match=r"shape '\[5\]' is invalid for input of size 12"):
        x.view(5)


def test_strides():
    x = grid()
    assert x.stride() == (4, 1) and x.t().stride() == (1, 4) and x[:, ::2].stride() == (4, 2)
    assert x.t().is_contiguous() is False and x.t().contiguous().stride() == (3, 1)
    assert x[1:, 2].storage_offset() == 6


def test_a_failed_in_place_op_leaves_its_tensor_as_it_was():
    x = torch.tensor([1, 2, 3])
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output type Long"):
        x.add_(torch.tensor([0.5, 0.5, 0.5]))
    with pytest.raises(RuntimeError):
        x.add_(torch.ones(2, 3, dtype=torch.int64))
    assert x.tolist() == [1, 2, 3] and x._version == 0


def test_copy_converts_and_broadcasts():
    x = torch.zeros(2, 3)
    x.copy_(torch.tensor([1, 2, 3]))
    assert x.tolist() == [[1, 2, 3]] * 2
    x[0].copy_(x[1] * 2)
    assert x.tolist() == [[2, 4, 6], [1, 2, 3]]


def test_numpy_shares_memory_where_arrays_are_mutable(backend):
    x = torch.zeros(3)
    array = x.numpy()
    if backend == "numpy":
        array[0] = 5
        assert x[0].item() == 5
        x.add_(1)
        assert array.tolist() == [6, 1, 1]
    else:
        assert array.tolist() == [0, 0, 0]


def test_setting_data_and_set():
    p = torch.ones(2, requires_grad=True)
    q = torch.zeros(2)
    p.data = q
    q.add_(3)
    assert p.tolist() == [3, 3] and p.requires_grad
